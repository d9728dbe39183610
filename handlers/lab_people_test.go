package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/handlers"
)

// Two visitors of a public lab with one email and one account each at the same
// providers: whatever one does to sign-ins, the other's are as they were.
func TestPublicAccountsNeverMeet(t *testing.T) {
	t.Parallel()
	key, err := auth.NewKey([]byte("another key that only tests know, 98"))
	must(t, err)
	ring, err := auth.NewKeyRing(key)
	must(t, err)
	v := auth.Vault{Format: "securecookie", Ring: ring, Realm: "site", Version: func() int64 { return 1 }}
	site := newSiteWith(t, settings{Strategy: "compare", Public: true, Change: func(s *handlers.Site) {
		s.Tokens = &auth.AccountKeeper{
			Cookie: v.Sealer(auth.AccountPurpose), Row: v.Sealer(auth.AccountRowPurpose), Store: s.Accounts, Max: 30 * day, Now: s.Now,
		}
	}})
	ada, eve := newBrowser(t, site), newBrowser(t, site)
	ada.signUp("ada@example.org", adasPassword).at("/dashboard", 200)
	eve.signUp("ada@example.org", newPassword).at("/dashboard", 200) // the email is not taken
	if a, e := ada.userID(), eve.userID(); a == e {
		t.Fatalf("they are one user, %s", a)
	}
	hers := ada.userID()
	for _, b := range []*browser{ada, eve} {
		b.linkAt("dev", "ada").linkAt("oidc", "ada")
		if text := b.text(); b.page.Find("[data-tokens]").Length() != 2 || !strings.Contains(text, "ada@example.com") || strings.Contains(text, localURL+" ") {
			t.Errorf("the accounts are not shown as they are outside:\n%s", text)
		}
	}
	eve.get("/account").press("#unlink-dev").at("/account", 200)
	eve.get("/account").fill("current", newPassword).fill("password", "a third one that nobody knows").press("#set-password")
	eve.at("/account", 200).post("/account/delete", nil).at("/sign-in", 200)

	if n := ada.get("/account").page.Find("[data-tokens]").Length(); n != 2 || !ada.has("#way-dev") || !ada.has("#way-oidc") {
		t.Errorf("Ada's accounts after Eve's are gone:\n%s", ada.text())
	}
	ada.get("/sessions").press("#header-sign-out")
	eve.signInByPassword("ada@example.org", adasPassword).flawed("/sign-in/password", 401, "credentials_wrong")
	site.clock.Advance(time.Minute)
	for name, signIn := range map[string]func(){
		"password": func() { ada.signInByPassword("ada@example.org", adasPassword).at("/dashboard", 200) },
		"dev":      func() { ada.signIn("ada") },
		"oidc":     func() { ada.signInAt("oidc", "ada") },
	} {
		signIn()
		if got := ada.userID(); got != hers {
			t.Errorf("%s leads Ada to %s, want %s", name, got, hers)
		}
		ada.get("/sessions").press("#header-sign-out")
	}
}

// The pages that play, measure and attack do so on a visitor's own bench too.
func TestPublicPages(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	t.Cleanup(site.Extension.(*handlers.Lab).Stop)
	ada, eve := newBrowser(t, site).signIn("ada"), newBrowser(t, site)
	mine := ada.ids()[1]
	for _, b := range []*browser{eve, ada} {
		for _, path := range []string{"/flow", "/cost", "/learn", "/compare?demo=stolen-cookie"} {
			b.get(path).at(b.page.url.Path, 200)
		}
	}
	if told, empty := ada.get("/flow").has(".flow .facts"), !eve.get("/flow").has(".flow .facts"); !told || !empty {
		t.Errorf("Ada's sign-in is told to her: %t; not to Eve: %t", told, empty)
	}
	eve.post("/compare/demo", form("name", "stolen-cookie", "step", "0")).at("/compare", 200)
	eve.post("/compare/demo", form("name", "stolen-cookie", "step", "1")).at("/compare", 200)
	for strategy, verdict := range eve.of("you") {
		if verdict != "signed_in" {
			t.Errorf("the demo, under %s: %s", strategy, verdict)
		}
	}
	if eve.ids()[1] == mine {
		t.Error("the demo of one visitor is about the other's Ada")
	}
	same(t, "Ada", ada.of("you"), inUnder())
	if _, state := eve.api("GET", "/compare/state"); strings.Contains(eve.page.body, mine) {
		t.Errorf("Eve reads of Ada: %v", state)
	}
	w := eve.request(http.MethodPost, "/flow/attack", form("attack", "missing-state"), "same-origin")
	if w.Code != http.StatusSeeOther {
		t.Errorf("an attack: got %d\n%s", w.Code, eve.text())
	}
	if reason, detail, held := eve.get("/flow").outcome("missing-state"); !held {
		t.Errorf("an attack on a public lab: %s %s", reason, detail)
	}
	if ada.get("/flow"); ada.has(".outcome") {
		t.Error("Ada sees what Eve tried")
	}
}

