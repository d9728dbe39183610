package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A redisServer is one of a test's own. It remembers over a restart what it has
// answered.
type redisServer struct {
	testing.TB
	dir, addr string
	cmd       *exec.Cmd
}

// installed says whether a command that tests need is there; see .ci/run.
func installed(t testing.TB, command string) {
	t.Helper()
	if _, err := exec.LookPath(command); err != nil {
		if os.Getenv("REQUIRE_SERVICES") == "1" {
			t.Fatal(err)
		}
		t.Skipf("there is no %s: .ci/run installs it", command)
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func newRedisServer(t testing.TB) *redisServer {
	t.Helper()
	installed(t, "redis-server")
	s := &redisServer{TB: t, dir: t.TempDir(), addr: freeAddress(t)}
	t.Cleanup(func() { s.kill() })
	s.start()
	return s
}

func (s *redisServer) start() {
	s.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	s.cmd = exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
	if err := s.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: 200, MinRetryBackoff: 10 * time.Millisecond, MaxRetryBackoff: 50 * time.Millisecond})
	defer client.Close()
	if err := client.Ping(context.Background()).Err(); err != nil {
		s.Fatal(err)
	}
}

func (s *redisServer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// TestRedisKilled kills Redis under load and starts it again: 503 meanwhile, no
// cookie cleared, no session lost, and the program recovers by itself.
func TestRedisKilled(t *testing.T) {
	server := newRedisServer(t)
	p := start(t, t.TempDir(), "SESSION_STRATEGY=hybrid", "HYBRID_TTL=1s", "REDIS_URL=redis://"+server.addr)
	l := &load{TB: t, path: "/api/session", done: make(chan struct{})}
	for range 8 {
		v := visit(t, p)
		v.signIn("ada")
		l.visitors = append(l.visitors, v)
	}
	l.begin()
	l.until("everybody is in", func(c counts) bool { return c.ok > 0 })
	server.kill()
	l.until("nobody can tell", func(c counts) bool { return c.fault > 0 })
	if got := visit(t, p).get("/readyz").status; got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: got %d, want 503", got)
	}
	server.start()
	l.until("everybody is in again", func(c counts) bool { return c.ok > 0 })
	all := l.end()
	t.Logf("%d answers, %d of them 503 while Redis was down; %d failures, %d sign-outs", all.ok+all.fault, all.fault, all.failed, all.out)
	if all.failed > 0 || all.out > 0 {
		t.Errorf("got %d failures and %d sign-outs, want none", all.failed, all.out)
	}
	for _, v := range l.visitors {
		v.wants("/api/session", 200)
	}
	visit(t, p).wants("/readyz", 200)
}

// A load is visitors who ask, one request after the other each, until it ends.
type load struct {
	testing.TB
	visitors []*visitor
	path     string
	done     chan struct{}
	busy     sync.WaitGroup

	mu    sync.Mutex
	since []counts // of each visitor, since the last call of until
	all   counts
	said  []string // the first failures
}

// counts are answers: what was asked for; 503 without a word about cookies; 401 or
// a cookie taken away; anything else.
type counts struct{ ok, fault, out, failed int }

func (c *counts) add(d counts) {
	c.ok, c.fault, c.out, c.failed = c.ok+d.ok, c.fault+d.fault, c.out+d.out, c.failed+d.failed
}

func (l *load) begin() {
	l.since = make([]counts, len(l.visitors))
	for n := range l.visitors {
		l.busy.Go(func() {
			for {
				select {
				case <-l.done:
					return
				default:
					l.ask(n)
				}
			}
		})
	}
}

func (l *load) ask(n int) {
	v := l.visitors[n]
	answer, err := v.try("GET", l.path, nil)
	var got counts
	said := ""
	switch {
	case err != nil:
		got.failed, said = 1, err.Error()
	case answer.status == http.StatusOK:
		got.ok = 1
	case answer.status == http.StatusServiceUnavailable && answer.header["Set-Cookie"] == nil:
		got.fault = 1
	case answer.status == http.StatusUnauthorized || strings.Contains(strings.Join(answer.header["Set-Cookie"], " "), "Max-Age=0"):
		got.out, said = 1, answer.body
	default:
		got.failed, said = 1, answer.body
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.add(got)
	l.since[n].add(got)
	if said != "" && len(l.said) < 5 {
		l.said = append(l.said, said)
	}
}

// until waits until something holds for each visitor, of the answers since the last
// call.
func (l *load) until(what string, holds func(counts) bool) {
	l.Helper()
	l.mu.Lock()
	clear(l.since)
	l.mu.Unlock()
	poll(l, what, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, c := range l.since {
			if !holds(c) {
				return false
			}
		}
		return true
	})
}

// poll asks again and again until something holds.
func poll(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// end stops asking and counts.
func (l *load) end() counts {
	l.Helper()
	close(l.done)
	l.busy.Wait()
	for _, s := range l.said {
		l.Log(s)
	}
	return l.all
}
