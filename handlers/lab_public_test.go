package handlers_test

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
	"sessionlab/handlers"
)

func newPublicSite(t testing.TB) *site {
	return newSiteWith(t, settings{Strategy: "compare", Public: true})
}

// readAll is what a visitor can read on the site, about themselves.
func (b *browser) readAll() string {
	b.Helper()
	var all strings.Builder
	for _, path := range []string{"/", "/compare?show=all", "/compare/state", "/dashboard", "/sessions", "/account", "/api/session", "/api/user", "/api/sessions"} {
		if w := b.request(http.MethodGet, path, nil, "same-origin"); w.Code != 200 {
			b.Errorf("GET %s: got %d", path, w.Code)
		}
		all.WriteString(b.page.body)
	}
	return all.String()
}

// ids are the public ids of a visitor: their user, and their session under every
// strategy.
func (b *browser) ids() (ids []string) {
	b.Helper()
	for _, strategy := range strategies {
		told := b.wantsAPI("GET", "/api/session?strategy="+strategy, 200, "")
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
	ada, eve := newBrowser(t, site).signIn("ada"), newBrowser(t, site)
	eve.agent = strings.ReplaceAll(firefox, "X11; Linux x86_64", "Windows NT 10.0; Win64; x64")
	eve.signIn("ada")
	var both sync.WaitGroup
	play := func(b *browser, actions ...string) {
		both.Go(func() {
			for _, action := range actions {
				b.post("/compare/"+action, form("role", "admin", "duration", "1h")).at("/compare", 200)
			}
		})
	}
	play(ada, "add-phone", "steal", "rotate-key", "set-role", "sign-in-all")
	play(eve, "steal", "advance", "raise-version", "sign-in-all", "advance")
	both.Wait()

	hers, his := ada.readAll(), eve.readAll()
	for _, secret := range ada.ids() {
		if strings.Contains(his, secret) {
			t.Errorf("Ada's %s stands in what Eve reads", secret)
		}
	}
	for _, secret := range eve.ids() {
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
	if role := eve.wantsAPI("GET", "/api/session", 200, "")["extra"].(map[string]any)["role"]; role != "member" {
		t.Errorf("Eve's Ada was made %v by Ada", role)
	}

	for _, strategy := range strategies {
		eve.post("/strategy", form("strategy", strategy))
		for _, id := range ada.ids() {
			for _, path := range []string{"/api/sessions/" + id + "/revoke?strategy=" + strategy, "/sessions/" + id + "/revoke"} {
				if w := eve.request(http.MethodPost, path, nil, "same-origin"); w.Code != 404 && w.Code != 400 {
					t.Errorf("Eve ends Ada's %s under %s: got %d", id, strategy, w.Code)
				}
			}
		}
	}
	for _, strategy := range strategies {
		eve.request(http.MethodPost, "/api/sessions/revoke-others?strategy="+strategy, nil, "same-origin")
		eve.request(http.MethodPost, "/api/sessions/revoke-all?strategy="+strategy, nil, "same-origin")
	}
	for _, action := range []string{"revoke-all", "disable", "store-down", "reset"} {
		eve.act(action)
	}
	same(t, "Ada, after all that", ada.of("you"), inUnder())
	same(t, "her phone", ada.of("phone"), inUnder())
	ada.wants("/dashboard", 200)
}

// Without LAB_PUBLIC two browsers are two devices of one story: signed in as the
// same person they see each other, and can end each other.
func TestLocalBrowsersMeet(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	laptop, tablet := newBrowser(t, site).signIn("ada"), newBrowser(t, site)
	tablet.agent = strings.ReplaceAll(firefox, "X11; Linux x86_64", "Windows NT 10.0; Win64; x64")
	tablet.signIn("ada").get("/compare")
	if a, b := laptop.ids(), tablet.ids(); a[1] != b[1] {
		t.Fatalf("they are two users, %s and %s", a[1], b[1])
	}
	if laptop.get("/sessions"); !strings.Contains(laptop.text(), "Firefox on Windows") || laptop.page.Find(".devices li").Length() != 2 {
		t.Errorf("the laptop does not see the tablet:\n%s", laptop.text())
	}
	if text := laptop.get("/compare").text(); !strings.Contains(text, "last asked") {
		t.Errorf("the lab does not show the other browser:\n%s", text)
	}
	laptop.post("/api/sessions/"+tablet.ids()[2]+"/revoke?strategy=database", nil)
	tablet.wantsAPI("GET", "/api/session?strategy=database", 401, "revoked")
	tablet.signIn("ada")
	tablet.wantsAPI("POST", "/api/sessions/revoke-others?strategy=database", 200, "")
	laptop.wantsAPI("GET", "/api/session?strategy=database", 401, "revoked")
	tablet.wantsAPI("GET", "/api/session?strategy=database", 200, "")
}

// Whoever only looks leaves nothing behind: no cookie, no row.
func TestPublicPassersBy(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	nobody := newBrowser(t, site)
	for _, path := range []string{"/", "/compare", "/compare/state", "/sign-in", "/nowhere"} {
		nobody.get(path)
	}
	nobody.wants("/dashboard", 303).wantsAPI("GET", "/api/session", 401, "no_session")
	nobody.request(http.MethodOptions, "/compare", nil, "")
	if len(nobody.cookies) > 0 || site.rows("benches") > 0 || site.rows("users") > 0 {
		t.Errorf("%d cookies, %d benches and %d users", len(nobody.cookies), site.rows("benches"), site.rows("users"))
	}
	nobody.get("/compare").follow("#do-sign-in-all").press("#sign-in-dev").press("button[value=ada]").at("/compare", 200)
	same(t, "signed in", nobody.of("you"), inUnder())
	if site.rows("benches") != 1 {
		t.Errorf("%d benches, want one", site.rows("benches"))
	}
}

// The visitor's cookie cannot be made up, and is worth nothing once its bench is
// gone: whoever shows such a one starts fresh, and is told so.
func TestPublicForgedVisitor(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	ada := newBrowser(t, site).signIn("ada").act("steal")
	mine := ada.value("visitor")
	flipped := []byte(mine)
	flipped[len(flipped)/2] ^= 1
	other := newBrowser(t, newSiteWith(t, settings{Strategy: "compare", Public: true, File: filepath.Join(t.TempDir(), "other.db")})).signIn("ada")
	local := newBrowser(t, newSiteWith(t, settings{Strategy: "compare", File: filepath.Join(t.TempDir(), "local.db")})).get("/compare")
	for name, value := range map[string]string{
		"made up": "AAAAAAAAAAAAAAAAAAAAAAAAAA", "empty": `""`, "local": "local", "path": "../../x", "flipped": string(flipped), "cut": mine[:len(mine)-1],
		"a session": ada.value("session-cookie"), "of another site with the same key": other.value("visitor"), "of a local lab": local.value("visitor"),
		"long": strings.Repeat("A", 4000),
	} {
		eve := newBrowser(t, site).steal(ada)
		eve.plant("visitor", value)
		w := eve.request(http.MethodGet, "/compare/state", nil, "same-origin")
		if w.Code != 200 || strings.Contains(w.Body.String(), "thief") || strings.Contains(w.Body.String(), "signed_in") || strings.Contains(w.Body.String(), "copied") {
			t.Errorf("%s: got %d %s", name, w.Code, w.Body)
		}
		if eve.value("visitor") == value || eve.value("session-cookie") != "" {
			t.Errorf("%s: cookies that mean nothing are kept", name)
		}
		eve.steal(ada).plant("visitor", value)
		eve.post("/compare/steal", nil)
		if eve.page.status != 409 {
			t.Errorf("%s: POST /compare/steal: got %d:\n%s", name, eve.page.status, eve.text())
		}
		eve.signIn("ada").act("revoke-all")
	}
	same(t, "Ada", ada.of("you"), inUnder())
	same(t, "her thief", ada.of("thief"), inUnder())

	// Her sessions without her bench are nobody's.
	eve := newBrowser(t, site).steal(ada)
	delete(eve.cookies, "__Host-visitor")
	for _, strategy := range strategies {
		eve.wantsAPI("GET", "/api/session?strategy="+strategy, 401, "no_session")
	}
	// After its time the cookie opens nothing, even where a browser keeps it.
	site.clock.Advance(30*day - time.Second)
	if _, state := ada.api("GET", "/compare/state"); len(state["story"].([]any)) == 0 {
		t.Error("the bench is gone a second too early")
	}
	eve.plant("visitor", mine)
	site.clock.Advance(time.Second)
	if _, state := eve.api("GET", "/compare/state"); len(state["story"].([]any)) > 0 {
		t.Error("a visitor's cookie outlives its end")
	}
}

// The bench that was unused longest goes first, with its rows and its people. Its
// visitor starts fresh, without an error.
func TestPublicBenchesAreBounded(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	benches := site.Extension.(*handlers.Lab).Benches
	benches.Max = 3
	come := func() *browser {
		site.clock.Advance(time.Minute)
		return newBrowser(t, site).signIn("ada").act("add-phone")
	}
	first, second, third := come(), come(), come()
	site.clock.Advance(time.Minute)
	first.get("/") // and so the second is the one that was unused longest
	sessions, users := site.rows("sessions"), site.rows("users")
	fourth := come()
	if s, u, b := site.rows("sessions"), site.rows("users"), site.rows("benches"); s != sessions || u != users || b != 3 {
		t.Errorf("%d sessions, %d users and %d benches; before it were %d, %d and 3", s, u, b, sessions, users)
	}
	site.log.wants(t, "bench_cleared")
	for i, b := range []*browser{third, first, fourth} {
		site.clock.Advance(time.Minute)
		same(t, fmt.Sprint("visitor ", i), b.of("you"), inUnder())
	}

	if second.get("/").at("/", 200); !strings.Contains(second.page.Find("#top").Text(), "cleared away") {
		t.Errorf("nobody tells them:\n%s", second.page.Find("#top").Text())
	}
	if second.get("/compare").at("/compare", 200); strings.Contains(second.page.Find("#top").Text(), "cleared away") || second.header() != "" {
		t.Errorf("they are told twice, or keep cookies: %q", second.header())
	}
	for strategy, verdict := range second.of("you") {
		if verdict != "none" {
			t.Errorf("%s: %s", strategy, verdict)
		}
	}
	site.clock.Advance(time.Minute)
	same(t, "again", second.signIn("ada").of("you"), inUnder()) // in the place of the third

	// The same for one who presses a button first.
	third.post("/compare/revoke-all", nil).at("/sign-in", 200)
	third.signIn("ada").wants("/dashboard", 200)
}

// A bench that lies unused goes with all that is in its space, and nothing else.
func TestPublicBenchesAge(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	benches := site.Extension.(*handlers.Lab).Benches
	old := newBrowser(t, site).signIn("ada").act("add-phone")
	old.get("/sign-up")
	site.clock.Advance(lab.MaxIdle - time.Second)
	sweep(t, benches)
	if site.rows("benches") != 1 {
		t.Error("a bench is gone a second too early")
	}
	used := newBrowser(t, site).signIn("grace")
	sessions := site.rows("sessions")
	site.clock.Advance(time.Second)
	sweep(t, benches)
	if b, u, s := site.rows("benches"), site.rows("users"), site.rows("sessions"); b != 1 || u != 1 || s >= sessions || site.rows("accounts") != 1 {
		t.Errorf("%d benches, %d users, %d of %d sessions and %d accounts are left", b, u, s, sessions, site.rows("accounts"))
	}
	used.wants("/dashboard", 200)
	old.wants("/dashboard", 303)
}

// sweep sweeps once.
func sweep(t *testing.T, benches *lab.Benches) {
	t.Helper()
	ticks := make(chan time.Time)
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { benches.Sweep(ctx, ticks); close(done) }()
	ticks <- time.Time{} // taken when the first round is over
	cancel()
	<-done
}

// A restart keeps each visitor's keys, version and clock, and what they are signed
// in with; and it knows which benches there are.
func TestPublicRestart(t *testing.T) {
	t.Parallel()
	before := newPublicSite(t)
	ada, eve := newBrowser(t, before).signIn("ada"), newBrowser(t, before).signIn("grace")
	ada.act("rotate-key").act("raise-version").act("advance", "duration", "1h").act("sign-in-all")

	after := newSiteWith(t, settings{Strategy: "compare", Public: true, File: before.file})
	after.clock.Advance(time.Minute)
	ada.site, eve.site = after, after
	same(t, "Ada", ada.of("you"), inUnder())
	same(t, "Eve", eve.of("you"), inUnder())
	if text := ada.get("/compare").text(); !strings.Contains(text, "1 h ahead") || !strings.Contains(text, "version 2") || !strings.Contains(text, "2 keys") || !strings.Contains(text, "restarted") {
		t.Errorf("Ada's bench is another one:\n%s", text)
	}
	if text := eve.get("/compare").text(); strings.Contains(text, "ahead") || strings.Contains(text, "version 2") {
		t.Errorf("Eve's bench is Ada's:\n%s", text)
	}
	// A bench that nobody asked for since the restart counts too.
	third := newSiteWith(t, settings{Strategy: "compare", Public: true, File: before.file})
	third.Extension.(*handlers.Lab).Benches.Max = 2
	third.clock.Advance(time.Hour)
	newBrowser(t, third).signIn("linus")
	if n := third.rows("benches"); n != 2 {
		t.Errorf("%d benches, want 2", n)
	}
}

// Many hands of one visitor, and many visitors at once, while benches come and go:
// every answer is one that the lab may give, and nobody meets anybody.
func TestPublicInParallel(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	site.Extension.(*handlers.Lab).Benches.Max = 8
	ada := newBrowser(t, site).signIn("ada")
	mine := ada.ids()
	actions := []string{"steal", "sign-out", "sign-in-all", "revoke-all", "add-phone", "advance", "set-role", "rotate-key", "store-down", "store-up", "disable", "enable", "reset"}
	var all sync.WaitGroup
	for i := range 100 {
		b := newBrowser(t, site).steal(ada)
		action := actions[i%len(actions)]
		all.Go(func() {
			w := b.request(http.MethodPost, "/compare/"+action, form("duration", "1m", "role", "admin"), "same-origin")
			if !slices.Contains([]int{303, 401, 409, 503}, w.Code) {
				t.Errorf("POST /compare/%s: got %d %s", action, w.Code, b.text())
			}
		})
	}
	for range 20 {
		all.Go(func() {
			b := newBrowser(t, site)
			for range 3 {
				b.post("/sign-in/dev", nil)
				if b.request(http.MethodGet, "/compare/state", nil, "same-origin"); b.page.status != 200 {
					t.Errorf("GET /compare/state: got %d", b.page.status)
				}
				for _, id := range mine {
					if strings.Contains(b.page.body, id) {
						t.Errorf("a stranger reads Ada's %s", id)
					}
				}
			}
		})
	}
	all.Wait()
	newBrowser(t, site).post("/sign-in/dev", nil) // when no request holds on to them, too many go
	if n := site.rows("benches"); n > 8 {
		t.Errorf("%d benches, want 8 at most", n)
	}
	ada.post("/compare/store-up", nil)
	ada.post("/compare/enable", nil)
	ada.signIn("ada").act("reset")
	ada.signIn("ada")
	same(t, "Ada", ada.of("you"), inUnder())
}
