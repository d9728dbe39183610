package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

// Lines about a request have the address of the client, as proxies make it known.
func TestLogHasTheClient(t *testing.T) {
	site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", BaseURL: "https://app.example.com", Change: func(s *handlers.Site) {
		s.Proxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	}})
	r := httptest.NewRequest(http.MethodPost, "https://app.example.com/sign-out", nil)
	r.RemoteAddr = "192.0.2.1:1234"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	site.ServeHTTP(httptest.NewRecorder(), r)
	if log := site.Journal.String(); !strings.Contains(log, `"client":"203.0.113.9"`) {
		t.Errorf("the log has no client: %s", log)
	}
}
