package main

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sessionlab/db/dbtest"
)

// A redisServer is one of a test's own. It remembers over a restart what it has
// answered.
type redisServer struct {
	testing.TB
	dir, addr string
	cmd       *exec.Cmd
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
	dbtest.Installed(t, "redis-server")
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
	l := newLoad(t, p)
	l.until("everybody is in", func(c counts) bool { return c.ok > 0 })
	server.kill()
	l.until("nobody can tell", func(c counts) bool { return c.fault > 0 })
	if got := visit(t, p).get("/readyz").status; got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: got %d, want 503", got)
	}
	server.start()
	l.until("everybody is in again", func(c counts) bool { return c.ok > 0 })
	all := l.end()
	t.Logf("%d requests, %d answered with 503 while Redis was down; %d failures, %d sign-outs", l.requests(), all.fault, all.failed, all.out)
	if all.failed > 0 || all.out > 0 {
		t.Errorf("got %d failures and %d sign-outs, want none", all.failed, all.out)
	}
	for _, v := range l.visitors {
		v.wants("/api/session", 200)
	}
	visit(t, p).wants("/readyz", 200)
}
