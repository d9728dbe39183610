package handlers_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

// guarded are the routes that would give an account away, with a form for each.
var guarded = map[string]url.Values{
	"/account/password":        {"current": {handlerstest.AdasPassword}, "password": {handlerstest.NewPassword}},
	"/account/link/oidc":       {},
	"/account/unlink/dev":      {},
	"/account/unlink/password": {},
	"/account/delete":          {},
}

func TestFreshSession(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := handlerstest.NewSite(t, strategy)
			ada := handlerstest.NewBrowser(t, s).SignIn("ada")
			s.Clock.Advance(10*time.Minute + time.Millisecond)
			ada.Wants("/dashboard", 200) // which refreshes some; the sign-in is as old as before
			for path, form := range guarded {
				ada.Post(path, form)
				if ada.Page.Status != 403 || !ada.Has(`[data-code="session_not_fresh"]`) || !ada.Has("#confirm-dev") {
					t.Errorf("%s: got %d, want 403 and a way to confirm:\n%s", path, ada.Page.Status, ada.Text())
				}
				if ada.Has("#confirm-oidc") || ada.Has("#confirm-password") {
					t.Errorf("%s: offers what is not Ada's", path)
				}
			}
			// The way leads through the provider, which must ask again, and back.
			to := ada.Parse(ada.PressOnce("#confirm-dev"))
			if to.Query().Get("prompt") != "login" {
				t.Errorf("the provider is not told to ask again: %s", to)
			}
			ada.Visit("GET", to.String(), nil, "same-origin").Press("button[value=ada]").At("/account", 200)
			ada.Get("/account").Press("#link-oidc").Press("button[value=ada]").At("/account", 200)
			if !ada.Has("#way-oidc") {
				t.Errorf("the fresh session could not link:\n%s", ada.Text())
			}
		})
	}
}

// TestFreshUntilTheTenthMinute measures from the sign-in by the session's clock.
func TestFreshUntilTheTenthMinute(t *testing.T) {
	s := handlerstest.NewSite(t, "pair")
	ada := handlerstest.NewBrowser(t, s).SignIn("ada")
	s.Clock.Advance(10 * time.Minute)
	ada.Post("/account/unlink/oidc", nil).Refused(404, "unknown_account")

	s.Clock.Advance(-3 * time.Hour) // a clock that is set back makes no old sign-in fresh
	if ada.Post("/account/unlink/oidc", nil); !ada.Has(`[data-code="session_not_fresh"]`) {
		t.Errorf("three hours before the sign-in: got %d:\n%s", ada.Page.Status, ada.Text())
	}
}

func TestConfirmWithAPassword(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, s).SignUp("ada@example.org", handlerstest.AdasPassword)
	s.Clock.Advance(time.Hour)
	ada.Get("/account").At("/account", 200)
	if ada.Has("#set-password") || ada.Has("#delete-account") || ada.Has("[id^=link-]") {
		t.Error("a session that is not fresh is offered what it may not do")
	}
	ada.Fill("password", "not the right one").Press("#confirm-password").Flawed("/sign-in/password", 401, "credentials_wrong")
	ada.Fill("password", handlerstest.AdasPassword).Press("#sign-in-password").At("/account", 200)
	if !ada.Has("#set-password") {
		t.Errorf("the session is fresh and nothing is offered:\n%s", ada.Text())
	}
}

// TestEndingSessionsNeedsNoFreshness keeps the panic button within reach.
func TestEndingSessionsNeedsNoFreshness(t *testing.T) {
	for _, strategy := range []string{"database", "hybrid", "rotation"} {
		s := handlerstest.NewSite(t, strategy)
		laptop, phone := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s).SignIn("ada")
		s.Clock.Advance(24 * time.Hour)
		laptop.Get("/sessions").Press("#revoke-others").At("/sessions", 200)
		s.Clock.Advance(15 * time.Minute)
		phone.Wants("/dashboard", 303)
		laptop.Get("/dashboard").Press("#sign-out").Told("signed_out")
	}
}

