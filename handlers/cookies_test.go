package handlers_test

import (
	"maps"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

// A cookie that is not one of ours signs out and is cleared. It never breaks a
// page, and never signs anybody in.
func TestBadCookiesSignOut(t *testing.T) {
	t.Parallel()
	sites := handlerstest.Under(t, "cookie", "database")
	ada, grace := handlerstest.NewBrowser(t, sites["cookie"]).SignIn("ada"), handlerstest.NewBrowser(t, sites["database"]).SignIn("grace")
	ada.Get("/sign-in?reason=signed_out").Press("#sign-in-dev") // leaves an open flow
	flow := ""
	for name, c := range ada.Cookies {
		if strings.HasPrefix(name, "__Host-flow-") {
			flow = c.Value
		}
	}
	if flow == "" {
		t.Fatal("there is no flow cookie")
	}
	sealed, secret := ada.Value("session-cookie"), grace.Value("session-database")
	middle := len(sealed) / 2
	for name, value := range map[string]string{
		"empty":                      "",
		"junk":                       "junk",
		"truncated":                  sealed[:middle],
		"one character":              sealed[:1],
		"cut at the end":             sealed[:len(sealed)-1],
		"longer":                     sealed + "A",
		"tampered in the middle":     sealed[:middle] + flip(sealed[middle]) + sealed[middle+1:],
		"tampered at the end":        sealed[:len(sealed)-5] + flip(sealed[len(sealed)-5]) + sealed[len(sealed)-4:],
		"another key":                "00000000" + sealed[8:],
		"no key":                     "." + sealed,
		"a secret cut":               secret[:25],
		"a secret of another case":   strings.ToLower(secret),
		"a public id":                handlerstest.SessionOf(grace.WantsAPI("GET", "/api/session", 200, ""))["id"].(string),
		"a flow":                     flow,
		"oversized":                  strings.Repeat("A", 8<<10),
		"binary":                     "\x00\x01\xff\xfe\x80",
		"control characters":         "a\tb\x7fc",
		"quotes":                     `"""`,
		"a number":                   "-1",
		"SQL":                        "' OR '1'='1",
		"HTML":                       "<script>alert(1)</script>",
		"a strategy":                 "cookie",
		"percent-encoded":            "%00%0d%0aSet-Cookie:%20a=b",
		"unicode":                    "Łódź ☃",
		"the value of both, with -":  sealed + "-" + secret,
		"the value of both, in turn": secret + sealed,
	} {
		for _, strategy := range []string{"cookie", "database"} {
			wantsSignedOut(t, sites[strategy], name, strategy, map[string]string{"session-" + strategy: value})
		}
	}
	wantsSignedOut(t, sites["cookie"], "a database secret", "cookie", map[string]string{"session-cookie": secret})
	wantsSignedOut(t, sites["database"], "a sealed session", "database", map[string]string{"session-database": sealed})
	for _, name := range []string{"refresh-cookie", "session-renew", "session-", "session", "Session-Cookie", "session-cookie ", "session-cookie.x", "session-cookie. ", "session-cookie."} {
		nobody := handlerstest.NewBrowser(t, sites["cookie"])
		nobody.Plant(name, sealed)
		nobody.WantsAPI("GET", "/api/session?strategy=cookie", 401, "")
	}
	plain := handlerstest.NewBrowser(t, sites["cookie"])
	plain.Cookies["session-cookie"] = handlerstest.Cookie{Value: sealed} // a sibling host could have set it
	plain.WantsAPI("GET", "/api/session?strategy=cookie", 401, "no_session")
	ada.WantsAPI("GET", "/api/session?strategy=cookie", 200, "")
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// wantsSignedOut brings cookies to a page and to the API and wants to be told
// that they are none of the site's, once.
func wantsSignedOut(t *testing.T, site *handlerstest.Site, name, strategy string, cookies map[string]string) {
	t.Helper()
	arrive := func() *handlerstest.Browser {
		b := handlerstest.NewBrowser(t, site)
		b.Plant("strategy", strategy)
		for name, value := range cookies {
			b.Plant(name, value)
		}
		return b
	}
	wantReason := "invalid"
	if value, bare := cookies["session-"+strategy]; bare && value == "" {
		wantReason = "no_session" // an empty cookie says nothing
	}
	b := arrive()
	if b.WantsAPI("GET", "/api/session", 401, wantReason); b.Page.Status != 401 {
		t.Errorf("%s under %s is accepted", name, strategy)
	}
	for name := range cookies {
		if c := b.SetCookies()[name]; wantReason == "invalid" && (c == nil || c.MaxAge >= 0) {
			t.Errorf("%s under %s: %s is not cleared", name, strategy, name)
		}
	}
	b = arrive()
	b.Get("/dashboard").At("/sign-in", 200)
	if strings.Contains(b.CookieHeader(), "session-") && wantReason == "invalid" {
		t.Errorf("%s under %s: the browser keeps %s", name, strategy, b.CookieHeader())
	}
	b.Wants("/", 200).Wants("/dashboard", 303)
}

// A snapshot or an access token that lost a chunk is like one that is missing: the
// value beside it brings another. It signs nobody out.
func TestHalfATokenIsNone(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"hybrid", "pair", "rotation"} {
		ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, strategy)).SignIn("ada")
		name := "session-" + strategy
		value := ada.Value(name)
		delete(ada.Cookies, "__Host-"+name)
		ada.Plant(name+".1", value[:9])
		ada.Plant(name+".3", value[9:])
		ada.WantsAPI("GET", "/api/session", 200, "")
		if ada.Value(name) == "" || ada.Value(name+".1") != "" || ada.Value(name+".3") != "" {
			t.Errorf("%s: the browser has %q, want a whole value", strategy, ada.CookieHeader())
		}
		ada.WantsAPI("GET", "/api/session", 200, "")
	}
}

