package db

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// openBefore opens a new database as a program did that knew the first n migrations.
func openBefore(t *testing.T, path string, n int) *DB {
	t.Helper()
	e, err := engineOf(dbtest.Name(t, path))
	if err != nil {
		t.Fatal(err)
	}
	d := &DB{Wait: defaultWait, now: clock, engine: e}
	if err := e.open(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	steps, err := loadMigrations(migrations)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		err = d.transact(t.Context(), func(tx *tx) error { return d.migrateOnce(t.Context(), tx, steps[:n]) })
	}
	if !errors.Is(err, errDone) {
		t.Fatal(err)
	}
	return d // whose statements of today it cannot prepare
}

// insertRow inserts a row, column by column.
func insertRow(t *testing.T, d *DB, table string, row map[string]any) {
	t.Helper()
	var names, marks []string
	var args []any
	for _, name := range slices.Sorted(maps.Keys(row)) {
		names, args = append(names, name), append(args, row[name])
		marks = append(marks, fmt.Sprintf("$%d", len(args)))
	}
	text := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(marks, ", "))
	if _, err := d.write.Exec(text, args...); err != nil {
		t.Fatal(err)
	}
}

// plantUser inserts a user to whom accounts lead. The hash is that of a password; nil
// if there is none.
func plantUser(t *testing.T, d *DB, u auth.User, hash any, ids ...auth.Identity) auth.User {
	t.Helper()
	now := millis(start)
	insertRow(t, d, "users", map[string]any{
		"id": u.ID, "email": u.Email, "email_verified": 1, "name": u.Name, "picture": u.Picture, "role": u.Role,
		"epoch": 0, "password_hash": hash, "created_at": now, "updated_at": now,
	})
	for place, id := range ids {
		insertRow(t, d, "accounts", map[string]any{
			"issuer": id.Issuer, "subject": id.Subject, "provider": id.Provider, "user_id": u.ID, "email": id.Email,
			"email_verified": 1, "created_at": now, "place": place,
		})
	}
	return u
}

func plantSession(t *testing.T, d *DB, r auth.Row) {
	t.Helper()
	v := r.Session
	insertRow(t, d, "sessions", map[string]any{
		"hash": r.Hash, "realm": r.Realm, "id": v.ID, "user_id": v.User.ID, "device": v.Device.Name, "issued_at": millis(v.IssuedAt),
		"expires_at": millis(v.ExpiresAt), "ends_at": millis(v.EndsAt), "remember": 1, "ended_at": nullMillis(r.EndedAt),
	})
}

// contents is every value of a table in these columns, in no order; in all that it
// has if there are none.
func contents(t *testing.T, d *DB, table string, columns ...string) (names, out []string) {
	t.Helper()
	if columns == nil {
		columns = []string{"*"}
	}
	names, rows := answers(t, d.write, "SELECT "+strings.Join(columns, ", ")+" FROM "+table)
	for _, row := range rows {
		out = append(out, fmt.Sprint(names, row))
	}
	slices.Sort(out)
	return names, out
}

