package handlers_test

import (
	"regexp"
	"testing"

	"sessionlab/handlers"
)

// Durations tell a stranger what was looked up; a site sends them only when it is
// set to.
func TestServerTiming(t *testing.T) {
	t.Parallel()
	paths := []string{"/", "/dashboard", "/api/session", "/nothing", "/static/nothing"}
	ada := newBrowser(t, newSite(t, "database")).signIn("ada")
	for _, path := range paths {
		if got := ada.get(path).page.header.Get("Server-Timing"); got != "" {
			t.Errorf("%s: got %q, want nothing", path, got)
		}
	}
	ada = newBrowser(t, newSiteWith(t, settings{Strategy: "database", Change: func(s *handlers.Site) { s.Timing = true }})).signIn("ada")
	metrics := regexp.MustCompile(`^([a-z]+;dur=\d+\.\d{3};desc="\d+", )*total;dur=\d+\.\d{3}$`)
	for _, path := range paths {
		if got := ada.get(path).page.header["Server-Timing"]; len(got) != 1 || !metrics.MatchString(got[0]) {
			t.Errorf("%s: got %q", path, got)
		}
	}
	if got, want := ada.get("/api/user").page.header.Get("Server-Timing"), `read;dur=0.000;desc="1", strategy;dur=0.000;desc="1", total;dur=0.000`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
