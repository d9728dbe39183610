package handlers_test

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// guarded are the routes that would give an account away, with a form for each.
var guarded = map[string]url.Values{
	"/account/password":        {"current": {adasPassword}, "password": {newPassword}},
	"/account/link/oidc":       {},
	"/account/unlink/dev":      {},
	"/account/unlink/password": {},
	"/account/delete":          {},
}

func TestFreshSession(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := newSite(t, strategy)
			ada := newBrowser(t, s).signIn("ada")
			s.clock.Advance(10*time.Minute + time.Millisecond)
			ada.wants("/dashboard", 200) // which refreshes some; the sign-in is as old as before
			for path, form := range guarded {
				ada.post(path, form)
				if ada.page.status != 403 || !ada.has(`[data-code="session_not_fresh"]`) || !ada.has("#confirm-dev") {
					t.Errorf("%s: got %d, want 403 and a way to confirm:\n%s", path, ada.page.status, ada.text())
				}
				if ada.has("#confirm-oidc") || ada.has("#confirm-password") {
					t.Errorf("%s: offers what is not Ada's", path)
				}
			}
			// The way leads through the provider, which must ask again, and back.
			to := ada.parse(ada.pressed("#confirm-dev"))
			if to.Query().Get("prompt") != "login" {
				t.Errorf("the provider is not told to ask again: %s", to)
			}
			ada.visit("GET", to.String(), nil, "same-origin").press("button[value=ada]").at("/account", 200)
			ada.get("/account").press("#link-oidc").press("button[value=ada]").at("/account", 200)
			if !ada.has("#way-oidc") {
				t.Errorf("the fresh session could not link:\n%s", ada.text())
			}
		})
	}
}

// TestFreshUntilTheTenthMinute measures from the sign-in by the session's clock.
func TestFreshUntilTheTenthMinute(t *testing.T) {
	s := newSite(t, "pair")
	ada := newBrowser(t, s).signIn("ada")
	s.clock.Advance(10 * time.Minute)
	ada.post("/account/unlink/oidc", nil).refused(404, "unknown_account")
}

func TestConfirmWithAPassword(t *testing.T) {
	s := newSite(t, "database")
	ada := newBrowser(t, s).signUp("ada@example.org", adasPassword)
	s.clock.Advance(time.Hour)
	ada.get("/account").at("/account", 200)
	if ada.has("#set-password") || ada.has("#delete-account") || ada.has("[id^=link-]") {
		t.Error("a session that is not fresh is offered what it may not do")
	}
	ada.fill("password", "not the right one").press("#confirm-password").flawed("/sign-in/password", 401, "credentials_wrong")
	ada.fill("password", adasPassword).press("#sign-in-password").at("/account", 200)
	if !ada.has("#set-password") {
		t.Errorf("the session is fresh and nothing is offered:\n%s", ada.text())
	}
}

// TestEndingSessionsNeedsNoFreshness keeps the panic button within reach.
func TestEndingSessionsNeedsNoFreshness(t *testing.T) {
	for _, strategy := range []string{"database", "hybrid", "rotation"} {
		s := newSite(t, strategy)
		laptop, phone := newBrowser(t, s).signIn("ada"), newBrowser(t, s).signIn("ada")
		s.clock.Advance(24 * time.Hour)
		laptop.get("/sessions").press("#revoke-others").at("/sessions", 200)
		s.clock.Advance(15 * time.Minute)
		phone.wants("/dashboard", 303)
		laptop.get("/dashboard").press("#sign-out").told("signed_out")
	}
}

// TestCase05NothingInARequestWeakensAStrictRoute revokes a session whose copy in the browser is
// still good, and then tries what must not rest on copies.
func TestCase05NothingInARequestWeakensAStrictRoute(t *testing.T) {
	for _, strategy := range []string{"hybrid", "rotation"} {
		t.Run(strategy, func(t *testing.T) {
			s := newSite(t, strategy)
			ada, thief := newBrowser(t, s).signIn("ada"), newBrowser(t, s)
			thief.steal(ada)
			ada.get("/sessions").press("#revoke-all").told("signed_out")
			thief.wants("/dashboard", 200) // within the window
			for path, form := range guarded {
				again := newBrowser(t, s)
				again.cookies = thief.copy()
				again.post(path+"?fresh=1&confirm=0", form)
				if again.page.url.Path != "/sign-in" || !strings.Contains(again.page.url.RawQuery, "reason=revoked") {
					t.Errorf("%s: got %s with %d, want the sign-in page", path, again.page.url, again.page.status)
				}
			}
			for _, path := range []string{"/api/sessions/revoke-others", "/api/sessions/revoke-all", "/api/sessions/x/revoke"} {
				again := newBrowser(t, s)
				again.cookies = thief.copy()
				again.wantsAPI("POST", path+"?cached=1", 401, "revoked")
			}
			thief.post("/sessions/revoke-all", url.Values{"confirm": {"0"}}).told("revoked")
			thief.wants("/dashboard", 303) // the strict route took the copy away
		})
	}
}

// TestStrictRoutesWhenTheStoreIsDown confirms nothing and signs nobody out.
func TestStrictRoutesWhenTheStoreIsDown(t *testing.T) {
	s := newSite(t, "hybrid")
	ada := newBrowser(t, s).signIn("ada")
	must(t, s.db.Close())
	ada.post("/sessions/revoke-all", nil).refused(503, "store_unavailable")
	ada.post("/account/delete", nil).refused(503, "store_unavailable")
	if ada.value("session-hybrid") == "" || ada.value("refresh-hybrid") == "" {
		t.Error("a fault took the cookies away")
	}
}

// TestStrictRoutesRefuseTheDisabled holds under every strategy, whatever its
// sessions still say.
func TestStrictRoutesRefuseTheDisabled(t *testing.T) {
	for _, strategy := range withUsers {
		s := newSite(t, strategy)
		ada := newBrowser(t, s).signIn("ada")
		id := ada.wantsAPI("GET", "/api/user", 200, "")["id"].(string)
		must(t, s.db.Disable(t.Context(), id, s.clock.Now()))
		ada.post("/account/delete", nil)
		if ada.page.url.Path != "/sign-in" {
			t.Errorf("%s: got %s with %d", strategy, ada.page.url, ada.page.status)
		}
		if _, err := s.db.User(t.Context(), id); err != nil {
			t.Errorf("%s: a disabled user deleted the account: %v", strategy, err)
		}
	}
}
