package labpages_test

import (
	"testing"

	"sessionlab/handlers/handlerstest"
)

// What needs no store goes on without one, in compare mode too.
func TestCookieNeedsNoStore(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	ada.Get("/compare").Press("#do-steal")
	handlerstest.Must(t, site.DB.Close())

	answer := ada.WantsAPI("GET", "/api/session?strategy=cookie", 200, "")
	if extra := answer["extra"].(map[string]any); len(extra) != 0 {
		t.Errorf("extra: got %v, though nobody can tell", extra)
	}
	ada.WantsAPI("GET", "/api/user?strategy=cookie", 200, "")
	ada.WantsAPI("GET", "/api/session?strategy=database", 503, "store_unavailable")
	ada.Get("/compare").At("/compare", 200)
	handlerstest.Same(t, "with the store gone", shownCells(ada), map[string]string{
		"you cookie": "is-in", "you database": "is-fault", "thief cookie": "is-in", "thief database": "is-fault",
	})
	ada.Post("/strategy", handlerstest.Form("strategy", "cookie")).At("/dashboard", 200)
	ada.Wants("/sessions", 200)
}
