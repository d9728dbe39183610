package db

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

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
	if err := d.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// contents is every value of a table, in no order.
func contents(t *testing.T, d *DB, table string) (out []string) {
	t.Helper()
	names, rows := answers(t, d.write, "SELECT * FROM "+table)
	for _, row := range rows {
		out = append(out, fmt.Sprint(names, row))
	}
	slices.Sort(out)
	return out
}

// A database of before the tables were copied keeps every value, and what refers to
// a user still goes with the user.
func TestMigrateWithRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "before.db")
	d := openBefore(t, path, 4)
	ada, bob := signIn(t, d, "ada"), signIn(t, d, "bob")
	link(t, d, ada.ID, at("other", "ada"), nil)
	s := Sessions{d}
	create(t, s, session(ada, "laptop", 0), session(ada, "phone", time.Minute), session(bob, "tablet", 0))
	if err := s.End(t.Context(), realm, "hash of phone", start); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateFamily(t.Context(), session(bob, "family", time.Minute), 20); err != nil {
		t.Fatal(err)
	}
	tables := map[string]int{"users": 2, "accounts": 3, "sessions": 4, "refresh_tokens": 1}
	before := map[string][]string{}
	for table, n := range tables {
		if before[table] = contents(t, d, table); len(before[table]) != n {
			t.Fatalf("%s: got %d rows, want %d", table, len(before[table]), n)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	d = openAt(t, path)
	s = Sessions{d}
	for table := range tables {
		if got := contents(t, d, table); !slices.Equal(got, before[table]) {
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