// A database of before the tables were copied keeps every value, and what refers to
// a user still goes with the user.
func TestMigrateWithRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "before.db")
	d := openBefore(t, path, 4)
	ada := plantUser(t, d, identity("ada").User(), nil, identity("ada"), at("other", "ada"))
	bob := plantUser(t, d, identity("bob").User(), nil, identity("bob"))
	phone := session(ada, "phone", time.Minute)
	phone.EndedAt = start
	for _, r := range []auth.Row{session(ada, "laptop", 0), phone, session(bob, "tablet", 0), session(bob, "family", time.Minute)} {
		plantSession(t, d, r)
	}
	insertRow(t, d, "refresh_tokens", map[string]any{
		"hash": "hash of family", "realm": realm, "family": "family", "expires_at": millis(start.Add(time.Hour)), "ends_at": millis(start.Add(24 * time.Hour)),
	})
	tables := map[string]int{"users": 2, "accounts": 3, "sessions": 4, "refresh_tokens": 1}
	columns, before := map[string][]string{}, map[string][]string{}
	for table, n := range tables {
		if columns[table], before[table] = contents(t, d, table); len(before[table]) != n {
			t.Fatalf("%s: got %d rows, want %d", table, len(before[table]), n)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	d = openAt(t, path)
	s := Sessions{d}
	for table := range tables {
		if _, got := contents(t, d, table, columns[table]...); !slices.Equal(got, before[table]) {
			t.Errorf("%s: got %q, want %q", table, got, before[table])
		}
	}
	if got := live(t, s, realm, ada, start.Add(2*time.Minute)); got != "laptop" {
		t.Errorf("alive of ada: got %q, want laptop", got)
	}
	if again := signIn(t, d, "bob"); again.ID != bob.ID {
		t.Errorf("bob signed in as %s, want %s", again.ID, bob.ID)
	}
	if _, err := d.write.Exec("DELETE FROM users WHERE id = $1", ada.ID); err != nil {
		t.Fatal(err)
	}
	for table, n := range map[string]int{"users": 1, "accounts": 1, "sessions": 2} {
		if got := count(t, d, table); got != n {
			t.Errorf("%s without ada: got %d rows, want %d", table, got, n)
		}
	}
	if _, err := d.write.Exec("UPDATE sessions SET user_id = 'nobody'"); err == nil {
		t.Error("a session of nobody was stored")
	}
}

// Emails of before are found in any form; of two that were one all along, the first.
func TestMigrateEmails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "before.db")
	d := openBefore(t, path, 6)
	for i, email := range []string{"ju\u0308rgen@mail.test", "ada@xn--bcher-kva.test", "ada@b\u00fccher.test", "ada@mail.test", "j\u00fcRGEN@mail.test", "no address"} {
		id := auth.Identity{Provider: auth.PasswordProvider, Issuer: auth.PasswordProvider, Subject: email, Email: email}
		u := auth.User{ID: fmt.Sprint(i), Email: email, Name: "Ada", Role: auth.RoleMember}
		ids := []auth.Identity{id}
		if i == 0 {
			ids = append(ids, at("github", "ju\u0308rgen@mail.test"))
		}
		plantUser(t, d, u, fmt.Sprint("hash ", i), ids...)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	d = openAt(t, path)
	for typed, want := range map[string]string{
		"J\u00fcrgen@mail.test": "0 j\u00fcrgen@mail.test", "ju\u0308rgen@mail.test": "0 j\u00fcrgen@mail.test",
		"ada@xn--bcher-kva.test": "2 ada@b\u00fccher.test", "ada@b\u00fccher.test": "2 ada@b\u00fccher.test", "ada@mail.test": "3 ada@mail.test",
	} {
		id, _ := auth.PasswordIdentity(typed, "")
		u, hash, err := d.Password(t.Context(), id)
		if got := u.ID + " " + u.Email; err != nil || got != want || hash != "hash "+u.ID {
			t.Errorf("%+q: got %+q, %q, %v; want %+q", typed, got, hash, err, want)
		}
	}
	if n := count(t, d, "accounts"); n != 7 {
		t.Errorf("got %d accounts, want 7", n)
	}
	if u, err := d.User(t.Context(), "1"); err != nil || u.Email != "ada@xn--bcher-kva.test" {
		t.Errorf("of the account that stays: got %+v, %v", u, err)
	}
	if u := signInAs(t, d, at("github", "ju\u0308rgen@mail.test")); u.ID != "0" {
		t.Errorf("an account of a provider was touched: got user %s, want 0", u.ID)
	}
}

func TestMigrationOfOneEngine(t *testing.T) {
	here := &file{}
	there := &postgres{}
	for name, want := range map[string][2]bool{
		"migrations/0001_start.sql":        {true, true},
		"migrations/0002_some.sqlite.sql":  {true, false},
		"migrations/0003_any.postgres.sql": {false, true},
	} {
		m := migration{name: name}
		if got := [2]bool{m.concerns(here), m.concerns(there)}; got != want {
			t.Errorf("%s: SQLite and Postgres: got %v, want %v", name, got, want)
		}
	}
}

func TestMigrationIsAllOrNothing(t *testing.T) {
	d := open(t)
	steps := append(make([]migration, newest), migration{"half.sql", "CREATE TABLE half (id TEXT); CREATE TABLE half (id TEXT)"})
	err := d.transact(t.Context(), func(tx *tx) error { return d.migrateOnce(t.Context(), tx, steps) })
	if err == nil || !strings.Contains(err.Error(), "half.sql") {
		t.Errorf("got %v, want an error that names the file", err)
	}
	if _, err := d.write.Exec("SELECT 1 FROM half"); err == nil {
		t.Error("half of a failed migration was kept")
	}
}

func TestMigrationNumbers(t *testing.T) {
	for _, names := range [][]string{{"0002_b.sql"}, {"0001_a.sql", "0003_c.sql"}, {"first.sql"}} {
		dir := fstest.MapFS{}
		for _, name := range names {
			dir["migrations/"+name] = &fstest.MapFile{}
		}
		if _, err := loadMigrations(dir); err == nil {
			t.Errorf("%v: accepted", names)
		}
	}
}
