package labpages_test

import (
	"net/http"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

// TestPublicLimitsAreOfOneVisitor has a visitor use up every limit of guessing. Another,
// behind the same address and with the same email, notices nothing.
func TestPublicLimitsAreOfOneVisitor(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	eve, ada := handlerstest.NewBrowser(t, site), handlerstest.NewBrowser(t, site)
	ada.SignUp("ada@example.org", handlerstest.AdasPassword).At("/dashboard", 200)
	eve.SignUp("ada@example.org", handlerstest.NewPassword).At("/dashboard", 200)
	exhaust := func(what, path string, fields ...string) {
		t.Helper()
		for range 20 {
			if w := eve.Request(http.MethodPost, path, handlerstest.Form(fields...), "same-origin"); w.Code == http.StatusTooManyRequests {
				return
			}
		}
		t.Errorf("%s are not limited", what)
	}
	exhaust("changes", "/account/password", "current", "wrong", "password", handlerstest.AdasPassword)
	exhaust("guesses", "/sign-in/password", "email", "ada@example.org", "password", "wrong")
	for n := range 10 {
		exhaust("sign-ins", "/sign-in/password", "email", string(rune('a'+n))+"@example.org", "password", "wrong")
	}
	exhaust("sign-ups", "/sign-up", "email", "eve@example.org", "password", "short")

	ada.Knock("ada@example.org", handlerstest.AdasPassword).At("/dashboard", 200)
	ada.Post("/account/password", handlerstest.Form("current", handlerstest.AdasPassword, "password", handlerstest.NewPassword)).At("/account", 200)
	handlerstest.NewBrowser(t, site).SignUp("ada@example.org", handlerstest.AdasPassword).At("/dashboard", 200)
}

// TestPublicRacesAreLimited starts what takes the server's time over and over. An address
// has a few runs, so that others have their turn as well.
func TestPublicRacesAreLimited(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	eve := handlerstest.NewBrowser(t, site).SignIn("ada")
	started := 0
	for range 20 {
		w := eve.Request(http.MethodPost, "/cost/run", handlerstest.Form("each", "5s"), "same-origin")
		if w.Code == http.StatusConflict {
			t.Fatal("the run before was not called off")
		}
		if w.Code == http.StatusTooManyRequests {
			break
		}
		started++
		if w := eve.Request(http.MethodPost, "/cost/run", nil, "same-origin"); w.Code != http.StatusConflict {
			t.Errorf("while one is under way: got %d, want 409", w.Code)
		}
		eve.Post("/cost/cancel", nil)
	}
	if started != 3 {
		t.Errorf("an address started %d runs at a time, want 3", started)
	}
	site.Clock.Advance(3 * time.Minute)
	if eve.Post("/cost/run", handlerstest.Form("each", "10ms")); eve.Page.Status != 200 {
		t.Errorf("three minutes later: got %d, want 200", eve.Page.Status)
	}
	eve.Post("/cost/cancel", nil)

	for _, action := range []string{"race-tabs", "late-answer"} {
		site.Clock.Advance(5 * time.Minute)
		n := 0
		for n < 30 && eve.Request(http.MethodPost, "/compare/"+action, nil, "same-origin").Code != http.StatusTooManyRequests {
			n++
		}
		if n != 20 {
			t.Errorf("%s: an address started %d at a time, want 20", action, n)
		}
	}
}
