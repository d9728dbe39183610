package handlerstest

import (
	"context"
	"errors"
	"testing"

	"sessionlab/auth"
	"sessionlab/db"
	"sessionlab/db/dbtest"
)

// keepInRedis keeps in Redis what the program keeps there.
func (s *Site) keepInRedis(o Settings, parts *auth.Parts, observe auth.Observer) {
	var err error
	s.Redis, err = db.OpenRedis(s.T.Context(), o.Redis)
	Must(s.T, err)
	s.T.Cleanup(func() { s.Redis.Close() })
	s.Redis.Observe = observe
	sessions := db.RedisSessions{Redis: s.Redis, Users: s.DB}
	parts.Behind = sessions
	if o.Strategy != "compare" {
		parts.Sessions, parts.Apart = sessions, true
	}
	s.Ready = func(ctx context.Context) error { return errors.Join(s.DB.Ready(ctx), s.Redis.Ready(ctx)) }
}

// OnRedis runs a test on two sites with sessions in Redis: on a single server and on a
// cluster.
func OnRedis(t *testing.T, strategy string, story func(*testing.T, *Site)) {
	for name, variable := range map[string]string{"redis": "TEST_REDIS_URL", "cluster": "TEST_REDIS_CLUSTER_URL"} {
		t.Run(strategy+"/"+name, func(t *testing.T) {
			story(t, NewSiteWith(t, Settings{Strategy: strategy, Redis: dbtest.Server(t, variable)}))
		})
	}
}
