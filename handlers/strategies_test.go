package handlers_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

// Every strategy under every seal carries a person through the site.
func TestEveryStrategyAndSeal(t *testing.T) {
	for _, kind := range auth.Kinds() {
		for _, seal := range auth.Formats() {
			t.Run(kind.Name+"/"+seal, func(t *testing.T) {
				t.Parallel()
				s := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: kind.Name, Seal: seal})
				ada := handlerstest.NewBrowser(t, s).SignIn("ada")
				ada.WantsAPI("GET", "/api/session", 200, "")
				for range 29 {
					s.Clock.Advance(handlerstest.Day)
					ada.Wants("/dashboard", 200)
				}
				s.Clock.Advance(handlerstest.Day)
				ada.Get("/dashboard").At("/sign-in", 200)
				ada.SignIn("ada").Press("#sign-out").Told("signed_out")
				ada.Wants("/dashboard", 303)
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
				s := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: kind.Name, Seal: seal, Change: func(s *handlers.Site) {
					s.Directory = vain{s.Directory, func(id *auth.Identity) {
						id.Name = strings.Repeat("界", 10<<10/3)
						id.Picture = "https://lh3.googleusercontent.com/" + strings.Repeat("p", 8<<10)
					}}
				}})
				ada := handlerstest.NewBrowser(t, s)
				ada.Get("/sign-in").Press("#sign-in-dev")
				location := ada.PressOnce("button[value=ada]")
				w := ada.Request(http.MethodGet, location, nil, "same-origin")
				for _, line := range w.Header()["Set-Cookie"] {
					if len(line) > 4050 {
						t.Errorf("a Set-Cookie line has %d bytes, at most 4,050: %.40s", len(line), line)
					}
				}
				ada.Wants("/dashboard", 200)
			})
		}
	}
}

// Fifty requests at the refresh edge of rotation: all succeed, and the table has
// one rotation. The same token once more after the grace ends its family.
func TestParallelRefreshes(t *testing.T) {
	s := handlerstest.NewSite(t, "rotation")
	laptop := handlerstest.NewBrowser(t, s).SignIn("ada")
	s.Clock.Advance(handlerstest.Lifetimes.Access)
	tabs := make([]*handlerstest.Browser, 50)
	var all sync.WaitGroup
	for i := range tabs {
		tabs[i] = handlerstest.NewBrowser(t, s).Steal(laptop)
		all.Go(func() { tabs[i].WantsAPI("GET", "/api/session", 200, "") })
	}
	all.Wait()
	successor := tabs[0].Value("refresh-rotation")
	for _, tab := range tabs {
		if got := tab.Value("refresh-rotation"); got != successor {
			t.Fatal("two tabs got different successors")
		}
	}
	if n := strings.Count(s.Journal.String(), "refresh_reuse"); n != 0 {
		t.Errorf("%d of the tabs were taken for thieves", n)
	}
	if n := s.Rows("refresh_tokens"); n != 2 {
		t.Errorf("the table has %d refresh tokens, want the spent one and its successor", n)
	}

	s.Clock.Advance(handlerstest.Lifetimes.Access)
	tabs[0].WantsAPI("GET", "/api/session", 200, "")
	laptop.WantsAPI("GET", "/api/session", 401, "reused") // it still has the spent one
	s.Journal.Wants(t, "refresh_reuse")
	s.Clock.Advance(handlerstest.Lifetimes.Access)
	tabs[0].WantsAPI("GET", "/api/session", 401, "revoked")
}
