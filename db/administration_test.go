package db

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// joined signs people in, each a minute after the one before.
func joined(t *testing.T, d *DB, subjects ...string) map[string]auth.User {
	t.Helper()
	users := map[string]auth.User{}
	for i, subject := range subjects {
		u := signIn(t, d, subject)
		at := millis(start.Add(time.Duration(i) * time.Minute))
		if _, err := d.write.Exec("UPDATE users SET created_at = $1 WHERE id = $2", at, u.ID); err != nil {
			t.Fatal(err)
		}
		users[subject] = u
	}
	return users
}

func TestMembers(t *testing.T) {
	d := open(t)
	users := joined(t, d, "ada", "bob", "grace", "per_cent", "linus")
	a := Administration{d}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(a.SetRole(t.Context(), nil, users["bob"].ID, auth.RoleAdmin))
	must(a.SetRole(t.Context(), nil, users["grace"].ID, auth.RoleAdmin))
	must(a.Disable(t.Context(), nil, users["grace"].ID))
	names := func(q auth.MemberQuery) string {
		t.Helper()
		list, err := a.Members(t.Context(), q)
		must(err)
		var names []string
		for _, m := range list {
			for subject, u := range users {
				if u.ID == m.ID {
					names = append(names, subject)
				}
			}
		}
		return strings.Join(names, " ")
	}
	for _, test := range []struct {
		what string
		q    auth.MemberQuery
		want string
	}{
		{"all, the newest first", auth.MemberQuery{Limit: 9}, "linus per_cent grace bob ada"},
		{"two", auth.MemberQuery{Limit: 2}, "linus per_cent"},
		{"an email", auth.MemberQuery{Email: users["ada"].Email, Limit: 9}, "ada"},
		{"a part of a name, in any case", auth.MemberQuery{Search: "ADA", Limit: 9}, "ada"},
		{"no pattern", auth.MemberQuery{Search: "r_c", Limit: 9}, "per_cent"},
		{"no pattern either", auth.MemberQuery{Search: "%", Limit: 9}, ""},
		{"administrators", auth.MemberQuery{Role: auth.RoleAdmin, Limit: 9}, "bob"},
	} {
		if got := names(test.q); got != test.want {
			t.Errorf("%s: got %q, want %q", test.what, got, test.want)
		}
	}
	page, err := a.Members(t.Context(), auth.MemberQuery{Limit: 2})
	must(err)
	if got := names(auth.MemberQuery{After: page[1], Limit: 2}); got != "grace bob" {
		t.Errorf("the second page: got %q, want grace bob", got)
	}
	m, err := a.Member(t.Context(), users["grace"].ID)
	must(err)
	if m.Email != users["grace"].Email || !m.Disabled || !m.DisabledAt.Equal(start) || !m.EmailVerified || !m.JoinedAt.Equal(start.Add(2*time.Minute)) {
		t.Errorf("got %+v", m)
	}
	if _, err := a.Member(t.Context(), "nobody"); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("an unknown user: got %v", err)
	}
}

// acts are all changes that an administrator can make.
func acts(t *testing.T, a Administration) map[string]func(by *auth.Standing, id string) error {
	return map[string]func(*auth.Standing, string) error{
		"promote": func(by *auth.Standing, id string) error { return a.SetRole(t.Context(), by, id, auth.RoleAdmin) },
		"demote":  func(by *auth.Standing, id string) error { return a.SetRole(t.Context(), by, id, auth.RoleMember) },
		"disable": func(by *auth.Standing, id string) error { return a.Disable(t.Context(), by, id) },
		"enable":  func(by *auth.Standing, id string) error { return a.Enable(t.Context(), by, id) },
		"delete":  func(by *auth.Standing, id string) error { return a.Delete(t.Context(), by, id) },
	}
}

// Nothing is changed in the name of somebody who may not, and nothing takes the last
// administrator from the site.
func TestAdministrationRefuses(t *testing.T) {
	d := open(t)
	a := Administration{d}
	users := joined(t, d, "ada", "bob", "eve", "mallory")
	ada, bob := users["ada"], users["bob"]
	sessions := Sessions{d}
	create(t, sessions, session(ada, "laptop", 0), session(ada, "phone", 0))
	if err := errors.Join(a.SetRole(t.Context(), nil, ada.ID, auth.RoleAdmin), sessions.End(t.Context(), realm, "hash of phone", start)); err != nil {
		t.Fatal(err)
	}
	by := func(u auth.User, id string) *auth.Standing {
		return &auth.Standing{UserID: u.ID, Realm: realm, SessionID: id}
	}
	if err := errors.Join(a.SetRole(t.Context(), nil, users["mallory"].ID, auth.RoleAdmin), a.Disable(t.Context(), nil, users["mallory"].ID)); err != nil {
		t.Fatal(err)
	}
	_, before := contents(t, d, "users")
	for name, act := range acts(t, a) {
		for who, test := range map[string]struct {
			by   *auth.Standing
			id   string
			want error
		}{
			"a member":                    {&auth.Standing{UserID: bob.ID}, users["eve"].ID, auth.ErrNotAdmin},
			"a disabled administrator":    {&auth.Standing{UserID: users["mallory"].ID}, bob.ID, auth.ErrDisabled},
			"a session that has ended":    {by(ada, "phone"), bob.ID, auth.ErrRevoked},
			"nobody":                      {&auth.Standing{UserID: "nobody"}, bob.ID, auth.ErrRevoked},
			"to an unknown user":          {by(ada, "laptop"), "nobody", auth.ErrNotFound},
			"to an unknown user, by hand": {nil, "nobody", auth.ErrNotFound},
		} {
			if err := act(test.by, test.id); !errors.Is(err, test.want) {
				t.Errorf("%s, %s: got %v, want %v", name, who, err, test.want)
			}
		}
		if name == "promote" || name == "enable" {
			continue
		}
		for _, asker := range []*auth.Standing{nil, by(ada, "laptop")} {
			if err := act(asker, ada.ID); !errors.Is(err, auth.ErrLastAdmin) {
				t.Errorf("%s the last administrator: got %v", name, err)
			}
		}
	}
	if _, after := contents(t, d, "users"); !slices.Equal(after, before) {
		t.Errorf("something changed:\n%q\n%q", before, after)
	}
	for _, name := range []string{"promote", "disable", "enable", "demote", "delete"} {
		if err := acts(t, a)[name](by(ada, "laptop"), bob.ID); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.User(t.Context(), bob.ID); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("deleted: got %v", err)
	}
}

