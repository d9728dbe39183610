package handlers_test

import (
	"strings"
	"testing"

	"sessionlab/db/dbtest"
	"sessionlab/handlers/handlerstest"
)

// A month of visits, a second device, and everything that ends a session.
func TestRedisSite(t *testing.T) {
	for _, strategy := range []string{"database", "hybrid"} {
		handlerstest.OnRedis(t, strategy, func(t *testing.T, s *handlerstest.Site) {
			ada, phone := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s)
			ada.WantsAPI("GET", "/api/session", 200, "")
			for range 29 {
				s.Clock.Advance(handlerstest.Day)
				ada.Wants("/dashboard", 200)
			}
			s.Clock.Advance(handlerstest.Day)
			ada.Get("/dashboard").At("/sign-in", 200)

			ada.SignIn("ada")
			phone.SignIn("ada")
			thief := handlerstest.NewBrowser(t, s).Steal(phone)
			if ada.Wants("/sessions", 200); ada.Page.Find(".devices li").Length() != 2 {
				t.Errorf("two devices are signed in:\n%s", ada.Text())
			}
			ada.Post("/sessions/revoke-others", nil)
			s.Clock.Advance(handlerstest.Lifetimes.Hybrid)
			phone.Get("/dashboard").Told("revoked")
			thief.WantsAPI("GET", "/api/session", 401, "revoked")

			phone.SignIn("ada")
			thief.Steal(ada)
			ada.Get("/dashboard").Press("#sign-out").Told("signed_out")
			s.Clock.Advance(handlerstest.Lifetimes.Hybrid)
			thief.WantsAPI("GET", "/api/session", 401, "revoked")
			phone.Wants("/dashboard", 200)
			ada.Wants("/readyz", 200)
		})
	}
}

// The list of a user's sessions is lost. Nobody is told that the others were signed out
// until they are, which takes a sign-in.
func TestRedisLostList(t *testing.T) {
	server := dbtest.NewRedis(t)
	for _, strategy := range []string{"database", "hybrid"} {
		t.Run(strategy, func(t *testing.T) {
			s := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: strategy, Redis: server.URL()})
			ada, thief := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s).SignIn("ada")
			lists, err := server.Client.Keys(t.Context(), "sessions:*/"+strategy+":*").Result()
			if err != nil || len(lists) != 1 {
				t.Fatal(lists, err)
			}
			server.Do("DEL", lists[0])
			id := thief.WantsAPI("GET", "/api/session", 200, "")["session"].(map[string]any)["id"].(string)
			for _, end := range []string{"revoke-others", "revoke-all", id + "/revoke"} {
				ada.WantsAPI("POST", "/api/sessions/"+end, 503, "store_unavailable")
			}
			ada.WantsAPI("GET", "/api/sessions", 503, "store_unavailable")
			s.Clock.Advance(handlerstest.Lifetimes.Hybrid)
			thief.WantsAPI("GET", "/api/session", 200, "")

			ada.Wants("/dashboard", 200).Press("#sign-out").SignIn("ada")
			s.Clock.Advance(handlerstest.Lifetimes.Hybrid)
			thief.WantsAPI("GET", "/api/session", 401, "revoked")
			handlerstest.NewBrowser(t, s).SignIn("ada")
			if n := ada.WantsAPI("POST", "/api/sessions/revoke-others", 200, "")["revoked"]; n != 1.0 {
				t.Errorf("got %v sessions revoked, want 1", n)
			}
		})
	}
}

// Nobody can tell where a user is signed in, because Redis lost the list: an administrator
// sees the user all the same and can shut them out.
func TestAdministrationOfALostList(t *testing.T) {
	server := dbtest.NewRedis(t)
	s := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", Redis: server.URL()})
	linus := handlerstest.NewBrowser(t, s).SignIn("linus")
	page := "/admin/users/" + userID(t, s, "linus@example.com")
	lists, err := server.Client.Keys(t.Context(), "sessions:*").Result()
	if err != nil || len(lists) != 1 {
		t.Fatal(lists, err)
	}
	server.Do("DEL", lists[0])
	ada := promoted(t, s, "ada").Get(page).At(page, 200)
	if !strings.Contains(ada.Text(), "the list cannot be read") {
		t.Errorf("the page claims to know: %s", ada.Text())
	}
	ada.Press("#disable").At(page, 200)
	linus.WantsAPI("GET", "/api/session", 401, "disabled")
}
