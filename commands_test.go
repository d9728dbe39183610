package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sessionlab/auth"
	"sessionlab/e2e"
)

// An operator runs commands in the folder of a site, as its owner would.
type operator struct {
	testing.TB
	dir  string
	vars []string
}

// run runs a command line and returns what it printed, its log, and the exit code.
func (o operator) run(line string) (out, log string, code int) {
	o.Helper()
	var stdout, stderr bytes.Buffer
	cmd := command(o.dir, o.vars...)
	cmd.Args = append(cmd.Args, strings.Fields(line)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// wants runs a command line that must succeed, and returns what it printed.
func (o operator) wants(line string) string {
	o.Helper()
	out, log, code := o.run(line)
	if code != 0 {
		o.Fatalf("%s: got %d: %s", line, code, log)
	}
	return out
}

// asJSON reads what a command line prints with -json into v.
func (o operator) asJSON(line string, v any) {
	o.Helper()
	if out := o.wants(line + " -json"); json.Unmarshal([]byte(out), v) != nil {
		o.Fatalf("%s: got %q, want JSON", line, out)
	}
}

// fails runs a command line that must fail in one line and change nothing in the folder.
func (o operator) fails(line string, code int, want string) {
	o.Helper()
	before := e2e.Files(o, o.dir)
	out, log, got := o.run(line)
	if got != code || out != "" || !strings.Contains(log, want) || strings.Count(log, "\n") != 1 || !strings.HasPrefix(log, "sessionlab: ") {
		o.Errorf("%s: got %d, %q and %q, want %d and one line with %q", line, got, out, log, code, want)
	}
	if after := e2e.Files(o, o.dir); strings.Join(after, " ") != strings.Join(before, " ") {
		o.Errorf("%s: left %q, before %q", line, after, before)
	}
}

// While the site runs, its owner finds a user, makes them an administrator, shuts them out
// and lets them in again, ends their sessions, and deletes them.
func TestUsersCommands(t *testing.T) {
	o := operator{t, t.TempDir(), []string{"SESSION_STRATEGY=database"}}
	o.fails("users list", 1, "DATABASE_URL: there is no file sessionlab.db")
	p := start(t, o.dir, o.vars...)
	if got := p.Says("admin"); !strings.Contains(got, "sessionlab users role EMAIL admin") {
		t.Errorf("the start says of administrators: %q", got)
	}
	ada, linus := e2e.Visit(t, p), e2e.Visit(t, p)
	ada.SignIn("ada")
	linus.SignIn("linus")

	var users []printedUser
	o.asJSON("users list", &users)
	if len(users) != 2 || users[0].Email != "linus@example.com" || users[1].Email != "ada@example.com" || !users[0].EmailVerified {
		t.Fatalf("got %+v, want linus and ada", users)
	}
	o.asJSON("users list -search ADA", &users)
	if len(users) != 1 || users[0].Email != "ada@example.com" {
		t.Fatalf("search: got %+v, want ada", users)
	}
	adasID := users[0].ID
	o.asJSON("users list -limit 1", &users)
	if len(users) != 1 {
		t.Fatalf("limit: got %d users", len(users))
	}
	var shown printedUser
	o.asJSON("users show "+adasID, &shown)
	if shown.Name != "Ada Lovelace" || len(shown.Accounts) != 1 || shown.Accounts[0].Provider != "dev" || shown.Role != auth.RoleMember {
		t.Errorf("got %+v", shown)
	}
	var sessions []printedSession
	o.asJSON("users sessions linus@example.com", &sessions)
	if len(sessions) != 1 {
		t.Errorf("got %d sessions, want 1", len(sessions))
	}

	ada.Wants("/admin/users", 403)
	o.asJSON("users role ADA@example.com admin", &shown)
	if shown.Role != auth.RoleAdmin {
		t.Errorf("got the role %q", shown.Role)
	}
	ada.Wants("/admin/users", 200, "Linus")
	for _, act := range []string{"role ada@example.com member", "disable ada@example.com", "delete ada@example.com"} {
		o.fails("users "+act, 1, "last administrator")
	}

	o.asJSON("users disable linus@example.com", &shown)
	if shown.DisabledAt == nil {
		t.Error("nobody was disabled")
	}
	linus.Wants("/api/session", 401, "disabled")
	o.wants("users enable linus@example.com")
	linus.SignIn("linus")
	linus.Wants("/api/session", 200)
	var revoked struct{ Revoked int }
	o.asJSON("users revoke linus@example.com", &revoked)
	if revoked.Revoked < 1 {
		t.Errorf("got %d revoked", revoked.Revoked)
	}
	linus.Wants("/api/session", 401, "revoked")
	out, log, _ := o.run("users delete linus@example.com")
	if !strings.Contains(out, "deleted") || !strings.Contains(log, "user_deleted") || !strings.Contains(log, `by="command line"`) {
		t.Errorf("delete: got %q and %q", out, log)
	}
	o.fails("users show linus@example.com", 1, "there is no user with the email linus@example.com")
	o.fails("users show nobody", 1, "there is no user with the id nobody")
	o.fails("users role ada@example.com owner", 2, "want admin or member")
	o.fails("users", 2, "want one of list, show, role")
	o.fails("users show", 2, "want USER")
	o.fails("users show a b", 2, `unexpected argument "b"`)
	o.fails("users show -search x y", 2, "takes no flag -search")
	o.fails("users list -limit 0", 2, "-limit: want")

	p.Stop()
	p = start(t, o.dir, o.vars...)
	if got := p.Says("admin"); got != "" {
		t.Errorf("with an administrator the start says: %q", got)
	}
}

// An email that nobody has verified, or that several users have, makes nobody an
// administrator.
func TestRoleNeedsAVerifiedEmail(t *testing.T) {
	o := operator{t, t.TempDir(), []string{"SESSION_STRATEGY=database"}}
	p := start(t, o.dir, o.vars...)
	e2e.Visit(t, p).Post("/sign-up", "email", "grace@example.com", "name", "Not Grace", "password", "nine purple otters juggle")
	o.fails("users role grace@example.com admin", 1, "nobody has verified the email grace@example.com: if it is the right person, use the id ")
	e2e.Visit(t, p).SignIn("grace")
	o.fails("users role grace@example.com admin", 1, "several users have the email grace@example.com")
	o.fails("users disable grace@example.com", 1, "several users have the email")
	var users []printedUser
	o.asJSON("users list -search grace@", &users)
	if len(users) != 2 {
		t.Fatalf("got %d users, want 2", len(users))
	}
	o.wants("users role " + users[0].ID + " admin")
}

func TestStoreCommands(t *testing.T) {
	o := operator{t, t.TempDir(), []string{"SESSION_STRATEGY=database"}}
	o.fails("keys rotate", 1, "SESSION_KEYS: not set, and no key was made yet")
	o.fails("backup copy.db", 1, "DATABASE_URL: there is no file sessionlab.db")
	if out := o.wants("migrate status"); !strings.Contains(out, "0001_start") || strings.Count(out, "pending") != strings.Count(out, "\n") {
		t.Errorf("before the first start: %s", out)
	}
	if files := e2e.Files(t, o.dir); len(files) > 0 {
		t.Errorf("looking made %q", files)
	}
	if out := o.wants("migrate up"); strings.Contains(out, "pending") {
		t.Errorf("after migrating: %s", out)
	}
	p := start(t, o.dir, o.vars...)
	ada := e2e.Visit(t, p)
	ada.SignIn("ada")

	var key struct{ Key string }
	o.asJSON("keys new", &key)
	if _, err := auth.ParseKeyRing(key.Key); err != nil {
		t.Errorf("keys new: %v", err)
	}
	old, err := os.ReadFile(filepath.Join(o.dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	var next struct{ SessionKeys string }
	o.asJSON("keys rotate", &next)
	if ring, err := auth.ParseKeyRing(next.SessionKeys); err != nil || len(ring.Keys()) != 2 || !strings.HasSuffix(next.SessionKeys, ","+strings.TrimSpace(string(old))) {
		t.Errorf("keys rotate: got %d keys, %v, want the old one behind a new one", len(strings.Split(next.SessionKeys, ",")), err)
	}

	o.wants("backup copy.db")
	o.fails("backup copy.db", 1, "exists")
	p.Stop()
	restored := append(o.vars, "DATABASE_URL=copy.db", "SESSION_KEYS="+next.SessionKeys)
	p = start(t, o.dir, restored...)
	again := e2e.Visit(t, p)
	again.Carries = ada.Copied()
	again.Wants("/api/session", 401)
	var users []printedUser
	operator{t, o.dir, restored}.asJSON("users list", &users)
	if len(users) != 1 {
		t.Errorf("the restored site has %d users, want 1", len(users))
	}
	t.Run("without a database", func(t *testing.T) {
		operator{t, o.dir, []string{"SESSION_STRATEGY=cookie"}}.fails("backup other.db", 1, "SESSION_STRATEGY: want a strategy with a database")
	})
	operator{t, o.dir, []string{"DATABASE_URL=postgres://localhost/none"}}.fails("backup other.db", 1, "pg_dump")
}
