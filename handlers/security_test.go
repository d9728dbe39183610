package handlers_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

// TestSecurity holds the site to what docs/security.md says, each rule by the
// number of its row. What a package can hold by itself is tested there.
func TestSecurity(t *testing.T) {
	for _, rule := range []struct {
		row   int
		name  string
		holds func(*testing.T)
	}{
		{1, "cookies are __Host- Secure HttpOnly Lax", TestCookieAges}, // and at every answer, see flaws
		{2, "a cookie always fits", anyProfileFits},
		{3, "secrets in a stolen database are useless", databaseHoldsNoSecret},
		{4, "a sign-in makes a new session and ends the old one", TestSignInReplacesTheSession},
		{5, "renewal never moves the absolute end", TestAbsoluteEnd},
		{5, "a copied old cookie dies at its own time", TestCopyOfAnOldCookie},
		{7, "a token of one kind is no other", TestBadCookiesSignOut},
		{9, "a flow is used once, by its browser, at its provider", TestCase06FlowEndsWhereItBegan},
		{9, "flows end and are bounded", TestFlowsEnd},
		{10, "PKCE S256 and nonce for every provider", challengeIsSent},
		{12, "only BASE_URL decides addresses", onlyBaseURLDecides},
		{13, "no open redirect", TestNextStaysOnTheSite},
		{14, "identity is issuer and subject", TestProvidersDoNotMeetByEmail},
		{15, "the callback redirects to a clean path", TestProviderBroken},
		{16, "provider text is never shown", TestProviderErrorsAreOurWords},
		{17, "other origins cannot act", otherOriginsCannotAct},
		{17, "old browsers are no other origin", oldBrowserActs},
		{17, "an origin is the base URL's to the letter", originIsExact},
		{18, "safe methods change nothing", safeMethodsChangeNothing},
		{18, "other methods get 405 with Allow", TestUnknownPathsAndMethods},
		{19, "the policy allows nothing that is not ours", strictPolicy},
		{19, "nothing is inline", nothingInline},
		{20, "headers are on every status", headersOnEveryStatus},
		{20, "HSTS on https only", strictTransport},
		{21, "nothing personal is cached", nothingCached},
		{22, "profile fields are text", profileIsText},
		{26, "logs hold no secret", logsHoldNoSecret},
		{27, "errors are generic", panicIsAPage},
		{27, "a fault never signs out or in", TestStoreGone},
		{28, "the embedded provider is not forwarded to", forwardedIsRefused},
		{29, "a body has 64 KiB at most", TestTooLargeBodies},
	} {
		t.Run(rule.name, rule.holds)
	}
}

// A foreign page in the same browser: what it sends carries the cookies that
// SameSite lets through, and says where it comes from.
func otherOriginsCannotAct(t *testing.T) {
	eachMode(t, func(t *testing.T, site *handlerstest.Site) {
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		_, mine := ada.API("GET", "/api/session")
		before := ada.CookieHeader()
		for _, path := range []string{
			"/sign-in/dev", "/sign-out", "/strategy", "/sessions/revoke-all", "/sessions/revoke-others",
			"/sessions/" + handlerstest.SessionOf(mine)["id"].(string) + "/revoke", "/api/sessions/revoke-all", "/compare/reset", "/compare/steal", "/nothing",
		} {
			for _, from := range []http.Header{
				{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
				{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"null"}},
				{"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://evil.localhost:8080"}},
				{"Origin": {"https://evil.example"}}, // a browser from before Sec-Fetch-Site
				{"Origin": {"http://localhost:9090"}},
				{"Origin": {"null"}},
			} {
				r := httptest.NewRequest(http.MethodPost, handlerstest.LocalURL+path, strings.NewReader("strategy=cookie"))
				r.Header = from.Clone()
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if w := ada.Send(r); w.Code != 403 || len(ada.SetCookies()) > 0 {
					t.Errorf("POST %s from %v: got %d, want 403 and nothing done", path, from, w.Code)
				}
				if !strings.Contains(ada.Page.Body, "cross_origin") {
					t.Errorf("POST %s: the answer does not say why: %s", path, ada.Page.Body)
				}
			}
		}
		if ada.CookieHeader() != before {
			t.Errorf("the browser holds %s, before %s", ada.CookieHeader(), before)
		}
		ada.Wants("/dashboard", 200)
		site.Journal.Wants(t, "csrf_blocked")

		curl := httptest.NewRequest(http.MethodPost, handlerstest.LocalURL+"/sign-out", nil) // no browser: nothing to protect
		if w := ada.Send(curl); w.Code != 303 {
			t.Errorf("POST /sign-out without a browser: got %d, want 303", w.Code)
		}
	}, "cookie", "database")
}