// TestCase05NothingInARequestWeakensAStrictRoute revokes a session whose copy in the browser is
// still good, and then tries what must not rest on copies.
func TestCase05NothingInARequestWeakensAStrictRoute(t *testing.T) {
	for _, strategy := range []string{"hybrid", "rotation"} {
		t.Run(strategy, func(t *testing.T) {
			s := handlerstest.NewSite(t, strategy)
			ada, thief := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s)
			thief.Steal(ada)
			ada.Get("/sessions").Press("#revoke-all").Told("signed_out")
			thief.Wants("/dashboard", 200) // within the window
			for path, form := range guarded {
				again := handlerstest.NewBrowser(t, s)
				again.Cookies = thief.Copy()
				again.Post(path+"?fresh=1&confirm=0", form)
				if again.Page.URL.Path != "/sign-in" || !strings.Contains(again.Page.URL.RawQuery, "reason=revoked") {
					t.Errorf("%s: got %s with %d, want the sign-in page", path, again.Page.URL, again.Page.Status)
				}
			}
			for _, path := range []string{"/api/sessions/revoke-others", "/api/sessions/revoke-all", "/api/sessions/x/revoke"} {
				again := handlerstest.NewBrowser(t, s)
				again.Cookies = thief.Copy()
				again.WantsAPI("POST", path+"?cached=1", 401, "revoked")
			}
			thief.Post("/sessions/revoke-all", url.Values{"confirm": {"0"}}).Told("revoked")
			thief.Wants("/dashboard", 303) // the strict route took the copy away
		})
	}
}

// TestStrictRoutesWhenTheStoreIsDown confirms nothing and signs nobody out.
func TestStrictRoutesWhenTheStoreIsDown(t *testing.T) {
	s := handlerstest.NewSite(t, "hybrid")
	ada := handlerstest.NewBrowser(t, s).SignIn("ada")
	handlerstest.Must(t, s.DB.Close())
	ada.Post("/sessions/revoke-all", nil).Refused(503, "store_unavailable")
	ada.Post("/account/delete", nil).Refused(503, "store_unavailable")
	if ada.Value("session-hybrid") == "" || ada.Value("refresh-hybrid") == "" {
		t.Error("a fault took the cookies away")
	}
}

// TestStrictRoutesRefuseTheDisabled holds under every strategy, whatever its
// sessions still say.
func TestStrictRoutesRefuseTheDisabled(t *testing.T) {
	for _, strategy := range withUsers {
		s := handlerstest.NewSite(t, strategy)
		ada := handlerstest.NewBrowser(t, s).SignIn("ada")
		id := ada.WantsAPI("GET", "/api/user", 200, "")["id"].(string)
		s.Disable(id)
		ada.Post("/account/delete", nil)
		if ada.Page.URL.Path != "/sign-in" {
			t.Errorf("%s: got %s with %d", strategy, ada.Page.URL, ada.Page.Status)
		}
		if _, err := s.DB.User(t.Context(), id); err != nil {
			t.Errorf("%s: a disabled user deleted the account: %v", strategy, err)
		}
	}
}

// Somebody who confirms as another person changes nothing: not the person who is signed
// in, and not the account whose page waits.
func TestConfirmAsSomebodyElse(t *testing.T) {
	for _, strategy := range []string{"cookie", "database"} {
		s := handlerstest.NewSite(t, strategy)
		ada := handlerstest.NewBrowser(t, s).SignIn("ada")
		ada.Visit("POST", "/sign-in/dev", handlerstest.Form("prompt", "login", "next", "/account"), "same-origin")
		ada.Press("button[value=linus]").Told("another_person")
		if answer := fmt.Sprint(ada.WantsAPI("GET", "/api/session", 200, "")); !strings.Contains(answer, "Ada") {
			t.Errorf("%s: the browser is signed in as somebody else: %s", strategy, answer)
		}
		ada.Visit("POST", "/sign-in/dev", handlerstest.Form("prompt", "login", "next", "/account"), "same-origin")
		ada.Press("button[value=ada]").At("/account", 200)
	}
}
