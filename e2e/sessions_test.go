package e2e

import (
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestDatabaseless: a site that runs on cookies alone runs on a read-only disk and leaves
// nothing there.
func TestDatabaseless(t *testing.T) {
	dir := t.TempDir()
	cmd := command(dir, "ADDR=localhost:0", CookieOnly)
	asNobody(t, cmd)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	p := Start(t, cmd)
	if got := p.Says("keys"); !strings.HasPrefix(got, "ephemeral") {
		t.Errorf("keys: got %q, want a warning that they are ephemeral", got)
	}
	v := Visit(t, p)
	v.Wants("/api/session", 401, `"code":"no_session"`)
	v.SignIn("ada")
	v.Wants("/dashboard", 200, "Ada Lovelace", "cookie")
	v.Wants("/api/session", 200, `"strategy":"cookie"`, `"reads":0`)
	v.Wants("/sessions", 200)
	v.Wants("/api/sessions", 400, "not_listable")
	if got := v.Post("/api/sessions/revoke-all"); got.Status != 400 || !strings.Contains(got.Body, "not_revocable") {
		t.Errorf("revoke all: got %d %s, want 400 not_revocable", got.Status, got.Body)
	}
	v.Wants("/readyz", 200)
	v.Post("/sign-out")
	v.Wants("/dashboard", 303)
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code: got %d, want 0", code)
	}
	if left := Files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// asNobody makes cmd run as an unprivileged user, because root ignores file permissions.
// It reports whether it could.
func asNobody(t *testing.T, cmd *exec.Cmd) bool {
	t.Helper()
	if os.Getuid() != 0 {
		return true
	}
	if !forAll(t, os.TempDir()) {
		return false
	}
	bin := t.TempDir()
	if err := os.Chmod(filepath.Dir(bin), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd.Path = filepath.Join(bin, "sessionlab")
	copyFile(t, binary, cmd.Path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return true
}

// TestDatabaseThatCannotBeWritten: a program that could only read its database does
// not start, and says so in one line.
func TestDatabaseThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, DatabaseOnly).Stop()
	cmd := command(dir, "ADDR=localhost:0", DatabaseOnly)
	if !asNobody(t, cmd) {
		t.Skip("nobody but root may enter the directory of this test")
	}
	for _, name := range Files(t, dir) {
		if err := os.Chmod(filepath.Join(dir, name), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	p := Launch(t, cmd)
	if code := p.Wait(); code != 1 || strings.Count(p.Log.String(), "\n") != 1 || !strings.Contains(p.Log.String(), "DATABASE_URL") {
		t.Errorf("got exit code %d and %q, want 1 and one line that names DATABASE_URL", code, p.Log)
	}
}

// forAll reports whether every user can traverse dir.
func forAll(t testing.TB, dir string) bool {
	t.Helper()
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o001 == 0 {
			return false
		}
	}
	return true
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRestart: a restart signs nobody out, and neither file is for others to read.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, DatabaseOnly).Stop() // makes both files
	for _, strategy := range []string{DatabaseOnly, "SESSION_STRATEGY=database SESSION_KEYS=" + KeyA, CookieOnly + " SESSION_KEYS=" + KeyA} {
		t.Run(strategy, func(t *testing.T) {
			vars := strings.Fields(strategy)
			p := start(t, dir, vars...)
			v := Visit(t, p)
			v.SignIn("grace")
			if code := p.Stop(); code != 0 {
				t.Errorf("exit code: got %d, want 0", code)
			}
			v.At(start(t, dir, vars...)).Wants("/dashboard", 200, "Grace Hopper")
		})
	}
	for _, name := range []string{"sessionlab.db", "sessionlab.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s: got mode %o, want 600", name, got)
		}
	}
}

// TestStartTogether: ten programs that start together in a new directory all
// start, with one database and one key.
func TestStartTogether(t *testing.T) {
	dir := t.TempDir()
	var programs []*Program
	for range 10 {
		programs = append(programs, Launch(t, command(dir, "ADDR=localhost:0", DatabaseOnly)))
	}
	for _, p := range programs {
		p.Open()
	}
	for _, p := range programs {
		if code := p.Stop(); code != 0 {
			t.Errorf("exit code: got %d, want 0:\n%s", code, p.Log)
		}
	}
	if got, want := Files(t, dir), []string{"sessionlab.db", "sessionlab.key"}; !slices.Equal(got, want) {
		t.Errorf("left behind: got %q, want %q", got, want)
	}
}

// TestKeyRotation: adding a key signs nobody out; removing a key ends the sessions it
// sealed.
func TestKeyRotation(t *testing.T) {
	dir := t.TempDir()
	with := func(v *Visitor, keys string) *Visitor {
		p := start(t, dir, CookieOnly, "SESSION_KEYS="+keys)
		if v == nil {
			return Visit(t, p)
		}
		return v.At(p)
	}
	ada := with(nil, KeyA)
	ada.SignIn("ada")
	ada = with(ada, KeyB+","+KeyA)
	ada.Wants("/dashboard", 200, "Ada Lovelace")
	grace := Visit(t, &Program{Base: ada.base})
	grace.SignIn("grace")
	ada = with(ada, KeyB)
	ada.Wants("/api/session", 401, `"code":"invalid"`)
	grace.base = ada.base
	grace.Wants("/dashboard", 200, "Grace Hopper")
}

// TestVersion: raising SESSION_VERSION ends what is sealed, and only that.
func TestVersion(t *testing.T) {
	dir := t.TempDir()
	for strategy, after := range map[string]int{CookieOnly: 401, DatabaseOnly: 200} {
		v := Visit(t, start(t, dir, strategy, "SESSION_KEYS="+KeyA))
		v.SignIn("linus")
		v = v.At(start(t, dir, strategy, "SESSION_KEYS="+KeyA, "SESSION_VERSION=2"))
		if got := v.Wants("/api/session", after); after == 401 && !strings.Contains(got.Body, `"code":"version"`) {
			t.Errorf("%s: got %s, want code version", strategy, got.Body)
		}
	}
}

// TestRevokedStaysRevoked: what one browser ends is over for another, immediately and
// after a restart.
func TestRevokedStaysRevoked(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, DatabaseOnly)
	laptop, phone := Visit(t, p), Visit(t, p)
	laptop.SignIn("ada")
	phone.SignIn("ada")
	if got := laptop.Post("/api/sessions/revoke-others"); !strings.Contains(got.Body, `"revoked":1`) {
		t.Fatalf("revoke others: got %d %s", got.Status, got.Body)
	}
	thief := phone.thief() // before an answer clears the cookie
	phone.Wants("/api/session", 401, `"code":"revoked"`)
	p.kill()
	p = start(t, dir, DatabaseOnly)
	thief.At(p).Wants("/api/session", 401, `"code":"revoked"`)
	laptop = laptop.At(p)
	laptop.Wants("/dashboard", 200)
	thief = laptop.thief()
	if got, _ := url.Parse(laptop.Post("/sign-out").header.Get("Location")); got.Path != "/sign-in" {
		t.Errorf("sign out: got to %s, want /sign-in", got)
	}
	thief.Wants("/api/session", 401, `"code":"revoked"`)
}
