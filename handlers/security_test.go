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
)

// TestSecurity holds the site to the requirements of SECURITY.md, each by the
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
		{31, "the lab prints no secret", labPrintsNoSecret},
	} {
		t.Run(rule.name, rule.holds)
	}
}

// A foreign page in the same browser: what it sends carries the cookies that
// SameSite lets through, and says where it comes from.
func otherOriginsCannotAct(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	_, mine := ada.api("GET", "/api/session")
	before := ada.header()
	for _, path := range []string{
		"/sign-in/dev", "/sign-out", "/strategy", "/sessions/revoke-all", "/sessions/revoke-others",
		"/sessions/" + sessionOf(mine)["id"].(string) + "/revoke", "/api/sessions/revoke-all", "/compare/reset", "/compare/steal", "/nothing",
	} {
		for _, from := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
			{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"null"}},
			{"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://evil.localhost:8080"}},
			{"Origin": {"https://evil.example"}}, // a browser from before Sec-Fetch-Site
			{"Origin": {"http://localhost:9090"}},
			{"Origin": {"null"}},
		} {
			r := httptest.NewRequest(http.MethodPost, localURL+path, strings.NewReader("strategy=cookie"))
			r.Header = from.Clone()
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if w := ada.send(r); w.Code != 403 || len(ada.setCookies()) > 0 {
				t.Errorf("POST %s from %v: got %d, want 403 and nothing done", path, from, w.Code)
			}
			if !strings.Contains(ada.page.body, "cross_origin") {
				t.Errorf("POST %s: the answer does not say why: %s", path, ada.page.body)
			}
		}
	}
	if ada.header() != before {
		t.Errorf("the browser holds %s, before %s", ada.header(), before)
	}
	ada.wants("/dashboard", 200)
	site.log.wants(t, "csrf_blocked")

	curl := httptest.NewRequest(http.MethodPost, localURL+"/sign-out", nil) // no browser: nothing to protect
	if w := ada.send(curl); w.Code != 303 {
		t.Errorf("POST /sign-out without a browser: got %d, want 303", w.Code)
	}
}

func safeMethodsChangeNothing(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	ada.get("/compare")
	before := ada.header()
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		for _, path := range []string{
			"/", "/sign-in", "/sign-in/dev", "/sign-out", "/dashboard", "/sessions", "/sessions/x/revoke", "/sessions/revoke-all",
			"/strategy?strategy=cookie", "/compare", "/compare/state", "/compare/reset", "/compare/steal", "/api/session", "/api/sessions/revoke-all",
			"/sign-out?_method=POST", "/dashboard?_method=DELETE",
		} {
			r := httptest.NewRequest(method, localURL+path, nil)
			r.Header.Set("X-HTTP-Method-Override", "POST")
			ada.send(r)
			if ada.header() != before || len(ada.setCookies()) > 0 {
				t.Errorf("%s %s set cookies: %v", method, path, ada.setCookies())
			}
		}
	}
	ada.wants("/dashboard", 200)
	same(t, "after all that", ada.verdicts(), map[string]string{"you cookie": "signed_in", "you database": "signed_in"})
}

func onlyBaseURLDecides(t *testing.T) {
	t.Parallel()
	site := newSiteWith(t, settings{Strategy: "database", BaseURL: "https://app.example"})
	ada := newBrowser(t, site)
	ask := func(host string, header http.Header) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "https://app.example/dashboard", nil)
		if r.Host = host; header != nil {
			r.Header = header
		}
		return ada.send(r)
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
	ada.get("/sign-in")
	action, values := ada.form("#sign-in-dev")
	r := httptest.NewRequest(http.MethodPost, "https://app.example"+action, strings.NewReader(values.Encode()))
	r.Header = forwarded.Clone()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	to := ada.parse(ada.send(r).Header().Get("Location"))
	if got := to.Query().Get("redirect_uri"); got != "https://app.example/sign-in/dev/callback" {
		t.Errorf("redirect_uri: got %s", got)
	}
}

func forwardedIsRefused(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	nobody := newBrowser(t, site)
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Anything"} {
		for _, path := range []string{"/", "/idp/.well-known/openid-configuration", "/idp/authorize", "/api/session", "/static/app.css", "/compare"} {
			r := httptest.NewRequest(http.MethodGet, localURL+path, nil)
			r.Header.Set(name, "127.0.0.1")
			if w := nobody.send(r); w.Code != 421 || !strings.Contains(w.Body.String(), "BASE_URL") {
				t.Errorf("%s with %s: got %d, want 421 and what to set", path, name, w.Code)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		r := httptest.NewRequest(http.MethodGet, localURL+path, nil)
		r.Host = "10.0.0.7:8080"
		r.Header.Set("X-Forwarded-For", "10.0.0.1")
		if w := nobody.send(r); w.Code != 200 {
			t.Errorf("%s for a probe: got %d, want 200", path, w.Code)
		}
	}
	public := newSiteWith(t, settings{Strategy: "cookie", BaseURL: "https://app.example", Change: func(s *handlers.Site) { s.IDP = nil }})
	newBrowser(t, public).wants("/idp/authorize", 404).wants("/idp/.well-known/openid-configuration", 404)
}

// The words of a profile are the provider's. Nothing of them is markup.
func profileIsText(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"compare", "cookie", "database"} {
		site := newSiteWith(t, settings{Strategy: strategy, Change: func(s *handlers.Site) {
			s.Directory = vain{s.Directory, func(id *auth.Identity) {
				id.Name, id.Email = `<script>alert("x")</script> "quoted' & Co`, `"><img src=x onerror=alert(1)>@example.com`
				id.Picture = "https://tracker.example/pixel.png?u=ada"
			}}
		}})
		ada := newBrowser(t, site).signIn("ada")
		ada.agent = `<script>alert("agent")</script>`
		for _, path := range []string{"/", "/dashboard", "/sessions", "/nothing", "/sign-in?reason=signed_out"} {
			if ada.get(path); ada.has("script:not([src])") || ada.has("[onerror]") || ada.has("img") || strings.Contains(ada.page.body, "tracker.example") {
				t.Errorf("%s under %s: the profile is markup, or its picture is fetched:\n%s", path, strategy, ada.page.body)
			}
		}
		if ada.get("/dashboard"); !strings.Contains(ada.text(), `<script>alert("x")</script>`) || ada.one(".chip [aria-hidden]").Text() == "" {
			t.Errorf("the name is not shown as it is:\n%s", ada.text())
		}
		r := httptest.NewRequest(http.MethodGet, localURL+"/nothing/%3Cscript%3Ealert(1)%3C/script%3E?q=<script>", nil)
		if ada.send(r); ada.has("script:not([src])") {
			t.Error("the address is markup")
		}
	}
	known := newSiteWith(t, settings{Strategy: "cookie", Change: func(s *handlers.Site) {
		s.Directory = vain{s.Directory, func(id *auth.Identity) { id.Picture = "https://lh3.googleusercontent.com/a/ada" }}
	}})
	if ada := newBrowser(t, known).signIn("ada"); ada.one("img").AttrOr("src", "") != "https://lh3.googleusercontent.com/a/ada" {
		t.Error("a picture from a known host is not shown")
	}
}

