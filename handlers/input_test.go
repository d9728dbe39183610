package handlers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sessionlab/auth/oauth"
)

// postRaw sends a body that no form of the site would.
func (b *browser) postRaw(path, contentType string, body io.Reader) *browser {
	b.Helper()
	r := httptest.NewRequest(http.MethodPost, b.site.BaseURL.String()+path, body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	b.send(r)
	return b
}

// refused checks status and code of an error page.
func (b *browser) refused(status int, code string) *browser {
	b.Helper()
	if b.page.status != status || !strings.Contains(b.text(), code) || !b.has("main h1") || !b.has("main a[href]") {
		b.Errorf("%s: got %d, want the page for %d %s with a way back:\n%s", b.page.url, b.page.status, status, code, b.text())
	}
	return b
}

func TestBrokenForms(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	for _, path := range []string{"/strategy", "/sign-in/dev"} {
		for _, bad := range []struct{ contentType, body string }{
			{"", "strategy=cookie"},
			{"text/plain", "strategy=cookie"},
			{"application/json", `{"strategy":"cookie"}`},
			{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"strategy\"\r\n\r\ncookie\r\n--x--\r\n"},
			{"application/x-www-form-urlencoded", "strategy=%zz"},
			{"application/x-www-form-urlencoded", "strategy=cookie;next=/"},
			{"application/x-www-form-urlencoded; charset", "strategy=cookie"},
			{"; ;", "strategy=cookie"},
		} {
			ada.postRaw(path, bad.contentType, strings.NewReader(bad.body)).refused(400, "bad_form")
			if len(ada.setCookies()) > 0 {
				t.Errorf("POST %s as %q did something: %v", path, bad.contentType, ada.setCookies())
			}
		}
	}
	ada.wants("/dashboard", 200)
}

// unsized is a body that does not say how long it is.
type unsized struct{ io.Reader }

func TestTooLargeBodies(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	body := func(n int) io.Reader { return strings.NewReader("strategy=cookie&x=" + strings.Repeat("A", n-18)) }
	const kind = "application/x-www-form-urlencoded"
	for _, path := range []string{"/strategy", "/sign-in/dev"} {
		ada.postRaw(path, kind, body(65<<10)).refused(413, "body_too_large")
		ada.postRaw(path, kind, unsized{body(65 << 10)}).refused(413, "body_too_large")
	}
	for _, path := range []string{"/sign-out", "/sessions/revoke-all", "/compare/reset", "/nothing"} {
		ada.postRaw(path, kind, body(65<<10)).refused(413, "body_too_large")
	}
	ada.postRaw("/api/sessions/revoke-all", kind, body(65<<10))
	if ada.page.status != 413 || !strings.Contains(ada.page.body, `"code":"body_too_large"`) {
		t.Errorf("the API: got %d %s", ada.page.status, ada.page.body)
	}
	ada.wants("/dashboard", 200)
	ada.postRaw("/strategy", kind, body(64<<10))
	if ada.page.status != 303 {
		t.Errorf("64 KiB: got %d, want 303", ada.page.status)
	}
}

func TestUnknownProvider(t *testing.T) {
	t.Parallel()
	nobody := newBrowser(t, newSite(t, "database"))
	for _, id := range []string{"nonsense", "Dev", "dev%00", "..", "google"} {
		nobody.post("/sign-in/"+id, nil)
		if id != ".." {
			nobody.refused(404, "unknown_provider")
		}
		nobody.get("/sign-in/" + id + "/callback?code=x&state=y")
		if id != ".." {
			nobody.refused(404, "unknown_provider")
		}
	}
}

// What leads to another host after a sign-in leads to the dashboard instead.
func TestNextStaysOnTheSite(t *testing.T) {
	t.Parallel()
	site := newSite(t, "cookie")
	for _, next := range []string{
		"//evil.example", "https://evil.example", `/\evil.example`, `\\evil.example`, "/%2f%2fevil.example", "/%5cevil.example",
		"javascript:alert(1)", "/\t/evil.example", "/..//evil.example", "evil.example", "/" + strings.Repeat("a", 600), "/sign-in", "/sign-out", "",
	} {
		ada := newBrowser(t, site)
		ada.get("/sign-in?" + url.Values{"next": {next}}.Encode())
		if got := ada.one(".providers input[name=next]").AttrOr("value", ""); got != "/dashboard" {
			t.Errorf("next=%q: the form has %q", next, got)
		}
		ada.post("/sign-in/dev", url.Values{"next": {next}}).press("button[value=ada]").at("/dashboard", 200)
		ada.get("/sign-in?"+url.Values{"next": {next}}.Encode()).at("/dashboard", 200)
	}
	ada := newBrowser(t, site)
	ada.post("/sign-in/dev", form("next", "/sessions?a=b#c")).press("button[value=ada]").at("/sessions", 200)
	if oauth.SafeNext("//evil.example") != "/dashboard" {
		t.Error("the rule itself is gone")
	}
}

// Each address answers the methods that it has, and names them when asked another way.
func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	for _, path := range []string{"/nothing", "/dashboard/", "/sign-in/dev/callback/x", "/Dashboard", "/.env", "/sessions/x", "/%2e%2e/etc/passwd", "//evil.example", "/static/../main.go"} {
		ada.request(http.MethodGet, ada.site.BaseURL.String()+path, nil, "none")
		ada.refused(404, "not_found")
	}
	for path, allow := range map[string]string{
		"/": "GET", "/dashboard": "GET", "/sessions": "GET", "/compare": "GET", "/api/session": "GET", "/sign-in/dev/callback": "GET",
		"/healthz": "GET", "/readyz": "GET",
		"/sign-out": "POST", "/strategy": "POST", "/sign-in/dev": "POST", "/sessions/revoke-all": "POST", "/sessions/x/revoke": "POST",
		"/compare/steal": "POST", "/api/sessions/revoke-all": "POST",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"} {
			if method == allow {
				continue
			}
			ada.request(method, path, nil, "same-origin")
			allowed := strings.Split(strings.ReplaceAll(ada.page.header.Get("Allow"), " ", ""), ",")
			if ada.page.status != 405 || !slices.Contains(allowed, allow) || slices.Contains(allowed, method) {
				t.Errorf("%s %s: got %d with Allow %q, want 405 with %s", method, path, ada.page.status, ada.page.header.Get("Allow"), allow)
			}
		}
	}
	ada.wants("/dashboard", 200)
}

