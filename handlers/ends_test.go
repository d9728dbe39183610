package handlers_test

import (
	"sync"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

// Both ends come at their instant: a second before, the session is good, at the
// end it is over, and the page says why.
func TestIdleEnd(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cookie", "database"} {
		site := handlerstest.NewSite(t, mode)
		ada, thief := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
		thief.Steal(ada)
		ada.Site.Clock.Advance(handlerstest.Lifetimes.Idle - time.Second)
		copied := handlerstest.NewBrowser(t, site)
		copied.Plant("session-"+mode, thief.Value("session-"+mode)) // kept beyond its Max-Age

		site.Clock.Advance(time.Second)
		ada.WantsAPI("GET", "/api/session", 401, "no_session") // the browser forgot it by itself
		copied.WantsAPI("GET", "/api/session", 401, "expired")
		copied.Plant("session-"+mode, thief.Value("session-"+mode))
		copied.Get("/dashboard").Told("expired")
		copied.Wants("/dashboard", 303)
	}
}

func TestAbsoluteEnd(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cookie", "database"} {
		site := handlerstest.NewSite(t, mode)
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		_, begun := ada.API("GET", "/api/session")
		begin := site.Clock.Now()
		for site.Clock.Now().Before(begin.Add(handlerstest.Lifetimes.Max - handlerstest.Day)) {
			site.Clock.Advance(handlerstest.Day)
			ada.Wants("/dashboard", 200)
		}
		_, aged := ada.API("GET", "/api/session")
		for _, name := range []string{"id", "issuedAt", "endsAt"} {
			if handlerstest.SessionOf(begun)[name] != handlerstest.SessionOf(aged)[name] {
				t.Errorf("%s: %s moved from %v to %v", mode, name, handlerstest.SessionOf(begun)[name], handlerstest.SessionOf(aged)[name])
			}
		}
		if got, end := handlerstest.SessionOf(aged)["expiresAt"], handlerstest.SessionOf(aged)["endsAt"]; got != end {
			t.Errorf("%s: expires %v, after its end %v", mode, got, end)
		}
		copied := handlerstest.NewBrowser(t, site)
		copied.Plant("session-"+mode, ada.Value("session-"+mode))
		site.Clock.Advance(handlerstest.Day - time.Second)
		if ada.Wants("/dashboard", 200); len(ada.SetCookies()) != 0 {
			t.Errorf("%s: an ageing session sets a cookie on each request", mode)
		}
		site.Clock.Advance(time.Second)
		ada.Wants("/dashboard", 303)
		copied.Get("/dashboard").Told("expired")
	}
}

// A copy taken at the beginning dies at its own end, though the owner's session
// has slid on; under database there is one row for both.
func TestCopyOfAnOldCookie(t *testing.T) {
	t.Parallel()
	for mode, status := range map[string]int{"cookie": 303, "database": 200} {
		site := handlerstest.NewSite(t, mode)
		ada, thief := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
		thief.Plant("session-"+mode, ada.Value("session-"+mode))
		site.Clock.Advance(6 * handlerstest.Day)
		ada.Wants("/dashboard", 200)
		site.Clock.Advance(handlerstest.Day)
		ada.Wants("/dashboard", 200)
		thief.Wants("/dashboard", status)
	}
}

// Without "remember me" the cookies go when the browser closes, and the session
// lasts a day at most whatever the browser restores.
func TestNotRemembered(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cookie", "database"} {
		site := handlerstest.NewSite(t, mode)
		ada := handlerstest.NewBrowser(t, site)
		ada.Get("/sign-in").Untick(".providers input[name=remember][type=checkbox]")
		ada.Press("#sign-in-dev").Press("button[value=ada]").At("/dashboard", 200)
		if c := ada.Cookies["__Host-session-"+mode]; c.Value == "" || !c.Ends.IsZero() {
			t.Errorf("%s: got %v, want a cookie without Max-Age", mode, c)
		}
		_, answer := ada.API("GET", "/api/session")
		session := handlerstest.SessionOf(answer)
		if session["remember"] != false || session["endsAt"] != "2026-05-05T12:00:00Z" || session["expiresAt"] != session["endsAt"] {
			t.Errorf("%s: got %v, want one day", mode, session)
		}
		restored := handlerstest.NewBrowser(t, site).Steal(ada)
		ada.Close()
		ada.WantsAPI("GET", "/api/session", 401, "no_session")
		site.Clock.Advance(handlerstest.Day - time.Second)
		restored.Wants("/dashboard", 200)
		if c := restored.Cookies["__Host-session-"+mode]; !c.Ends.IsZero() {
			t.Errorf("%s: a later answer made the browser remember: %v", mode, c)
		}
		site.Clock.Advance(time.Second)
		restored.Get("/dashboard").Told("expired")
	}
}

// The form field may be absent, as API clients leave it: that is yes.
func TestRememberField(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "cookie")
	for _, c := range []struct {
		values []string
		want   bool
	}{{nil, true}, {[]string{"1"}, true}, {[]string{"0"}, false}, {[]string{"0", "1"}, true}, {[]string{"1", "0"}, false}, {[]string{"nonsense"}, false}} {
		ada := handlerstest.NewBrowser(t, site)
		values := handlerstest.Form("next", "/sessions")
		values["remember"] = c.values
		ada.Post("/sign-in/dev", values).Press("button[value=ada]").At("/sessions", 200)
		_, answer := ada.API("GET", "/api/session")
		if got := handlerstest.SessionOf(answer)["remember"]; got != c.want {
			t.Errorf("remember=%v: got %v, want %t", c.values, got, c.want)
		}
	}
}

// Many tabs at the edge where a session slides: all of them get in, and the
// session is one.
func TestSlidingInParallel(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cookie", "database"} {
		site := handlerstest.NewSite(t, mode)
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		site.Clock.Advance(6 * handlerstest.Day)
		var tabs sync.WaitGroup
		ids := make([]any, 20)
		for i := range ids {
			tab := handlerstest.NewBrowser(t, site).Steal(ada)
			tabs.Go(func() { ids[i] = handlerstest.SessionOf(tab.WantsAPI("GET", "/api/session", 200, ""))["id"] })
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
	eachMode(t, func(t *testing.T, site *handlerstest.Site) {
		ada, phone := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
		user := ada.WantsAPI("GET", "/api/user", 200, "")
		site.Disable(user["id"].(string))
		if site.Extension != nil { // what is sealed asks nobody
			ada.WantsAPI("GET", "/api/session?strategy=cookie", 200, "")
		}
		ada.WantsAPI("GET", "/api/sessions?strategy=database", 401, "disabled")
		phone.Get("/sign-in").Press("#sign-in-dev").Press("button[value=ada]").Told("disabled")
		phone.WantsAPI("GET", "/api/session", 401, "no_session")
	}, "database")
}
