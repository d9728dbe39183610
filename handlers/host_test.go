package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

// proxied are signs that a request came through a proxy, at least one of each kind of
// proxy that people put in front of a program.
var proxied = []string{
	"Via", "Forwarded", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Anything",
	"X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "X-Remote-IP", "X-ProxyUser-Ip", "X-Originating-IP",
	"True-Client-IP", "Client-IP", "WL-Proxy-Client-IP", "Proxy-Client-IP",
	"CF-Connecting-IP", "CF-Connecting-IPv6", "CF-Ray", "CF-Visitor", "CDN-Loop",
	"Fly-Client-IP", "Fly-Region", "Fastly-Client-IP", "Fastly-FF", "X-Varnish",
	"X-Envoy-External-Address", "X-Amzn-Trace-Id", "X-Amz-Cf-Id", "X-Azure-ClientIP", "X-Azure-FDID", "X-ARR-LOG-ID",
	"X-Appengine-User-IP", "X-Cloud-Trace-Context", "X-Vercel-Id", "X-Nf-Client-Connection-Ip", "Tailscale-User-Login",
	"X-Original-Host", "X-Original-URL", "X-Original-Forwarded-For", "X-Proxy-User", "Front-End-Https",
}

// forwardedIsRefused: a site for its own machine answers nobody else, whoever hands the
// request on.
func forwardedIsRefused(t *testing.T) {
	eachMode(t, func(t *testing.T, site *handlerstest.Site) {
		nobody := handlerstest.NewBrowser(t, site)
		paths := []string{"/", "/idp/.well-known/openid-configuration", "/idp/authorize", "/api/session", "/compare"}
		refused := func(what string, change func(*http.Request)) {
			t.Helper()
			for _, path := range paths {
				r := httptest.NewRequest(http.MethodGet, handlerstest.LocalURL+path, nil)
				change(r)
				if w := nobody.Send(r); w.Code != 421 || !strings.Contains(w.Body.String(), "BASE_URL") {
					t.Errorf("%s with %s: got %d, want 421 and what to set", path, what, w.Code)
				}
			}
		}
		for _, name := range proxied {
			refused(name, func(r *http.Request) { r.Header.Set(name, "127.0.0.1") })
		}
		refused("HTTP/1.0", func(r *http.Request) { r.Proto, r.ProtoMinor = "HTTP/1.0", 0 })
		for _, peer := range []string{"203.0.113.9:5", "10.0.0.1:5", "[2001:db8::1]:5", "[fe80::1%eth0]:5", "[::ffff:10.0.0.1]:5", "localhost:5", "@", ":5"} {
			refused("the peer "+peer, func(r *http.Request) { r.RemoteAddr = peer })
		}
		for _, peer := range []string{"127.0.0.1:5", "127.1.2.3:5", "[::1]:5", "[::ffff:127.0.0.1]:5"} {
			r := httptest.NewRequest(http.MethodGet, handlerstest.LocalURL+"/sign-in", nil)
			if r.RemoteAddr = peer; nobody.Send(r).Code != 200 {
				t.Errorf("the peer %s: got %d, want 200", peer, nobody.Page.Status)
			}
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			r := httptest.NewRequest(http.MethodGet, handlerstest.LocalURL+path, nil)
			r.Host, r.RemoteAddr = "10.0.0.7:8080", "10.0.0.1:5"
			r.Header.Set("X-Forwarded-For", "10.0.0.1")
			if w := nobody.Send(r); w.Code != 200 {
				t.Errorf("%s for a probe: got %d, want 200", path, w.Code)
			}
		}
	}, "database")

	public := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: handlerstest.Any, BaseURL: "https://app.example"})
	anybody := handlerstest.NewBrowser(t, public)
	for _, name := range proxied {
		r := httptest.NewRequest(http.MethodGet, "https://app.example/sign-in", nil)
		r.RemoteAddr = "203.0.113.9:5"
		r.Header.Set(name, "127.0.0.1")
		if w := anybody.Send(r); w.Code != 200 {
			t.Errorf("%s on a public site: got %d, want 200", name, w.Code)
		}
	}
	other := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: handlerstest.Any, BaseURL: "https://app.example", Change: func(s *handlers.Site) { s.IDP = nil }})
	handlerstest.NewBrowser(t, other).Wants("/idp/authorize", 404).Wants("/idp/.well-known/openid-configuration", 404)
}

