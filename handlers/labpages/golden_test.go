package labpages_test

import (
	"testing"

	"sessionlab/handlers/handlerstest"
)

// TestGoldenPages compares whole pages with those in testdata. Times and ids need
// no care: the clock stands still and text is drawn in a fixed order.
//
//	go test ./handlers/labpages -run Golden -update
func TestGoldenPages(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada, phone := handlerstest.NewBrowser(t, site), handlerstest.NewBrowser(t, site)
	phone.Agent = handlerstest.IPhone
	handlerstest.Golden(ada.Get("/"), "landing")
	handlerstest.Golden(ada.Get("/sign-in?next=/sessions"), "sign-in")
	handlerstest.Golden(ada.Get("/dashboard?x=1").Get("/sign-in?reason=revoked"), "sign-in-revoked")
	phone.SignIn("ada")
	site.Clock.Advance(handlerstest.Day)
	ada.SignIn("ada")
	handlerstest.Golden(ada.Get("/dashboard"), "dashboard")
	handlerstest.Golden(ada.Get("/sessions"), "devices")
	handlerstest.Golden(ada.Get("/nothing"), "not-found")
	ada.Get("/compare").Press("#do-steal").Press("#do-sign-out")
	handlerstest.Golden(ada, "compare")
}
