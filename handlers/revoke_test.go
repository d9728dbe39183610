package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sessionlab/db/dbtest"
)

// Two browsers of one user. The laptop ends the phone's session: the phone's
// very next request is refused under database, and goes on under cookie.
func TestRevokeTheOtherBrowser(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	laptop, phone := newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("ada")
	_, mine := phone.api("GET", "/api/session?strategy=database")
	id := sessionOf(mine)["id"].(string)

	laptop.get("/sessions").press("#revoke-"+id).at("/sessions", 200)
	if laptop.has("#revoke-"+id) || !laptop.has("[role=status]") {
		t.Errorf("the list did not change:\n%s", laptop.text())
	}
	laptop.wants("/dashboard", 200)

	answer := phone.wantsAPI("GET", "/api/session?strategy=cookie", 200, "")
	phone.get("/dashboard").told("revoked")
	phone.press("#sign-in-dev") // the page offers a way back
	phone.at("/idp/authorize", 200)

	// The cookie session stands, and the pages say until when.
	phone.post("/strategy", form("strategy", "cookie")).at("/dashboard", 200)
	end, err := time.Parse(time.RFC3339, sessionOf(answer)["endsAt"].(string))
	must(t, err)
	for _, path := range []string{"/dashboard", "/sessions"} {
		phone.get(path).at(path, 200)
		if !phone.has(`time[datetime="`+end.Format(time.RFC3339)+`"]`) || !strings.Contains(phone.text(), "3 June") {
			t.Errorf("%s does not say that the session ends %s:\n%s", path, end, phone.text())
		}
	}
}

// The same for scripts: refused with 401 and the reason, and cleared.
func TestRevokeThroughTheAPI(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	laptop, phone := newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("ada")
	_, mine := phone.api("GET", "/api/session")
	id := sessionOf(mine)["id"].(string)

	got := laptop.wantsAPI("POST", "/api/sessions/"+id+"/revoke", 200, "")
	if diff := cmp.Diff(map[string]any{"revoked": 1.0, "effectiveWithinSeconds": 0.0}, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	laptop.wantsAPI("POST", "/api/sessions/"+id+"/revoke", 404, "unknown_session")
	phone.wantsAPI("GET", "/api/session", 401, "revoked")
	if c := phone.setCookies()["session-database"]; c == nil || c.MaxAge >= 0 {
		t.Errorf("the revoked cookie was not cleared: %v", c)
	}
	phone.wantsAPI("GET", "/api/session", 401, "no_session")
	phone.wantsAPI("GET", "/api/session?strategy=cookie", 200, "")
}

// A copied cookie is played again after the sign-out.
func TestCopyOutlivesSignOutOnlyUnderCookie(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		site := newSite(t, strategy)
		laptop, thief := newBrowser(t, site).signIn("ada"), newBrowser(t, site)
		thief.steal(laptop).wants("/dashboard", 200)
		laptop.press("#sign-out").told("signed_out")
		laptop.wants("/dashboard", 303)
		if strategy == "cookie" {
			thief.wants("/dashboard", 200).wantsAPI("GET", "/api/session", 200, "")
			continue
		}
		thief.get("/dashboard").told("revoked")
		thief.wants("/dashboard", 303)
	}
}

func TestRevokeOthers(t *testing.T) {
	t.Parallel()
	site := newSite(t, "database")
	laptop, phone, tablet := newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("ada")
	grace := newBrowser(t, site).signIn("grace")

	got := laptop.wantsAPI("POST", "/api/sessions/revoke-others", 200, "")
	if diff := cmp.Diff(map[string]any{"revoked": 2.0, "effectiveWithinSeconds": 0.0}, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	laptop.wants("/dashboard", 200)
	grace.wants("/dashboard", 200)
	phone.get("/dashboard").told("revoked")
	tablet.get("/dashboard").told("revoked")
	laptop.get("/sessions")
	if n := laptop.page.Find(".devices li").Length(); n != 1 || laptop.has("#revoke-others") {
		t.Errorf("the list has %d devices, want this one:\n%s", n, laptop.text())
	}

	phone.signIn("ada")
	laptop.get("/sessions").press("#revoke-others").at("/sessions", 200)
	phone.get("/dashboard").told("revoked")
	laptop.wants("/dashboard", 200)
}

// Ending every session includes one's own, so this browser is signed out too.
func TestRevokeAll(t *testing.T) {
	t.Parallel()
	site := newSite(t, "database")
	laptop, phone := newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("ada")
	laptop.get("/sessions").press("#revoke-all").told("signed_out")
	if laptop.value("session-database") != "" {
		t.Error("the ended session's cookie is still there")
	}
	phone.get("/dashboard").told("revoked")

	laptop.signIn("ada")
	phone.signIn("ada")
	got := phone.wantsAPI("POST", "/api/sessions/revoke-all", 200, "")
	if diff := cmp.Diff(map[string]any{"revoked": 2.0, "effectiveWithinSeconds": 0.0}, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if c := phone.setCookies()["session-database"]; c == nil || c.MaxAge >= 0 || phone.page.header.Get("Clear-Site-Data") == "" {
		t.Errorf("this browser was not signed out: %v, %v", c, phone.page.header)
	}
	laptop.get("/dashboard").told("revoked")
	site.log.wants(t, "revoke")
}

// One's own session, named by its id, is a sign-out too.
func TestRevokeOwnSession(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "database")).signIn("ada")
	_, mine := ada.api("GET", "/api/session")
	thief := newBrowser(t, ada.site).steal(ada)
	ada.post("/sessions/"+sessionOf(mine)["id"].(string)+"/revoke", nil).told("signed_out")
	if ada.value("session-database") != "" {
		t.Error("the ended session's cookie is still there")
	}
	thief.get("/dashboard").told("revoked")
}