// oldBrowserActs presses the buttons of the site and of the embedded provider in a
// browser that says where a form stood by Origin alone. What that says follows from
// the Referrer-Policy of the page.
func oldBrowserActs(t *testing.T) {
	eachMode(t, func(t *testing.T, site *handlerstest.Site) {
		old := handlerstest.NewBrowser(t, site)
		old.Old = true
		old.SignIn("ada")
		if old.Has("#trust-database") { // the toggle
			old.Press("#trust-cookie").At("/dashboard", 200).Press("#trust-database").At("/dashboard", 200)
		}
		old.Get("/dashboard").Press("#sign-out").Get("/dashboard").At("/sign-in", 200)
		if under(site, "database") {
			old.SignUp("ada@example.org", handlerstest.AdasPassword).Get("/sessions").Press("#revoke-all").At("/sign-in", 200)
		}
	}, "cookie", "database")
}

func safeMethodsChangeNothing(t *testing.T) {
	eachMode(t, func(t *testing.T, site *handlerstest.Site) {
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		ada.Get("/compare")
		before := ada.CookieHeader()
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			for _, path := range []string{
				"/", "/sign-in", "/sign-in/dev", "/sign-out", "/dashboard", "/sessions", "/sessions/x/revoke", "/sessions/revoke-all",
				"/strategy?strategy=cookie", "/compare", "/compare/state", "/compare/reset", "/compare/steal", "/api/session", "/api/sessions/revoke-all",
				"/sign-out?_method=POST", "/dashboard?_method=DELETE",
			} {
				r := httptest.NewRequest(method, handlerstest.LocalURL+path, nil)
				r.Header.Set("X-HTTP-Method-Override", "POST")
				ada.Send(r)
				if ada.CookieHeader() != before || len(ada.SetCookies()) > 0 {
					t.Errorf("%s %s set cookies: %v", method, path, ada.SetCookies())
				}
			}
		}
		ada.Wants("/dashboard", 200)
		for _, m := range site.Managers(new(http.Request)) {
			ada.WantsAPI("GET", "/api/session?strategy="+m.Name, 200, "")
		}
	}, "cookie", "database")
}

func onlyBaseURLDecides(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", BaseURL: "https://app.example"})
	ada := handlerstest.NewBrowser(t, site)
	ask := func(host string, header http.Header) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "https://app.example/dashboard", nil)
		if r.Host = host; header != nil {
			r.Header = header
		}
		return ada.Send(r)
	}
	for _, host := range []string{"evil.example", "app.example.evil.example", "app.example:8080", "localhost", "127.0.0.1", "app.example@evil.example", "app.example.", " app.example", "[::1]"} {
		if w := ask(host, nil); w.Code != 421 || strings.Contains(w.Body.String(), "evil.example") {
			t.Errorf("Host %q: got %d, want 421 and no echo", host, w.Code)
		}
	}
	for _, host := range []string{"app.example", "APP.example", "app.example:443"} {
		if w := ask(host, nil); w.Code != 303 {
			t.Errorf("Host %q: got %d, want the site", host, w.Code)
		}
	}
	forwarded := http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"http"}, "Forwarded": {"host=evil.example"}}
	if w := ask("app.example", forwarded); w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in?") {
		t.Errorf("forwarded: got %d to %s", w.Code, w.Header().Get("Location"))
	}
	ada.Get("/sign-in")
	action, values := ada.Form("#sign-in-dev")
	r := httptest.NewRequest(http.MethodPost, "https://app.example"+action, strings.NewReader(values.Encode()))
	r.Header = forwarded.Clone()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	to := ada.Parse(ada.Send(r).Header().Get("Location"))
	if got := to.Query().Get("redirect_uri"); got != "https://app.example/sign-in/dev/callback" {
		t.Errorf("redirect_uri: got %s", got)
	}
}

