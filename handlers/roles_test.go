package handlers_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
	"sessionlab/views"
)

// A plain extension changes nothing.
type plain struct{}

func (plain) Sessionless(string) bool                { return false }
func (plain) Page(*http.Request, *views.Page)        {}
func (plain) Inside(echo.Context) handlers.Component { return nil }
func (plain) SignedIn(context.Context, auth.User)    {}
func (plain) Deleted(context.Context, string)        {}

func (plain) Landing(c echo.Context, _ views.Page) error { return c.NoContent(http.StatusNoContent) }

// adminsOnly adds a page for admins behind each of the two guards.
type adminsOnly struct {
	plain
	site *handlers.Site
}

func (a adminsOnly) Routes(e *echo.Echo) {
	passed := func(c echo.Context) error { return handlers.RenderJSON(c, map[string]bool{"passed": true}) }
	e.GET("/api/admins/claim", passed, a.site.RequireSession, a.site.RequireClaimRole(auth.RoleAdmin))
	e.GET("/api/admins/live", passed, a.site.RequireSession, a.site.RequireLiveRole(auth.RoleAdmin))
}

// TestRoleGuards: a demoted admin is refused by the guard that asks the database at
// the next request, and by the one that asks the session when its copy is replaced.
func TestRoleGuards(t *testing.T) {
	for _, strategy := range []string{"database", "epoch", "hybrid", "renew", "pair", "rotation"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			site := handlerstest.NewSiteWith(t, handlerstest.Settings{
				Strategy: strategy, Change: func(s *handlers.Site) { s.Extension = adminsOnly{site: s} },
			})
			ada := handlerstest.NewBrowser(t, site).SignIn("ada")
			ada.WantsAPI("GET", "/api/admins/claim", 403, "role_required")
			ada.WantsAPI("GET", "/api/admins/live", 403, "role_required")

			id := ada.UserID()
			site.SetRole(id, auth.RoleAdmin)
			ada.WantsAPI("GET", "/api/admins/live", 200, "")
			ada.Post("/sign-out", nil).SignIn("ada").WantsAPI("GET", "/api/admins/claim", 200, "")

			site.SetRole(id, auth.RoleMember)
			ada.WantsAPI("GET", "/api/admins/live?role=admin", 403, "role_required")
			site.Clock.Advance(handlerstest.Lifetimes.Access)
			ada.WantsAPI("GET", "/api/admins/claim?role=admin", 403, "role_required")
		})
	}
}

// Without stored users nobody knows a live role, and the answer says so.
func TestLiveRoleWithoutUsers(t *testing.T) {
	site := handlerstest.NewSiteWith(t, handlerstest.Settings{
		Strategy: "cookie", Change: func(s *handlers.Site) { s.Extension = adminsOnly{site: s} },
	})
	handlerstest.NewBrowser(t, site).SignIn("ada").WantsAPI("GET", "/api/admins/live", 400, "role_requires_database")
}
