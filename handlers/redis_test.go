package handlers_test

import (
	"context"
	"errors"
	"testing"

	"sessionlab/auth"
	"sessionlab/db"
	"sessionlab/db/dbtest"
)

// keepInRedis keeps in Redis what the program keeps there.
func (s *site) keepInRedis(o settings, parts *auth.Parts, observe auth.Observer) {
	var err error
	s.redis, err = db.OpenRedis(s.t.Context(), o.Redis)
	must(s.t, err)
	s.t.Cleanup(func() { s.redis.Close() })
	s.redis.Observe = observe
	sessions := db.RedisSessions{Redis: s.redis, Users: s.db}
	parts.Behind = sessions
	if o.Strategy != "compare" {
		parts.Sessions = sessions
	}
	s.Ready = func(ctx context.Context) error { return errors.Join(s.db.Ready(ctx), s.redis.Ready(ctx)) }
	s.t.Cleanup(func() { _ = sessions.DeleteRealm(context.Background(), parts.Realm) })
}

// onRedis runs a story on sites with their sessions in Redis, on one server and in
// a cluster.
func onRedis(t *testing.T, strategy string, story func(*testing.T, *site)) {
	for name, variable := range map[string]string{"redis": "TEST_REDIS_URL", "cluster": "TEST_REDIS_CLUSTER_URL"} {
		t.Run(strategy+"/"+name, func(t *testing.T) {
			story(t, newSiteWith(t, settings{Strategy: strategy, Redis: dbtest.Server(t, variable)}))
		})
	}
}

// A month of visits, a second device, and everything that ends a session.
func TestRedisSite(t *testing.T) {
	for _, strategy := range []string{"database", "hybrid"} {
		onRedis(t, strategy, func(t *testing.T, s *site) {
			ada, phone := newBrowser(t, s).signIn("ada"), newBrowser(t, s)
			ada.wantsAPI("GET", "/api/session", 200, "")
			for range 29 {
				s.clock.Advance(day)
				ada.wants("/dashboard", 200)
			}
			s.clock.Advance(day)
			ada.get("/dashboard").at("/sign-in", 200)

			ada.signIn("ada")
			phone.signIn("ada")
			thief := newBrowser(t, s).steal(phone)
			if ada.wants("/sessions", 200); ada.page.Find(".devices li").Length() != 2 {
				t.Errorf("two devices are signed in:\n%s", ada.text())
			}
			ada.post("/sessions/revoke-others", nil)
			s.clock.Advance(lifetimes.Hybrid)
			phone.get("/dashboard").told("revoked")
			thief.wantsAPI("GET", "/api/session", 401, "revoked")

			phone.signIn("ada")
			thief.steal(ada)
			ada.get("/dashboard").press("#sign-out").told("signed_out")
			s.clock.Advance(lifetimes.Hybrid)
			thief.wantsAPI("GET", "/api/session", 401, "revoked")
			phone.wants("/dashboard", 200)
			ada.wants("/readyz", 200)
		})
	}
}

// In compare mode hybrid's sessions are in Redis, and database's in the table.
func TestRedisInCompareMode(t *testing.T) {
	onRedis(t, "compare", func(t *testing.T, s *site) {
		ada, thief := newBrowser(t, s).signIn("ada"), newBrowser(t, s)
		thief.steal(ada)
		must(t, s.redis.Close())
		s.clock.Advance(lifetimes.Hybrid)
		ada.wantsAPI("GET", "/api/session?strategy=database", 200, "")
		ada.wantsAPI("GET", "/api/session?strategy=rotation", 200, "")
		ada.wantsAPI("GET", "/api/session?strategy=hybrid", 503, "store_unavailable")
		if ada.value("refresh-hybrid") == "" {
			t.Error("a fault took the cookie")
		}
	})
}
