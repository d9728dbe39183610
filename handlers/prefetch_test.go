package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"sessionlab/handlers/handlerstest"
)

// A callback that is fetched in advance, or by HEAD, signs nobody in, spends no code
// and touches no cookie; the real visit that follows signs in.
func TestCallbackIsNotUsedInAdvance(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		site := handlerstest.NewSite(t, strategy)
		for name, early := range map[string]struct {
			method string
			header http.Header
			want   int
		}{
			"prefetch":         {"GET", http.Header{"Sec-Purpose": {"prefetch"}}, 503},
			"prerender":        {"GET", http.Header{"Sec-Purpose": {"prefetch;prerender"}}, 503},
			"an older browser": {"GET", http.Header{"Purpose": {"prefetch"}}, 503},
			"an older Firefox": {"GET", http.Header{"X-Moz": {"prefetch"}}, 503},
			"a preview":        {"GET", http.Header{"Purpose": {"preview"}}, 503},
			"HEAD":             {"HEAD", nil, 405},
			"HEAD, in advance": {"HEAD", http.Header{"Sec-Purpose": {"prefetch"}}, 405},
		} {
			ada := handlerstest.NewBrowser(t, site)
			callback := ada.ToCallback("dev")
			before := ada.CookieHeader()
			r := httptest.NewRequest(early.method, callback.String(), nil)
			for header, values := range early.header {
				r.Header[header] = values
			}
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			w := ada.Send(r)
			if w.Code != early.want || len(ada.SetCookies()) > 0 || ada.CookieHeader() != before || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %s: got %d, cookies %v, want %d and none", strategy, name, w.Code, ada.SetCookies(), early.want)
			}
			if early.method == "HEAD" && w.Header().Get("Allow") != "GET" {
				t.Errorf("%s: Allow is %q", name, w.Header().Get("Allow"))
			}
			ada.Back(callback).At("/sessions", 200)
		}
	}
}
