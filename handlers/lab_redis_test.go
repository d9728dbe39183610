package handlers_test

import (
	"net/url"
	"testing"

	"github.com/redis/go-redis/v9"

	"sessionlab/db/dbtest"
)

// Starting over leaves nothing of the old bench in Redis either.
func TestStartOverInRedis(t *testing.T) {
	u, err := url.Parse(dbtest.Server(t, "TEST_REDIS_URL"))
	must(t, err)
	u.Path = "/9" // a database of its own, to count in
	options, err := redis.ParseURL(u.String())
	must(t, err)
	client := redis.NewClient(options)
	defer client.Close()
	must(t, client.FlushDB(t.Context()).Err())

	ada := newBrowser(t, newSiteWith(t, settings{Strategy: "compare", Redis: u.String()})).signIn("ada")
	ada.act("add-phone")
	if n := client.DBSize(t.Context()).Val(); n != 3 {
		t.Errorf("two sessions of hybrid and a list: got %d keys, want 3", n)
	}
	ada.act("reset")
	if n := client.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("after starting over: got %d keys, want none", n)
	}
}
