package handlers_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"sessionlab/auth"
	"sessionlab/handlers"
)

// Every strategy under every seal carries a person through the site.
func TestEveryStrategyAndSeal(t *testing.T) {
	for _, kind := range auth.Kinds() {
		for _, seal := range auth.Formats() {
			t.Run(kind.Name+"/"+seal, func(t *testing.T) {
				t.Parallel()
				s := newSiteWith(t, settings{Strategy: kind.Name, Seal: seal})
				ada := newBrowser(t, s).signIn("ada")
				ada.wantsAPI("GET", "/api/session", 200, "")
				for range 29 {
					s.clock.Advance(day)
					ada.wants("/dashboard", 200)
				}
				s.clock.Advance(day)
				ada.get("/dashboard").at("/sign-in", 200)
				ada.signIn("ada").press("#sign-out").told("signed_out")
				ada.wants("/dashboard", 303)
			})
		}
	}
}

// A name of 10 KiB and a picture URL of 8 KiB sign in under every strategy and
// seal; no Set-Cookie line exceeds 4,050 bytes.
func TestHugeProfileSignsInEverywhere(t *testing.T) {
	for _, kind := range auth.Kinds() {
		for _, seal := range auth.Formats() {
			t.Run(kind.Name+"/"+seal, func(t *testing.T) {
				t.Parallel()
				s := newSiteWith(t, settings{Strategy: kind.Name, Seal: seal, Change: func(s *handlers.Site) {
					s.Directory = vain{s.Directory, func(id *auth.Identity) {
						id.Name = strings.Repeat("界", 10<<10/3)
						id.Picture = "https://lh3.googleusercontent.com/" + strings.Repeat("p", 8<<10)
					}}
				}})
				ada := newBrowser(t, s)
				ada.get("/sign-in").press("#sign-in-dev")
				location := ada.pressed("button[value=ada]")
				w := ada.request(http.MethodGet, location, nil, "same-origin")
				for _, line := range w.Header()["Set-Cookie"] {
					if len(line) > 4050 {
						t.Errorf("a Set-Cookie line has %d bytes, at most 4,050: %.40s", len(line), line)
					}
				}
				ada.wants("/dashboard", 200)
			})
		}
	}
}

// Fifty requests at the refresh edge of rotation: all succeed, and the table has
// one rotation. The same token once more after the grace ends its family.
func TestParallelRefreshes(t *testing.T) {
	s := newSite(t, "rotation")
	laptop := newBrowser(t, s).signIn("ada")
	s.clock.Advance(lifetimes.Access)
	tabs := make([]*browser, 50)
	var all sync.WaitGroup
	for i := range tabs {
		tabs[i] = newBrowser(t, s).steal(laptop)
		all.Go(func() { tabs[i].wantsAPI("GET", "/api/session", 200, "") })
	}
	all.Wait()
	successor := tabs[0].value("refresh-rotation")
	for _, tab := range tabs {
		if got := tab.value("refresh-rotation"); got != successor {
			t.Fatal("two tabs got different successors")
		}
	}
	if n := strings.Count(s.log.String(), "refresh_reuse"); n != 0 {
		t.Errorf("%d of the tabs were taken for thieves", n)
	}
	if n := s.rows("refresh_tokens"); n != 2 {
		t.Errorf("the table has %d refresh tokens, want the spent one and its successor", n)
	}

	s.clock.Advance(lifetimes.Grace)
	laptop.wantsAPI("GET", "/api/session", 401, "reused") // it still has the spent one
	s.log.wants(t, "refresh_reuse")
	s.clock.Advance(lifetimes.Access)
	tabs[0].wantsAPI("GET", "/api/session", 401, "revoked")
}

// Looking at the dashboard under one strategy takes nothing from another: what
// was revoked there is still told so.
func TestDashboardKeepsOtherReasons(t *testing.T) {
	s := newSite(t, "compare")
	laptop, phone := newBrowser(t, s).signIn("ada"), newBrowser(t, s).signIn("ada")
	phone.post("/sessions/revoke-others", nil)
	laptop.plant("strategy", "cookie")
	laptop.get("/dashboard").at("/dashboard", 200)
	laptop.wantsAPI("GET", "/api/session?strategy=database", 401, "revoked")
}
