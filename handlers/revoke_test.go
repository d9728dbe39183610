package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sessionlab/db/dbtest"
	"sessionlab/handlers/handlerstest"
)

// The same for scripts: refused with 401 and the reason, and cleared.
func TestRevokeThroughTheAPI(t *testing.T) {
	eachMode(t, func(t *testing.T, site *handlerstest.Site) {
		laptop, phone := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("ada")
		_, mine := phone.API("GET", "/api/session")
		id := handlerstest.SessionOf(mine)["id"].(string)

		got := laptop.WantsAPI("POST", "/api/sessions/"+id+"/revoke", 200, "")
		if diff := cmp.Diff(map[string]any{"revoked": 1.0, "effectiveWithinSeconds": 0.0}, got); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		laptop.WantsAPI("POST", "/api/sessions/"+id+"/revoke", 404, "unknown_session")
		phone.WantsAPI("GET", "/api/session", 401, "revoked")
		if c := phone.SetCookies()["session-database"]; c == nil || c.MaxAge >= 0 {
			t.Errorf("the revoked cookie was not cleared: %v", c)
		}
		phone.WantsAPI("GET", "/api/session", 401, "no_session")
	}, "database")
}

// A copied cookie is played again after the sign-out.
func TestCopyOutlivesSignOutOnlyUnderCookie(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		site := handlerstest.NewSite(t, strategy)
		laptop, thief := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
		thief.Steal(laptop).Wants("/dashboard", 200)
		laptop.Press("#sign-out").Told("signed_out")
		laptop.Wants("/dashboard", 303)
		if strategy == "cookie" {
			thief.Wants("/dashboard", 200).WantsAPI("GET", "/api/session", 200, "")
			continue
		}
		thief.Get("/dashboard").Told("revoked")
		thief.Wants("/dashboard", 303)
	}
}

