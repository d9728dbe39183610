package handlers_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"sessionlab/db/dbtest"
	"sessionlab/handlers/handlerstest"
)

// A store that does not answer says nothing about anybody: 503, and the cookies
// stay for when it is back.
func TestStoreGone(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	ada, eve := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
	to := eve.ToCallback("dev")
	handlerstest.Must(t, site.DB.Close())

	ada.Uncertain("/dashboard")
	ada.Refused(503, "store_unavailable")
	ada.Uncertain("/sessions")
	ada.Wants("/readyz", 503)
	if answer := ada.WantsAPI("GET", "/api/session", 503, "store_unavailable"); answer["requestId"] == "" || ada.Page.Header.Get("Retry-After") == "" {
		t.Errorf("the API: %v %v", answer, ada.Page.Header)
	}
	ada.WantsAPI("POST", "/api/sessions/revoke-all", 503, "store_unavailable")
	ada.Post("/sessions/revoke-others", nil).Refused(503, "store_unavailable")
	if ada.Value("session-database") == "" {
		t.Error("the cookie is gone")
	}
	ada.Wants("/healthz", 200).Wants(site.Assets.URL("app.css"), 200)
	for _, path := range []string{"/", "/sign-in"} { // open pages stay open, and say so
		if ada.Wants(path, 200); !ada.Has(".notice.warn") || len(ada.SetCookies()) > 0 {
			t.Errorf("%s does not say that nobody can tell:\n%s", path, ada.Text())
		}
	}

	w := eve.Request("GET", to.String(), nil, "cross-site")
	if w.Code != 503 || strings.Contains(eve.CookieHeader(), "session-") {
		t.Errorf("a sign-in that cannot be stored: got %d and %s", w.Code, eve.CookieHeader())
	}
	if body := eve.Page.Body; strings.Contains(body, "sql") || strings.Contains(body, "database is closed") {
		t.Errorf("the page tells what happened inside:\n%s", eve.Text())
	}
}

// Signing out works for this browser whatever the store does; the page does not
// claim more.
func TestCase09SignOutClearsCookiesEvenWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	for _, mode := range handlerstest.Modes("database") {
		site := handlerstest.NewSite(t, mode)
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		ada.Get("/dashboard")
		handlerstest.Must(t, site.DB.Close())
		ada.Press("#sign-out").Refused(503, "sign_out_uncertain")
		if held := ada.CookieHeader(); strings.Contains(held, "session-") {
			t.Errorf("%s: the browser still holds %s", mode, held)
		}
		if ada.Page.Header.Get("Retry-After") == "" || ada.Has("#header-sign-out") {
			t.Errorf("%s: the page takes the visitor for signed in:\n%s", mode, ada.Text())
		}
		ada.Wants("/dashboard", 303)
	}
}

// While something else holds the write lock, reads go on and writes give up.
func TestStoreLocked(t *testing.T) {
	dbtest.SQLiteOnly(t) // a server has no lock that stops all writers
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	ada, phone, eve := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
	to := eve.ToCallback("dev")
	patience := site.DB.Wait
	site.DB.Wait = 50 * time.Millisecond
	other, err := sql.Open("sqlite", site.File)
	handlerstest.Must(t, err)
	defer other.Close()
	other.SetMaxOpenConns(1)
	_, err = other.Exec("BEGIN IMMEDIATE")
	handlerstest.Must(t, err)

	ada.Wants("/dashboard", 200).Wants("/sessions", 200)
	ada.WantsAPI("GET", "/api/session", 200, "")
	ada.Wants("/readyz", 503)
	ada.Post("/sessions/revoke-others", nil).Refused(503, "store_unavailable")
	if w := eve.Request("GET", to.String(), nil, "cross-site"); w.Code != 503 || strings.Contains(eve.CookieHeader(), "session-") {
		t.Errorf("a sign-in that cannot be stored: got %d and %s", w.Code, eve.CookieHeader())
	}
	ada.Get("/dashboard").Press("#sign-out").Refused(503, "sign_out_uncertain")
	if ada.Has("#header-sign-out") || ada.Has(`main a[href="/dashboard"]`) || ada.Value("session-database") != "" {
		t.Errorf("the page takes the visitor for signed in:\n%s", ada.Text())
	}

	// A session that is due to slide stands though it cannot.
	site.Clock.Advance(6 * handlerstest.Day)
	phone.Wants("/dashboard", 200)
	if len(phone.SetCookies()) > 0 {
		t.Errorf("it slid in the browser only: %v", phone.SetCookies())
	}
	_, err = other.Exec("ROLLBACK")
	handlerstest.Must(t, err)
	site.DB.Wait = patience
	if phone.Wants("/dashboard", 200); len(phone.SetCookies()) != 1 {
		t.Errorf("it does not slide afterwards: %v", phone.SetCookies())
	}
	phone.Wants("/readyz", 200)
}
