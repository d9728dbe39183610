package labpages_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth/lab"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

func newPublicSite(t testing.TB) *handlerstest.Site {
	return handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", LabPublic: true})
}

// readAll returns what a visitor can read on the site about themselves.
func readAll(b *handlerstest.Browser) string {
	b.Helper()
	var all strings.Builder
	for _, path := range []string{"/", "/compare?show=all", "/compare/state", "/dashboard", "/sessions", "/account", "/api/session", "/api/user", "/api/sessions"} {
		if w := b.Request(http.MethodGet, path, nil, "same-origin"); w.Code != 200 {
			b.Errorf("GET %s: got %d", path, w.Code)
		}
		all.WriteString(b.Page.Body)
	}
	return all.String()
}

// ids are the public ids of a visitor: their user, and their session under every
// strategy.
func ids(b *handlerstest.Browser) (ids []string) {
	b.Helper()
	for _, strategy := range strategies {
		told := b.WantsAPI("GET", "/api/session?strategy="+strategy, 200, "")
		ids = append(ids, told["session"].(map[string]any)["id"].(string))
		if strategy == strategies[0] {
			ids = append(ids, told["user"].(map[string]any)["id"].(string))
		}
	}
	return ids
}

// Two visitors of a public lab, both Ada, in parallel: nothing of one appears in
// what the other reads, and neither can end the other's sessions.
func TestPublicVisitorsNeverMeet(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	ada, eve := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
	eve.Agent = strings.ReplaceAll(handlerstest.Firefox, "X11; Linux x86_64", "Windows NT 10.0; Win64; x64")
	eve.SignIn("ada")
	var both sync.WaitGroup
	play := func(b *handlerstest.Browser, actions ...string) {
		both.Go(func() {
			for _, action := range actions {
				b.Post("/compare/"+action, handlerstest.Form("role", "admin", "duration", "1h")).At("/compare", 200)
			}
		})
	}
	play(ada, "add-phone", "steal", "rotate-key", "set-role", "sign-in-all")
	play(eve, "steal", "advance", "raise-version", "sign-in-all", "advance")
	both.Wait()

	hers, his := readAll(ada), readAll(eve)
	for _, secret := range ids(ada) {
		if strings.Contains(his, secret) {
			t.Errorf("Ada's %s stands in what Eve reads", secret)
		}
	}
	for _, secret := range ids(eve) {
		if strings.Contains(hers, secret) {
			t.Errorf("Eve's %s stands in what Ada reads", secret)
		}
	}
	for _, c := range []struct{ whose, in, word string }{
		{"Ada", his, "on a phone too"}, {"Ada", his, "was made admin"}, {"Ada", his, "A new key seals"}, {"Ada", his, "Firefox on Linux"},
		{"Eve", hers, "1 h went by"}, {"Eve", hers, "version was raised"}, {"Eve", hers, "Firefox on Windows"}, {"Eve", hers, "ahead"},
	} {
		if strings.Contains(c.in, c.word) {
			t.Errorf("%q, which only %s did or has, stands in what the other reads", c.word, c.whose)
		}
	}
	if !strings.Contains(hers, "was made admin") || !strings.Contains(his, "version was raised") {
		t.Error("somebody does not read their own story")
	}
	if role := eve.WantsAPI("GET", "/api/session", 200, "")["extra"].(map[string]any)["role"]; role != "member" {
		t.Errorf("Eve's Ada was made %v by Ada", role)
	}

	for _, strategy := range strategies {
		eve.Post("/strategy", handlerstest.Form("strategy", strategy))
		for _, id := range ids(ada) {
			for _, path := range []string{"/api/sessions/" + id + "/revoke?strategy=" + strategy, "/sessions/" + id + "/revoke"} {
				if w := eve.Request(http.MethodPost, path, nil, "same-origin"); w.Code != 404 && w.Code != 400 {
					t.Errorf("Eve ends Ada's %s under %s: got %d", id, strategy, w.Code)
				}
			}
		}
	}
	for _, strategy := range strategies {
		eve.Request(http.MethodPost, "/api/sessions/revoke-others?strategy="+strategy, nil, "same-origin")
		eve.Request(http.MethodPost, "/api/sessions/revoke-all?strategy="+strategy, nil, "same-origin")
	}
	for _, action := range []string{"revoke-all", "disable", "store-down", "reset"} {
		act(eve, action)
	}
	handlerstest.Same(t, "Ada, after all that", of(ada, "you"), inUnder())
	handlerstest.Same(t, "her phone", of(ada, "phone"), inUnder())
	ada.Wants("/dashboard", 200)
}

