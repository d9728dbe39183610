package handlers_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"sessionlab/db/dbtest"
)

// uncertain checks an answer that could not be given: 503, when to come again,
// and no word to the browser about its cookies.
func (b *browser) uncertain(path string) {
	b.Helper()
	if b.wants(path, 503); b.page.header.Get("Retry-After") == "" {
		b.Errorf("%s: no Retry-After", path)
	}
	if len(b.setCookies()) > 0 {
		b.Errorf("%s: a fault touched cookies: %v", path, b.setCookies())
	}
}

// A store that does not answer says nothing about anybody: 503, and the cookies
// stay for when it is back.
func TestStoreGone(t *testing.T) {
	t.Parallel()
	site := newSite(t, "database")
	ada, eve := newBrowser(t, site).signIn("ada"), newBrowser(t, site)
	to := eve.toCallback("dev")
	must(t, site.db.Close())

	ada.uncertain("/dashboard")
	ada.refused(503, "store_unavailable")
	ada.uncertain("/sessions")
	ada.wants("/readyz", 503)
	if answer := ada.wantsAPI("GET", "/api/session", 503, "store_unavailable"); answer["requestId"] == "" || ada.page.header.Get("Retry-After") == "" {
		t.Errorf("the API: %v %v", answer, ada.page.header)
	}
	ada.wantsAPI("POST", "/api/sessions/revoke-all", 503, "store_unavailable")
	ada.post("/sessions/revoke-others", nil).refused(503, "store_unavailable")
	if ada.value("session-database") == "" {
		t.Error("the cookie is gone")
	}
	ada.wants("/healthz", 200).wants(site.Assets.URL("app.css"), 200)
	for _, path := range []string{"/", "/sign-in"} { // open pages stay open, and say so
		if ada.wants(path, 200); !ada.has(".notice.warn") || len(ada.setCookies()) > 0 {
			t.Errorf("%s does not say that nobody can tell:\n%s", path, ada.text())
		}
	}

	w := eve.request("GET", to.String(), nil, "cross-site")
	if w.Code != 503 || strings.Contains(eve.header(), "session-") {
		t.Errorf("a sign-in that cannot be stored: got %d and %s", w.Code, eve.header())
	}
	if body := eve.page.body; strings.Contains(body, "sql") || strings.Contains(body, "database is closed") {
		t.Errorf("the page tells what happened inside:\n%s", eve.text())
	}
}

// Signing out works for this browser whatever the store does; the page does not
// claim more.
func TestCase09SignOutClearsCookiesEvenWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"database", "compare"} {
		site := newSite(t, mode)
		ada := newBrowser(t, site).signIn("ada")
		ada.get("/dashboard")
		must(t, site.db.Close())
		ada.press("#sign-out").refused(503, "sign_out_uncertain")
		if held := ada.header(); strings.Contains(held, "session-") {
			t.Errorf("%s: the browser still holds %s", mode, held)
		}
		if ada.page.header.Get("Retry-After") == "" || ada.has("#header-sign-out") {
			t.Errorf("%s: the page takes the visitor for signed in:\n%s", mode, ada.text())
		}
		ada.wants("/dashboard", 303)
	}
}

// While something else holds the write lock, reads go on and writes give up.
func TestStoreLocked(t *testing.T) {
	dbtest.SQLiteOnly(t) // a server has no lock that stops all writers
	t.Parallel()
	site := newSite(t, "database")
	ada, phone, eve := newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("ada"), newBrowser(t, site)
	to := eve.toCallback("dev")
	patience := site.db.Wait
	site.db.Wait = 50 * time.Millisecond
	other, err := sql.Open("sqlite", site.file)
	must(t, err)
	defer other.Close()
	other.SetMaxOpenConns(1)
	_, err = other.Exec("BEGIN IMMEDIATE")
	must(t, err)

	ada.wants("/dashboard", 200).wants("/sessions", 200)
	ada.wantsAPI("GET", "/api/session", 200, "")
	ada.wants("/readyz", 503)
	ada.post("/sessions/revoke-others", nil).refused(503, "store_unavailable")
	if w := eve.request("GET", to.String(), nil, "cross-site"); w.Code != 503 || strings.Contains(eve.header(), "session-") {
		t.Errorf("a sign-in that cannot be stored: got %d and %s", w.Code, eve.header())
	}
	ada.get("/dashboard").press("#sign-out").refused(503, "sign_out_uncertain")
	if ada.has("#header-sign-out") || ada.has(`main a[href="/dashboard"]`) || ada.value("session-database") != "" {
		t.Errorf("the page takes the visitor for signed in:\n%s", ada.text())
	}

	// A session that is due to slide stands though it cannot.
	site.clock.Advance(6 * day)
	phone.wants("/dashboard", 200)
	if len(phone.setCookies()) > 0 {
		t.Errorf("it slid in the browser only: %v", phone.setCookies())
	}
	_, err = other.Exec("ROLLBACK")
	must(t, err)
	site.db.Wait = patience
	if phone.wants("/dashboard", 200); len(phone.setCookies()) != 1 {
		t.Errorf("it does not slide afterwards: %v", phone.setCookies())
	}
	phone.wants("/readyz", 200)
}

// What needs no store goes on without one, in compare mode too.
func TestCookieNeedsNoStore(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	ada.get("/compare").press("#do-steal")
	must(t, site.db.Close())

	answer := ada.wantsAPI("GET", "/api/session?strategy=cookie", 200, "")
	if extra := answer["extra"].(map[string]any); len(extra) != 0 {
		t.Errorf("extra: got %v, though nobody can tell", extra)
	}
	ada.wantsAPI("GET", "/api/user?strategy=cookie", 200, "")
	ada.wantsAPI("GET", "/api/session?strategy=database", 503, "store_unavailable")
	ada.get("/compare").at("/compare", 200)
	same(t, "with the store gone", ada.cells(), map[string]string{
		"you cookie": "is-in", "you database": "is-fault", "thief cookie": "is-in", "thief database": "is-fault",
	})
	ada.post("/strategy", form("strategy", "cookie")).at("/dashboard", 200)
	ada.wants("/sessions", 200)
}
