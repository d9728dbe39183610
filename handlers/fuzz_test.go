package handlers_test

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sessionlab/auth/oauth"
	"sessionlab/handlers"
)

// newQuietSite is a site whose log does not grow, with a key of its own: several
// processes fuzz at once, and hand headers on that are genuine where they come from.
func newQuietSite(t testing.TB, strategy string) *site {
	quiet := func(s *handlers.Site) { s.Log = slog.New(slog.DiscardHandler) }
	return newSiteWith(t, settings{Strategy: strategy, Key: rand.Text() + rand.Text(), Change: quiet})
}

// FuzzCookieHeader: no Cookie header breaks the site, and none that the site did
// not write signs anybody in.
func FuzzCookieHeader(f *testing.F) {
	site := newQuietSite(f, "compare")
	ada := newBrowser(f, site).signIn("ada")
	for _, header := range []string{
		"", ada.header(), ada.header()[:200], strings.ReplaceAll(ada.header(), "database", "cookie"), "=", ";;;", "__Host-", "__Host-=x",
		"__Host-session-cookie=a.b; __Host-session-cookie=c", "__Host-session-cookie.1=a; __Host-session-cookie.3=b",
		"__Host-session-cookie.9=" + strings.Repeat("A", 5000), "__Host-strategy=cookie; __Host-session-cookie=\x00\xff",
		"__Host-strategy=\"cookie\"; theme=dark; __Host-visitor=../../x", "__Host-session-database=" + strings.Repeat("A", 26),
		"__Host-flow-0000000000000000=x; __Host-refresh-cookie=y", "__Host-session-cookie. =",
	} {
		f.Add(header)
	}
	genuine := []string{ada.value("session-cookie"), ada.value("session-database")}
	f.Fuzz(func(t *testing.T, header string) {
		for _, path := range []string{"/dashboard", "/api/session", "/api/session?strategy=cookie", "/compare/state"} {
			r := httptest.NewRequest(http.MethodGet, localURL+path, nil)
			r.Header["Cookie"] = []string{header}
			w := site.answer(r)
			in := w.Code == http.StatusOK && path != "/compare/state"
			if w.Code >= 500 || in && !strings.Contains(header, genuine[0]) && !strings.Contains(header, genuine[1]) &&
				!strings.Contains(header, "__Host-session-cookie.") { // a genuine value, spread
				t.Errorf("GET %s with %q: got %d", path, header, w.Code)
			}
			if found := flaws(site, r, w); len(found) > 0 {
				t.Errorf("GET %s with %q: %v", path, header, found)
			}
		}
	})
}

// FuzzCallback: whatever stands in a callback's query, the answer is a redirect
// to a clean path, and nobody is signed in by it.
func FuzzCallback(f *testing.F) {
	site := newQuietSite(f, "cookie")
	ada := newBrowser(f, site)
	genuine := ada.toCallback("dev")
	flow := ada.header()
	for _, query := range []string{
		"", "code=x&state=y", "state=" + genuine.Query().Get("state"), "error=access_denied&error_description=<script>",
		"code=&state=&iss=", "state=a&state=b", "%zz", ";", "state=%00", "code=" + strings.Repeat("A", 9000),
		"state=" + genuine.Query().Get("state") + "&error=server_error", "iss=https://evil.example&code=x&state=" + genuine.Query().Get("state"),
	} {
		f.Add(query, true)
		f.Add(query, false)
	}
	n := 0
	f.Fuzz(func(t *testing.T, query string, known bool) {
		r := httptest.NewRequest(http.MethodGet, localURL+"/sign-in/dev/callback", nil)
		n++
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", n>>16&255, n>>8&255, n&255) // never too often
		r.URL.RawQuery = query
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if known {
			r.Header.Set("Cookie", flow)
		}
		w := site.answer(r)
		location := w.Header().Get("Location")
		if path, _, _ := strings.Cut(location, "?"); w.Code != http.StatusSeeOther || path != "/sign-in" {
			t.Errorf("callback with %q: got %d to %q", query, w.Code, location)
		}
		if found := flaws(site, r, w); len(found) > 0 {
			t.Errorf("callback with %q: %v", query, found)
		}
		if strings.Contains(strings.Join(w.Header()["Set-Cookie"], "\n"), "session-") {
			t.Errorf("callback with %q set a session: %v", query, w.Header()["Set-Cookie"])
		}
	})
}

// FuzzNext: whatever next says, a sign-in ends on a path of this site.
func FuzzNext(f *testing.F) {
	for _, next := range []string{"/sessions", "//evil.example", `/\evil.example`, "https://evil.example", "/%2f%2fevil", "/\t/x", "/a?b=//c#d", "/..//x"} {
		f.Add(next)
	}
	site := newQuietSite(f, "cookie")
	ada := newBrowser(f, site).signIn("ada")
	base := site.BaseURL
	f.Fuzz(func(t *testing.T, next string) {
		r := httptest.NewRequest(http.MethodGet, localURL+"/sign-in", nil)
		r.URL.RawQuery = form("next", next).Encode()
		r.Header.Set("Cookie", ada.header())
		w := site.answer(r)
		location := w.Header().Get("Location")
		to, err := base.Parse(location)
		if err != nil || w.Code != http.StatusSeeOther || to.Host != base.Host || to.Scheme != base.Scheme || location != oauth.SafeNext(next) {
			t.Errorf("next=%q: got %d to %q", next, w.Code, location)
		}
	})
}