// Without LAB_PUBLIC two browsers are two devices of one story: signed in as the
// same person they see each other, and can end each other.
func TestLocalBrowsersMeet(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	laptop, tablet := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
	tablet.Agent = strings.ReplaceAll(handlerstest.Firefox, "X11; Linux x86_64", "Windows NT 10.0; Win64; x64")
	tablet.SignIn("ada").Get("/compare")
	if a, b := ids(laptop), ids(tablet); a[1] != b[1] {
		t.Fatalf("they are two users, %s and %s", a[1], b[1])
	}
	if laptop.Get("/sessions"); !strings.Contains(laptop.Text(), "Firefox on Windows") || laptop.Page.Find(".devices li").Length() != 2 {
		t.Errorf("the laptop does not see the tablet:\n%s", laptop.Text())
	}
	if text := laptop.Get("/compare").Text(); !strings.Contains(text, "last asked") {
		t.Errorf("the lab does not show the other browser:\n%s", text)
	}
	laptop.Post("/api/sessions/"+ids(tablet)[2]+"/revoke?strategy=database", nil)
	tablet.WantsAPI("GET", "/api/session?strategy=database", 401, "revoked")
	tablet.SignIn("ada")
	tablet.WantsAPI("POST", "/api/sessions/revoke-others?strategy=database", 200, "")
	laptop.WantsAPI("GET", "/api/session?strategy=database", 401, "revoked")
	tablet.WantsAPI("GET", "/api/session?strategy=database", 200, "")
}

// Whoever only looks leaves nothing behind: no cookie, no row.
func TestPublicPassersBy(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	nobody := handlerstest.NewBrowser(t, site)
	for _, path := range []string{"/", "/compare", "/compare/state", "/sign-in", "/nowhere"} {
		nobody.Get(path)
	}
	nobody.Wants("/dashboard", 303).WantsAPI("GET", "/api/session", 401, "no_session")
	nobody.Request(http.MethodOptions, "/compare", nil, "")
	if len(nobody.Cookies) > 0 || site.Rows("benches") > 0 || site.Rows("users") > 0 {
		t.Errorf("%d cookies, %d benches and %d users", len(nobody.Cookies), site.Rows("benches"), site.Rows("users"))
	}
	nobody.Get("/compare").Follow("#do-sign-in-all").Press("#sign-in-dev").Press("button[value=ada]").At("/compare", 200)
	handlerstest.Same(t, "signed in", of(nobody, "you"), inUnder())
	if site.Rows("benches") != 1 {
		t.Errorf("%d benches, want one", site.Rows("benches"))
	}
}

