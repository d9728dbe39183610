package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"sessionlab/db/dbtest"
)

// TestLocalSiteBehindNginx: a site for this machine, on which everybody may be Ada, does
// not become public through a proxy that adds no headers.
func TestLocalSiteBehindNginx(t *testing.T) {
	dbtest.RequireCommand(t, "nginx")
	p := start(t, t.TempDir(), StoredOnly)
	dir, at := t.TempDir(), dbtest.FreeAddress(t)
	Write(t, dir, "nginx.conf", nginxConfig(fmt.Sprintf(`
server {
    listen %s;
    proxy_http_version 1.0; # the default before nginx 1.29.7
    location / { proxy_pass %s; }
}
`, at, p.Base)))
	startNginx(t, dir, at)
	wantsNoAda(t, "http://"+at, true)
	Visit(t, p).SignIn("ada") // on this machine
}

// TestLocalSiteBehindProxy does the same with a proxy that cannot be detected by its
// requests. Only the Origin header of browsers reveals it.
func TestLocalSiteBehindProxy(t *testing.T) {
	p := start(t, t.TempDir(), StoredOnly)
	target, err := url.Parse(p.Base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("Location", strings.TrimPrefix(r.Header.Get("Location"), p.Base))
			return nil
		},
	})
	t.Cleanup(proxy.Close)
	wantsNoAda(t, proxy.URL, false)
}

// wantsNoAda checks that strangers who come through a proxy cannot sign in: with a
// browser, and also with a script if scripts is true.
func wantsNoAda(t *testing.T, proxy string, scripts bool) {
	t.Helper()
	strangers := map[string]http.Header{
		"a browser, over TLS":             {"Origin": {"https://site.example"}, "Sec-Fetch-Site": {"same-origin"}},
		"a browser":                       {"Origin": {proxy}},
		"a browser that says no more":     {"Origin": {"null"}, "Sec-Fetch-Site": {"same-origin"}},
		"a browser with another's scheme": {"Origin": {strings.Replace(proxy, "http:", "https:", 1)}},
	}
	if scripts {
		strangers["a script"] = nil
	}
	for who, header := range strangers {
		v := Visit(t, &Program{Base: proxy})
		v.Client.Transport = says{header, v.Client.Transport}
		v.trySignIn("ada")
		if p := v.Get("/api/session"); p.Status == http.StatusOK {
			t.Errorf("%s is in: %s", who, p.Body)
		}
	}
}

// says adds a header to each request that changes something.
type says struct {
	header http.Header
	next   http.RoundTripper
}

func (s says) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		r = r.Clone(r.Context())
		for name, values := range s.header {
			r.Header[name] = values
		}
	}
	return s.next.RoundTrip(r)
}
