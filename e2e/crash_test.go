package e2e

import (
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite"
)

// TestCrash kills the program in the middle of sign-ins, sign-outs and
// revocations, several times over. What it had answered must hold when it is
// back: every sign-in, and every end.
func TestCrash(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 1
	}
	dir := t.TempDir()
	p := start(t, dir, DatabaseOnly)
	var in, out int
	for range rounds {
		c := &crowd{TB: t, p: p, enough: make(chan struct{}, browsers*visits)}
		for n := range browsers {
			c.busy.Go(func() { c.browse(n) })
		}
		for n := 0; n < browsers || !c.both(); n++ {
			<-c.enough
		}
		p.kill()
		c.busy.Wait()

		p = start(t, dir, DatabaseOnly)
		for _, v := range c.in {
			v.At(p).Wants("/api/session", 200)
		}
		for _, v := range c.out {
			v.At(p).Wants("/api/session", 401, `"code":"revoked"`)
		}
		in, out = in+len(c.in), out+len(c.out)
	}
	t.Logf("%d sign-ins and %d ends held", in, out)
	p.kill()

	d, err := sql.Open("sqlite", filepath.Join(dir, "sessionlab.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var verdict string
	if err := d.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: got %q, %v, want ok", verdict, err)
	}
}

// Fewer sign-ins in a round than a user may have sessions: none is evicted.
const browsers, visits = 8, 5

// A crowd records the acknowledged sign-ins and sign-outs with copies of their cookies.
type crowd struct {
	testing.TB
	p       *Program
	busy    sync.WaitGroup
	enough  chan struct{}
	mu      sync.Mutex
	in, out []*Visitor
}

// both reports whether there are sign-ins and ends by now.
func (c *crowd) both() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.in) > 0 && len(c.out) > 0
}

// browse signs in and out repeatedly until the program is killed.
func (c *crowd) browse(n int) {
	for range visits {
		v := Visit(c.TB, c.p)
		if v.trySignIn([]string{"ada", "grace", "linus"}[n%3]) != nil {
			return
		}
		copied, path := v.thief(), ""
		switch n % 4 {
		case 1:
			path = "/sign-out"
		case 3:
			said, err := v.try("GET", "/api/session", nil)
			if err != nil {
				return
			}
			_, rest, _ := strings.Cut(said.Body, `"session":{"id":"`)
			id, _, _ := strings.Cut(rest, `"`)
			path = "/sessions/" + id + "/revoke"
		}
		kept := &c.in
		if path != "" {
			if got, err := v.try("POST", path, nil); err != nil {
				return
			} else if got.Status != 303 {
				c.Errorf("POST %s: got %d, want 303", path, got.Status)
			}
			kept = &c.out
		}
		c.mu.Lock()
		*kept = append(*kept, copied)
		c.mu.Unlock()
		c.enough <- struct{}{}
	}
}