// The visitor's cookie cannot be made up, and is worth nothing once its bench is
// gone: whoever shows such a one starts fresh, and is told so.
func TestPublicForgedVisitor(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	ada := act(handlerstest.NewBrowser(t, site).SignIn("ada"), "steal")
	mine := ada.Value("visitor")
	flipped := []byte(mine)
	flipped[len(flipped)/2] ^= 1
	other := handlerstest.NewBrowser(t, handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", LabPublic: true, File: filepath.Join(t.TempDir(), "other.db")})).SignIn("ada")
	local := handlerstest.NewBrowser(t, handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", File: filepath.Join(t.TempDir(), "local.db")})).Get("/compare")
	for name, value := range map[string]string{
		"made up": "AAAAAAAAAAAAAAAAAAAAAAAAAA", "empty": `""`, "local": "local", "path": "../../../x", "flipped": string(flipped), "cut": mine[:len(mine)-1],
		"a session": ada.Value("session-cookie"), "of another site with the same key": other.Value("visitor"), "of a local lab": local.Value("visitor"),
		"long": strings.Repeat("A", 4000),
	} {
		eve := handlerstest.NewBrowser(t, site).Steal(ada)
		eve.Plant("visitor", value)
		w := eve.Request(http.MethodGet, "/compare/state", nil, "same-origin")
		if w.Code != 200 || strings.Contains(w.Body.String(), "thief") || strings.Contains(w.Body.String(), "signed_in") || strings.Contains(w.Body.String(), "copied") {
			t.Errorf("%s: got %d %s", name, w.Code, w.Body)
		}
		if eve.Value("visitor") == value || eve.Value("session-cookie") != "" {
			t.Errorf("%s: cookies that mean nothing are kept", name)
		}
		eve.Steal(ada).Plant("visitor", value)
		eve.Post("/compare/steal", nil)
		if eve.Page.Status != 409 {
			t.Errorf("%s: POST /compare/steal: got %d:\n%s", name, eve.Page.Status, eve.Text())
		}
		act(eve.SignIn("ada"), "revoke-all")
	}
	handlerstest.Same(t, "Ada", of(ada, "you"), inUnder())
	handlerstest.Same(t, "her thief", of(ada, "thief"), inUnder())

	// Her sessions without her bench are nobody's.
	eve := handlerstest.NewBrowser(t, site).Steal(ada)
	delete(eve.Cookies, "__Host-visitor")
	for _, strategy := range strategies {
		eve.WantsAPI("GET", "/api/session?strategy="+strategy, 401, "no_session")
	}
	// After its time the cookie opens nothing, even where a browser keeps it.
	site.Clock.Advance(30*handlerstest.Day - time.Second)
	if _, state := ada.API("GET", "/compare/state"); len(state["story"].([]any)) == 0 {
		t.Error("the bench is gone a second too early")
	}
	eve.Plant("visitor", mine)
	site.Clock.Advance(time.Second)
	if _, state := eve.API("GET", "/compare/state"); len(state["story"].([]any)) > 0 {
		t.Error("a visitor's cookie outlives its end")
	}
}

// The bench that was unused longest goes first, with its rows and its people. Its
// visitor starts fresh, without an error.
func TestPublicBenchesAreBounded(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	benches := site.Extension.(*labpages.Lab).Benches
	benches.Max = 3
	come := func() *handlerstest.Browser {
		site.Clock.Advance(time.Minute)
		return act(handlerstest.NewBrowser(t, site).SignIn("ada"), "add-phone")
	}
	first, second, third := come(), come(), come()
	site.Clock.Advance(time.Minute)
	first.Get("/") // and so the second is the one that was unused longest
	sessions, users := site.Rows("sessions"), site.Rows("users")
	fourth := come()
	if s, u, b := site.Rows("sessions"), site.Rows("users"), site.Rows("benches"); s != sessions || u != users || b != 3 {
		t.Errorf("%d sessions, %d users and %d benches; before it were %d, %d and 3", s, u, b, sessions, users)
	}
	site.Journal.Wants(t, "bench_cleared")
	for i, b := range []*handlerstest.Browser{third, first, fourth} {
		site.Clock.Advance(time.Minute)
		handlerstest.Same(t, fmt.Sprint("visitor ", i), of(b, "you"), inUnder())
	}

	if second.Get("/").At("/", 200); !strings.Contains(second.Page.Find("#top").Text(), "cleared away") {
		t.Errorf("nobody tells them:\n%s", second.Page.Find("#top").Text())
	}
	if second.Get("/compare").At("/compare", 200); strings.Contains(second.Page.Find("#top").Text(), "cleared away") || second.CookieHeader() != "" {
		t.Errorf("they are told twice, or keep cookies: %q", second.CookieHeader())
	}
	for strategy, verdict := range of(second, "you") {
		if verdict != "none" {
			t.Errorf("%s: %s", strategy, verdict)
		}
	}
	site.Clock.Advance(time.Minute)
	handlerstest.Same(t, "again", of(second.SignIn("ada"), "you"), inUnder()) // in the place of the third

	// The same for one who presses a button first.
	third.Post("/compare/revoke-all", nil).At("/sign-in", 200)
	third.SignIn("ada").Wants("/dashboard", 200)
}

// A bench that lies unused goes with all that is in its space, and nothing else.
func TestPublicBenchesAge(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	benches := site.Extension.(*labpages.Lab).Benches
	old := act(handlerstest.NewBrowser(t, site).SignIn("ada"), "add-phone")
	old.Get("/sign-up")
	site.Clock.Advance(lab.MaxIdle - time.Second)
	sweep(t, benches)
	if site.Rows("benches") != 1 {
		t.Error("a bench is gone a second too early")
	}
	used := handlerstest.NewBrowser(t, site).SignIn("grace")
	sessions := site.Rows("sessions")
	site.Clock.Advance(time.Second)
	sweep(t, benches)
	if b, u, s := site.Rows("benches"), site.Rows("users"), site.Rows("sessions"); b != 1 || u != 1 || s >= sessions || site.Rows("accounts") != 1 {
		t.Errorf("%d benches, %d users, %d of %d sessions and %d accounts are left", b, u, s, sessions, site.Rows("accounts"))
	}
	used.Wants("/dashboard", 200)
	old.Wants("/dashboard", 303)
}

// A public lab that starts while the machine's clock is a year ahead deletes nothing
// before the first tick, by which time the clock may be right again.
func TestPublicClockAheadAtTheStart(t *testing.T) {
	t.Parallel()
	before := newPublicSite(t)
	ada := handlerstest.NewBrowser(t, before).SignIn("ada")
	after := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", LabPublic: true, File: before.File})
	after.Clock.Advance(365 * 24 * time.Hour)
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { after.Extension.(*labpages.Lab).Benches.Sweep(ctx, nil); close(done) }()
	handlerstest.NewBrowser(t, after).SignIn("grace")
	cancel()
	<-done
	after.Clock.Advance(-365 * 24 * time.Hour)
	ada.Site = after
	ada.Wants("/dashboard", 200)
}

// sweep sweeps once.
func sweep(t *testing.T, benches *lab.Benches) {
	t.Helper()
	ticks := make(chan time.Time)
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { benches.Sweep(ctx, ticks); close(done) }()
	ticks <- time.Time{}
	ticks <- time.Time{} // taken when the first round is over
	cancel()
	<-done
}

// A restart keeps each visitor's keys, version and clock, and what they are signed
// in with; and it knows which benches there are.
func TestPublicRestart(t *testing.T) {
	t.Parallel()
	before := newPublicSite(t)
	ada, eve := handlerstest.NewBrowser(t, before).SignIn("ada"), handlerstest.NewBrowser(t, before).SignIn("grace")
	act(act(act(act(ada, "rotate-key"), "raise-version"), "advance", "duration", "1h"), "sign-in-all")

	after := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", LabPublic: true, File: before.File})
	after.Clock.Advance(time.Minute)
	ada.Site, eve.Site = after, after
	handlerstest.Same(t, "Ada", of(ada, "you"), inUnder())
	handlerstest.Same(t, "Eve", of(eve, "you"), inUnder())
	if text := ada.Get("/compare").Text(); !strings.Contains(text, "1 h ahead") || !strings.Contains(text, "version 2") || !strings.Contains(text, "2 keys") || !strings.Contains(text, "restarted") {
		t.Errorf("Ada's bench is another one:\n%s", text)
	}
	if text := eve.Get("/compare").Text(); strings.Contains(text, "ahead") || strings.Contains(text, "version 2") {
		t.Errorf("Eve's bench is Ada's:\n%s", text)
	}
	// A bench that nobody asked for since the restart counts too.
	third := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", LabPublic: true, File: before.File})
	third.Extension.(*labpages.Lab).Benches.Max = 2
	third.Clock.Advance(time.Hour)
	handlerstest.NewBrowser(t, third).SignIn("linus")
	if n := third.Rows("benches"); n != 2 {
		t.Errorf("%d benches, want 2", n)
	}
}

// Many hands of one visitor, and many visitors at once, while benches come and go:
// every answer is one that the lab may give, and nobody meets anybody.
func TestPublicInParallel(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	site.Extension.(*labpages.Lab).Benches.Max = 8
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	mine := ids(ada)
	actions := []string{"steal", "sign-out", "sign-in-all", "revoke-all", "add-phone", "advance", "set-role", "rotate-key", "store-down", "store-up", "disable", "enable", "reset"}
	var all sync.WaitGroup
	for i := range 100 {
		b := handlerstest.NewBrowser(t, site).Steal(ada)
		action := actions[i%len(actions)]
		all.Go(func() {
			w := b.Request(http.MethodPost, "/compare/"+action, handlerstest.Form("duration", "1m", "role", "admin"), "same-origin")
			if !slices.Contains([]int{303, 401, 409, 503}, w.Code) {
				t.Errorf("POST /compare/%s: got %d %s", action, w.Code, b.Text())
			}
		})
	}
	for range 20 {
		all.Go(func() {
			b := handlerstest.NewBrowser(t, site)
			for range 3 {
				b.Post("/sign-in/dev", nil)
				if b.Request(http.MethodGet, "/compare/state", nil, "same-origin"); b.Page.Status != 200 {
					t.Errorf("GET /compare/state: got %d", b.Page.Status)
				}
				for _, id := range mine {
					if strings.Contains(b.Page.Body, id) {
						t.Errorf("a stranger reads Ada's %s", id)
					}
				}
			}
		})
	}
	all.Wait()
	handlerstest.NewBrowser(t, site).Post("/sign-in/dev", nil) // when no request holds on to them, too many go
	if n := site.Rows("benches"); n > 8 {
		t.Errorf("%d benches, want 8 at most", n)
	}
	ada.Post("/compare/store-up", nil)
	ada.Post("/compare/enable", nil)
	act(ada.SignIn("ada"), "reset")
	ada.SignIn("ada")
	handlerstest.Same(t, "Ada", of(ada, "you"), inUnder())
}
