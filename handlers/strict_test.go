package handlers_test

import (
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

// open are the routes that act for people who have no session, or end their own.
var open = []string{"/sign-in/:provider", "/sign-in/password", "/sign-up", "/sign-out", "/idp/*", "/links/reset", "/links/sign-in", "/link/reset", "/link/sign-in", "/link/verify"}

// strictRoutes returns every other route that changes something, made out for a
// session.
func strictRoutes(s *handlers.Site, session string) (paths []string) {
	for _, route := range s.Routes() {
		if route.Method == "POST" && !slices.Contains(open, route.Path) {
			paths = append(paths, strings.NewReplacer(":id", session, ":provider", "oidc").Replace(route.Path))
		}
	}
	return paths
}

// TestEveryGuardAppliesToEveryCredential: whoever was signed out or disabled can
// change nothing, by whatever route and whatever they show: a cookie or a bearer
// token, inside any window.
func TestEveryGuardAppliesToEveryCredential(t *testing.T) {
	for _, kind := range auth.Kinds() {
		for _, what := range []string{"revoked", "disabled"} {
			t.Run(kind.Name+"/"+what, func(t *testing.T) {
				t.Parallel()
				site := handlerstest.NewSite(t, kind.Name)
				laptop, phone := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("ada")
				_, answer := phone.API("POST", "/api/token")
				bearer := answer["access_token"]
				manager := site.Managers(httptest.NewRequest("GET", "/", nil))[0]
				_, revokes := manager.Strategy.(auth.Revoker)
				_, lists := manager.Strategy.(auth.Lister)
				switch {
				case what == "disabled" && site.DB != nil:
					site.Disable(phone.UserID())
				case what == "revoked" && lists:
					laptop.WantsAPI("POST", "/api/sessions/revoke-others", 200, "")
				case what == "revoked" && revokes:
					laptop.WantsAPI("POST", "/api/sessions/revoke-all", 200, "")
					laptop.SignIn("ada")
				default:
					return // nobody is signed out or disabled under this strategy
				}
				mine := "unknown"
				if what == "revoked" {
					mine = handlerstest.SessionOf(laptop.WantsAPI("GET", "/api/session", 200, ""))["id"].(string)
				}
				// refused reports whether w is the refusal, and not what an action without a
				// guard would answer, which may be a redirect to the sign-in page as well.
				refused := func(w *httptest.ResponseRecorder) bool {
					to, err := url.Parse(w.Header().Get("Location"))
					code := `"code":"` + what + `"`
					return err == nil && w.Code == 303 && to.Path == "/sign-in" && to.Query().Get("reason") == what ||
						w.Code == 401 && strings.Contains(w.Body.String(), code) ||
						w.Code == 400 && strings.Contains(w.Body.String(), "not_revocable") && !revokes
				}
				tried := 0
				for _, path := range strictRoutes(site.Site, mine) {
					if path == "/api/token" {
						continue // it hands out what the session had before
					}
					copied := handlerstest.NewBrowser(t, site).Steal(phone)
					if w := copied.Request("POST", path, guarded[path], "same-origin"); !refused(w) {
						t.Errorf("POST %s by cookie: got %d %s", path, w.Code, w.Header().Get("Location"))
					}
					if bearer != nil && strings.HasPrefix(path, "/api/") {
						r := httptest.NewRequest("POST", handlerstest.LocalURL+path, nil)
						r.Header.Set("Authorization", "Bearer "+bearer.(string))
						if w := site.Answer(r); w.Code != 401 {
							t.Errorf("POST %s by bearer token: got %d %s", path, w.Code, w.Body)
						}
						tried++
					}
				}
				if bearer != nil && tried < 3 {
					t.Errorf("only %d routes were tried with a bearer token", tried)
				}
				if what == "revoked" {
					laptop.WantsAPI("GET", "/api/session", 200, "")
				}
			})
		}
	}
}

// A bearer token whose session nobody can look up opens no strict route, and one
// whose session is alive does.
func TestStrictRoutesConfirmBearers(t *testing.T) {
	for strategy, want := range map[string]int{"pair": 401, "rotation": 200} {
		site := handlerstest.NewSite(t, strategy)
		laptop := handlerstest.NewBrowser(t, site).SignIn("ada")
		_, answer := laptop.API("POST", "/api/token")
		r := httptest.NewRequest("POST", handlerstest.LocalURL+"/api/sessions/revoke-others", nil)
		r.Header.Set("Authorization", "Bearer "+answer["access_token"].(string))
		w := site.Answer(r)
		if w.Code != want || want == 401 && !strings.Contains(w.Body.String(), `"not_confirmable"`) {
			t.Errorf("%s: got %d %s, want %d", strategy, w.Code, w.Body, want)
		}
	}
}