func TestRevokeOthers(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	laptop, phone, tablet := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("ada")
	grace := handlerstest.NewBrowser(t, site).SignIn("grace")

	got := laptop.WantsAPI("POST", "/api/sessions/revoke-others", 200, "")
	if diff := cmp.Diff(map[string]any{"revoked": 2.0, "effectiveWithinSeconds": 0.0}, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	laptop.Wants("/dashboard", 200)
	grace.Wants("/dashboard", 200)
	phone.Get("/dashboard").Told("revoked")
	tablet.Get("/dashboard").Told("revoked")
	laptop.Get("/sessions")
	if n := laptop.Page.Find(".devices li").Length(); n != 1 || laptop.Has("#revoke-others") {
		t.Errorf("the list has %d devices, want this one:\n%s", n, laptop.Text())
	}

	phone.SignIn("ada")
	laptop.Get("/sessions").Press("#revoke-others").At("/sessions", 200)
	phone.Get("/dashboard").Told("revoked")
	laptop.Wants("/dashboard", 200)
}

// Ending every session includes one's own, so this browser is signed out too.
func TestRevokeAll(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	laptop, phone := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("ada")
	laptop.Get("/sessions").Press("#revoke-all").Told("signed_out")
	if laptop.Value("session-database") != "" {
		t.Error("the ended session's cookie is still there")
	}
	phone.Get("/dashboard").Told("revoked")

	laptop.SignIn("ada")
	phone.SignIn("ada")
	got := phone.WantsAPI("POST", "/api/sessions/revoke-all", 200, "")
	if diff := cmp.Diff(map[string]any{"revoked": 2.0, "effectiveWithinSeconds": 0.0}, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if c := phone.SetCookies()["session-database"]; c == nil || c.MaxAge >= 0 || phone.Page.Header.Get("Clear-Site-Data") == "" {
		t.Errorf("this browser was not signed out: %v, %v", c, phone.Page.Header)
	}
	laptop.Get("/dashboard").Told("revoked")
	site.Journal.Wants(t, "revoke")
}

// One's own session, named by its id, is a sign-out too.
func TestRevokeOwnSession(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database")).SignIn("ada")
	_, mine := ada.API("GET", "/api/session")
	thief := handlerstest.NewBrowser(t, ada.Site).Steal(ada)
	ada.Post("/sessions/"+handlerstest.SessionOf(mine)["id"].(string)+"/revoke", nil).Told("signed_out")
	if ada.Value("session-database") != "" {
		t.Error("the ended session's cookie is still there")
	}
	thief.Get("/dashboard").Told("revoked")
}

// An id of somebody else answers as one that never was.
func TestForeignSessionsAreUnknown(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	ada, grace := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("grace")
	_, hers := grace.API("GET", "/api/session")
	foreign := handlerstest.SessionOf(hers)["id"].(string)

	var answers []string
	for _, id := range []string{foreign, "no-such-session", grace.Value("session-database"), "%2e%2e", "'%20OR%201=1"} {
		ada.WantsAPI("POST", "/api/sessions/"+id+"/revoke", 404, "unknown_session")
		ada.Post("/sessions/"+id+"/revoke", nil)
		if ada.Page.Status != 404 {
			t.Errorf("revoking %s: got %d, want 404", id, ada.Page.Status)
		}
		answers = append(answers, ada.Text()[:40])
	}
	if answers[0] != answers[1] {
		t.Errorf("a foreign id is told apart: %q, %q", answers[0], answers[1])
	}
	grace.Wants("/dashboard", 200)
}

// What cookie cannot do it refuses, and says until when the session lasts.
func TestCookieCannotRevoke(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "cookie")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	_, mine := ada.API("GET", "/api/session")
	id, ends := handlerstest.SessionOf(mine)["id"].(string), handlerstest.SessionOf(mine)["endsAt"]
	for _, path := range []string{"/sessions/" + id + "/revoke", "/sessions/revoke-others", "/sessions/revoke-all"} {
		answer := ada.WantsAPI("POST", "/api"+path, 400, "not_revocable")
		if answer["validUntil"] != ends {
			t.Errorf("%s: valid until %v, want %v", path, answer["validUntil"], ends)
		}
		ada.Post(path, nil)
		if ada.Page.Status != 400 || !strings.Contains(ada.Text(), "not_revocable") || !strings.Contains(ada.Text(), "3 June") {
			t.Errorf("%s: got %d:\n%s", path, ada.Page.Status, ada.Text())
		}
	}
	ada.WantsAPI("GET", "/api/sessions", 400, "not_listable")
	ada.Wants("/dashboard", 200)
}

// The dashboard shows a few devices: this one, and then the newest. The list
// shows all, of which there are twenty at most.
func TestManyDevices(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	oldest, ada := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
	site.Clock.Advance(time.Minute)
	ada.SignIn("ada")
	for range 19 {
		site.Clock.Advance(time.Minute)
		handlerstest.NewBrowser(t, site).SignIn("ada")
	}
	ada.Get("/dashboard")
	if n := ada.Page.Find(".devices li").Length(); n != 4 || !ada.Has(".devices li:first-child.current") {
		t.Errorf("the dashboard shows %d devices, want 4, this one first:\n%s", n, ada.Text())
	}
	ada.Get("/sessions")
	if n := ada.Page.Find(".devices li").Length(); n != 20 || !ada.Has(".devices li:last-child.current") {
		t.Errorf("the list has %d devices, want 20, the newest first:\n%s", n, ada.Text())
	}
	oldest.Get("/dashboard").Told("revoked")
}

// A colleague with a shell deletes the row, or makes somebody an admin: the next
// request knows, however often the same was asked before.
func TestColleagueWithAShell(t *testing.T) {
	t.Parallel()
	s := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, s).SignIn("ada")
	shell := dbtest.Shell(t, s.File)
	for range 3 {
		ada.WantsAPI("GET", "/api/session", 200, "")
	}
	_, err := shell.Exec("UPDATE users SET role = 'admin'")
	handlerstest.Must(t, err)
	if got := ada.WantsAPI("GET", "/api/user", 200, "")["role"]; got != "admin" {
		t.Errorf("got the role %v, want admin", got)
	}
	_, err = shell.Exec("DELETE FROM sessions")
	handlerstest.Must(t, err)
	ada.WantsAPI("GET", "/api/user", 401, "invalid")
}

// An address that names no session ends none, and never all.
func TestEmptySessionIDEndsNothing(t *testing.T) {
	for _, strategy := range []string{"cookie", "database", "epoch", "hybrid", "renew", "pair", "rotation"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			site := handlerstest.NewSite(t, strategy)
			laptop, phone := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("ada")
			laptop.WantsAPI("POST", "/api/sessions//revoke", 400, "session_id_required")
			laptop.Post("/sessions//revoke", nil).Refused(400, "session_id_required")
			site.Clock.Advance(handlerstest.Lifetimes.Access)
			phone.WantsAPI("GET", "/api/session", 200, "")
			laptop.WantsAPI("GET", "/api/session", 200, "")
		})
	}
}

// A browser whose session was ended learns it from the list of devices, although its copy
// still opens other pages.
func TestDevicesOfAnEndedSession(t *testing.T) {
	for _, strategy := range []string{"database", "hybrid", "rotation"} {
		s := handlerstest.NewSite(t, strategy)
		laptop, phone := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s).SignIn("ada")
		laptop.WantsAPI("POST", "/api/sessions/revoke-others", 200, "")
		handlerstest.NewBrowser(t, s).Steal(phone).WantsAPI("GET", "/api/sessions", 401, "revoked")
		phone.Get("/sessions").Told("revoked")
	}
}
