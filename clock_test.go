package main

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/db"
	"sessionlab/db/dbtest"
	"sessionlab/e2e"
)

// A movable clock is that of a whole program, and steps as clocks of machines do.
type movable struct {
	mu  sync.Mutex
	now time.Time
}

func newMovable() *movable { return &movable{now: time.Now()} }

func (m *movable) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *movable) step(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// runWith runs the whole program in this process by a clock of its own, until the
// returned function is called.
func runWith(t testing.TB, now func() time.Time, vars ...string) (*e2e.Program, func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	p, out, ended := &e2e.Program{TB: t, Log: &e2e.Journal{}}, &e2e.Journal{}, make(chan error, 1)
	go func() {
		ended <- run(ctx, nil, now, append([]string{"ADDR=localhost:0", "DRAIN_DELAY=0s", "SESSION_KEYS=" + e2e.KeyA}, vars...), out, p.Log)
	}()
	out.Await(t, "Open ")
	_, at, _ := strings.Cut(out.String(), "Open ")
	p.Base = strings.TrimSuffix(strings.TrimSpace(at), "/")
	var once sync.Once
	end := func() {
		once.Do(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(end)
	return p, end
}

const (
	first  = "correct horse 27 staples"
	second = "another horse 28 staples"
)

// TestClockStepsBack: what ends sessions ends those that are there, though the clock
// has stepped back since they began, or is ahead of their ends.
func TestClockStepsBack(t *testing.T) {
	ends := map[string]struct {
		by   func(*e2e.Visitor) e2e.Page
		kept bool // the session of whoever did it
	}{
		"revoke-others": {func(v *e2e.Visitor) e2e.Page { return v.Post("/api/sessions/revoke-others") }, true},
		"revoke-all":    {func(v *e2e.Visitor) e2e.Page { return v.Post("/api/sessions/revoke-all") }, false},
		"password change": {func(v *e2e.Visitor) e2e.Page {
			return v.Post("/account/password", "current", first, "password", second)
		}, true},
	}
	stores := map[string]func(*testing.T) []string{
		"sqlite": func(t *testing.T) []string { return []string{"DATABASE_URL=" + t.TempDir() + "/s.db"} },
		"postgres": func(t *testing.T) []string {
			return []string{"DATABASE_URL=" + dbtest.Schema(t, t.Name())}
		},
		"redis": func(t *testing.T) []string {
			return []string{"DATABASE_URL=" + t.TempDir() + "/s.db", "REDIS_URL=" + dbtest.NewRedis(t).URL()}
		},
	}
	for store, settings := range stores {
		for _, strategy := range []string{"database", "hybrid", "rotation"} {
			if store == "redis" && strategy == "rotation" {
				continue // keeps its families in SQL
			}
			t.Run(store+"/"+strategy, func(t *testing.T) {
				clock := newMovable()
				p, _ := runWith(t, clock.Now, append(settings(t), "SESSION_STRATEGY="+strategy)...)
				for name, end := range ends {
					email := url.PathEscape(strings.ReplaceAll(name, " ", "-")) + "@example.org"
					ada, thief := e2e.Visit(t, p), e2e.Visit(t, p)
					if got := ada.Post("/sign-up", "email", email, "password", first, "name", "Ada"); got.Status != 303 {
						t.Fatalf("sign-up: got %d: %s", got.Status, got.Body)
					}
					if got := thief.Post("/sign-in/password", "email", email, "password", first); got.Status != 303 {
						t.Fatalf("sign-in: got %d: %s", got.Status, got.Body)
					}
					thief.Wants("/api/session", 200)
					clock.step(-2 * time.Second)
					if got := end.by(ada); got.Status >= 400 || strings.Contains(got.Body, `"revoked":0`) {
						t.Errorf("%s: got %d %s", name, got.Status, got.Body)
					}
					clock.step(2*time.Second + 15*time.Minute) // beyond any window
					thief.Wants("/api/session", 401, `"revoked"`)
					want := 401
					if end.kept {
						want = 200
					}
					ada.Wants("/api/session", want)
				}
			})
		}
	}
}

// TestClockAheadAtTheStart: a program that starts with its clock a month ahead takes
// nobody's session away for good.
func TestClockAheadAtTheStart(t *testing.T) {
	vars := []string{"DATABASE_URL=" + t.TempDir() + "/s.db", e2e.DatabaseOnly}
	clock := newMovable()
	p, stop := runWith(t, clock.Now, vars...)
	ada := e2e.Visit(t, p)
	ada.SignIn("ada")
	stop()

	clock.step(31 * 24 * time.Hour)
	p, stop = runWith(t, clock.Now, vars...)
	e2e.Visit(t, p).Wants("/healthz", 200)
	stop()

	clock.step(-31 * 24 * time.Hour)
	p, _ = runWith(t, clock.Now, vars...)
	ada.At(p).Wants("/api/session", 200)
}

// TestSweepByAClockAhead: a sweep whose clock is a month ahead deletes nothing that
// is alive.
func TestSweepByAClockAhead(t *testing.T) {
	clock, dir := newMovable(), t.TempDir()
	vars := []string{"DATABASE_URL=" + dir + "/s.db", e2e.DatabaseOnly}
	p, stop := runWith(t, clock.Now, vars...)
	ada := e2e.Visit(t, p)
	ada.SignIn("ada")
	stop()

	d, err := db.Open(t.Context(), dir+"/s.db", clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	clock.step(31 * 24 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	ticks, swept := make(chan time.Time), make(chan bool)
	go func() {
		(&stores{db: d}).sweep(ctx, ticks, clock.Now, slog.New(slog.DiscardHandler))
		close(swept)
	}()
	ticks <- time.Time{}
	ticks <- time.Time{} // the first is over when the second is taken
	cancel()
	<-swept
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	clock.step(-31 * 24 * time.Hour)
	p, _ = runWith(t, clock.Now, vars...)
	ada.At(p).Wants("/api/session", 200)
}
