package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func fetch(a *Assets, method, path, encoding string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func TestAssetsAreServedForEver(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8"}
	for name, contentType := range types {
		plain := fetch(a, "GET", a.URL(name), "")
		if plain.Code != 200 || plain.Header().Get("Content-Type") != contentType || plain.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: got %d %v", name, plain.Code, plain.Header())
		}
		for header, want := range map[string]string{
			"Cache-Control":          "public, max-age=31536000, immutable",
			"X-Content-Type-Options": "nosniff",
			"Vary":                   "Accept-Encoding",
		} {
			if got := plain.Header().Get(header); got != want {
				t.Errorf("%s: %s: got %q, want %q", name, header, got, want)
			}
		}
		packed := fetch(a, "GET", a.URL(name), "br, gzip")
		if got := packed.Header().Get("Content-Encoding"); got != "gzip" {
			t.Fatalf("%s: got encoding %q, want gzip", name, got)
		}
		z, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(unpacked, plain.Body.Bytes()) {
			t.Errorf("%s: what was compressed differs from what was not (%v)", name, err)
		}
		head := fetch(a, "HEAD", a.URL(name), "")
		if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != plain.Header().Get("Content-Length") {
			t.Errorf("%s: HEAD: got %d, %d bytes, %v", name, head.Code, head.Body.Len(), head.Header())
		}
	}
}

func TestIconIsInThePage(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	content, found := strings.CutPrefix(a.URL("icon.svg"), "data:image/svg+xml,")
	svg, err := url.PathUnescape(content)
	if !found || err != nil || !strings.HasPrefix(svg, "<svg") || strings.ContainsAny(content, "\"<># ") || len(content) > 600 {
		t.Errorf("got %q, %v", a.URL("icon.svg"), err)
	}
}

func TestEverythingElseIsRefused(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/static/", "/static/app.css", "/static/app.000000000000.css", "/static/css/20-base.css", "/static/../static.go"} {
		if got := fetch(a, "GET", path, ""); got.Code != 404 || got.Header().Get("Cache-Control") != "" {
			t.Errorf("%s: got %d %v, want an uncached 404", path, got.Code, got.Header())
		}
	}
	if got := fetch(a, "POST", a.URL("app.css"), ""); got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: got %d %v", got.Code, got.Header())
	}
	if got := a.URL("no-such.css"); got != "" {
		t.Errorf("unknown name: got %q, want nothing", got)
	}
}

func TestAcceptEncoding(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "br": false, "gzip": true, "GZIP": true, "br;q=1.0, gzip;q=0.8": true,
		"gzip;q=0": false, "gzip; q=0.0": false, "identity, gzip": true, "x-gzip": false,
	} {
		if got := acceptsGzip([]string{header}); got != want {
			t.Errorf("%q: got %v, want %v", header, got, want)
		}
	}
}

// The budget for a first visit is 60 KB; pages take the rest.
func TestFirstVisitIsSmall(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for name, url := range a.urls {
		n := fetch(a, "GET", url, "gzip").Body.Len()
		t.Logf("%s: %d bytes compressed", name, n)
		total += n
	}
	if total > 40_000 {
		t.Errorf("got %d bytes compressed, want at most 40,000", total)
	}
}

func TestNothingIsFetchedFromElsewhere(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	css := fetch(a, "GET", a.URL("app.css"), "").Body.String()
	for _, word := range []string{"@import", "url(", "http:", "https:"} {
		if strings.Contains(css, word) {
			t.Errorf("app.css contains %q", word)
		}
	}
}
