package labpages_test

import (
	"strings"
	"testing"

	"sessionlab/handlers/handlerstest"
)

func TestLabPrintsNoSecret(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	ada.Get("/compare").Press("#do-steal")
	for _, path := range []string{"/", "/dashboard", "/sessions", "/compare", "/compare/state", "/api/session", "/api/session?strategy=cookie", "/api/sessions"} {
		ada.Wants(path, 200)
		for name, c := range ada.Cookies {
			if strings.Contains(name, "session-") && strings.Contains(ada.Page.Body, c.Value) {
				t.Errorf("%s shows the value of %s", path, name)
			}
		}
	}
}