// Chunks with a gap are no value, however good each of them is. Whole, they are.
func TestChunkedCookies(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "cookie")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	sealed := ada.Value("session-cookie")
	third := len(sealed) / 3
	whole := map[string]string{
		"session-cookie.1": sealed[:third], "session-cookie.2": sealed[third : 2*third], "session-cookie.3": sealed[2*third:],
	}
	spread := handlerstest.NewBrowser(t, site)
	for name, value := range whole {
		spread.Plant(name, value)
	}
	spread.WantsAPI("GET", "/api/session", 200, "")

	for _, missing := range []string{"session-cookie.1", "session-cookie.2", "session-cookie.3"} {
		gap := maps.Clone(whole)
		delete(gap, missing)
		wantsSignedOut(t, site, "without "+missing, "cookie", gap)
	}
	surplus := maps.Clone(whole)
	surplus["session-cookie.4"] = "AAAA"
	wantsSignedOut(t, site, "a chunk too many", "cookie", surplus)
	many := map[string]string{}
	for _, n := range strings.Fields("1 2 3 4 5 6 7 8 9") {
		many["session-cookie."+n] = "AAAA"
	}
	wantsSignedOut(t, site, "nine chunks", "cookie", many)
	wantsSignedOut(t, site, "chunk zero", "cookie", map[string]string{"session-cookie.0": sealed})

	// A sign-in puts one cookie in the place of whatever was there.
	messy := handlerstest.NewBrowser(t, site)
	for name, value := range many {
		messy.Plant(name, value)
	}
	messy.SignIn("ada")
	if held := messy.CookieHeader(); strings.Contains(held, "session-cookie.") || !strings.Contains(held, "session-cookie=") {
		t.Errorf("after the sign-in the browser holds %s", held)
	}
}

// Of two cookies of one name the first counts, always, and the answer speaks of
// that name once.
func TestDuplicateCookies(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	ada, grace := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("grace")
	twice := func(first, second string) *handlerstest.Browser {
		b := handlerstest.NewBrowser(t, site)
		b.Plant("session-database", first+"; __Host-session-database="+second)
		return b
	}
	a, g := ada.Value("session-database"), grace.Value("session-database")
	if got := twice(a, g).WantsAPI("GET", "/api/user", 200, "")["name"]; got != "Ada Lovelace" {
		t.Errorf("got %v, want the first", got)
	}
	twice("junk", g).WantsAPI("GET", "/api/user", 401, "invalid")
	twice(a, "junk").WantsAPI("GET", "/api/user", 200, "")
	twice(a, g).Get("/").Post("/sign-out", nil).Told("signed_out")
	ada.Get("/dashboard").Told("revoked")
	grace.Wants("/dashboard", 200)
}

