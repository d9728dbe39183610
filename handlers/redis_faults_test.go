package handlers_test

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sessionlab/db/dbtest"
)

// A redisServer is one of a test's own, to be stopped and filled. It remembers over
// a restart what it has answered.
type redisServer struct {
	testing.TB
	dir, addr string
	cmd       *exec.Cmd
	client    *redis.Client
}

func newRedisServer(t testing.TB) *redisServer {
	t.Helper()
	dbtest.Installed(t, "redis-server")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &redisServer{TB: t, dir: t.TempDir(), addr: l.Addr().String()}
	must(t, l.Close())
	s.client = redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: 100, MinRetryBackoff: 10 * time.Millisecond, MaxRetryBackoff: 50 * time.Millisecond})
	t.Cleanup(func() { s.client.Close(); s.stop() })
	s.start()
	return s
}

func (s *redisServer) url() string { return "redis://" + s.addr }

// start starts the server and waits until it answers.
func (s *redisServer) start() {
	s.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	s.cmd = exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
	must(s, s.cmd.Start())
	must(s, s.client.Ping(context.Background()).Err())
}

// stop ends it as a power cut would.
func (s *redisServer) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *redisServer) says(args ...any) {
	s.Helper()
	must(s, s.client.Do(context.Background(), args...).Err())
}

// A relay stands between the site and a server, and may hold back what either says.
type relay struct {
	to   string
	addr string
	mu   sync.Mutex
	gate chan struct{} // closed while it lets through
}

func newRelay(t testing.TB, to string) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &relay{to: to, addr: l.Addr().String(), gate: make(chan struct{})}
	close(r.gate)
	t.Cleanup(func() { l.Close(); r.release() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			go r.carry(server, client)
			go r.carry(client, server)
		}
	}()
	return r
}

func (r *relay) carry(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		r.mu.Lock()
		gate := r.gate
		r.mu.Unlock()
		<-gate
		if _, e := to.Write(buffer[:n]); err != nil || e != nil {
			return
		}
	}
}

func (r *relay) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate = make(chan struct{})
}

func (r *relay) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.gate:
	default:
		close(r.gate)
	}
}

// While Redis does not answer, a snapshot serves to its end, and then nobody can
// tell: 503, and the cookies stay for when it is back.
func TestRedisGone(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"stopped", "slow"} {
		for _, strategy := range []string{"hybrid", "database"} {
			t.Run(strategy+"/"+fault, func(t *testing.T) {
				t.Parallel()
				server := newRedisServer(t)
				between := newRelay(t, server.addr)
				at := "redis://" + between.addr
				if fault == "slow" {
					at += "?read_timeout=300ms" // and not so soon that a slow machine is taken for a slow server
				}
				s := newSiteWith(t, settings{Strategy: strategy, Redis: at})
				ada, eve := newBrowser(t, s).signIn("ada"), newBrowser(t, s)
				gone, back := server.stop, server.start
				if fault == "slow" {
					gone, back = between.hold, between.release
				}

				gone()
				if strategy == "hybrid" {
					s.clock.Advance(lifetimes.Hybrid - time.Second)
					if ada.wants("/dashboard", 200); !strings.Contains(ada.text(), "the storage does not answer") {
						t.Errorf("the page does not say that nobody can list:\n%s", ada.text())
					}
					ada.uncertain("/sessions")
					s.clock.Advance(time.Second)
				}
				to := eve.toCallback("dev")
				began := time.Now()
				ada.uncertain("/dashboard")
				if body := ada.page.body; strings.Contains(body, "redis") || strings.Contains(body, "dial") {
					t.Errorf("the page tells what happened inside:\n%s", ada.text())
				}
				ada.wantsAPI("GET", "/api/session", 503, "store_unavailable")
				ada.wantsAPI("POST", "/api/sessions/revoke-all", 503, "store_unavailable")
				ada.wants("/readyz", 503).wants("/healthz", 200)
				if w := eve.request("GET", to.String(), nil, "cross-site"); w.Code != 503 || strings.Contains(eve.header(), "session-") {
					t.Errorf("a sign-in that cannot be stored: got %d and %s", w.Code, eve.header())
				}
				if took := time.Since(began); took > 15*time.Second {
					t.Errorf("five answers took %s", took)
				}
				if ada.value("session-"+strategy) == "" {
					t.Error("the cookie is gone")
				}

				back()
				ada.wants("/readyz", 200).wants("/dashboard", 200)
				eve.signIn("grace")
			})
		}
	}
}

// Whoever empties Redis ends every session there, when its snapshot does, and cleanly.
func TestRedisFlushed(t *testing.T) {
	t.Parallel()
	server := newRedisServer(t)
	s := newSiteWith(t, settings{Strategy: "hybrid", Redis: server.url()})
	ada := newBrowser(t, s).signIn("ada")
	server.says("FLUSHALL")
	server.says("SCRIPT", "FLUSH")

	s.clock.Advance(lifetimes.Hybrid - time.Second)
	ada.wants("/dashboard", 200)
	s.clock.Advance(time.Second)
	ada.get("/dashboard").told("invalid")
	if held := ada.header(); strings.Contains(held, "session-") || strings.Contains(held, "refresh-") {
		t.Errorf("the browser still holds %s", held)
	}
	ada.signIn("ada").get("/sessions").at("/sessions", 200)
	if ada.page.Find(".devices li").Length() != 1 {
		t.Errorf("after signing in again:\n%s", ada.text())
	}
}

// A Redis that is full takes no new session. Those that it has go on, and can be
// ended.
func TestRedisFull(t *testing.T) {
	t.Parallel()
	server := newRedisServer(t)
	s := newSiteWith(t, settings{Strategy: "database", Redis: server.url()})
	ada, phone, eve := newBrowser(t, s).signIn("ada"), newBrowser(t, s).signIn("ada"), newBrowser(t, s)
	thief := newBrowser(t, s).steal(phone)
	to := eve.toCallback("dev")
	server.says("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction")

	if w := eve.request("GET", to.String(), nil, "cross-site"); w.Code != 503 || strings.Contains(eve.header(), "session-") {
		t.Errorf("a sign-in that cannot be stored: got %d and %s", w.Code, eve.header())
	}
	ada.wants("/dashboard", 200).wants("/readyz", 200)
	s.clock.Advance(6 * day)
	if ada.wants("/dashboard", 200); len(ada.setCookies()) != 1 {
		t.Errorf("a session does not slide: %v", ada.setCookies())
	}
	ada.wantsAPI("POST", "/api/sessions/revoke-others", 200, "")
	phone.get("/dashboard").told("revoked")
	thief.steal(ada)
	ada.get("/dashboard").press("#sign-out").told("signed_out")
	thief.wantsAPI("GET", "/api/session", 401, "revoked")

	server.says("CONFIG", "SET", "maxmemory", "0")
	eve.signIn("grace")
}
