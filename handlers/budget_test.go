package handlers_test

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"strings"
	"testing"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

// TestCookieBudget tries what makes cookies long, in every combination: strategies,
// seals, profiles, the provider's tokens, and sign-ins that are under way. All of them
// together stay within the budget, and a sign-out always works.
func TestCookieBudget(t *testing.T) {
	var strategies []string
	for _, kind := range auth.Kinds() {
		strategies = append(strategies, kind.Name)
	}
	longest, where := 0, ""
	wide, path := strings.Repeat("界", 400), "/sessions?x="+strings.Repeat("a", 490)
	for _, strategy := range handlerstest.Modes(strategies...) {
		for _, seal := range auth.Formats() {
			for _, extreme := range []bool{false, true} {
				for _, tokens := range []int{0, 3000, 5000} {
					site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: strategy, Seal: seal, Change: func(s *handlers.Site) {
						if extreme {
							s.Directory = vain{s.Directory, func(id *auth.Identity) {
								id.Name, id.Email, id.Picture = wide, strings.Repeat("a", 242)+"@example.com", "https://lh3.googleusercontent.com/"+strings.Repeat("p", 470)
							}}
						}
						if tokens > 0 {
							s.Tokens = longTokens(t, s, tokens)
						}
					}})
					name := strategy + ", " + seal
					if extreme {
						name += ", extreme profile"
					}
					ada := handlerstest.NewBrowser(t, site)
					fits := func(when string) {
						t.Helper()
						n := len(ada.CookieHeader())
						if n > longest {
							longest, where = n, name+", "+when
						}
						if n > auth.CookieBudget {
							t.Errorf("%s, tokens of %d bytes, %s: %d bytes, at most %d", name, tokens, when, n, auth.CookieBudget)
						}
					}
					begin := func() {
						for range 6 {
							w := ada.Request(http.MethodPost, "/sign-in/dev", handlerstest.Form("next", path), "same-origin")
							if w.Code != 303 {
								t.Fatalf("%s: a sign-in cannot begin: %d", name, w.Code)
							}
							fits("signing in")
						}
					}
					ada.Get("/sign-in")
					begin()
					ada.SignIn("ada")
					fits("signed in")
					ada.Request(http.MethodGet, "/link?token="+strings.Repeat("x", 64), nil, "cross-site")
					if site.Mailed != nil && ada.Value(auth.LinkCookie) == "" {
						t.Errorf("%s: there is no cookie of a link", name)
					}
					fits("opening a link")
					begin()
					for range 3 { // by others, so that the tombstone grows
						ada.Get(handlerstest.LocalURL+"/sign-in?reason=signed_out").Press("#sign-in-dev").Press("button[value=ada]").At("/dashboard", 200)
						fits("signed in again")
					}
					site.Clock.Advance(6 * handlerstest.Day)
					for _, m := range site.Managers(new(http.Request)) {
						ada.WantsAPI("GET", "/api/session?strategy="+m.Name, 200, "")
					}
					fits("renewed")
					begin()
					ada.Get(handlerstest.LocalURL + "/dashboard").Press("#header-sign-out").Told("signed_out")
					fits("signed out")
				}
			}
		}
	}
	t.Logf("the longest Cookie header has %d bytes: %s", longest, where)
}

// longTokens keeps whatever the provider gives as tokens of that many bytes.
func longTokens(t *testing.T, s *handlers.Site, size int) *auth.AccountKeeper {
	keeper := keeperOf(t, s)
	keeper.Cookie, keeper.Row = padded{keeper.Cookie, size}, padded{keeper.Row, size}
	return keeper
}

// padded seals values as if the provider's tokens had so many bytes.
type padded struct {
	sealer
	bytes int
}

type sealer = auth.Sealer

func (p padded) Seal(ctx context.Context, c auth.Claims) (string, error) {
	if more := p.bytes - len(c.Data); more > 0 {
		c.Data = append(bytes.TrimSuffix(c.Data, []byte("}")), `,"padding":"`+strings.Repeat("t", more)+`"}`...)
	}
	return p.sealer.Seal(ctx, c)
}

// Sign-ins that begin at the same moment do not see each other's cookies. However many
// those are, they lock nobody out: the next page makes room, and a sign-out works.
func TestSignInsBegunTogether(t *testing.T) {
	t.Parallel()
	for _, strategy := range handlerstest.Modes("cookie", "database") {
		for _, goes := range []string{"/dashboard", "/sign-out"} {
			site := handlerstest.NewSite(t, strategy)
			ada := handlerstest.NewBrowser(t, site).SignIn("ada")
			before := maps.Clone(ada.Cookies)
			arrived := maps.Clone(before)
			for range 20 { // all are sent before the first answer arrives
				ada.Cookies = maps.Clone(before)
				ada.Request(http.MethodPost, "/sign-in/dev", handlerstest.Form("next", "/sessions?x="+strings.Repeat("a", 490)), "same-origin")
				maps.Copy(arrived, ada.Cookies)
			}
			ada.Cookies = arrived
			if n := len(ada.CookieHeader()); n < 17<<10 {
				t.Fatalf("%s: %d bytes are not too many", strategy, n)
			}
			method, want := http.MethodGet, 200
			if goes == "/sign-out" {
				method, want = http.MethodPost, 303
			}
			w := ada.Request(method, goes, nil, "same-origin")
			if n := len(ada.CookieHeader()); w.Code != want || n > auth.CookieBudget {
				t.Errorf("%s, %s: got %d and %d bytes of cookies, want %d and %d at most", strategy, goes, w.Code, n, want, auth.CookieBudget)
			}
		}
	}
	foreign := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "cookie"))
	foreign.Cookies["padding"] = handlerstest.Cookie{Value: strings.Repeat("x", 17<<10)}
	foreign.Get("/").Refused(431, "headers_too_large")
}
