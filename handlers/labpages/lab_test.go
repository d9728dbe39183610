package labpages_test

import (
	"strings"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

// ?strategy= picks for one call what the toggle picks for pages.
func TestAPIPicksAStrategy(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	for path, want := range map[string]string{
		"/api/session": "database", "/api/session?strategy=cookie": "cookie", "/api/session?strategy=database": "database",
	} {
		if got := ada.WantsAPI("GET", path, 200, "")["strategy"]; got != want {
			t.Errorf("%s: got %v, want %s", path, got, want)
		}
	}
	ada.Post("/strategy", handlerstest.Form("strategy", "cookie"))
	if got := ada.WantsAPI("GET", "/api/session", 200, "")["strategy"]; got != "cookie" {
		t.Errorf("after the toggle: got %v, want cookie", got)
	}
	for _, path := range []string{"/api/session", "/api/user", "/api/sessions"} {
		for _, name := range []string{"", "nonsense", "Cookie", "__proto__"} {
			ada.WantsAPI("GET", path+"?strategy="+name, 400, "unknown_strategy")
		}
	}
	ada.WantsAPI("POST", "/api/sessions/revoke-all?strategy=nonsense", 400, "unknown_strategy")
	ada.WantsAPI("GET", "/api/session?strategy=database", 200, "")
}

// A visitor presses their way through the whole site: landing, sign-in, the
// provider, dashboard, toggle, devices, sign-out.
func TestTourInCompareMode(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site)

	ada.Get("/").At("/", 200)
	ada.Follow(`header a[href="/sign-in"]`).At("/sign-in", 200)
	ada.Press("#sign-in-dev").At("/idp/authorize", 200)
	ada.Press("button[name=persona][value=ada]").At("/dashboard", 200)
	if !strings.Contains(ada.Text(), "Ada Lovelace") || !strings.Contains(ada.Text(), "ada@example.com") {
		t.Errorf("the dashboard does not know Ada:\n%s", ada.Text())
	}
	if !ada.Has("#trust-database[aria-pressed=true]") || !ada.Has(".devices .current") {
		t.Errorf("the dashboard does not show database and this device:\n%s", ada.Text())
	}

	ada.Press("#trust-cookie").At("/dashboard", 200)
	if !ada.Has("#trust-cookie[aria-pressed=true]") || ada.Has(".devices .current") {
		t.Errorf("the toggle did not choose cookie:\n%s", ada.Text())
	}
	ada.Follow(`main a[href="/sessions"]`).At("/sessions", 200)
	if ada.Has("#revoke-all") || ada.Has("#revoke-others") {
		t.Error("cookie offers to end what it cannot end")
	}
	ada.Press("#trust-database").At("/sessions", 200)
	if ada.Page.Find(".devices li").Length() != 1 || !ada.Has("#revoke-all") {
		t.Errorf("database does not list the one device:\n%s", ada.Text())
	}

	ada.Press("#header-sign-out").Told("signed_out")
	if held := ada.CookieHeader(); strings.Contains(held, "session-") || strings.Contains(held, "flow-") {
		t.Errorf("after the sign-out the browser holds %s", held)
	}
	ada.Wants("/dashboard", 303)
	site.Journal.Wants(t, "sign_in_ok")
	site.Journal.Wants(t, "sign_out")
}

// Two browsers of one user. The laptop ends the phone's session: the phone's
// very next request is refused under database, and goes on under cookie.
func TestRevokeTheOtherBrowser(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	laptop, phone := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("ada")
	_, mine := phone.API("GET", "/api/session?strategy=database")
	id := handlerstest.SessionOf(mine)["id"].(string)

	laptop.Get("/sessions").Press("#revoke-"+id).At("/sessions", 200)
	if laptop.Has("#revoke-"+id) || !laptop.Has("[role=status]") {
		t.Errorf("the list did not change:\n%s", laptop.Text())
	}
	laptop.Wants("/dashboard", 200)

	answer := phone.WantsAPI("GET", "/api/session?strategy=cookie", 200, "")
	phone.Get("/dashboard").Told("revoked")
	phone.Press("#sign-in-dev") // the page offers a way back
	phone.At("/idp/authorize", 200)

	// The cookie session stands, and the pages say until when.
	phone.Post("/strategy", handlerstest.Form("strategy", "cookie")).At("/dashboard", 200)
	end, err := time.Parse(time.RFC3339, handlerstest.SessionOf(answer)["endsAt"].(string))
	handlerstest.Must(t, err)
	for _, path := range []string{"/dashboard", "/sessions"} {
		phone.Get(path).At(path, 200)
		if !phone.Has(`time[datetime="`+end.Format(time.RFC3339)+`"]`) || !strings.Contains(phone.Text(), "3 June") {
			t.Errorf("%s does not say that the session ends %s:\n%s", path, end, phone.Text())
		}
	}
}

// Looking at the dashboard under one strategy takes nothing from another: what
// was revoked there is still told so.
func TestDashboardKeepsOtherReasons(t *testing.T) {
	s := handlerstest.NewSite(t, "compare")
	laptop, phone := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s).SignIn("ada")
	phone.Post("/sessions/revoke-others", nil)
	laptop.Plant("strategy", "cookie")
	laptop.Get("/dashboard").At("/dashboard", 200)
	laptop.WantsAPI("GET", "/api/session?strategy=database", 401, "revoked")
}
