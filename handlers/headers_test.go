package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

// A trap makes some requests panic: /idp/panic, /idp/late in the middle of the answer, and
// while it is armed those that enrich the session.
type trap struct{ armed atomic.Bool }

func (t *trap) set(s *handlers.Site) {
	provider := s.IDP
	s.IDP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/idp/late":
			_, _ = w.Write([]byte("begun"))
			fallthrough
		case "/idp/panic":
			panic("the secret reason")
		}
		provider.ServeHTTP(w, r)
	})
	s.Enrich = func(context.Context, auth.Session) (handlers.Extra, error) {
		if t.armed.Load() {
			panic("the secret reason")
		}
		return handlers.Extra{}, nil
	}
}

func newTrappedSite(t testing.TB, strategy string) (*handlerstest.Site, *trap) {
	trap := &trap{}
	return handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: strategy, Change: trap.set}), trap
}

// A panic is a page with the request's id, which the log explains; or, once the
// answer has begun, a cut connection. The site goes on.
func panicIsAPage(t *testing.T) {
	t.Parallel()
	site, trap := newTrappedSite(t, "database")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	trap.armed.Store(true)
	for _, path := range []string{"/idp/panic", "/dashboard"} {
		ada.Get(path).Refused(500, "internal")
		id := ada.Page.Header.Get("X-Request-Id")
		if !strings.Contains(ada.Text(), id) || !strings.Contains(site.Journal.String(), id) {
			t.Errorf("%s: the id %s is not on the page or not in the log", path, id)
		}
		if strings.Contains(ada.Page.Body, "secret reason") || strings.Contains(ada.Page.Body, ".go") {
			t.Errorf("%s tells what happened inside:\n%s", path, ada.Text())
		}
	}
	if answer := ada.WantsAPI("GET", "/api/session", 500, "internal"); answer["requestId"] != ada.Page.Header.Get("X-Request-Id") {
		t.Errorf("the API: got %v", answer)
	}
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("a panic in the middle of an answer: got %v, want the connection cut", p)
			}
		}()
		site.Answer(httptest.NewRequest(http.MethodGet, handlerstest.LocalURL+"/idp/late", nil))
	}()
	site.Journal.Wants(t, "panic")
	if !strings.Contains(site.Journal.String(), "the secret reason") {
		t.Error("the log does not say what happened")
	}
	trap.armed.Store(false)
	ada.Wants("/dashboard", 200)
}

// Every answer is judged, see flaws; here is one of each status.
func headersOnEveryStatus(t *testing.T) {
	t.Parallel()
	site, _ := newTrappedSite(t, "database")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	seen := map[int]bool{}
	ask := func(method, path, host, kind, body string) {
		r := httptest.NewRequest(method, handlerstest.LocalURL+path, strings.NewReader(body))
		if r.Host = host; host == "" {
			r.Host = site.BaseURL.Host
		}
		r.Header.Set("Content-Type", kind)
		seen[ada.Send(r).Code] = true
	}
	const form = "application/x-www-form-urlencoded"
	tour := func() {
		for _, path := range []string{
			"/sign-in?reason=expired", "/dashboard", "/sessions", "/api/session", "/api/user", "/nothing", "/sign-in/dev/callback", "/idp/panic",
			"/healthz", "/readyz", "/idp/authorize", "/idp/jwks", "/idp/nothing", "/static/nothing", site.Assets.URL("app.css"), site.Assets.URL("app.js"),
		} {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS"} {
				ask(method, path, "", form, "")
			}
			ask("GET", path, "evil.example", form, "")
		}
		ask("POST", "/sign-in/dev", "", "text/plain", "x")
		ask("POST", "/sign-in/dev", "", form, "x="+strings.Repeat("A", 65<<10))
		r := httptest.NewRequest("POST", handlerstest.LocalURL+"/sign-out", nil)
		r.Header.Set("Origin", "https://evil.example")
		seen[ada.Send(r).Code] = true
	}
	tour()
	handlerstest.Must(t, site.DB.Close())
	tour()
	ada.Cookies = map[string]handlerstest.Cookie{}
	tour()
	for _, status := range []int{200, 204, 303, 400, 401, 403, 404, 405, 413, 421, 500, 503} {
		if !seen[status] {
			t.Errorf("no answer had status %d: %v", status, seen)
		}
	}
}