// A session slides when less than a fifth of its idle time is left: one new
// cookie, and no other until the next time.
func TestSlidingSetsOneCookie(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		site := handlerstest.NewSite(t, strategy)
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		name := "session-" + strategy
		first := ada.Value(name)

		site.Clock.Advance(handlerstest.Lifetimes.Idle*8/10 - time.Second)
		if ada.Wants("/dashboard", 200); ada.SetCookies()[name] != nil {
			t.Errorf("%s: slid before its time", strategy)
		}
		site.Clock.Advance(time.Second)
		ada.Wants("/dashboard", 200)
		if c := ada.SetCookies()[name]; c == nil || c.MaxAge != int(handlerstest.Lifetimes.Idle.Seconds()) {
			t.Errorf("%s: got %v, want a cookie for %s", strategy, c, handlerstest.Lifetimes.Idle)
		}
		if same := ada.Value(name) == first; same != (strategy == "database") {
			t.Errorf("%s: the value stayed the same: %t", strategy, same)
		}
		if ada.Wants("/dashboard", 200); len(ada.SetCookies()) != 0 {
			t.Errorf("%s: slid twice: %v", strategy, ada.SetCookies())
		}
	}
}

// A cookie lasts as long as its session if left alone, counted by the browser.
func TestCookieAges(t *testing.T) {
	eachMode(t, cookieAges, "cookie", "database")
}

func cookieAges(t *testing.T, site *handlerstest.Site) {
	ada := handlerstest.NewBrowser(t, site)
	ada.Get("/sign-in").Press("#sign-in-dev")
	flows := 0
	for name := range ada.Cookies {
		if strings.HasPrefix(name, "__Host-flow-") {
			flows++
			if c := ada.Cookies[name]; !c.Ends.Equal(site.Clock.Now().Add(10 * time.Minute)) {
				t.Errorf("the flow ends %s, want in 10 minutes", c.Ends)
			}
		}
	}
	if flows != 1 {
		t.Errorf("got %d flow cookies, want one", flows)
	}
	ada.Press("button[value=ada]").At("/dashboard", 200)
	for _, strategy := range []string{"cookie", "database"} {
		c, issued := ada.Cookies["__Host-session-"+strategy]
		if issued != under(site, strategy) {
			t.Errorf("%s: issued %t", strategy, issued)
		}
		if issued && !c.Ends.Equal(site.Clock.Now().Add(handlerstest.Lifetimes.Idle)) {
			t.Errorf("%s ends %s, want in %s", strategy, c.Ends, handlerstest.Lifetimes.Idle)
		}
	}
	for name, c := range ada.Cookies {
		if c.Readable {
			t.Errorf("a script can read %s", name)
		}
	}
	ada.Press("#header-sign-out")
	if held := ada.CookieHeader(); strings.Contains(held, "session-") || strings.Contains(held, "flow-") {
		t.Errorf("after the sign-out the browser holds %s", held)
	}
}

// A sibling host plants a session under a name that a lenient parser takes for the
// site's own. The victim stays who they were: nobody.
func TestPlantedCookieIsNotOurs(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		site := handlerstest.NewSite(t, strategy)
		mallory, victim := handlerstest.NewBrowser(t, site).SignIn("linus"), handlerstest.NewBrowser(t, site)
		for _, space := range []string{"\u2000", "\u00a0", "\u3000", "\v", "\f", "\u0085"} {
			r := httptest.NewRequest("GET", handlerstest.LocalURL+"/api/session", nil)
			r.Header.Set("Cookie", space+"__Host-session-"+strategy+"="+mallory.Value("session-"+strategy))
			if w := victim.Site.Answer(r); w.Code != 401 || !strings.Contains(w.Body.String(), `"no_session"`) {
				t.Errorf("%s after %q: got %d %s, want 401 no_session", strategy, space, w.Code, w.Body)
			}
		}
	}
}

// Of two Authorization headers nobody knows which one counts: none does.
func TestTwoBearerTokens(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "pair")
	_, answer := handlerstest.NewBrowser(t, site).SignIn("ada").API("POST", "/api/token")
	token := "Bearer " + answer["access_token"].(string)
	for name, header := range map[string][]string{"two": {token, token}, "a stranger's first": {"Bearer x", token}, "a wide space": {"Bearer \u2000" + token[7:]}} {
		r := httptest.NewRequest("GET", handlerstest.LocalURL+"/api/session", nil)
		r.Header["Authorization"] = header
		if w := site.Answer(r); w.Code != 401 {
			t.Errorf("%s: got %d %s, want 401", name, w.Code, w.Body)
		}
	}
}
