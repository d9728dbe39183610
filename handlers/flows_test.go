package handlers_test

import (
	"strings"
	"testing"
)

// A visitor presses their way through the whole site: landing, sign-in, the
// provider, dashboard, toggle, devices, sign-out.
func TestTourInCompareMode(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site)

	ada.get("/").at("/", 200)
	ada.follow(`header a[href="/sign-in"]`).at("/sign-in", 200)
	ada.press("#sign-in-dev").at("/idp/authorize", 200)
	ada.press("button[name=persona][value=ada]").at("/dashboard", 200)
	if !strings.Contains(ada.text(), "Ada Lovelace") || !strings.Contains(ada.text(), "ada@example.com") {
		t.Errorf("the dashboard does not know Ada:\n%s", ada.text())
	}
	if !ada.has("#trust-database[aria-pressed=true]") || !ada.has(".devices .current") {
		t.Errorf("the dashboard does not show database and this device:\n%s", ada.text())
	}

	ada.press("#trust-cookie").at("/dashboard", 200)
	if !ada.has("#trust-cookie[aria-pressed=true]") || ada.has(".devices .current") {
		t.Errorf("the toggle did not choose cookie:\n%s", ada.text())
	}
	ada.follow(`main a[href="/sessions"]`).at("/sessions", 200)
	if ada.has("#revoke-all") || ada.has("#revoke-others") {
		t.Error("cookie offers to end what it cannot end")
	}
	ada.press("#trust-database").at("/sessions", 200)
	if ada.page.Find(".devices li").Length() != 1 || !ada.has("#revoke-all") {
		t.Errorf("database does not list the one device:\n%s", ada.text())
	}

	ada.press("#header-sign-out").told("signed_out")
	if held := ada.header(); strings.Contains(held, "session-") || strings.Contains(held, "flow-") {
		t.Errorf("after the sign-out the browser holds %s", held)
	}
	ada.wants("/dashboard", 303)
	site.log.wants(t, "sign_in_ok")
	site.log.wants(t, "sign_out")
}

func TestTourUnderOneStrategy(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			site := newSite(t, strategy)
			ada := newBrowser(t, site)
			ada.get("/").follow(`main a[href="/sign-in"]`).press("#sign-in-dev").press("button[value=ada]").at("/dashboard", 200)
			if ada.has("#trust-"+strategy) || ada.has("#inside") || ada.has(`a[href="/compare"]`) {
				t.Error("the lab shows on a product's page")
			}
			ada.follow(`nav a[href="/sessions"]`).at("/sessions", 200)
			if ada.has("#revoke-all") != (strategy == "database") {
				t.Errorf("%s offers to end everything: %t", strategy, ada.has("#revoke-all"))
			}
			ada.get("/").follow(`main a[href="/dashboard"]`).press("#sign-out").told("signed_out")
			ada.wants("/dashboard", 303).wants("/sessions", 303)
			ada.wantsAPI("GET", "/api/session", 401, "no_session")
		})
	}
}

// A single strategy has no lab to reach.
func TestOneStrategyHasNoLab(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		ada := newBrowser(t, newSite(t, strategy)).signIn("ada")
		for _, path := range []string{"/compare", "/compare/state"} {
			ada.wants(path, 404)
		}
		for _, path := range []string{"/compare/steal", "/compare/reset", "/compare/set-role", "/strategy"} {
			if ada.post(path, nil); ada.page.status != 404 {
				t.Errorf("POST %s under %s: got %d, want 404", path, strategy, ada.page.status)
			}
		}
	}
}

// Whoever is sent to sign in comes back to the page they wanted.
func TestSignInLeadsBack(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "database"))
	ada.get("/sessions").at("/sign-in", 200)
	ada.press("#sign-in-dev").press("button[value=ada]").at("/sessions", 200)
	ada.get("/sign-in?next=/sessions").at("/sessions", 200) // signed in already
}

// A sign-in always makes a new session, and ends the one that the browser
// brought: what was planted before it is worth nothing.
func TestSignInReplacesTheSession(t *testing.T) {
	t.Parallel()
	site := newSite(t, "database")
	laptop, thief := newBrowser(t, site).signIn("ada"), newBrowser(t, site)
	thief.steal(laptop).wants("/dashboard", 200)
	_, before := laptop.api("GET", "/api/session")

	laptop.get("/sign-in?reason=signed_out").press("#sign-in-dev").press("button[value=ada]").at("/dashboard", 200)
	_, after := laptop.api("GET", "/api/session")
	if id := sessionOf(before)["id"]; id == sessionOf(after)["id"] {
		t.Errorf("the session is still %v", id)
	}
	thief.get("/dashboard").told("revoked")
}

// Identity is issuer and subject. The same address from another provider is
// another person.
func TestProvidersDoNotMeetByEmail(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		site := newSite(t, strategy)
		_, here := newBrowser(t, site).signInAt("dev", "ada").api("GET", "/api/user")
		_, there := newBrowser(t, site).signInAt("oidc", "ada").api("GET", "/api/user")
		_, again := newBrowser(t, site).signInAt("dev", "ada").api("GET", "/api/user")
		if here["email"] != there["email"] || here["id"] == there["id"] || here["id"] != again["id"] {
			t.Errorf("%s: got %v here, %v there, %v again", strategy, here, there, again)
		}
	}
}
