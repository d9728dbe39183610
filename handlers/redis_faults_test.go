package handlers_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/db/dbtest"
	"sessionlab/handlers/handlerstest"
)

// A relay stands between the site and a server, and may hold back what either says.
type relay struct {
	to   string
	addr string
	mu   sync.Mutex
	gate chan struct{} // closed while it lets through
}

func newRelay(t testing.TB, to string) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	handlerstest.Must(t, err)
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
				server := dbtest.NewRedis(t)
				between := newRelay(t, server.Addr)
				at := "redis://" + between.addr
				if fault == "slow" {
					at += "?read_timeout=300ms" // and not so soon that a slow machine is taken for a slow server
				}
				s := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: strategy, Redis: at})
				ada, eve := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s)
				gone, back := server.Kill, server.Start
				if fault == "slow" {
					gone, back = between.hold, between.release
				}

				gone()
				if strategy == "hybrid" {
					s.Clock.Advance(handlerstest.Lifetimes.Hybrid - time.Second)
					if ada.Wants("/dashboard", 200); !strings.Contains(ada.Text(), "the storage does not answer") {
						t.Errorf("the page does not say that nobody can list:\n%s", ada.Text())
					}
					ada.Uncertain("/sessions")
					s.Clock.Advance(time.Second)
				}
				to := eve.ToCallback("dev")
				began := time.Now()
				ada.Uncertain("/dashboard")
				if body := ada.Page.Body; strings.Contains(body, "redis") || strings.Contains(body, "dial") {
					t.Errorf("the page tells what happened inside:\n%s", ada.Text())
				}
				ada.WantsAPI("GET", "/api/session", 503, "store_unavailable")
				ada.WantsAPI("POST", "/api/sessions/revoke-all", 503, "store_unavailable")
				ada.Wants("/readyz", 503).Wants("/healthz", 200)
				if w := eve.Request("GET", to.String(), nil, "cross-site"); w.Code != 503 || strings.Contains(eve.CookieHeader(), "session-") {
					t.Errorf("a sign-in that cannot be stored: got %d and %s", w.Code, eve.CookieHeader())
				}
				if took := time.Since(began); took > 15*time.Second {
					t.Errorf("five answers took %s", took)
				}
				if ada.Value("session-"+strategy) == "" {
					t.Error("the cookie is gone")
				}

				back()
				ada.Wants("/readyz", 200).Wants("/dashboard", 200)
				eve.SignIn("grace")
			})
		}
	}
}

// Whoever empties Redis ends every session there, when its snapshot does, and cleanly.
func TestRedisFlushed(t *testing.T) {
	t.Parallel()
	server := dbtest.NewRedis(t)
	s := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "hybrid", Redis: server.URL()})
	ada := handlerstest.NewBrowser(t, s).SignIn("ada")
	server.Do("FLUSHALL")
	server.Do("SCRIPT", "FLUSH")

	s.Clock.Advance(handlerstest.Lifetimes.Hybrid - time.Second)
	ada.Wants("/dashboard", 200)
	s.Clock.Advance(time.Second)
	ada.Get("/dashboard").Told("invalid")
	if held := ada.CookieHeader(); strings.Contains(held, "session-") || strings.Contains(held, "refresh-") {
		t.Errorf("the browser still holds %s", held)
	}
	ada.SignIn("ada").Get("/sessions").At("/sessions", 200)
	if ada.Page.Find(".devices li").Length() != 1 {
		t.Errorf("after signing in again:\n%s", ada.Text())
	}
}

// A Redis that is full takes no new session. Those that it has go on, and can be
// ended.
func TestRedisFull(t *testing.T) {
	t.Parallel()
	server := dbtest.NewRedis(t)
	s := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", Redis: server.URL()})
	ada, phone, eve := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s)
	thief := handlerstest.NewBrowser(t, s).Steal(phone)
	to := eve.ToCallback("dev")
	server.Do("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction")

	if w := eve.Request("GET", to.String(), nil, "cross-site"); w.Code != 503 || strings.Contains(eve.CookieHeader(), "session-") {
		t.Errorf("a sign-in that cannot be stored: got %d and %s", w.Code, eve.CookieHeader())
	}
	ada.Wants("/dashboard", 200).Wants("/readyz", 200)
	s.Clock.Advance(6 * handlerstest.Day)
	if ada.Wants("/dashboard", 200); len(ada.SetCookies()) != 1 {
		t.Errorf("a session does not slide: %v", ada.SetCookies())
	}
	ada.WantsAPI("POST", "/api/sessions/revoke-others", 200, "")
	phone.Get("/dashboard").Told("revoked")
	thief.Steal(ada)
	ada.Get("/dashboard").Press("#sign-out").Told("signed_out")
	thief.WantsAPI("GET", "/api/session", 401, "revoked")

	server.Do("CONFIG", "SET", "maxmemory", "0")
	eve.SignIn("grace")
}
