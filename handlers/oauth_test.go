package handlers_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

// nasty stands in whatever a provider says when it fails. Nobody may ever see it.
const nasty = `NASTY<script>alert("provider")</script>`

// A callback is good once, in the browser and for the provider that began it.
func TestCase06FlowEndsWhereItBegan(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	ada, eve := handlerstest.NewBrowser(t, site), handlerstest.NewBrowser(t, site)

	used := ada.ToCallback("dev")
	copied := handlerstest.NewBrowser(t, site).Steal(ada) // the flow's cookie with it
	ada.Back(used).At("/sessions", 200)
	ada.Back(used).At("/sign-in", 200)
	copied.Back(used).Told("flow_invalid")

	for name, twist := range map[string]func(*url.URL) *url.URL{
		"without a state": func(u *url.URL) *url.URL { return handlerstest.With(u, "state", "") },
		"another state":   func(u *url.URL) *url.URL { return handlerstest.With(u, "state", strings.Repeat("A", 26)) },
		"two states":      func(u *url.URL) *url.URL { v := *u; v.RawQuery += "&state=x"; return &v },
		"another's code": func(u *url.URL) *url.URL {
			return handlerstest.With(u, "code", eve.ToCallback("dev").Query().Get("code"))
		},
		"another's iss":  func(u *url.URL) *url.URL { return handlerstest.With(u, "iss", handlerstest.OtherIDP) },
		"without an iss": func(u *url.URL) *url.URL { return handlerstest.With(u, "iss", "") },
		"without a code": func(u *url.URL) *url.URL { return handlerstest.With(u, "code", "") },
		"another provider": func(u *url.URL) *url.URL {
			v := *u
			v.Path = "/sign-in/oidc/callback"
			return &v
		},
	} {
		t.Run(name, func(t *testing.T) {
			nobody := handlerstest.NewBrowser(t, site)
			nobody.Back(twist(nobody.ToCallback("dev"))).At("/sign-in", 200)
			reason := nobody.Page.URL.Query().Get("reason")
			if reason == "" {
				t.Errorf("got %s, want a reason", nobody.Page.URL)
			}
			nobody.Told(reason)
			nobody.WantsAPI("GET", "/api/session", 401, "no_session")
		})
	}

	// Login CSRF: the thief's callback, in the victim's browser.
	ada.Press("#header-sign-out")
	ada.Back(eve.ToCallback("dev")).Told("flow_cookie_missing")
	ada.Get("/sign-in").Press("#sign-in-dev")
	ada.Back(eve.ToCallback("dev")).Told("flow_invalid")
	ada.WantsAPI("GET", "/api/session", 401, "no_session")
}

func TestFlowsEnd(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, handlerstest.Any)
	ada := handlerstest.NewBrowser(t, site)
	to := ada.ToCallback("dev")
	for name, c := range ada.Cookies {
		ada.Cookies[name] = handlerstest.Cookie{Value: c.Value} // kept beyond its Max-Age
	}
	site.Clock.Advance(10 * time.Minute)
	ada.Back(to).Told("flow_expired")
	if got := ada.One(".providers input[name=next]").AttrOr("value", ""); got != "/sessions" {
		t.Errorf("the way back leads to %s, want /sessions", got)
	}

	// Of six open flows the oldest has made room.
	var flows []*url.URL
	for range 6 {
		flows = append(flows, ada.ToCallback("dev"))
		site.Clock.Advance(time.Second)
	}
	if n := strings.Count(ada.CookieHeader(), "__Host-flow-"); n != 5 {
		t.Errorf("the browser has %d open flows, want 5", n)
	}
	ada.Back(flows[0]).Told("flow_invalid")
	ada.Back(flows[5]).At("/sessions", 200)
}

// What a provider says of its errors is for nobody's eyes: not on a page, not in
// an address, not in the log.
func TestProviderErrorsAreOurWords(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, site)
	for code, reason := range map[string]string{
		"access_denied": "cancelled", "server_error": "provider_error", "temporarily_unavailable": "", nasty: "provider_error",
	} {
		to := handlerstest.With(ada.ToCallback("dev"), "code", "", "error", code, "error_description", nasty, "error_uri", "https://evil.example/"+nasty)
		ada.Back(to).At("/sign-in", 200)
		if got := ada.Page.URL.Query().Get("reason"); reason != "" && got != reason {
			t.Errorf("%s: got reason %q, want %q", code, got, reason)
		}
		ada.Told(ada.Page.URL.Query().Get("reason"))
	}
	ada.Get("/sign-in").Press("#sign-in-dev").Press("button[name=deny]").Told("cancelled")
	ada.Get("/sign-in?reason="+url.QueryEscape(nasty)).At("/sign-in", 200)
	if strings.Contains(ada.Page.Body, "NASTY") || strings.Contains(site.Journal.String(), "NASTY") {
		t.Error("the provider's text got through")
	}
	site.Journal.Wants(t, "sign_in_failed")
}

// A provider that is down takes nothing down with it, and is back as soon as it is.
func TestProviderDown(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	site.Network.Down.Store(true)
	ada := handlerstest.NewBrowser(t, site)
	ada.Get("/sign-in").At("/sign-in", 200)
	if ada.Has("#sign-in-dev") || !strings.Contains(ada.Text(), "the provider dev") || !strings.Contains(ada.Text(), "the provider oidc") {
		t.Errorf("the page does not say what is down:\n%s", ada.Text())
	}
	ada.Post("/sign-in/dev", handlerstest.Form("next", "/sessions")).Told("provider_unavailable")
	ada.Wants("/", 200).Wants("/readyz", 200).Wants("/healthz", 200)

	site.Network.Down.Store(false)
	site.Clock.Advance(time.Minute)
	ada.SignIn("ada")
	to := ada.ToCallback("dev")
	site.Network.Down.Store(true)
	ada.Back(to).Told("provider_unavailable")
	if got := ada.One(".providers input[name=next]").AttrOr("value", ""); got != "/sessions" {
		t.Errorf("the way back leads to %s, want /sessions", got)
	}
	ada.Wants("/dashboard", 200) // the session from before stands
	site.Network.Down.Store(false)
	ada.Back(ada.ToCallback("dev")).At("/sessions", 200)
}

