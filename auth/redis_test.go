package auth_test

import (
	"context"
	"crypto/rand"
	"testing"

	"sessionlab/auth"
	"sessionlab/db"
	"sessionlab/db/dbtest"
)

// TestStrategiesOverRedis runs what may keep its sessions in Redis through the same
// cases, over one server and over a cluster.
func TestStrategiesOverRedis(t *testing.T) {
	for name, variable := range map[string]string{"redis": "TEST_REDIS_URL", "cluster": "TEST_REDIS_CLUSTER_URL"} {
		t.Run(name, func(t *testing.T) {
			url := dbtest.Server(t, variable)
			for _, strategy := range []string{"database", "hybrid"} {
				for _, seal := range auth.Formats() {
					t.Run(strategy+"/"+seal, func(t *testing.T) {
						contract(t, func(t testing.TB) *stage { return newRedisStage(t, strategy, seal, url) })
					})
				}
			}
		})
	}
}

// newRedisStage is a stage with its sessions in Redis, in a realm of its own, and
// its users in SQLite.
func newRedisStage(t testing.TB, strategy, seal, url string) *stage {
	kind, _ := auth.KindOf(strategy)
	s := newStage(t, kind, seal)
	open := func() *db.Redis {
		r, err := db.OpenRedis(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		r.Observe = s.store.Observe
		return r
	}
	redis := open()
	s.unplug, s.reads = func() { redis.Close() }, 2
	s.vault.Realm = "test " + rand.Text()
	s.parts.Realm = s.vault.Realm
	s.parts.Behind = db.RedisSessions{Redis: redis, Users: s.store}
	if strategy == "database" {
		s.parts.Sessions = s.parts.Behind
	}
	s.strategy = s.build(s.parts)
	t.Cleanup(func() {
		if err := (db.RedisSessions{Redis: open()}).DeleteRealm(context.Background(), s.parts.Realm); err != nil {
			t.Error(err)
		}
	})
	return s
}
