package handlers_test

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sessionlab/auth/oauth"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

// newQuietSite is a site whose log does not grow, with a key of its own: several
// processes fuzz at once, and hand headers on that are genuine where they come from.
func newQuietSite(t testing.TB, strategy string) *handlerstest.Site {
	quiet := func(s *handlers.Site) { s.Log = slog.New(slog.DiscardHandler) }
	return handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: strategy, Key: rand.Text() + rand.Text(), Change: quiet})
}

// FuzzCookieHeader: no Cookie header breaks the site, and none that the site did
// not write signs anybody in.
func FuzzCookieHeader(f *testing.F) {
	site := newQuietSite(f, handlerstest.Modes("cookie")[0])
	ada := handlerstest.NewBrowser(f, site).SignIn("ada")
	for _, header := range []string{
		"", ada.CookieHeader(), ada.CookieHeader()[:200], strings.ReplaceAll(ada.CookieHeader(), "database", "cookie"), "=", ";;;", "__Host-", "__Host-=x",
		"__Host-session-cookie=a.b; __Host-session-cookie=c", "__Host-session-cookie.1=a; __Host-session-cookie.3=b",
		"__Host-session-cookie.9=" + strings.Repeat("A", 5000), "__Host-strategy=cookie; __Host-session-cookie=\x00\xff",
		"__Host-strategy=\"cookie\"; theme=dark; __Host-visitor=../../x", "__Host-session-database=" + strings.Repeat("A", 26),
		"__Host-flow-0000000000000000=x; __Host-refresh-cookie=y", "__Host-session-cookie. =",
	} {
		f.Add(header)
	}
	genuine := []string{"__Host-session-cookie."} // a genuine value, spread
	for _, m := range site.Managers(new(http.Request)) {
		genuine = append(genuine, ada.Value("session-"+m.Name))
	}
	f.Fuzz(func(t *testing.T, header string) {
		for _, path := range []string{"/dashboard", "/api/session", "/api/session?strategy=cookie", "/compare/state"} {
			r := httptest.NewRequest(http.MethodGet, handlerstest.LocalURL+path, nil)
			r.Header["Cookie"] = []string{header}
			w := site.Answer(r)
			in := w.Code == http.StatusOK && path != "/compare/state"
			shown := func(value string) bool { return strings.Contains(header, value) }
			if w.Code >= 500 || in && !slices.ContainsFunc(genuine, shown) {
				t.Errorf("GET %s with %q: got %d", path, header, w.Code)
			}
			if found := handlerstest.Flaws(site, r, w); len(found) > 0 {
				t.Errorf("GET %s with %q: %v", path, header, found)
			}
		}
	})
}

// tooLong reports whether w refuses r as too long and r is.
func tooLong(r *http.Request, w *httptest.ResponseRecorder) bool {
	return w.Code == http.StatusRequestHeaderFieldsTooLarge && len(r.URL.RequestURI())+len(r.Header.Get("Cookie")) > 15<<10
}

// FuzzCallback: whatever stands in a callback's query, the answer is a redirect
// to a clean path, and nobody is signed in by it.
func FuzzCallback(f *testing.F) {
	site := newQuietSite(f, handlerstest.Any)
	ada := handlerstest.NewBrowser(f, site)
	genuine := ada.ToCallback("dev")
	flow := ada.CookieHeader()
	for _, query := range []string{
		"", "code=x&state=y", "state=" + genuine.Query().Get("state"), "error=access_denied&error_description=<script>",
		"code=&state=&iss=", "state=a&state=b", "%zz", ";", "state=%00", "code=" + strings.Repeat("A", 9000), "code=" + strings.Repeat("A", 17000),
		"state=" + genuine.Query().Get("state") + "&error=server_error", "iss=https://evil.example&code=x&state=" + genuine.Query().Get("state"),
	} {
		f.Add(query, true)
		f.Add(query, false)
	}
	n := 0
	f.Fuzz(func(t *testing.T, query string, known bool) {
		r := httptest.NewRequest(http.MethodGet, handlerstest.LocalURL+"/sign-in/dev/callback", nil)
		n++
		r.RemoteAddr = fmt.Sprintf("127.%d.%d.%d:1", n>>16&255, n>>8&255, n&255) // never too often
		r.URL.RawQuery = query
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if known {
			r.Header.Set("Cookie", flow)
		}
		w := site.Answer(r)
		location := w.Header().Get("Location")
		path, _, _ := strings.Cut(location, "?")
		if redirected := w.Code == http.StatusSeeOther && path == "/sign-in"; !redirected && !tooLong(r, w) {
			t.Errorf("callback with %q: got %d to %q", query, w.Code, location)
		}
		if found := handlerstest.Flaws(site, r, w); len(found) > 0 {
			t.Errorf("callback with %q: %v", query, found)
		}
		if strings.Contains(strings.Join(w.Header()["Set-Cookie"], "\n"), "session-") {
			t.Errorf("callback with %q set a session: %v", query, w.Header()["Set-Cookie"])
		}
	})
}

// FuzzNext: whatever next says, a sign-in ends on a path of this site.
func FuzzNext(f *testing.F) {
	for _, next := range []string{"/sessions", "//evil.example", `/\evil.example`, "https://evil.example", "/%2f%2fevil", "/\t/x", "/a?b=//c#d", "/..//x", "/" + strings.Repeat("a", 17000)} {
		f.Add(next)
	}
	site := newQuietSite(f, handlerstest.Any)
	ada := handlerstest.NewBrowser(f, site).SignIn("ada")
	base := site.BaseURL
	f.Fuzz(func(t *testing.T, next string) {
		r := httptest.NewRequest(http.MethodGet, handlerstest.LocalURL+"/sign-in", nil)
		r.URL.RawQuery = handlerstest.Form("next", next).Encode()
		r.Header.Set("Cookie", ada.CookieHeader())
		w := site.Answer(r)
		if tooLong(r, w) {
			return
		}
		location := w.Header().Get("Location")
		to, err := base.Parse(location)
		if err != nil || w.Code != http.StatusSeeOther || to.Host != base.Host || to.Scheme != base.Scheme || location != oauth.SafeNext(next) {
			t.Errorf("next=%q: got %d to %q", next, w.Code, location)
		}
	})
}
