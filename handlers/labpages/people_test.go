package labpages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// Two visitors of a public lab with one email and one account each at the same
// providers: whatever one does to sign-ins, the other's are as they were.
func TestPublicAccountsNeverMeet(t *testing.T) {
	t.Parallel()
	key, err := auth.NewKey([]byte("another key that only tests know, 98"))
	handlerstest.Must(t, err)
	ring, err := auth.NewKeyRing(key)
	handlerstest.Must(t, err)
	v := auth.Vault{Format: "securecookie", Ring: ring, Realm: "site", Version: func() int64 { return 1 }}
	site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", LabPublic: true, Change: func(s *handlers.Site) {
		s.Tokens = &auth.AccountKeeper{
			Cookie: v.Sealer(auth.AccountPurpose), Row: v.Sealer(auth.AccountRowPurpose), Store: s.Accounts, Max: 30 * handlerstest.Day, Now: s.Now,
		}
	}})
	ada, eve := handlerstest.NewBrowser(t, site), handlerstest.NewBrowser(t, site)
	ada.SignUp("ada@example.org", handlerstest.AdasPassword).At("/dashboard", 200)
	eve.SignUp("ada@example.org", handlerstest.NewPassword).At("/dashboard", 200) // the email is not taken
	if a, e := ada.UserID(), eve.UserID(); a == e {
		t.Fatalf("they are one user, %s", a)
	}
	hers := ada.UserID()
	for _, b := range []*handlerstest.Browser{ada, eve} {
		b.LinkAt("dev", "ada").LinkAt("oidc", "ada")
		if text := b.Text(); b.Page.Find("[data-tokens]").Length() != 2 || !strings.Contains(text, "ada@example.com") || strings.Contains(text, handlerstest.LocalURL+" ") {
			t.Errorf("the accounts are not shown as they are outside:\n%s", text)
		}
	}
	eve.Get("/account").Press("#unlink-dev").At("/account", 200)
	eve.Get("/account").Fill("current", handlerstest.NewPassword).Fill("password", "a third one that nobody knows").Press("#set-password")
	eve.At("/account", 200).Post("/account/delete", nil).At("/sign-in", 200)

	if n := ada.Get("/account").Page.Find("[data-tokens]").Length(); n != 2 || !ada.Has("#way-dev") || !ada.Has("#way-oidc") {
		t.Errorf("Ada's accounts after Eve's are gone:\n%s", ada.Text())
	}
	ada.Get("/sessions").Press("#header-sign-out")
	eve.SignInByPassword("ada@example.org", handlerstest.AdasPassword).Flawed("/sign-in/password", 401, "credentials_wrong")
	site.Clock.Advance(time.Minute)
	for name, signIn := range map[string]func(){
		"password": func() { ada.SignInByPassword("ada@example.org", handlerstest.AdasPassword).At("/dashboard", 200) },
		"dev":      func() { ada.SignIn("ada") },
		"oidc":     func() { ada.SignInAt("oidc", "ada") },
	} {
		signIn()
		if got := ada.UserID(); got != hers {
			t.Errorf("%s leads Ada to %s, want %s", name, got, hers)
		}
		ada.Get("/sessions").Press("#header-sign-out")
	}
}

// The pages that play, measure and attack do so on a visitor's own bench too.
func TestPublicPages(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	t.Cleanup(site.Extension.(*labpages.Lab).Stop)
	ada, eve := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
	mine := ids(ada)[1]
	for _, b := range []*handlerstest.Browser{eve, ada} {
		for _, path := range []string{"/flow", "/cost", "/learn", "/compare?demo=stolen-cookie"} {
			b.Get(path).At(b.Page.URL.Path, 200)
		}
	}
	if told, empty := ada.Get("/flow").Has(".flow .facts"), !eve.Get("/flow").Has(".flow .facts"); !told || !empty {
		t.Errorf("Ada's sign-in is told to her: %t; not to Eve: %t", told, empty)
	}
	eve.Post("/compare/demo", handlerstest.Form("name", "stolen-cookie", "step", "0")).At("/compare", 200)
	eve.Post("/compare/demo", handlerstest.Form("name", "stolen-cookie", "step", "1")).At("/compare", 200)
	for strategy, verdict := range of(eve, "you") {
		if verdict != "signed_in" {
			t.Errorf("the demo, under %s: %s", strategy, verdict)
		}
	}
	if ids(eve)[1] == mine {
		t.Error("the demo of one visitor is about the other's Ada")
	}
	handlerstest.Same(t, "Ada", of(ada, "you"), inUnder())
	if _, state := eve.API("GET", "/compare/state"); strings.Contains(eve.Page.Body, mine) {
		t.Errorf("Eve reads of Ada: %v", state)
	}
	w := eve.Request(http.MethodPost, "/flow/attack", handlerstest.Form("attack", "missing-state"), "same-origin")
	if w.Code != http.StatusSeeOther {
		t.Errorf("an attack: got %d\n%s", w.Code, eve.Text())
	}
	if reason, detail, held := outcome(eve.Get("/flow"), "missing-state"); !held {
		t.Errorf("an attack on a public lab: %s %s", reason, detail)
	}
	if ada.Get("/flow"); ada.Has(".outcome") {
		t.Error("Ada sees what Eve tried")
	}
}

