package e2e

import (
	"database/sql"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sessionlab/db/dbtest"
)

// A pgServer is a Postgres server of the test's own, to be stopped and started.
type pgServer struct {
	testing.TB
	bin, dir, addr string
	as             *syscall.Credential // the server does not run as root
	running        *exec.Cmd
	log            *Journal
}

// newPostgres makes an empty server that is running.
func newPostgres(t testing.TB) *pgServer {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		dbtest.Missing(t, "there is no Postgres on this machine to be stopped and started")
	}
	dir, err := os.MkdirTemp("", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &pgServer{TB: t, bin: filepath.Dir(found[len(found)-1]), dir: dir, addr: dbtest.FreeAddress(t)}
	if os.Getuid() == 0 {
		if !forAll(t, os.TempDir()) {
			t.Fatal("the Postgres server runs as another user, who has no access to " + os.TempDir())
		}
		s.as = somebody(t, "postgres")
		if err := os.Chown(dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := s.command("initdb", "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput()
	if err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.start()
	t.Cleanup(func() { s.stop(syscall.SIGQUIT) })
	return s
}

func somebody(t testing.TB, name string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (s *pgServer) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: s.as}
	return cmd
}

func (s *pgServer) start() {
	s.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	s.running = s.command("postgres", "-D", filepath.Join(s.dir, "data"), "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+s.dir)
	s.log = &Journal{}
	s.running.Stderr = s.log
	if err := s.running.Start(); err != nil {
		s.Fatal(err)
	}
	s.log.Await(s, "ready to accept connections")
}

// stop stops the server: cleanly with SIGINT, as in a crash with SIGQUIT.
func (s *pgServer) stop(signal os.Signal) {
	if s.running != nil {
		s.running.Process.Signal(signal)
		s.running.Wait()
		s.running = nil
	}
}

func (s *pgServer) url() string {
	return "postgres://postgres:sEcReT@" + s.addr + "/postgres?sslmode=disable"
}

func (s *pgServer) shell() *sql.DB {
	s.Helper()
	d, err := sql.Open("pgx", s.url())
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { d.Close() })
	return d
}

// TestPostgresRestarts stops the server under load and starts it again, once as in a
// crash and once cleanly. Meanwhile every answer is the right one or 503, no cookie is
// touched, and afterwards everything that was answered holds, in the same process.
func TestPostgresRestarts(t *testing.T) {
	pg := newPostgres(t)
	dir := t.TempDir()
	p := start(t, dir, DatabaseOnly, "DATABASE_URL="+pg.url())
	if got := p.Says("database"); got != "postgres://"+pg.addr+"/postgres" {
		t.Errorf("the banner says %q", got)
	}
	ended := Visit(t, p)
	ended.SignIn("linus")
	copied := ended.thief()
	ended.Post("/sign-out")

	l := newLoad(t, p)
	operator := Visit(t, p)
	for _, signal := range []os.Signal{syscall.SIGQUIT, syscall.SIGINT} {
		l.until("everybody is in", func(c counts) bool { return c.ok > 20 })
		pg.stop(signal)
		l.until("nobody can tell", func(c counts) bool { return c.fault > 5 })
		operator.Wants("/readyz", 503)
		operator.Wants("/healthz", 200)
		if err := Visit(t, p).trySignIn("ada"); err == nil {
			t.Error("somebody signed in without a database")
		}
		pg.start()
		dbtest.Poll(t, "ready again", func() bool { return operator.Get("/readyz").Status == 200 })
		l.until("everybody is in again", func(c counts) bool { return c.ok > 20 })
	}
	all := l.end()
	t.Logf("%d answers, %d of them 503 while Postgres was down; %d failures, %d sign-outs", all.ok+all.fault, all.fault, all.failed, all.out)
	if all.failed > 0 || all.out > 0 {
		t.Errorf("got %d failures and %d sign-outs, want none", all.failed, all.out)
	}
	for _, v := range l.visitors {
		v.Wants("/api/session", 200)
	}
	copied.Wants("/api/session", 401, `"code":"revoked"`)
	if strings.Contains(p.Log.String(), "sEcReT") {
		t.Error("the password is in the log")
	}
	if got := Files(t, dir); len(got) != 1 || got[0] != "sessionlab.key" {
		t.Errorf("left behind: got %q, want only %s", got, "sessionlab.key")
	}
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code: got %d, want 0", code)
	}
}

// TestPostgresHangs: somebody holds the table of sessions. Requests give up in
// time, with 503, and go on when it is free.
func TestPostgresHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for every timeout")
	}
	pg := newPostgres(t)
	p := start(t, t.TempDir(), DatabaseOnly, "DATABASE_URL="+pg.url())
	l := newLoad(t, p)
	l.until("everybody is in", func(c counts) bool { return c.ok > 20 })
	holder, err := pg.shell().Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec("LOCK TABLE sessions"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	l.until("nobody can tell", func(c counts) bool { return c.fault > 0 })
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("a request took %s, want at most 6 s", took)
	}
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
	l.until("everybody is in again", func(c counts) bool { return c.ok > 20 })
	if all := l.end(); all.failed > 0 || all.out > 0 {
		t.Errorf("got %d failures and %d sign-outs, want none", all.failed, all.out)
	}
}

// TestPostgresStartsTogether: ten programs that start at once on an empty database
// all start.
func TestPostgresStartsTogether(t *testing.T) {
	pg := newPostgres(t)
	dir := t.TempDir()
	var programs []*Program
	for range 10 {
		programs = append(programs, Launch(t, command(dir, "ADDR=localhost:0", DatabaseOnly, "DATABASE_URL="+pg.url())))
	}
	for _, p := range programs {
		p.Open()
	}
	visitor := Visit(t, programs[0])
	visitor.SignIn("ada")
	for _, p := range programs {
		visitor.At(p).Wants("/dashboard", 200, "Ada Lovelace")
		if code := p.Stop(); code != 0 {
			t.Errorf("exit code: got %d, want 0:\n%s", code, p.Log)
		}
	}
}

// TestPostgresIsMissing: the start stops with one line that shows no secret.
func TestPostgresIsMissing(t *testing.T) {
	p := Launch(t, command(t.TempDir(), DatabaseOnly, "ADDR=localhost:0", "DATABASE_URL=postgres://ada:sEcReT@"+dbtest.FreeAddress(t)+"/app?password=sEcReT"))
	if code := p.Wait(); code != 1 {
		t.Errorf("exit code: got %d, want 1", code)
	}
	said := p.Log.String()
	if !strings.HasPrefix(said, "sessionlab: DATABASE_URL: open database postgres://127.0.0.1:") || strings.Count(said, "\n") != 1 || strings.Contains(said, "sEcReT") {
		t.Errorf("got %q", said)
	}
}
