package handlers_test

import (
	"testing"

	"sessionlab/handlers/handlerstest"
)

// TestGoldenPages compares whole pages with those in testdata. Times and ids need
// no care: the clock stands still and text is drawn in a fixed order.
//
//	go test ./handlers -run Golden -update
func TestGoldenPages(t *testing.T) {
	t.Parallel()
	handlerstest.Golden(handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database")).Get("/"), "starter-landing")
	handlerstest.Golden(handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database")).SignIn("ada"), "starter-dashboard")
	handlerstest.Golden(handlerstest.NewBrowser(t, handlerstest.NewSite(t, "cookie")).SignIn("ada").Get("/sessions"), "starter-devices-unlisted")

	site := handlerstest.NewSite(t, "database")
	ada, phone := handlerstest.NewBrowser(t, site), handlerstest.NewBrowser(t, site)
	phone.Agent = handlerstest.IPhone
	handlerstest.Golden(ada.Get("/sign-in?next=/sessions"), "starter-sign-in")
	handlerstest.Golden(ada.Get("/sign-in?reason=revoked"), "starter-sign-in-revoked")
	phone.SignIn("ada")
	site.Clock.Advance(handlerstest.Day)
	handlerstest.Golden(ada.SignIn("ada").Get("/sessions"), "starter-devices")
	handlerstest.Golden(ada.Get("/account"), "starter-account")
	handlerstest.Golden(ada.Get("/nothing"), "starter-not-found")
	ada.Post("/notes", handlerstest.Form("text", "buy milk"))
	handlerstest.Golden(ada.Get("/notes"), "starter-notes")

	site = handlerstest.NewSite(t, "database")
	admin := promoted(t, site, "ada")
	handlerstest.Golden(admin.Get("/admin/users"), "starter-users")
	handlerstest.Golden(admin.Get("/admin/users/"+userID(t, site, "ada@example.com")), "starter-user")
}
