package handlers_test

import (
	"testing"

	"sessionlab/handlers/handlerstest"
)

func TestTourUnderOneStrategy(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			site := handlerstest.NewSite(t, strategy)
			ada := handlerstest.NewBrowser(t, site)
			ada.Get("/").Follow(`main a[href="/sign-in"]`).Press("#sign-in-dev").Press("button[value=ada]").At("/dashboard", 200)
			ada.Follow(`nav a[href="/sessions"]`).At("/sessions", 200)
			if ada.Has("#revoke-all") != (strategy == "database") {
				t.Errorf("%s offers to end everything: %t", strategy, ada.Has("#revoke-all"))
			}
			ada.Get("/").Follow(`main a[href="/dashboard"]`).Press("#sign-out").Told("signed_out")
			ada.Wants("/dashboard", 303).Wants("/sessions", 303)
			ada.WantsAPI("GET", "/api/session", 401, "no_session")
		})
	}
}

// Whoever is sent to sign in comes back to the page they wanted.
func TestSignInLeadsBack(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database"))
	ada.Get("/sessions").At("/sign-in", 200)
	ada.Press("#sign-in-dev").Press("button[value=ada]").At("/sessions", 200)
	ada.Get("/sign-in?next=/sessions").At("/sessions", 200) // signed in already
}

// A sign-in always makes a new session, and ends the one that the browser
// brought: what was planted before it is worth nothing.
func TestSignInReplacesTheSession(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	laptop, thief := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
	thief.Steal(laptop).Wants("/dashboard", 200)
	_, before := laptop.API("GET", "/api/session")

	laptop.Get("/sign-in?reason=signed_out").Press("#sign-in-dev").Press("button[value=ada]").At("/dashboard", 200)
	_, after := laptop.API("GET", "/api/session")
	if id := handlerstest.SessionOf(before)["id"]; id == handlerstest.SessionOf(after)["id"] {
		t.Errorf("the session is still %v", id)
	}
	thief.Get("/dashboard").Told("revoked")
}

// Identity is issuer and subject. The same address from another provider is
// another person.
func TestProvidersDoNotMeetByEmail(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		site := handlerstest.NewSite(t, strategy)
		_, here := handlerstest.NewBrowser(t, site).SignInAt("dev", "ada").API("GET", "/api/user")
		_, there := handlerstest.NewBrowser(t, site).SignInAt("oidc", "ada").API("GET", "/api/user")
		_, again := handlerstest.NewBrowser(t, site).SignInAt("dev", "ada").API("GET", "/api/user")
		if here["email"] != there["email"] || here["id"] == there["id"] || here["id"] != again["id"] {
			t.Errorf("%s: got %v here, %v there, %v again", strategy, here, there, again)
		}
	}
}

// Somebody who comes back to a page after a sign-in does not read again what was done
// before it.
func TestNoOldNewsAfterASignIn(t *testing.T) {
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database"))
	for path, want := range map[string]string{
		"/account?done=password": "/account", "/sessions?ended=others": "/sessions", "/dashboard?x=1&done=linked": "/dashboard?x=1",
	} {
		w := ada.Request("GET", path, nil, "none")
		to := ada.Parse(w.Header().Get("Location"))
		if got := to.Query().Get("next"); got != want {
			t.Errorf("%s: next is %q, want %q", path, got, want)
		}
	}
}