// Two administrators who remove each other at the same moment: one is left.
func TestAdministratorsTakeTurns(t *testing.T) {
	d := open(t)
	a := Administration{d}
	users := joined(t, d, "ada", "bob")
	ada, bob := users["ada"].ID, users["bob"].ID
	for round := range 20 {
		for _, id := range []string{ada, bob} {
			if err := a.SetRole(t.Context(), nil, id, auth.RoleAdmin); err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i, pair := range [][2]string{{ada, bob}, {bob, ada}} {
			wg.Go(func() { errs[i] = a.SetRole(t.Context(), &auth.Standing{UserID: pair[0]}, pair[1], auth.RoleMember) })
		}
		wg.Wait()
		left, err := a.Members(t.Context(), auth.MemberQuery{Role: auth.RoleAdmin, Limit: 9})
		if err != nil || len(left) != 1 {
			t.Fatalf("round %d: %d administrators left, %v; want 1; got %v", round, len(left), err, errs)
		}
	}
}

// A backup is a whole copy for its owner alone, and nobody is signed in by it.
func TestBackup(t *testing.T) {
	d := open(t)
	name := filepath.Join(t.TempDir(), "copy.db")
	if dbtest.Postgres() {
		if err := d.Backup(t.Context(), name); !errors.Is(err, ErrNotAFile) {
			t.Errorf("got %v, want %v", err, ErrNotAFile)
		}
		return
	}
	ada := signIn(t, d, "ada")
	laptop := session(ada, "laptop", 0)
	create(t, Sessions{d}, laptop)
	if err := d.Backup(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v, want a file for its owner alone", info, err)
	}
	bytes, err := os.ReadFile(name)
	if err != nil || strings.Contains(string(bytes), laptop.Hash) {
		t.Errorf("the copy holds the session, or: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(name), "*")); err != nil || len(left) != 1 {
		t.Errorf("left %q, %v, want the copy alone", left, err)
	}
	if err := d.Backup(t.Context(), name); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that is there: got %v", err)
	}
	fault(t, "into no directory", d.Backup(t.Context(), filepath.Join(t.TempDir(), "none", "copy.db")))

	copied, err := Open(t.Context(), name, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	if _, err := (Sessions{copied}).Find(t.Context(), realm, laptop.Hash); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("the session: got %v", err)
	}
	restored := signIn(t, copied, "ada")
	if restored.ID != ada.ID || restored.Epoch <= ada.Epoch {
		t.Errorf("got %+v, want %+v with a higher epoch", restored, ada)
	}
	if _, err := (Sessions{d}).Find(t.Context(), realm, laptop.Hash); err != nil {
		t.Errorf("the session where it was: %v", err)
	}
}

func TestMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "site.db")
	pending := func(name string) (n int) {
		t.Helper()
		list, err := Migrations(t.Context(), name)
		if err != nil || len(list) < 1 || !strings.HasPrefix(list[0].Name, "0001_start") {
			t.Fatalf("got %v, %v", list, err)
		}
		for _, m := range list {
			if m.AppliedAt.IsZero() {
				n++
			}
		}
		return n
	}
	all, err := loadMigrations(migrations)
	if err != nil {
		t.Fatal(err)
	}
	if !dbtest.Postgres() {
		if n := pending(path); n != len(all) {
			t.Errorf("no file: got %d pending, want %d", n, len(all))
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("asking made a file: %v", err)
		}
	}
	name := dbtest.Name(t, path)
	d, err := Open(t.Context(), name, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n := pending(name); n != 0 {
		t.Errorf("opened: got %d pending, want none", n)
	}
	if _, err := d.write.Exec("DELETE FROM schema_migrations WHERE version = (SELECT MAX(version) FROM schema_migrations)"); err != nil {
		t.Fatal(err)
	}
	if n := pending(name); n != 1 {
		t.Errorf("got %d pending, want 1", n)
	}
	if _, err := d.write.Exec("INSERT INTO schema_migrations (version, applied_at) VALUES (999, 1)"); err != nil {
		t.Fatal(err)
	}
	if _, err := Migrations(t.Context(), name); err == nil || !strings.Contains(err.Error(), "is newer than the latest") {
		t.Errorf("a schema of the future: got %v", err)
	}
}
