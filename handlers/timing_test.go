package handlers_test

import (
	"regexp"
	"testing"

	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

// Durations tell a stranger what was looked up; a site sends them only when it is
// set to.
func TestServerTiming(t *testing.T) {
	t.Parallel()
	paths := []string{"/", "/dashboard", "/api/session", "/nothing", "/static/nothing"}
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database")).SignIn("ada")
	for _, path := range paths {
		if got := ada.Get(path).Page.Header.Get("Server-Timing"); got != "" {
			t.Errorf("%s: got %q, want nothing", path, got)
		}
	}
	ada = handlerstest.NewBrowser(t, handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", Change: func(s *handlers.Site) { s.Timing = true }})).SignIn("ada")
	metrics := regexp.MustCompile(`^([a-z]+;dur=\d+\.\d{3};desc="\d+", )*total;dur=\d+\.\d{3}$`)
	for _, path := range paths {
		if got := ada.Get(path).Page.Header["Server-Timing"]; len(got) != 1 || !metrics.MatchString(got[0]) {
			t.Errorf("%s: got %q", path, got)
		}
	}
	if got, want := ada.Get("/api/user").Page.Header.Get("Server-Timing"), `read;dur=0.000;desc="1", strategy;dur=0.000;desc="1", total;dur=0.000`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
