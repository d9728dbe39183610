package labpages_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sessionlab/handlers/handlerstest"
)

// A page goes over the wire packed where the browser takes that, and is the same
// page; what brings its own packing, and the API, are left alone.
func TestLabPagesArePacked(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	get := func(path, accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, handlerstest.LocalURL+path, nil)
		if accept != "" {
			r.Header.Set("Accept-Encoding", accept)
		}
		return site.Answer(r)
	}
	plain, packed := get("/flow", ""), get("/flow", "gzip")
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Body.Len() > plain.Body.Len()/2 {
		t.Errorf("%d bytes %s, of %d", packed.Body.Len(), packed.Header().Get("Content-Encoding"), plain.Body.Len())
	}
	if vary := strings.Join(packed.Header()["Vary"], ", "); !strings.Contains(vary, "Cookie") || !strings.Contains(vary, "Accept-Encoding") {
		t.Errorf("Vary: %s", vary)
	}
	unpacked, err := gzip.NewReader(packed.Body)
	handlerstest.Must(t, err)
	page, err := io.ReadAll(unpacked)
	handlerstest.Must(t, err)
	if !strings.Contains(string(page), "</html>") {
		t.Errorf("unpacked:\n%.400s", page)
	}
	if w := get("/api/session", "gzip"); w.Code != 401 || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("the API: %d %v", w.Code, w.Header())
	}
	if w := get("/dashboard", "gzip"); w.Code != 303 || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("a redirect: %d %v", w.Code, w.Header())
	}
	if w := get("/no-such-page", "gzip"); w.Code != 404 || !strings.Contains(w.Body.String(), "</html>") {
		t.Errorf("an error page: %d %v", w.Code, w.Header())
	}
}
