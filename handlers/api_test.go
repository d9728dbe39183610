package handlers_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// form makes values of names and values in turn.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

func sessionOf(answer map[string]any) map[string]any {
	s, _ := answer["session"].(map[string]any)
	return s
}

// drop takes values out that no test can know, after a look that they are there.
func drop(t *testing.T, m map[string]any, names ...string) map[string]any {
	t.Helper()
	for _, name := range names {
		if v, ok := m[name]; !ok || v == "" {
			t.Errorf("no %s in %v", name, m)
		}
		delete(m, name)
	}
	return m
}

// The shapes of DESIGN.md, §7. Clients outside this repository rely on them.
func TestAPIShapes(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			for _, mode := range []string{"compare", strategy} {
				ada := newBrowser(t, newSite(t, mode)).signIn("ada")
				user := ada.wantsAPI("GET", "/api/user?strategy="+strategy, 200, "")
				id := user["id"].(string)
				wantUser := map[string]any{
					"id": id, "email": "ada@example.com", "name": "Ada Lovelace", "picture": "", "role": "member",
				}
				if diff := cmp.Diff(wantUser, user); diff != "" || id == "" {
					t.Errorf("%s: /api/user (-want +got):\n%s", mode, diff)
				}

				session := ada.wantsAPI("GET", "/api/session?strategy="+strategy, 200, "")
				drop(t, sessionOf(session), "id")
				drop(t, session["receipt"].(map[string]any), "cookieBytes")
				reads, extra := map[string]float64{"cookie": 0, "database": 1}[strategy], map[string]any{"role": "member", "memberSince": "2026-05-04T12:00:00Z"}
				if mode == "cookie" {
					extra = map[string]any{} // nobody to ask
				}
				want := map[string]any{
					"strategy": strategy,
					"session": map[string]any{
						"issuedAt": "2026-05-04T12:00:00Z", "renewAt": "2026-05-10T02:24:00Z",
						"expiresAt": "2026-05-11T12:00:00Z", "endsAt": "2026-06-03T12:00:00Z", "remember": true,
					},
					"user": wantUser, "extra": extra,
					"receipt": map[string]any{"reads": reads, "writes": 0.0, "micros": 0.0},
				}
				if diff := cmp.Diff(want, session); diff != "" {
					t.Errorf("%s: /api/session (-want +got):\n%s", mode, diff)
				}
			}
		})
	}
}

func TestAPISessions(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	site.clock.Advance(day)
	phone := newBrowser(t, site)
	phone.agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Version/26.0 Mobile/15E148 Safari/604.1"
	phone.signIn("ada")

	answer := ada.wantsAPI("GET", "/api/sessions?strategy=database", 200, "")
	for _, one := range answer["sessions"].([]any) {
		drop(t, one.(map[string]any), "id")
	}
	want := map[string]any{"sessions": []any{
		map[string]any{"current": false, "device": "Safari on iPhone", "issuedAt": "2026-05-05T12:00:00Z", "expiresAt": "2026-05-12T12:00:00Z"},
		map[string]any{"current": true, "device": "Firefox on Linux", "issuedAt": "2026-05-04T12:00:00Z", "expiresAt": "2026-05-11T12:00:00Z"},
	}}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Errorf("/api/sessions (-want +got):\n%s", diff)
	}
	ada.wantsAPI("GET", "/api/sessions?strategy=cookie", 400, "not_listable")
}

// ?strategy= picks for one call what the toggle picks for pages.
func TestAPIPicksAStrategy(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	for path, want := range map[string]string{
		"/api/session": "database", "/api/session?strategy=cookie": "cookie", "/api/session?strategy=database": "database",
	} {
		if got := ada.wantsAPI("GET", path, 200, "")["strategy"]; got != want {
			t.Errorf("%s: got %v, want %s", path, got, want)
		}
	}
	ada.post("/strategy", form("strategy", "cookie"))
	if got := ada.wantsAPI("GET", "/api/session", 200, "")["strategy"]; got != "cookie" {
		t.Errorf("after the toggle: got %v, want cookie", got)
	}
	for _, path := range []string{"/api/session", "/api/user", "/api/sessions"} {
		for _, name := range []string{"", "nonsense", "Cookie", "__proto__"} {
			ada.wantsAPI("GET", path+"?strategy="+name, 400, "unknown_strategy")
		}
	}
	ada.wantsAPI("POST", "/api/sessions/revoke-all?strategy=nonsense", 400, "unknown_strategy")
	ada.wantsAPI("GET", "/api/session?strategy=database", 200, "")
}

// Without a session the API answers with problem details and never redirects.
func TestAPIWithoutASession(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"compare", "cookie", "database"} {
		nobody := newBrowser(t, newSite(t, mode))
		for _, call := range [][2]string{
			{"GET", "/api/session"}, {"GET", "/api/user"}, {"GET", "/api/sessions"}, {"POST", "/api/sessions/x/revoke"},
			{"POST", "/api/sessions/revoke-others"}, {"POST", "/api/sessions/revoke-all"},
		} {
			answer := nobody.wantsAPI(call[0], call[1], 401, "no_session")
			drop(t, answer, "title", "requestId")
			want := map[string]any{"type": "about:blank", "status": 401.0, "code": "no_session"}
			if diff := cmp.Diff(want, answer); diff != "" {
				t.Errorf("%v (-want +got):\n%s", call, diff)
			}
		}
		nobody.wantsAPI("GET", "/api/nothing", 404, "not_found")
		nobody.wantsAPI("POST", "/api/session", 405, "method_not_allowed")
	}
}