// On a public address the cookies, the hosts and the addresses are those of the web.
func TestPublicBehindAProxy(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", LabPublic: true, BaseURL: "https://lab.example"})
	ada, eve := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("ada")
	act(act(act(ada, "add-phone"), "steal"), "sign-out")
	handlerstest.Same(t, "the thief", of(ada, "thief"), inUnder("database", "refused revoked"))
	handlerstest.Same(t, "Eve", of(eve, "you"), inUnder())
	eve.Get("/").Press("#run").At("/lab/run", 200)
	handlerstest.Same(t, "the miniature", mini(eve), map[string]string{
		"you cookie": "is-out", "you database": "is-out", "thief cookie": "still", "thief database": "is-out",
	})
	r, err := http.NewRequest(http.MethodGet, "https://evil.example/compare/state", nil)
	handlerstest.Must(t, err)
	r.Header.Set("Cookie", eve.CookieHeader())
	if w := site.Answer(r); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("another host: got %d", w.Code)
	}
}

// An address makes so many benches and presses so many buttons, and then waits.
func TestPublicLimits(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	made := 0
	for range 130 {
		b := handlerstest.NewBrowser(t, site)
		w := b.Request(http.MethodPost, "/strategy", handlerstest.Form("strategy", "cookie"), "same-origin")
		if w.Code == http.StatusTooManyRequests {
			if w.Header().Get("Retry-After") != "5" || !strings.Contains(b.Text(), "rate_limited") || len(b.Cookies) > 0 {
				t.Errorf("Retry-After %q, cookies %v:\n%s", w.Header().Get("Retry-After"), b.Cookies, b.Text())
			}
			break
		}
		made++
	}
	if made != 120 || site.Rows("benches") != 120 {
		t.Errorf("made %d benches, %d are stored, want 120", made, site.Rows("benches"))
	}
	handlerstest.NewBrowser(t, site).Get("/compare").At("/compare", 200) // looking is free
	site.Clock.Advance(5 * time.Second)
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	site.Clock.Advance(time.Minute)
	presses := func(action string, fields ...string) (n int) {
		for ada.Request(http.MethodPost, "/compare/"+action, handlerstest.Form(fields...), "same-origin").Code != http.StatusTooManyRequests {
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
	ada := handlerstest.NewBrowser(t, before).SignIn("ada")
	after := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", LabPublic: true, File: before.File})
	handlerstest.Must(t, after.DB.Close())
	had := ada.CookieHeader()
	ada.Site = after
	for _, path := range []string{"/", "/dashboard", "/compare"} {
		if w := ada.Request(http.MethodGet, path, nil, "none"); w.Code != 503 || ada.CookieHeader() != had {
			t.Errorf("GET %s: got %d, and cookies changed: %t", path, w.Code, ada.CookieHeader() != had)
		}
	}
	ada.WantsAPI("GET", "/api/session?strategy=cookie", 503, "store_unavailable")
	handlerstest.NewBrowser(t, after).Get("/").At("/", 200)
	handlerstest.NewBrowser(t, after).Get("/compare").At("/compare", 200)
	if w := handlerstest.NewBrowser(t, after).Request(http.MethodPost, "/strategy", handlerstest.Form("strategy", "cookie"), "same-origin"); w.Code != 503 {
		t.Errorf("POST without a bench: got %d", w.Code)
	}
	ada.Site = before
	handlerstest.Same(t, "Ada", of(ada, "you"), inUnder())
}
