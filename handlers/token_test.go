package handlers_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/handlers/handlerstest"
)

func TestAccessTokens(t *testing.T) {
	for _, strategy := range []string{"pair", "rotation"} {
		s := handlerstest.NewSite(t, strategy)
		laptop := handlerstest.NewBrowser(t, s).SignIn("ada")
		_, answer := laptop.API("POST", "/api/token")
		token, _ := answer["access_token"].(string)
		if token == "" || answer["token_type"] != "Bearer" || answer["expires_in"] != 900.0 {
			t.Fatalf("%s: got %v", strategy, answer)
		}
		if w := s.Bearer("/api/session", token); w.Code != 200 || len(w.Header()["Set-Cookie"]) != 0 {
			t.Errorf("%s: got %d %s", strategy, w.Code, w.Body)
		}
		// Pages are for browsers, and a token buys no other.
		if w := s.Bearer("/dashboard", token); w.Code != 303 {
			t.Errorf("%s: a bearer token opened a page: %d", strategy, w.Code)
		}
		r := httptest.NewRequest("POST", handlerstest.LocalURL+"/api/token", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if w := s.Answer(r); w.Code != 400 || !strings.Contains(w.Body.String(), "no_access_token") {
			t.Errorf("%s: got %d %s", strategy, w.Code, w.Body)
		}
		// A bad token is refused even beside good cookies.
		for _, bad := range []string{"", "x", token[:len(token)-2], laptop.Value(auth.RefreshCookie(strategy))} {
			r := httptest.NewRequest("GET", handlerstest.LocalURL+"/api/session", nil)
			r.Header.Set("Authorization", "Bearer "+bad)
			laptop.Send(r)
			if laptop.Page.Status != 401 || len(laptop.Page.Header["Set-Cookie"]) != 0 {
				t.Errorf("%s: %.10q: got %d and %d cookies", strategy, bad, laptop.Page.Status, len(laptop.Page.Header["Set-Cookie"]))
			}
		}
		s.Clock.Advance(15 * time.Minute)
		if w := s.Bearer("/api/session", token); w.Code != 401 || !strings.Contains(w.Body.String(), `"expired"`) {
			t.Errorf("%s: got %d %s", strategy, w.Code, w.Body)
		}
		laptop.WantsAPI("POST", "/api/token", 200, "")
		handlerstest.NewBrowser(t, s).WantsAPI("POST", "/api/token", 401, "no_session")
	}
}

func TestNoAccessTokenElsewhere(t *testing.T) {
	for _, strategy := range []string{"cookie", "database", "hybrid", "renew", "epoch"} {
		laptop := handlerstest.NewBrowser(t, handlerstest.NewSite(t, strategy)).SignIn("ada")
		laptop.WantsAPI("POST", "/api/token", 400, "no_access_token")
		r := httptest.NewRequest("GET", handlerstest.LocalURL+"/api/session", nil)
		r.Header.Set("Authorization", "Bearer "+laptop.Value(auth.SessionCookie(strategy)))
		if w := laptop.Site.Answer(r); w.Code != 401 {
			t.Errorf("%s: a cookie's value passed as a bearer token: %d", strategy, w.Code)
		}
	}
}