// A provider that is set up wrongly is told from one that is down: on the page, which
// sends nobody away to come back in a minute, and once in the log.
func TestProviderMisconfigured(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	site.Providers.List[1].Issuer += "/"
	ada := handlerstest.NewBrowser(t, site)
	for range 3 {
		ada.Get("/sign-in").At("/sign-in", 200)
		if ada.Has("#sign-in-oidc") || !ada.Has("#sign-in-dev") || !strings.Contains(ada.Text(), "the provider oidc is not set up correctly here") {
			t.Errorf("the page does not say what is wrong:\n%s", ada.Text())
		}
		site.Clock.Advance(time.Minute)
	}
	ada.Post("/sign-in/oidc", handlerstest.Form("next", "/sessions")).Told("provider_misconfigured")
	if strings.Contains(ada.Text(), "in a minute") {
		t.Errorf("the page says that it will pass:\n%s", ada.Text())
	}
	if n := strings.Count(site.Journal.String(), `"msg":"provider_failed"`); n != 1 {
		t.Errorf("the log has %d lines about it, want one", n)
	}
	ada.SignIn("ada")
	site.Clock.Advance(time.Hour)
	ada.Get("/account").At("/account", 200)
	if ada.Has("#link-oidc") {
		t.Error("an account can be linked there")
	}
}

// A provider that answers nonsense is a page, and the next one that does not is a sign-in.
func TestProviderBroken(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, handlerstest.Any)
	ada := handlerstest.NewBrowser(t, site)
	for name, answer := range map[string]struct {
		status     int
		kind, body string
	}{
		"500":            {500, "text/html", nasty},
		"HTML":           {200, "text/html", nasty},
		"no JSON":        {200, "application/json", `{"access_token":`},
		"empty":          {200, "application/json", ``},
		"an error":       {400, "application/json", `{"error":"invalid_grant","error_description":"NASTY"}`},
		"no ID token":    {200, "application/json", `{"access_token":"NASTY","token_type":"Bearer"}`},
		"a bad ID token": {200, "application/json", `{"access_token":"x","token_type":"Bearer","id_token":"NASTY.NASTY.NASTY"}`},
		"huge":           {200, "application/json", `{"access_token":"` + strings.Repeat("NASTY", 100<<10) + `"}`},
		"a redirect":     {302, "text/html", nasty},
	} {
		to := ada.ToCallback("dev")
		site.Network.Twist = func(r *http.Request) *http.Response {
			if !strings.HasSuffix(r.URL.Path, "/token") {
				return nil
			}
			return &http.Response{
				StatusCode: answer.status, Header: http.Header{"Content-Type": {answer.kind}, "Location": {"https://evil.example"}},
				Body: io.NopCloser(strings.NewReader(answer.body)), Request: r,
			}
		}
		ada.Back(to).At("/sign-in", 200)
		if reason := ada.Page.URL.Query().Get("reason"); reason != "provider_error" && reason != "provider_unavailable" && reason != "identity_invalid" {
			t.Errorf("%s: got reason %q", name, reason)
		}
		if strings.Contains(ada.Page.Body, "NASTY") {
			t.Errorf("%s: the provider's text is on the page", name)
		}
		site.Network.Twist = nil
	}
	if strings.Contains(site.Journal.String(), "NASTY") {
		t.Error("the provider's text is in the log")
	}
	ada.SignIn("ada")
}

// The page keeps the general code; the log says which check failed, when signing in and
// when linking.
func TestRefusalsAreLogged(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	link, signIn := ada.Parse(ada.LinkCallback("oidc", "grace")), handlerstest.NewBrowser(t, site)
	to := signIn.ToCallback("oidc")
	site.Network.Twist = func(r *http.Request) *http.Response {
		if !strings.HasSuffix(r.URL.Path, "/token") {
			return nil
		}
		return &http.Response{
			StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(`{"access_token":"x","token_type":"Bearer","id_token":"NASTY.NASTY.NASTY"}`)),
		}
	}
	signIn.Back(to).Told("identity_invalid")
	ada.Back(link).At("/account", 200)
	for _, event := range []string{"sign_in_failed", "account_link_failed"} {
		var line string
		for l := range strings.Lines(site.Journal.String()) {
			if strings.Contains(l, event) {
				line = l
			}
		}
		if !strings.Contains(line, `"reason":"identity_invalid","error":"identity not accepted: ID token: malformed"`) {
			t.Errorf("%s: got %s", event, line)
		}
	}
}

// With LOG_LEVEL=debug the log has each step of a flow, and no secret whole.
func TestStepsAreLogged(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, site)
	to := ada.ToCallback("dev")
	ada.Back(to).At("/sessions", 200)
	log := site.Journal.String()
	for _, want := range []string{
		`"name":"request"`, `"code_challenge_method":"S256"`, `"name":"callback"`, `"name":"token"`, `"grant_type":"authorization_code"`,
		`"name":"id_token"`, `"email":"not logged"`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %s", want)
		}
	}
	for _, name := range []string{"code", "state"} {
		if secret := to.Query().Get(name); secret == "" || strings.Contains(log, secret) {
			t.Errorf("the log has the %s %q", name, secret)
		}
	}
}