func strictPolicy(t *testing.T) {
	t.Parallel()
	const (
		before = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
			"img-src 'self' data: https://avatars.githubusercontent.com https://lh3.googleusercontent.com; form-action 'self'"
		after = "; frame-ancestors 'none'; base-uri 'none'"
		offer = before + " http://localhost:8080 https://other.example" + after
	)
	for _, mode := range handlerstest.Modes("cookie", "database") {
		ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, mode)).SignIn("ada")
		for _, path := range []string{"/", "/sign-in?reason=expired", "/dashboard", "/sessions", "/nothing", "/api/session", "/healthz"} {
			ada.Request("GET", path, nil, "none")
			want := before + after
			if strings.HasPrefix(path, "/sign-in") {
				want = offer
			}
			if got := ada.Page.Header.Get("Content-Security-Policy"); got != want {
				t.Errorf("%s under %s:\n got %s\nwant %s", path, mode, got, want)
			}
		}
	}
	// The very first page to offer a provider allows the form that leads there.
	first := handlerstest.NewBrowser(t, handlerstest.NewSite(t, handlerstest.Any)).Get("/sign-in")
	if got := first.Page.Header.Get("Content-Security-Policy"); got != offer {
		t.Errorf("the first page:\n got %s\nwant %s", got, offer)
	}
}

// nothingInline reads every page for what the policy would block.
func nothingInline(t *testing.T) {
	t.Parallel()
	handler := regexp.MustCompile(`(?i)^(on.*|style|hx-on.*)$`)
	for _, mode := range handlerstest.Modes("database") {
		ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, mode)).SignIn("ada")
		paths := []string{"/", "/sign-in?reason=expired", "/dashboard", "/sessions", "/nothing"}
		if mode == "compare" {
			paths = append(paths, "/compare")
			ada.Get("/compare").Press("#do-steal").Press("#do-revoke-all")
		}
		for _, path := range paths {
			ada.Get(path)
			if ada.Has("style") || ada.Has("script:not([src])") || ada.Has("base") || ada.Has("iframe") || ada.Has("[href^='javascript:']") {
				t.Errorf("%s under %s has something inline", path, mode)
			}
			ada.Page.Find("*").Each(func(_ int, e *goquery.Selection) {
				for _, a := range e.Nodes[0].Attr {
					if handler.MatchString(a.Key) {
						t.Errorf("%s under %s: <%s %s>", path, mode, e.Nodes[0].Data, a.Key)
					}
				}
			})
			for _, name := range []string{"script[src]", "link[rel=stylesheet]"} {
				e := ada.One(name)
				ada.Wants(e.AttrOr("src", e.AttrOr("href", "")), 200)
				ada.Get(path)
			}
		}
	}
}

func strictTransport(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{handlerstest.LocalURL: "", "https://app.example": "max-age=63072000; includeSubDomains"} {
		ada := handlerstest.NewBrowser(t, handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: handlerstest.Any, BaseURL: base})).SignIn("ada")
		for _, path := range []string{"/", "/dashboard", "/nothing", "/healthz"} {
			ada.Request("GET", path, nil, "none")
			if got := ada.Page.Header.Get("Strict-Transport-Security"); got != want {
				t.Errorf("%s%s: got %q, want %q", base, path, got, want)
			}
		}
	}
}

func nothingCached(t *testing.T) {
	eachMode(t, func(t *testing.T, site *handlerstest.Site) {
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		for _, path := range []string{"/", "/dashboard", "/sessions", "/compare", "/compare/state", "/api/session", "/api/user", "/nothing", "/sign-in"} {
			ada.Request("GET", path, nil, "none")
			if h := ada.Page.Header; h.Get("Cache-Control") != "no-store" || h.Get("Vary") != "Cookie" {
				t.Errorf("%s: Cache-Control %q, Vary %q", path, h.Get("Cache-Control"), h.Get("Vary"))
			}
		}
		ada.Wants(ada.Site.Assets.URL("app.css"), 200)
		if got := ada.Page.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("a hashed file: Cache-Control %q", got)
		}
		ada.Get("/dashboard").PressOnce("#sign-out")
		if got := ada.Page.Header.Get("Clear-Site-Data"); got != `"cache"` {
			t.Errorf("sign-out: Clear-Site-Data %q", got)
		}
	}, "database")
}
