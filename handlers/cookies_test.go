package handlers_test

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// A cookie that is not one of ours signs out and is cleared. It never breaks a
// page, and never signs anybody in.
func TestBadCookiesSignOut(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	ada.get("/sign-in?reason=signed_out").press("#sign-in-dev") // leaves an open flow
	flow := ""
	for name, c := range ada.cookies {
		if strings.HasPrefix(name, "__Host-flow-") {
			flow = c.value
		}
	}
	if flow == "" {
		t.Fatal("there is no flow cookie")
	}
	sealed, secret := ada.value("session-cookie"), ada.value("session-database")
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
		"a public id":                sessionOf(ada.wantsAPI("GET", "/api/session", 200, ""))["id"].(string),
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
			wantsSignedOut(t, site, name, strategy, map[string]string{"session-" + strategy: value})
		}
	}
	wantsSignedOut(t, site, "a database secret", "cookie", map[string]string{"session-cookie": secret})
	wantsSignedOut(t, site, "a sealed session", "database", map[string]string{"session-database": sealed})
	for _, name := range []string{"refresh-cookie", "session-renew", "session-", "session", "Session-Cookie", "session-cookie ", "session-cookie.x", "session-cookie. ", "session-cookie."} {
		nobody := newBrowser(t, site)
		nobody.plant(name, sealed)
		nobody.wantsAPI("GET", "/api/session?strategy=cookie", 401, "")
	}
	plain := newBrowser(t, site)
	plain.cookies["session-cookie"] = cookie{value: sealed} // a sibling host could have set it
	plain.wantsAPI("GET", "/api/session?strategy=cookie", 401, "no_session")
	ada.wantsAPI("GET", "/api/session?strategy=cookie", 200, "")
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// wantsSignedOut brings cookies to a page and to the API and wants to be told
// that they are none of the site's, once.
func wantsSignedOut(t *testing.T, site *site, name, strategy string, cookies map[string]string) {
	t.Helper()
	arrive := func() *browser {
		b := newBrowser(t, site)
		b.plant("strategy", strategy)
		for name, value := range cookies {
			b.plant(name, value)
		}
		return b
	}
	wantReason := "invalid"
	if value, bare := cookies["session-"+strategy]; bare && strings.Trim(value, `"`) == "" {
		wantReason = "no_session" // an empty cookie says nothing
	}
	b := arrive()
	if b.wantsAPI("GET", "/api/session", 401, wantReason); b.page.status != 401 {
		t.Errorf("%s under %s is accepted", name, strategy)
	}
	for name := range cookies {
		if c := b.setCookies()[name]; wantReason == "invalid" && (c == nil || c.MaxAge >= 0) {
			t.Errorf("%s under %s: %s is not cleared", name, strategy, name)
		}
	}
	b = arrive()
	b.get("/dashboard").at("/sign-in", 200)
	if strings.Contains(b.header(), "session-") && wantReason == "invalid" {
		t.Errorf("%s under %s: the browser keeps %s", name, strategy, b.header())
	}
	b.wants("/", 200).wants("/dashboard", 303)
}

// A snapshot or an access token that lost a chunk is like one that is missing: the
// value beside it brings another. It signs nobody out.
func TestHalfATokenIsNone(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"hybrid", "pair", "rotation"} {
		ada := newBrowser(t, newSite(t, strategy)).signIn("ada")
		name := "session-" + strategy
		value := ada.value(name)
		delete(ada.cookies, "__Host-"+name)
		ada.plant(name+".1", value[:9])
		ada.plant(name+".3", value[9:])
		ada.wantsAPI("GET", "/api/session", 200, "")
		if ada.value(name) == "" || ada.value(name+".1") != "" || ada.value(name+".3") != "" {
			t.Errorf("%s: the browser has %q, want a whole value", strategy, ada.header())
		}
		ada.wantsAPI("GET", "/api/session", 200, "")
	}
}