// On a public address the cookies, the hosts and the addresses are those of the web.
func TestPublicBehindAProxy(t *testing.T) {
	t.Parallel()
	site := newSiteWith(t, settings{Strategy: "compare", Public: true, BaseURL: "https://lab.example"})
	ada, eve := newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("ada")
	ada.act("add-phone").act("steal").act("sign-out")
	same(t, "the thief", ada.of("thief"), inUnder("database", "refused revoked"))
	same(t, "Eve", eve.of("you"), inUnder())
	eve.get("/").press("#run").at("/lab/run", 200)
	same(t, "the miniature", eve.mini(), map[string]string{
		"you cookie": "is-out", "you database": "is-out", "thief cookie": "still", "thief database": "is-out",
	})
	r, err := http.NewRequest(http.MethodGet, "https://evil.example/compare/state", nil)
	must(t, err)
	r.Header.Set("Cookie", eve.header())
	if w := site.answer(r); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("another host: got %d", w.Code)
	}
}

// An address makes so many benches and presses so many buttons, and then waits.
func TestPublicLimits(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	made := 0
	for range 130 {
		b := newBrowser(t, site)
		w := b.request(http.MethodPost, "/strategy", form("strategy", "cookie"), "same-origin")
		if w.Code == http.StatusTooManyRequests {
			if w.Header().Get("Retry-After") != "5" || !strings.Contains(b.text(), "rate_limited") || len(b.cookies) > 0 {
				t.Errorf("Retry-After %q, cookies %v:\n%s", w.Header().Get("Retry-After"), b.cookies, b.text())
			}
			break
		}
		made++
	}
	if made != 120 || site.rows("benches") != 120 {
		t.Errorf("made %d benches, %d are stored, want 120", made, site.rows("benches"))
	}
	newBrowser(t, site).get("/compare").at("/compare", 200) // looking is free
	site.clock.Advance(5 * time.Second)
	ada := newBrowser(t, site).signIn("ada")
	site.clock.Advance(time.Minute)
	presses := func(action string, fields ...string) (n int) {
		for ada.request(http.MethodPost, "/compare/"+action, form(fields...), "same-origin").Code != http.StatusTooManyRequests {
			n++
		}
		return n
	}
	if n := presses("advance", "duration", "25h", "asking", "daily"); n != 20 {
		t.Errorf("waited %d times, asking daily, want 20", n)
	}
	if n := presses("store-up"); n != 579 { // of 600, and the one that was refused
		t.Errorf("pressed %d more times, want 579", n)
	}
}

// Where the store is gone nobody is taken for somebody new: that would sign them
// out of a bench that is there.
func TestPublicStoreGone(t *testing.T) {
	t.Parallel()
	before := newPublicSite(t)
	ada := newBrowser(t, before).signIn("ada")
	after := newSiteWith(t, settings{Strategy: "compare", Public: true, File: before.file})
	must(t, after.db.Close())
	had := ada.header()
	ada.site = after
	for _, path := range []string{"/", "/dashboard", "/compare"} {
		if w := ada.request(http.MethodGet, path, nil, "none"); w.Code != 503 || ada.header() != had {
			t.Errorf("GET %s: got %d, and cookies changed: %t", path, w.Code, ada.header() != had)
		}
	}
	ada.wantsAPI("GET", "/api/session?strategy=cookie", 503, "store_unavailable")
	newBrowser(t, after).get("/").at("/", 200)
	newBrowser(t, after).get("/compare").at("/compare", 200)
	if w := newBrowser(t, after).request(http.MethodPost, "/strategy", form("strategy", "cookie"), "same-origin"); w.Code != 503 {
		t.Errorf("POST without a bench: got %d", w.Code)
	}
	ada.site = before
	same(t, "Ada", ada.of("you"), inUnder())
}