// The words of a profile are the provider's. Nothing of them is markup.
func profileIsText(t *testing.T) {
	t.Parallel()
	for _, strategy := range handlerstest.Modes("cookie", "database") {
		site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: strategy, Change: func(s *handlers.Site) {
			s.Directory = vain{s.Directory, func(id *auth.Identity) {
				id.Name, id.Email = `<script>alert("x")</script> "quoted' & Co`, `"><img src=x onerror=alert(1)>@example.com`
				id.Picture = "https://tracker.example/pixel.png?u=ada"
			}}
		}})
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		ada.Agent = `<script>alert("agent")</script>`
		for _, path := range []string{"/", "/dashboard", "/sessions", "/nothing", "/sign-in?reason=signed_out"} {
			if ada.Get(path); ada.Has("script:not([src])") || ada.Has("[onerror]") || ada.Has("img") || strings.Contains(ada.Page.Body, "tracker.example") {
				t.Errorf("%s under %s: the profile is markup, or its picture is fetched:\n%s", path, strategy, ada.Page.Body)
			}
		}
		if ada.Get("/dashboard"); !strings.Contains(ada.Text(), `<script>alert("x")</script>`) || ada.One(".chip [aria-hidden]").Text() == "" {
			t.Errorf("the name is not shown as it is:\n%s", ada.Text())
		}
		r := httptest.NewRequest(http.MethodGet, handlerstest.LocalURL+"/nothing/%3Cscript%3Ealert(1)%3C/script%3E?q=<script>", nil)
		if ada.Send(r); ada.Has("script:not([src])") {
			t.Error("the address is markup")
		}
	}
	known := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: handlerstest.Any, Change: func(s *handlers.Site) {
		s.Directory = vain{s.Directory, func(id *auth.Identity) { id.Picture = "https://lh3.googleusercontent.com/a/ada" }}
	}})
	own := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", Change: func(s *handlers.Site) {
		s.PictureHosts = []string{"https://pictures.example"}
		s.Directory = vain{s.Directory, func(id *auth.Identity) { id.Picture = "https://pictures.example/ada.png" }}
	}})
	ada := handlerstest.NewBrowser(t, own).SignIn("ada")
	if ada.One("img").AttrOr("src", "") != "https://pictures.example/ada.png" {
		t.Error("a picture of a host that is allowed is not shown")
	}
	if ada := handlerstest.NewBrowser(t, known).SignIn("ada"); ada.One("img").AttrOr("src", "") != "https://lh3.googleusercontent.com/a/ada" {
		t.Error("a picture from a known host is not shown")
	}
}

// A profile of any size is trimmed; a user who still does not fit is a page, and
// nothing is lost.
func anyProfileFits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("界", 10<<10)
	for _, strategy := range handlerstest.Modes("cookie") {
		site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: strategy, Change: func(s *handlers.Site) {
			s.Directory = vain{s.Directory, func(id *auth.Identity) {
				id.Name, id.Email, id.Picture = long, strings.Repeat("a", 242)+"@example.com", "https://lh3.googleusercontent.com/"+long
			}}
		}})
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		if n := len(ada.CookieHeader()); n > 12<<10 {
			t.Errorf("%s: the Cookie header has %d bytes, at most %d", strategy, n, 12<<10)
		}
		if name := ada.WantsAPI("GET", "/api/user?strategy=cookie", 200, "")["name"].(string); name == "" || !strings.HasPrefix(long, name) || len([]rune(name)) > 128 {
			t.Errorf("%s: the name has %d bytes, want 128 runes at most", strategy, len(name))
		}
	}
	site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: handlerstest.Any, Change: func(s *handlers.Site) { s.Directory = crowded{s.Directory} }})
	ada, grace := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
	ada.Get("/sign-in?reason=signed_out").Press("#sign-in-dev").Press("button[value=grace]").Refused(400, "session_too_large")
	ada.Wants("/dashboard", 200)
	grace.Get("/sign-in").Press("#sign-in-dev").Press("button[value=grace]").Refused(400, "session_too_large")
	grace.Wants("/dashboard", 303)
}