// HEAD is GET without a body. Only a real server leaves the body out.
func TestHead(t *testing.T) {
	t.Parallel()
	site := newSite(t, "database")
	ada := newBrowser(t, site).signIn("ada")
	server := httptest.NewServer(site)
	defer server.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, path := range []string{"/", "/dashboard", "/sign-in", "/sessions", "/nothing", "/sign-out", "/api/session", "/api/nothing", "/healthz", "/readyz", site.Assets.URL("app.css")} {
		var got [2]*http.Response
		for i, method := range []string{"GET", "HEAD"} {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			must(t, err)
			r.Host = site.BaseURL.Host
			r.Header.Set("Cookie", ada.header())
			got[i], err = client.Do(r)
			must(t, err)
			body, err := io.ReadAll(got[i].Body)
			must(t, err)
			got[i].Body.Close()
			if method == "HEAD" && len(body) > 0 {
				t.Errorf("HEAD %s has a body of %d bytes", path, len(body))
			}
		}
		for _, name := range []string{"Content-Type", "Cache-Control", "Location", "Content-Security-Policy"} {
			if a, b := got[0].Header.Get(name), got[1].Header.Get(name); a != b {
				t.Errorf("HEAD %s: %s is %q, with GET %q", path, name, b, a)
			}
		}
		if got[0].StatusCode != got[1].StatusCode {
			t.Errorf("HEAD %s: got %d, with GET %d", path, got[1].StatusCode, got[0].StatusCode)
		}
	}
}
