package e2e

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"sessionlab/db/dbtest"
)

// TestRedisKilled kills Redis under load and starts it again: 503 meanwhile, no
// cookie cleared, no session lost, and the program recovers by itself.
func TestRedisKilled(t *testing.T) {
	server := dbtest.NewRedis(t)
	p := start(t, t.TempDir(), "SESSION_STRATEGY=hybrid", "HYBRID_TTL=1s", "REDIS_URL="+server.URL())
	l := newLoad(t, p)
	l.until("everybody is in", func(c counts) bool { return c.ok > 0 })
	server.Kill()
	l.until("nobody can tell", func(c counts) bool { return c.fault > 0 })
	if got := Visit(t, p).Get("/readyz").Status; got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: got %d, want 503", got)
	}
	server.Start()
	l.until("everybody is in again", func(c counts) bool { return c.ok > 0 })
	all := l.end()
	t.Logf("%d requests, %d answered with 503 while Redis was down; %d failures, %d sign-outs", l.requests(), all.fault, all.failed, all.out)
	if all.failed > 0 || all.out > 0 {
		t.Errorf("got %d failures and %d sign-outs, want none", all.failed, all.out)
	}
	for _, v := range l.visitors {
		v.Wants("/api/session", 200)
	}
	Visit(t, p).Wants("/readyz", 200)
}

// TestRedisClusterLosesANode: a sign-in that failed with 503 because a node was down must
// have no effect. Half of it may lie in the list of the user, on another node; when the
// node is back it must push nobody out.
func TestRedisClusterLosesANode(t *testing.T) {
	cluster := dbtest.NewRedisCluster(t)
	p := start(t, t.TempDir(), DatabaseOnly, "REDIS_URL="+cluster.URL())
	good := make([]*Visitor, 15) // of the 20 sessions that a user may have
	for i := range good {
		good[i] = Visit(t, p)
		good[i].SignIn("ada")
	}
	var refused atomic.Int64
	for _, node := range cluster.Nodes {
		node.Kill()
		var all sync.WaitGroup
		for range 15 {
			all.Go(func() {
				v := Visit(t, p)
				if v.trySignIn("ada") != nil {
					refused.Add(1)
				} else if _, err := v.try("POST", "/sign-out", nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		node.Start()
		node.Join()
		dbtest.Poll(t, "the site is ready again", func() bool { return Visit(t, p).Get("/readyz").Status == http.StatusOK })
	}
	if refused.Load() == 0 {
		t.Fatal("no sign-in failed, so this shows nothing")
	}
	t.Logf("%d of 45 sign-ins were refused", refused.Load())
	Visit(t, p).SignIn("ada")
	for i, v := range good {
		if got := v.Get("/api/session").Status; got != http.StatusOK {
			t.Errorf("session %d: got %d, want 200", i, got)
		}
	}
}
