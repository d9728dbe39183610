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
	"sessionlab/handlers/handlerstest"
)

// formsOf returns where a site takes a form from anybody.
func formsOf(site *handlerstest.Site) []string {
	if site.Extension != nil {
		return []string{"/sign-in/dev", "/strategy"}
	}
	return []string{"/sign-in/dev"}
}

func TestBrokenForms(t *testing.T) {
	eachMode(t, func(t *testing.T, site *handlerstest.Site) {
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		for _, path := range formsOf(site) {
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
				ada.PostRaw(path, bad.contentType, strings.NewReader(bad.body)).Refused(400, "bad_form")
				if len(ada.SetCookies()) > 0 {
					t.Errorf("POST %s as %q did something: %v", path, bad.contentType, ada.SetCookies())
				}
			}
		}
		ada.Wants("/dashboard", 200)
	}, "database")
}

// unsized is a body that does not say how long it is.
type unsized struct{ io.Reader }

func TestTooLargeBodies(t *testing.T) {
	eachMode(t, func(t *testing.T, site *handlerstest.Site) {
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		body := func(n int) io.Reader { return strings.NewReader("strategy=cookie&x=" + strings.Repeat("A", n-18)) }
		const kind = "application/x-www-form-urlencoded"
		for _, path := range formsOf(site) {
			ada.PostRaw(path, kind, body(65<<10)).Refused(413, "body_too_large")
			ada.PostRaw(path, kind, unsized{body(65 << 10)}).Refused(413, "body_too_large")
		}
		for _, path := range []string{"/sign-out", "/sessions/revoke-all", "/compare/reset", "/nothing"} {
			ada.PostRaw(path, kind, body(65<<10)).Refused(413, "body_too_large")
		}
		ada.PostRaw("/api/sessions/revoke-all", kind, body(65<<10))
		if ada.Page.Status != 413 || !strings.Contains(ada.Page.Body, `"code":"body_too_large"`) {
			t.Errorf("the API: got %d %s", ada.Page.Status, ada.Page.Body)
		}
		ada.Wants("/dashboard", 200)
		ada.PostRaw("/sign-in/dev", kind, body(64<<10))
		if ada.Page.Status != 303 {
			t.Errorf("64 KiB: got %d, want 303", ada.Page.Status)
		}
	}, "database")
}

func TestUnknownProvider(t *testing.T) {
	t.Parallel()
	nobody := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database"))
	for _, id := range []string{"nonsense", "Dev", "dev%00", "..", "google"} {
		nobody.Post("/sign-in/"+id, nil)
		if id != ".." {
			nobody.Refused(404, "unknown_provider")
		}
		nobody.Get("/sign-in/" + id + "/callback?code=x&state=y")
		if id != ".." {
			nobody.Refused(404, "unknown_provider")
		}
	}
}

// What leads to another host after a sign-in leads to the dashboard instead.
func TestNextStaysOnTheSite(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, handlerstest.Any)
	for _, next := range []string{
		"//evil.example", "https://evil.example", `/\evil.example`, `\\evil.example`, "/%2f%2fevil.example", "/%5cevil.example",
		"javascript:alert(1)", "/\t/evil.example", "/..//evil.example", "evil.example", "/" + strings.Repeat("a", 600), "/sign-in", "/sign-out", "",
	} {
		ada := handlerstest.NewBrowser(t, site)
		ada.Get("/sign-in?" + url.Values{"next": {next}}.Encode())
		if got := ada.One(".providers input[name=next]").AttrOr("value", ""); got != "/dashboard" {
			t.Errorf("next=%q: the form has %q", next, got)
		}
		ada.Post("/sign-in/dev", url.Values{"next": {next}}).Press("button[value=ada]").At("/dashboard", 200)
		ada.Get("/sign-in?"+url.Values{"next": {next}}.Encode()).At("/dashboard", 200)
	}
	ada := handlerstest.NewBrowser(t, site)
	ada.Post("/sign-in/dev", handlerstest.Form("next", "/sessions?a=b#c")).Press("button[value=ada]").At("/sessions", 200)
	if oauth.SafeNext("//evil.example") != "/dashboard" {
		t.Error("the rule itself is gone")
	}
}

// Each address answers the methods that it has, and names them when asked another way.
func TestUnknownPathsAndMethods(t *testing.T) {
	eachMode(t, func(t *testing.T, site *handlerstest.Site) {
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		for _, path := range []string{"/nothing", "/dashboard/", "/sign-in/dev/callback/x", "/Dashboard", "/.env", "/sessions/x", "/%2e%2e/etc/passwd", "//evil.example", "/static/../main.go"} {
			ada.Request(http.MethodGet, ada.Site.BaseURL.String()+path, nil, "none")
			ada.Refused(404, "not_found")
		}
		methods := map[string]string{
			"/": "GET", "/dashboard": "GET", "/sessions": "GET", "/api/session": "GET", "/sign-in/dev/callback": "GET",
			"/healthz": "GET", "/readyz": "GET",
			"/sign-out": "POST", "/sign-in/dev": "POST", "/sessions/revoke-all": "POST", "/sessions/x/revoke": "POST",
			"/api/sessions/revoke-all": "POST",
		}
		if site.Extension != nil {
			methods["/compare"], methods["/strategy"], methods["/compare/steal"] = "GET", "POST", "POST"
		}
		for path, allow := range methods {
			for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"} {
				if method == allow {
					continue
				}
				ada.Request(method, path, nil, "same-origin")
				allowed := strings.Split(strings.ReplaceAll(ada.Page.Header.Get("Allow"), " ", ""), ",")
				if ada.Page.Status != 405 || !slices.Contains(allowed, allow) || slices.Contains(allowed, method) {
					t.Errorf("%s %s: got %d with Allow %q, want 405 with %s", method, path, ada.Page.Status, ada.Page.Header.Get("Allow"), allow)
				}
			}
		}
		ada.Wants("/dashboard", 200)
	}, "database")
}

// HEAD is GET without a body. Only a real server leaves the body out.
func TestHead(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	server := httptest.NewServer(site)
	defer server.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, path := range []string{"/", "/dashboard", "/sign-in", "/sessions", "/nothing", "/sign-out", "/api/session", "/api/nothing", "/healthz", "/readyz", site.Assets.URL("app.css")} {
		var got [2]*http.Response
		for i, method := range []string{"GET", "HEAD"} {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			handlerstest.Must(t, err)
			r.Host = site.BaseURL.Host
			r.Header.Set("Cookie", ada.CookieHeader())
			got[i], err = client.Do(r)
			handlerstest.Must(t, err)
			body, err := io.ReadAll(got[i].Body)
			handlerstest.Must(t, err)
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