// A crowded directory knows more of Grace than cookies can hold.
type crowded struct{ auth.Directory }

func (c crowded) SignIn(ctx context.Context, id auth.Identity) (auth.User, error) {
	u, err := c.Directory.SignIn(ctx, id)
	if id.Email == "grace@example.com" {
		u.Email = strings.Repeat("a", 20<<10)
	}
	return u, err
}

// A vain directory sees what it wants in an identity.
type vain struct {
	auth.Directory
	change func(*auth.Identity)
}

func (v vain) SignIn(ctx context.Context, id auth.Identity) (auth.User, error) {
	v.change(&id)
	return v.Directory.SignIn(ctx, id)
}

func databaseHoldsNoSecret(t *testing.T) {
	dbtest.SQLiteOnly(t) // package db looks into the tables of a server
	t.Parallel()
	for _, mode := range handlerstest.Modes("database") {
		site := handlerstest.NewSite(t, mode)
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		secrets := []string{ada.Value("session-database")}
		if mode == "compare" {
			secrets = append(secrets, ada.Value("session-cookie"))
		}
		handlerstest.Must(t, site.DB.Close())
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(site.File + suffix)
			if os.IsNotExist(err) {
				continue
			}
			handlerstest.Must(t, err)
			for _, secret := range secrets {
				if strings.Contains(string(content), secret) {
					t.Errorf("%s: %s holds the value of a cookie", mode, site.File+suffix)
				}
			}
		}
	}
}

func challengeIsSent(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, handlerstest.Any))
	seen := map[string]bool{}
	for _, provider := range []string{"dev", "oidc", "dev"} {
		ada.Get("/sign-in")
		q := ada.Parse(ada.PressOnce("#sign-in-" + provider)).Query()
		if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("response_type") != "code" {
			t.Errorf("%s: got %v", provider, q)
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if v := q.Get(name); len(v) < 26 || seen[v] {
				t.Errorf("%s: %s is %q", provider, name, v)
			} else {
				seen[v] = true
			}
		}
	}
}

// logsHoldNoSecret tells a whole story and then reads the log.
func logsHoldNoSecret(t *testing.T) {
	t.Parallel()
	for _, mode := range handlerstest.Modes("cookie", "database") {
		site := handlerstest.NewSite(t, mode)
		ada := handlerstest.NewBrowser(t, site)
		callback := ada.ToCallback("dev")
		secrets := []string{"ada@example.com", "Ada Lovelace", "a client's secret", callback.Query().Get("code"), callback.Query().Get("state")}
		for _, c := range ada.Cookies {
			secrets = append(secrets, c.Value)
		}
		ada.Back(callback).Back(callback)
		for _, c := range ada.Cookies {
			secrets = append(secrets, c.Value)
		}
		ada.Get("/dashboard?token=" + secrets[len(secrets)-1])
		ada.Post("/sessions/revoke-others", nil)
		ada.Post("/sign-in/nonsense", nil)
		if site.DB != nil {
			handlerstest.Must(t, site.DB.Close())
		}
		ada.Get("/dashboard").Post("/sign-out", nil)
		for _, secret := range secrets {
			if strings.Contains(site.Journal.String(), secret) || strings.Contains(site.Journal.String(), url.QueryEscape(secret)) {
				t.Errorf("%s: the log holds %q", mode, secret)
			}
		}
		for line := range strings.Lines(site.Journal.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("not a JSON line: %s", line)
			}
		}
	}
}
