package labpages_test

import (
	"net/url"
	"testing"

	"github.com/redis/go-redis/v9"

	"sessionlab/db/dbtest"
	"sessionlab/handlers/handlerstest"
)

// Starting over leaves nothing of the old bench in Redis either.
func TestStartOverInRedis(t *testing.T) {
	u, err := url.Parse(dbtest.Server(t, "TEST_REDIS_URL"))
	handlerstest.Must(t, err)
	u.Path = "/9" // a database of its own, to count in
	options, err := redis.ParseURL(u.String())
	handlerstest.Must(t, err)
	client := redis.NewClient(options)
	defer client.Close()
	handlerstest.Must(t, client.FlushDB(t.Context()).Err())

	ada := handlerstest.NewBrowser(t, handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", Redis: u.String()})).SignIn("ada")
	act(ada, "add-phone")
	if n := client.DBSize(t.Context()).Val(); n != 3 {
		t.Errorf("two sessions of hybrid and a list: got %d keys, want 3", n)
	}
	act(ada, "reset")
	if n := client.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("after starting over: got %d keys, want none", n)
	}
}

// In compare mode hybrid's sessions are in Redis, and database's in the table.
func TestRedisInCompareMode(t *testing.T) {
	handlerstest.OnRedis(t, "compare", func(t *testing.T, s *handlerstest.Site) {
		ada, thief := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s)
		thief.Steal(ada)
		handlerstest.Must(t, s.Redis.Close())
		s.Clock.Advance(handlerstest.Lifetimes.Hybrid)
		ada.WantsAPI("GET", "/api/session?strategy=database", 200, "")
		ada.WantsAPI("GET", "/api/session?strategy=rotation", 200, "")
		ada.WantsAPI("GET", "/api/session?strategy=hybrid", 503, "store_unavailable")
		if ada.Value("refresh-hybrid") == "" {
			t.Error("a fault took the cookie")
		}
	})
}

// A lab that started over says so even if Redis did not delete the old sessions.
func TestStartOverWithoutRedis(t *testing.T) {
	handlerstest.OnRedis(t, "compare", func(t *testing.T, s *handlerstest.Site) {
		ada := handlerstest.NewBrowser(t, s).SignIn("ada")
		act(ada, "raise-version")
		handlerstest.Must(t, s.Redis.Close())
		w := ada.Request("POST", "/compare/reset", nil, "same-origin")
		_, state := ada.API("GET", "/compare/state")
		if story := state["story"].([]any); w.Code != 303 || len(story) != 0 {
			t.Errorf("got %d and a story of %d lines, want 303 and none", w.Code, len(story))
		}
	})
}