// A profile of any size is trimmed; a user who still does not fit is a page, and
// nothing is lost.
func anyProfileFits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("界", 10<<10)
	for _, strategy := range []string{"compare", "cookie"} {
		site := newSiteWith(t, settings{Strategy: strategy, Change: func(s *handlers.Site) {
			s.Directory = vain{s.Directory, func(id *auth.Identity) {
				id.Name, id.Email, id.Picture = long, strings.Repeat("a", 242)+"@example.com", "https://lh3.googleusercontent.com/"+long
			}}
		}})
		ada := newBrowser(t, site).signIn("ada")
		if n := len(ada.header()); n > 12<<10 {
			t.Errorf("%s: the Cookie header has %d bytes, at most %d", strategy, n, 12<<10)
		}
		if name := ada.wantsAPI("GET", "/api/user?strategy=cookie", 200, "")["name"].(string); name == "" || !strings.HasPrefix(long, name) || len([]rune(name)) > 128 {
			t.Errorf("%s: the name has %d bytes, want 128 runes at most", strategy, len(name))
		}
	}
	site := newSiteWith(t, settings{Strategy: "cookie", Change: func(s *handlers.Site) { s.Directory = crowded{s.Directory} }})
	ada, grace := newBrowser(t, site).signIn("ada"), newBrowser(t, site)
	ada.get("/sign-in?reason=signed_out").press("#sign-in-dev").press("button[value=grace]").refused(400, "session_too_large")
	ada.wants("/dashboard", 200)
	grace.get("/sign-in").press("#sign-in-dev").press("button[value=grace]").refused(400, "session_too_large")
	grace.wants("/dashboard", 303)
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
	for _, mode := range []string{"compare", "database"} {
		site := newSite(t, mode)
		ada := newBrowser(t, site).signIn("ada")
		secrets := []string{ada.value("session-database")}
		if mode == "compare" {
			secrets = append(secrets, ada.value("session-cookie"))
		}
		must(t, site.db.Close())
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(site.file + suffix)
			if os.IsNotExist(err) {
				continue
			}
			must(t, err)
			for _, secret := range secrets {
				if strings.Contains(string(content), secret) {
					t.Errorf("%s: %s holds the value of a cookie", mode, site.file+suffix)
				}
			}
		}
	}
}

func challengeIsSent(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "cookie"))
	seen := map[string]bool{}
	for _, provider := range []string{"dev", "oidc", "dev"} {
		ada.get("/sign-in")
		q := ada.parse(ada.pressed("#sign-in-" + provider)).Query()
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

func labPrintsNoSecret(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	ada.get("/compare").press("#do-steal")
	for _, path := range []string{"/", "/dashboard", "/sessions", "/compare", "/compare/state", "/api/session", "/api/session?strategy=cookie", "/api/sessions"} {
		ada.wants(path, 200)
		for name, c := range ada.cookies {
			if strings.Contains(name, "session-") && strings.Contains(ada.page.body, c.value) {
				t.Errorf("%s shows the value of %s", path, name)
			}
		}
	}
}

// logsHoldNoSecret tells a whole story and then reads the log.
func logsHoldNoSecret(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"compare", "cookie", "database"} {
		site := newSite(t, mode)
		ada := newBrowser(t, site)
		callback := ada.toCallback("dev")
		secrets := []string{"ada@example.com", "Ada Lovelace", "a client's secret", callback.Query().Get("code"), callback.Query().Get("state")}
		for _, c := range ada.cookies {
			secrets = append(secrets, c.value)
		}
		ada.back(callback).back(callback)
		for _, c := range ada.cookies {
			secrets = append(secrets, c.value)
		}
		ada.get("/dashboard?token=" + secrets[len(secrets)-1])
		ada.post("/sessions/revoke-others", nil)
		ada.post("/sign-in/nonsense", nil)
		if site.db != nil {
			must(t, site.db.Close())
		}
		ada.get("/dashboard").post("/sign-out", nil)
		for _, secret := range secrets {
			if strings.Contains(site.log.String(), secret) || strings.Contains(site.log.String(), url.QueryEscape(secret)) {
				t.Errorf("%s: the log holds %q", mode, secret)
			}
		}
		for line := range strings.Lines(site.log.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("not a JSON line: %s", line)
			}
		}
	}
}