// An id of somebody else answers as one that never was.
func TestForeignSessionsAreUnknown(t *testing.T) {
	t.Parallel()
	site := newSite(t, "database")
	ada, grace := newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("grace")
	_, hers := grace.api("GET", "/api/session")
	foreign := sessionOf(hers)["id"].(string)

	var answers []string
	for _, id := range []string{foreign, "no-such-session", grace.value("session-database"), "%2e%2e", "'%20OR%201=1"} {
		ada.wantsAPI("POST", "/api/sessions/"+id+"/revoke", 404, "unknown_session")
		ada.post("/sessions/"+id+"/revoke", nil)
		if ada.page.status != 404 {
			t.Errorf("revoking %s: got %d, want 404", id, ada.page.status)
		}
		answers = append(answers, ada.text()[:40])
	}
	if answers[0] != answers[1] {
		t.Errorf("a foreign id is told apart: %q, %q", answers[0], answers[1])
	}
	grace.wants("/dashboard", 200)
}

// What cookie cannot do it refuses, and says until when the session lasts.
func TestCookieCannotRevoke(t *testing.T) {
	t.Parallel()
	site := newSite(t, "cookie")
	ada := newBrowser(t, site).signIn("ada")
	_, mine := ada.api("GET", "/api/session")
	id, ends := sessionOf(mine)["id"].(string), sessionOf(mine)["endsAt"]
	for _, path := range []string{"/sessions/" + id + "/revoke", "/sessions/revoke-others", "/sessions/revoke-all"} {
		answer := ada.wantsAPI("POST", "/api"+path, 400, "not_revocable")
		if answer["validUntil"] != ends {
			t.Errorf("%s: valid until %v, want %v", path, answer["validUntil"], ends)
		}
		ada.post(path, nil)
		if ada.page.status != 400 || !strings.Contains(ada.text(), "not_revocable") || !strings.Contains(ada.text(), "3 June") {
			t.Errorf("%s: got %d:\n%s", path, ada.page.status, ada.text())
		}
	}
	ada.wantsAPI("GET", "/api/sessions", 400, "not_listable")
	ada.wants("/dashboard", 200)
}

// The dashboard shows a few devices: this one, and then the newest. The list
// shows all, of which there are twenty at most.
func TestManyDevices(t *testing.T) {
	t.Parallel()
	site := newSite(t, "database")
	oldest, ada := newBrowser(t, site).signIn("ada"), newBrowser(t, site)
	site.clock.Advance(time.Minute)
	ada.signIn("ada")
	for range 19 {
		site.clock.Advance(time.Minute)
		newBrowser(t, site).signIn("ada")
	}
	ada.get("/dashboard")
	if n := ada.page.Find(".devices li").Length(); n != 4 || !ada.has(".devices li:first-child.current") {
		t.Errorf("the dashboard shows %d devices, want 4, this one first:\n%s", n, ada.text())
	}
	ada.get("/sessions")
	if n := ada.page.Find(".devices li").Length(); n != 20 || !ada.has(".devices li:last-child.current") {
		t.Errorf("the list has %d devices, want 20, the newest first:\n%s", n, ada.text())
	}
	oldest.get("/dashboard").told("revoked")
}

// A colleague with a shell deletes the row, or makes somebody an admin: the next
// request knows, however often the same was asked before.
func TestColleagueWithAShell(t *testing.T) {
	t.Parallel()
	s := newSite(t, "database")
	ada := newBrowser(t, s).signIn("ada")
	shell := dbtest.Shell(t, s.file)
	for range 3 {
		ada.wantsAPI("GET", "/api/session", 200, "")
	}
	_, err := shell.Exec("UPDATE users SET role = 'admin'")
	must(t, err)
	if got := ada.wantsAPI("GET", "/api/user", 200, "")["role"]; got != "admin" {
		t.Errorf("got the role %v, want admin", got)
	}
	_, err = shell.Exec("DELETE FROM sessions")
	must(t, err)
	ada.wantsAPI("GET", "/api/user", 401, "invalid")
}