// Chunks with a gap are no value, however good each of them is. Whole, they are.
func TestChunkedCookies(t *testing.T) {
	t.Parallel()
	site := newSite(t, "cookie")
	ada := newBrowser(t, site).signIn("ada")
	sealed := ada.value("session-cookie")
	third := len(sealed) / 3
	whole := map[string]string{
		"session-cookie.1": sealed[:third], "session-cookie.2": sealed[third : 2*third], "session-cookie.3": sealed[2*third:],
	}
	spread := newBrowser(t, site)
	for name, value := range whole {
		spread.plant(name, value)
	}
	spread.wantsAPI("GET", "/api/session", 200, "")

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
	messy := newBrowser(t, site)
	for name, value := range many {
		messy.plant(name, value)
	}
	messy.signIn("ada")
	if held := messy.header(); strings.Contains(held, "session-cookie.") || !strings.Contains(held, "session-cookie=") {
		t.Errorf("after the sign-in the browser holds %s", held)
	}
}

// Of two cookies of one name the first counts, always, and the answer speaks of
// that name once.
func TestDuplicateCookies(t *testing.T) {
	t.Parallel()
	site := newSite(t, "database")
	ada, grace := newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("grace")
	twice := func(first, second string) *browser {
		b := newBrowser(t, site)
		b.plant("session-database", first+"; __Host-session-database="+second)
		return b
	}
	a, g := ada.value("session-database"), grace.value("session-database")
	if got := twice(a, g).wantsAPI("GET", "/api/user", 200, "")["name"]; got != "Ada Lovelace" {
		t.Errorf("got %v, want the first", got)
	}
	twice("junk", g).wantsAPI("GET", "/api/user", 401, "invalid")
	twice(a, "junk").wantsAPI("GET", "/api/user", 200, "")
	twice(a, g).get("/").post("/sign-out", nil).told("signed_out")
	ada.get("/dashboard").told("revoked")
	grace.wants("/dashboard", 200)
}

// A session slides when less than a fifth of its idle time is left: one new
// cookie, and no other until the next time.
func TestSlidingSetsOneCookie(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		site := newSite(t, strategy)
		ada := newBrowser(t, site).signIn("ada")
		name := "session-" + strategy
		first := ada.value(name)

		site.clock.Advance(lifetimes.Idle*8/10 - time.Second)
		if ada.wants("/dashboard", 200); ada.setCookies()[name] != nil {
			t.Errorf("%s: slid before its time", strategy)
		}
		site.clock.Advance(time.Second)
		ada.wants("/dashboard", 200)
		if c := ada.setCookies()[name]; c == nil || c.MaxAge != int(lifetimes.Idle.Seconds()) {
			t.Errorf("%s: got %v, want a cookie for %s", strategy, c, lifetimes.Idle)
		}
		if same := ada.value(name) == first; same != (strategy == "database") {
			t.Errorf("%s: the value stayed the same: %t", strategy, same)
		}
		if ada.wants("/dashboard", 200); len(ada.setCookies()) != 0 {
			t.Errorf("%s: slid twice: %v", strategy, ada.setCookies())
		}
	}
}

// A cookie lasts as long as its session if left alone, counted by the browser.
func TestCookieAges(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site)
	ada.get("/sign-in").press("#sign-in-dev")
	flows := 0
	for name := range ada.cookies {
		if strings.HasPrefix(name, "__Host-flow-") {
			flows++
			if c := ada.cookies[name]; !c.ends.Equal(site.clock.Now().Add(10 * time.Minute)) {
				t.Errorf("the flow ends %s, want in 10 minutes", c.ends)
			}
		}
	}
	if flows != 1 {
		t.Errorf("got %d flow cookies, want one", flows)
	}
	ada.press("button[value=ada]").at("/dashboard", 200)
	for _, strategy := range []string{"cookie", "database"} {
		if c := ada.cookies["__Host-session-"+strategy]; !c.ends.Equal(site.clock.Now().Add(lifetimes.Idle)) {
			t.Errorf("%s ends %s, want in %s", strategy, c.ends, lifetimes.Idle)
		}
	}
	for name, c := range ada.cookies {
		if c.readable {
			t.Errorf("a script can read %s", name)
		}
	}
	ada.press("#header-sign-out")
	if held := ada.header(); strings.Contains(held, "session-") || strings.Contains(held, "flow-") {
		t.Errorf("after the sign-out the browser holds %s", held)
	}
}
