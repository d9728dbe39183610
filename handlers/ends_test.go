package handlers_test

import (
	"sync"
	"testing"
	"time"
)

// Both ends come at their instant: a second before, the session is good, at the
// end it is over, and the page says why.
func TestIdleEnd(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cookie", "database"} {
		site := newSite(t, mode)
		ada, thief := newBrowser(t, site).signIn("ada"), newBrowser(t, site)
		thief.steal(ada)
		ada.site.clock.Advance(lifetimes.Idle - time.Second)
		copied := newBrowser(t, site)
		copied.plant("session-"+mode, thief.value("session-"+mode)) // kept beyond its Max-Age

		site.clock.Advance(time.Second)
		ada.wantsAPI("GET", "/api/session", 401, "no_session") // the browser forgot it by itself
		copied.wantsAPI("GET", "/api/session", 401, "expired")
		copied.plant("session-"+mode, thief.value("session-"+mode))
		copied.get("/dashboard").told("expired")
		copied.wants("/dashboard", 303)
	}
}

func TestAbsoluteEnd(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cookie", "database"} {
		site := newSite(t, mode)
		ada := newBrowser(t, site).signIn("ada")
		_, begun := ada.api("GET", "/api/session")
		begin := site.clock.Now()
		for site.clock.Now().Before(begin.Add(lifetimes.Max - day)) {
			site.clock.Advance(day)
			ada.wants("/dashboard", 200)
		}
		_, aged := ada.api("GET", "/api/session")
		for _, name := range []string{"id", "issuedAt", "endsAt"} {
			if sessionOf(begun)[name] != sessionOf(aged)[name] {
				t.Errorf("%s: %s moved from %v to %v", mode, name, sessionOf(begun)[name], sessionOf(aged)[name])
			}
		}
		if got, end := sessionOf(aged)["expiresAt"], sessionOf(aged)["endsAt"]; got != end {
			t.Errorf("%s: expires %v, after its end %v", mode, got, end)
		}
		copied := newBrowser(t, site)
		copied.plant("session-"+mode, ada.value("session-"+mode))
		site.clock.Advance(day - time.Second)
		if ada.wants("/dashboard", 200); len(ada.setCookies()) != 0 {
			t.Errorf("%s: an ageing session sets a cookie on each request", mode)
		}
		site.clock.Advance(time.Second)
		ada.wants("/dashboard", 303)
		copied.get("/dashboard").told("expired")
	}
}

// A copy taken at the beginning dies at its own end, though the owner's session
// has slid on; under database there is one row for both.
func TestCopyOfAnOldCookie(t *testing.T) {
	t.Parallel()
	for mode, status := range map[string]int{"cookie": 303, "database": 200} {
		site := newSite(t, mode)
		ada, thief := newBrowser(t, site).signIn("ada"), newBrowser(t, site)
		thief.plant("session-"+mode, ada.value("session-"+mode))
		site.clock.Advance(6 * day)
		ada.wants("/dashboard", 200)
		site.clock.Advance(day)
		ada.wants("/dashboard", 200)
		thief.wants("/dashboard", status)
	}
}

// Without "remember me" the cookies go when the browser closes, and the session
// lasts a day at most whatever the browser restores.
func TestNotRemembered(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cookie", "database"} {
		site := newSite(t, mode)
		ada := newBrowser(t, site)
		ada.get("/sign-in").untick(".providers input[name=remember][type=checkbox]")
		ada.press("#sign-in-dev").press("button[value=ada]").at("/dashboard", 200)
		if c := ada.cookies["__Host-session-"+mode]; c.value == "" || !c.ends.IsZero() {
			t.Errorf("%s: got %v, want a cookie without Max-Age", mode, c)
		}
		_, answer := ada.api("GET", "/api/session")
		session := sessionOf(answer)
		if session["remember"] != false || session["endsAt"] != "2026-05-05T12:00:00Z" || session["expiresAt"] != session["endsAt"] {
			t.Errorf("%s: got %v, want one day", mode, session)
		}
		restored := newBrowser(t, site).steal(ada)
		ada.close()
		ada.wantsAPI("GET", "/api/session", 401, "no_session")
		site.clock.Advance(day - time.Second)
		restored.wants("/dashboard", 200)
		if c := restored.cookies["__Host-session-"+mode]; !c.ends.IsZero() {
			t.Errorf("%s: a later answer made the browser remember: %v", mode, c)
		}
		site.clock.Advance(time.Second)
		restored.get("/dashboard").told("expired")
	}
}

// The form field may be absent, as API clients leave it: that is yes.
func TestRememberField(t *testing.T) {
	t.Parallel()
	site := newSite(t, "cookie")
	for _, c := range []struct {
		values []string
		want   bool
	}{{nil, true}, {[]string{"1"}, true}, {[]string{"0"}, false}, {[]string{"0", "1"}, true}, {[]string{"1", "0"}, false}, {[]string{"nonsense"}, false}} {
		ada := newBrowser(t, site)
		values := form("next", "/sessions")
		values["remember"] = c.values
		ada.post("/sign-in/dev", values).press("button[value=ada]").at("/sessions", 200)
		_, answer := ada.api("GET", "/api/session")
		if got := sessionOf(answer)["remember"]; got != c.want {
			t.Errorf("remember=%v: got %v, want %t", c.values, got, c.want)
		}
	}
}

// Many tabs at the edge where a session slides: all of them get in, and the
// session is one.
func TestSlidingInParallel(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cookie", "database"} {
		site := newSite(t, mode)
		ada := newBrowser(t, site).signIn("ada")
		site.clock.Advance(6 * day)
		var tabs sync.WaitGroup
		ids := make([]any, 20)
		for i := range ids {
			tab := newBrowser(t, site).steal(ada)
			tabs.Go(func() { ids[i] = sessionOf(tab.wantsAPI("GET", "/api/session", 200, ""))["id"] })
		}
		tabs.Wait()
		for _, id := range ids {
			if id == nil || id != ids[0] {
				t.Errorf("%s: got sessions %v, want one", mode, ids)
			}
		}
	}
}

// A disabled account is out at the next request, where the store is asked, and
// cannot sign in.
func TestDisabledAccount(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada, phone := newBrowser(t, site).signIn("ada"), newBrowser(t, site)
	user := ada.wantsAPI("GET", "/api/user", 200, "")
	must(t, site.db.Disable(t.Context(), user["id"].(string), site.clock.Now()))
	ada.wantsAPI("GET", "/api/session?strategy=cookie", 200, "")
	ada.wantsAPI("GET", "/api/sessions?strategy=database", 401, "disabled")
	phone.get("/sign-in").press("#sign-in-dev").press("button[value=ada]").told("disabled")
	phone.wantsAPI("GET", "/api/session", 401, "no_session")
}
