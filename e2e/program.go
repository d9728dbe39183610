// Package e2e tests the built program: its exit codes, signals and files, in browsers,
// behind proxies and as several instances.
package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sessionlab/db/dbtest"
)

// KeyA and KeyB are values for SESSION_KEYS.
const (
	KeyA = "3q2+78r+ur4BI0VniavN7wARIjNEVWZ3iJmqu8zd7v8="
	KeyB = "mZiXlpWUk5KRkI+OjYyLiomIh4aFhIOCgYB/fn18e3o="
)

// Fails runs the program, checks that it exits with status 1, and returns the single line
// it wrote to standard error.
func Fails(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(dbtest.Patience, func() { cmd.Process.Kill() })
	defer overdue.Stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("got %v, want exit status 1", err)
	}
	if out.Len() > 0 {
		t.Errorf("got %q on standard output, want nothing", out.String())
	}
	for _, secret := range []string{"sEcReT", KeyA, KeyB} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is repeated in %q", secret, log.String())
		}
	}
	line, rest, _ := strings.Cut(log.String(), "\n")
	if rest != "" {
		t.Errorf("got more than one line: %q", log.String())
	}
	line, found := strings.CutPrefix(line, "sessionlab: ")
	if !found {
		t.Errorf("got %q, want it to begin with the program's name", line)
	}
	return line
}

// A Program is a running sessionlab.
type Program struct {
	testing.TB
	Cmd    *exec.Cmd
	Base   string // origin
	Banner []string
	Log    *Journal
	opened chan bool
	exited chan struct{}
}

// Start starts the program and waits until it serves.
func Start(t testing.TB, cmd *exec.Cmd) *Program {
	t.Helper()
	p := Launch(t, cmd)
	p.Open()
	return p
}

// Launch starts the program and does not wait.
func Launch(t testing.TB, cmd *exec.Cmd) *Program {
	t.Helper()
	p := &Program{TB: t, Cmd: cmd, Log: &Journal{}, opened: make(chan bool, 2), exited: make(chan struct{})}
	cmd.Stderr = p.Log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			p.Banner = append(p.Banner, lines.Text())
			if at, ok := strings.CutPrefix(lines.Text(), "Open "); ok {
				p.Base = strings.TrimSuffix(at, "/")
				p.opened <- true
			}
		}
		p.opened <- false
		cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.kill)
	return p
}

// Open waits until the program serves.
func (p *Program) Open() {
	p.Helper()
	select {
	case ok := <-p.opened:
		if !ok {
			p.Fatalf("the program did not start:\n%s", p.Log)
		}
	case <-time.After(dbtest.Patience):
		p.Fatalf("the program was not ready after %s:\n%s", dbtest.Patience, p.Log)
	}
}

// Stop asks the program to end, as an operator would, and returns its exit code.
func (p *Program) Stop() int {
	p.Helper()
	p.Cmd.Process.Signal(syscall.SIGTERM)
	return p.Wait()
}

// kill ends the program as a power cut would.
func (p *Program) kill() {
	p.Helper()
	p.Cmd.Process.Kill()
	p.Wait()
}

// Wait waits for the program to end and returns its exit code.
func (p *Program) Wait() int {
	p.Helper()
	select {
	case <-p.exited:
	case <-time.After(dbtest.Patience):
		p.Fatalf("the program did not end within %s:\n%s", dbtest.Patience, p.Log)
	}
	return p.Cmd.ProcessState.ExitCode()
}

// Says returns what the banner says about a subject.
func (p *Program) Says(subject string) string {
	for _, line := range p.Banner {
		if about, text, _ := strings.Cut(line, " "); about == subject {
			return strings.TrimSpace(text)
		}
	}
	return ""
}

// A Journal collects the log of a running program. It is safe for concurrent use.
type Journal struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{}
}

func (j *Journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.grown != nil {
		close(j.grown)
		j.grown = nil
	}
	return j.text.Write(b)
}

func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// Await waits until the journal contains text.
func (j *Journal) Await(t testing.TB, text string) {
	t.Helper()
	deadline := time.After(dbtest.Patience)
	for {
		j.mu.Lock()
		if j.grown == nil {
			j.grown = make(chan struct{})
		}
		found, grown := strings.Contains(j.text.String(), text), j.grown
		j.mu.Unlock()
		if found {
			return
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("%q did not appear within %s:\n%s", text, dbtest.Patience, j)
		}
	}
}

// Files lists what lies in a directory.
func Files(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Write writes a file in a directory.
func Write(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The settings of a site with one strategy.
const (
	CookieOnly   = "SESSION_STRATEGY=cookie"
	DatabaseOnly = "SESSION_STRATEGY=database"
	AnyOnly      = "SESSION_STRATEGY=" + Any
	StoredOnly   = "SESSION_STRATEGY=" + Stored
)

// Any is a strategy for tests that do not depend on it.
const Any = "cookie"

// Stored is a strategy for tests that need users in a database, and not more.
const Stored = "database"
