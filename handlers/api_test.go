package handlers_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sessionlab/handlers/handlerstest"
)

// The shapes of the JSON API. Clients outside this repository rely on them.
func TestAPIShapes(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			for _, mode := range handlerstest.Modes(strategy) {
				ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, mode)).SignIn("ada")
				user := ada.WantsAPI("GET", "/api/user?strategy="+strategy, 200, "")
				id := user["id"].(string)
				wantUser := map[string]any{
					"id": id, "email": "ada@example.com", "name": "Ada Lovelace", "picture": "", "role": "member",
				}
				if diff := cmp.Diff(wantUser, user); diff != "" || id == "" {
					t.Errorf("%s: /api/user (-want +got):\n%s", mode, diff)
				}

				session := ada.WantsAPI("GET", "/api/session?strategy="+strategy, 200, "")
				handlerstest.Drop(t, handlerstest.SessionOf(session), "id")
				handlerstest.Drop(t, session["receipt"].(map[string]any), "cookieBytes")
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
	sites := handlerstest.Under(t, "database", "cookie")
	site := sites["database"]
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	site.Clock.Advance(handlerstest.Day)
	phone := handlerstest.NewBrowser(t, site)
	phone.Agent = handlerstest.IPhone
	phone.SignIn("ada")

	answer := ada.WantsAPI("GET", "/api/sessions?strategy=database", 200, "")
	for _, one := range answer["sessions"].([]any) {
		handlerstest.Drop(t, one.(map[string]any), "id")
	}
	want := map[string]any{"sessions": []any{
		map[string]any{"current": false, "device": "Safari on iPhone", "issuedAt": "2026-05-05T12:00:00Z", "expiresAt": "2026-05-12T12:00:00Z"},
		map[string]any{"current": true, "device": "Firefox on Linux", "issuedAt": "2026-05-04T12:00:00Z", "expiresAt": "2026-05-11T12:00:00Z"},
	}}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Errorf("/api/sessions (-want +got):\n%s", diff)
	}
	grace := handlerstest.NewBrowser(t, sites["cookie"]).SignIn("grace")
	grace.WantsAPI("GET", "/api/sessions?strategy=cookie", 400, "not_listable")
}

// Without a session the API answers with problem details and never redirects.
func TestAPIWithoutASession(t *testing.T) {
	t.Parallel()
	for _, mode := range handlerstest.Modes("cookie", "database") {
		nobody := handlerstest.NewBrowser(t, handlerstest.NewSite(t, mode))
		for _, call := range [][2]string{
			{"GET", "/api/session"}, {"GET", "/api/user"}, {"GET", "/api/sessions"}, {"POST", "/api/sessions/x/revoke"},
			{"POST", "/api/sessions/revoke-others"}, {"POST", "/api/sessions/revoke-all"},
		} {
			answer := nobody.WantsAPI(call[0], call[1], 401, "no_session")
			handlerstest.Drop(t, answer, "title", "requestId")
			want := map[string]any{"type": "about:blank", "status": 401.0, "code": "no_session"}
			if diff := cmp.Diff(want, answer); diff != "" {
				t.Errorf("%v (-want +got):\n%s", call, diff)
			}
		}
		nobody.WantsAPI("GET", "/api/nothing", 404, "not_found")
		nobody.WantsAPI("POST", "/api/session", 405, "method_not_allowed")
	}
}