// originIsExact: where a request that changes something names an origin, that is the base
// URL's to the letter, whatever else the browser says of where it comes from.
func originIsExact(t *testing.T) {
	t.Parallel()
	for base, others := range map[string][]string{
		handlerstest.LocalURL:      {"http://localhost", "https://localhost:8080", "http://127.0.0.1:8080", "http://localhost:8080/", "http://LOCALHOST:8080"},
		"https://app.example":      {"http://app.example", "https://app.example:443", "https://app.example.", "https://evil.app.example", "//app.example", "app.example"},
		"https://app.example:8443": {"https://app.example", "http://app.example:8443"},
	} {
		site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", BaseURL: base})
		post := func(fetchSite string, origins ...string) int {
			r := httptest.NewRequest(http.MethodPost, base+"/sign-in/dev", nil)
			r.Header["Origin"] = origins
			if fetchSite != "" {
				r.Header.Set("Sec-Fetch-Site", fetchSite)
			}
			return site.Answer(r).Code
		}
		for _, fetchSite := range []string{"", "same-origin", "none"} {
			for _, other := range append(others, "null", "", "https://evil.example", base+" "+base) {
				if got := post(fetchSite, other); got != 403 {
					t.Errorf("%s: Origin %q, Sec-Fetch-Site %q: got %d, want 403", base, other, fetchSite, got)
				}
				if got := post(fetchSite, base, other); got != 403 {
					t.Errorf("%s: its own Origin and %q, Sec-Fetch-Site %q: got %d, want 403", base, other, fetchSite, got)
				}
			}
			if got := post(fetchSite, base); got != 303 {
				t.Errorf("%s: its own Origin, Sec-Fetch-Site %q: got %d, want 303", base, fetchSite, got)
			}
			if got := post(fetchSite); got != 303 {
				t.Errorf("%s: no Origin, Sec-Fetch-Site %q: got %d, want 303", base, fetchSite, got)
			}
		}
		for _, fetchSite := range []string{"cross-site", "same-site"} {
			if got := post(fetchSite, base); got != 403 {
				t.Errorf("%s: Sec-Fetch-Site %q: got %d, want 403", base, fetchSite, got)
			}
		}
	}
}

// TestOtherNamesOfThisMachine: on a site for its own machine, whoever reads a page under
// another name of that machine is led to the right one, and nowhere else.
func TestOtherNamesOfThisMachine(t *testing.T) {
	t.Parallel()
	for _, base := range []string{handlerstest.LocalURL, "http://app.localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"} {
		site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", BaseURL: base})
		ask := func(method, host, path string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, nil)
			r.Host = host
			return site.Answer(r)
		}
		for _, host := range []string{
			"localhost:8080", "LOCALHOST:8080", "localhost.:8080", "127.0.0.1:8080", "127.0.0.2:8080", "[::1]:8080", "x.localhost:8080",
		} {
			if strings.EqualFold("http://"+host, base) {
				continue
			}
			for path, want := range map[string]string{
				"/":                       "/",
				"/sessions?a=b&c=%2f":     "/sessions?a=b&c=%2f",
				"/a%2fb/%20?":             "/a%2fb/%20",
				"//evil.example/%2f..":    "//evil.example/%2f..",
				"http://evil.example/x?y": "/x?y",
				"x:@evil.example/":        "",
			} {
				for _, method := range []string{"GET", "HEAD"} {
					if w := ask(method, host, path); w.Code != 307 || w.Header().Get("Location") != base+want {
						t.Errorf("%s: %s %s at %s: got %d to %q, want 307 to %q", base, method, path, host, w.Code, w.Header().Get("Location"), base+want)
					}
				}
			}
			if w := ask("POST", host, "/sign-in/dev"); w.Code != 421 || w.Header().Get("Location") != "" {
				t.Errorf("%s: POST at %s: got %d, want 421", base, host, w.Code)
			}
		}
		for _, host := range []string{
			"localhost", "localhost:8081", "127.0.0.1", "127.0.0.1:80", "[::1]", "evil.example:8080", "localhost.evil.example:8080",
			"localhost:8080.evil.example", "localhost:8080@evil.example:8080", "127.0.0.1.evil.example:8080", "10.0.0.1:8080", "0.0.0.0:8080", "[::]:8080",
		} {
			if w := ask("GET", host, "/sessions"); w.Code != 421 || w.Header().Get("Location") != "" {
				t.Errorf("%s: GET at %q: got %d to %q, want 421", base, host, w.Code, w.Header().Get("Location"))
			}
		}
	}
	public := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", BaseURL: "https://app.example"})
	for _, host := range []string{"localhost", "127.0.0.1", "www.app.example"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if r.Host = host; public.Answer(r).Code != 421 {
			t.Errorf("a public site at %s: want 421", host)
		}
	}
}

// TestWrongHostHasItsStyle: whoever comes under a wrong name, or through a proxy, gets a
// page whose style and script are there under the same name.
func TestWrongHostHasItsStyle(t *testing.T) {
	t.Parallel()
	for base, change := range map[string]func(*http.Request){
		handlerstest.LocalURL:  func(r *http.Request) { r.Host = "evil.example" },
		"https://app.example":  func(r *http.Request) { r.Host = "www.app.example" },
		"http://127.0.0.1:9":   func(r *http.Request) { r.Header.Set("X-Forwarded-For", "10.0.0.1") },
		"http://app.localhost": func(r *http.Request) { r.RemoteAddr = "10.0.0.1:5" },
	} {
		nobody := handlerstest.NewBrowser(t, handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", BaseURL: base}))
		ask := func(path string) int {
			r := httptest.NewRequest(http.MethodGet, base+path, nil)
			change(r)
			return nobody.Send(r).Code
		}
		if got := ask("/dashboard"); got != 421 {
			t.Errorf("%s: got %d, want 421", base, got)
		}
		for _, path := range []string{nobody.One("link[rel=stylesheet]").AttrOr("href", ""), nobody.One("script[src]").AttrOr("src", "")} {
			if got := ask(path); got != 200 {
				t.Errorf("%s: %s: got %d, want 200", base, path, got)
			}
		}
		if got := ask("/static/../dashboard"); got != 404 {
			t.Errorf("%s: what is no file: got %d, want 404", base, got)
		}
	}
}
