package main

import (
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const cookieOnly, databaseOnly = "SESSION_STRATEGY=cookie", "SESSION_STRATEGY=database"

// TestDatabaseless: a site that runs on cookies alone needs a disk it cannot
// write to, and leaves nothing there.
func TestDatabaseless(t *testing.T) {
	dir := t.TempDir()
	cmd := command(dir, "ADDR=localhost:0", cookieOnly)
	if os.Getuid() == 0 && forAll(t, os.TempDir()) { // no permission binds root, so be somebody else
		bin := t.TempDir()
		if err := os.Chmod(filepath.Dir(bin), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.Path = filepath.Join(bin, "sessionlab")
		copyFile(t, os.Args[0], cmd.Path)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	p := launch(t, cmd)
	p.open()
	if got := p.says("keys"); !strings.HasPrefix(got, "ephemeral") {
		t.Errorf("keys: got %q, want a warning that they are ephemeral", got)
	}
	v := visit(t, p)
	v.wants("/api/session", 401, `"code":"no_session"`)
	v.signIn("ada")
	v.wants("/dashboard", 200, "Ada Lovelace", "cookie")
	v.wants("/api/session", 200, `"strategy":"cookie"`, `"reads":0`)
	v.wants("/sessions", 200)
	v.wants("/api/sessions", 400, "not_listable")
	if got := v.post("/api/sessions/revoke-all"); got.status != 400 || !strings.Contains(got.body, "not_revocable") {
		t.Errorf("revoke all: got %d %s, want 400 not_revocable", got.status, got.body)
	}
	v.wants("/readyz", 200)
	v.post("/sign-out")
	v.wants("/dashboard", 303)
	if code := p.stop(); code != 0 {
		t.Errorf("exit code: got %d, want 0", code)
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// forAll says whether everybody may pass through dir.
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
	for _, strategy := range []string{databaseOnly, "SESSION_STRATEGY=database SESSION_KEYS=" + keyA, cookieOnly + " SESSION_KEYS=" + keyA} {
		t.Run(strategy, func(t *testing.T) {
			vars := strings.Fields(strategy)
			p := start(t, dir, vars...)
			v := visit(t, p)
			v.signIn("grace")
			if code := p.stop(); code != 0 {
				t.Errorf("exit code: got %d, want 0", code)
			}
			v.at(start(t, dir, vars...)).wants("/dashboard", 200, "Grace Hopper")
		})
	}
	for _, name := range []string{"sessionlab.db", keyFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s: got mode %o, want 600", name, got)
		}
	}
}

// TestStartTogether: ten programs that start at once in a new directory all
// start, with one database and one key.
func TestStartTogether(t *testing.T) {
	dir := t.TempDir()
	var programs []*program
	for range 10 {
		programs = append(programs, launch(t, command(dir, "ADDR=localhost:0", databaseOnly)))
	}
	for _, p := range programs {
		p.open()
	}
	for _, p := range programs {
		if code := p.stop(); code != 0 {
			t.Errorf("exit code: got %d, want 0:\n%s", code, p.log)
		}
	}
	if got, want := files(t, dir), []string{"sessionlab.db", keyFile}; !slices.Equal(got, want) {
		t.Errorf("left behind: got %q, want %q", got, want)
	}
}

// TestOneKey: who makes a key at the same time as others takes the one that won.
func TestOneKey(t *testing.T) {
	cfg := config{Strategy: "database", Database: database(filepath.Join(t.TempDir(), "sessionlab.db"))}
	var starting sync.WaitGroup
	began := make(chan struct{})
	found := make([]string, 10)
	for i := range found {
		starting.Go(func() {
			<-began
			ring, _, err := loadKeys(cfg, fresh(i))
			if err != nil {
				t.Error(err)
				return
			}
			found[i] = ring.Newest().ID
		})
	}
	close(began)
	starting.Wait()
	if slices.Sort(found); found[0] != found[len(found)-1] {
		t.Errorf("got keys %q, want one", found)
	}
}

// fresh is randomness of its own for each n.
type fresh byte

func (n fresh) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(n) + byte(i)*7
	}
	return len(p), nil
}

// TestKeyRotation: a key that joins the ring signs nobody out; one that leaves it
// ends what it sealed.
func TestKeyRotation(t *testing.T) {
	dir := t.TempDir()
	with := func(v *visitor, keys string) *visitor {
		p := start(t, dir, cookieOnly, "SESSION_KEYS="+keys)
		if v == nil {
			return visit(t, p)
		}
		return v.at(p)
	}
	ada := with(nil, keyA)
	ada.signIn("ada")
	ada = with(ada, keyB+","+keyA)
	ada.wants("/dashboard", 200, "Ada Lovelace")
	grace := visit(t, &program{base: ada.base})
	grace.signIn("grace")
	ada = with(ada, keyB)
	ada.wants("/api/session", 401, `"code":"invalid"`)
	grace.base = ada.base
	grace.wants("/dashboard", 200, "Grace Hopper")
}

// TestVersion: raising SESSION_VERSION ends what is sealed, and only that.
func TestVersion(t *testing.T) {
	dir := t.TempDir()
	for strategy, after := range map[string]int{cookieOnly: 401, databaseOnly: 200} {
		v := visit(t, start(t, dir, strategy, "SESSION_KEYS="+keyA))
		v.signIn("linus")
		v = v.at(start(t, dir, strategy, "SESSION_KEYS="+keyA, "SESSION_VERSION=2"))
		if got := v.wants("/api/session", after); after == 401 && !strings.Contains(got.body, `"code":"version"`) {
			t.Errorf("%s: got %s, want code version", strategy, got.body)
		}
	}
}

// TestRevokedStaysRevoked: what one browser ends is over for another, at once and
// after a restart.
func TestRevokedStaysRevoked(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, databaseOnly)
	laptop, phone := visit(t, p), visit(t, p)
	laptop.signIn("ada")
	phone.signIn("ada")
	if got := laptop.post("/api/sessions/revoke-others"); !strings.Contains(got.body, `"revoked":1`) {
		t.Fatalf("revoke others: got %d %s", got.status, got.body)
	}
	thief := phone.thief() // before an answer clears the cookie
	phone.wants("/api/session", 401, `"code":"revoked"`)
	p.kill()
	p = start(t, dir, databaseOnly)
	thief.at(p).wants("/api/session", 401, `"code":"revoked"`)
	laptop = laptop.at(p)
	laptop.wants("/dashboard", 200)
	thief = laptop.thief()
	if got, _ := url.Parse(laptop.post("/sign-out").header.Get("Location")); got.Path != "/sign-in" {
		t.Errorf("sign out: got to %s, want /sign-in", got)
	}
	thief.wants("/api/session", 401, `"code":"revoked"`)
}
