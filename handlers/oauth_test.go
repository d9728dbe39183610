package handlers_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// nasty stands in whatever a provider says when it fails. Nobody may ever see it.
const nasty = `NASTY<script>alert("provider")</script>`

// toCallback goes through a sign-in as far as the address that the provider
// sends the browser back to.
func (b *browser) toCallback(provider string) *url.URL {
	b.Helper()
	b.get("/sign-in?reason=signed_out&next=/sessions").press("#sign-in-" + provider)
	return b.parse(b.pressed("button[value=ada]"))
}

// back arrives at a callback. Whatever comes of it, the answer is a redirect to
// an address without a code, and the flow is over.
func (b *browser) back(to *url.URL) *browser {
	b.Helper()
	w := b.request(http.MethodGet, to.String(), nil, "cross-site")
	location := w.Header().Get("Location")
	if w.Code != 303 || !strings.HasPrefix(location, "/") || strings.Contains(location, "code=") || strings.Contains(location, "state=") {
		b.Errorf("callback: got %d to %q, want 303 to a clean path", w.Code, location)
	}
	if b.has("script") || strings.Contains(w.Body.String(), "NASTY") {
		b.Errorf("callback: the body shows what came: %s", w.Body)
	}
	return b.get(location)
}

func with(u *url.URL, pairs ...string) *url.URL {
	changed, query := *u, u.Query()
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			query.Del(pairs[i])
		} else {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	changed.RawQuery = query.Encode()
	return &changed
}

// A callback is good once, in the browser and for the provider that began it.
func TestCase06FlowEndsWhereItBegan(t *testing.T) {
	t.Parallel()
	site := newSite(t, "database")
	ada, eve := newBrowser(t, site), newBrowser(t, site)

	used := ada.toCallback("dev")
	copied := newBrowser(t, site).steal(ada) // the flow's cookie with it
	ada.back(used).at("/sessions", 200)
	ada.back(used).at("/sign-in", 200)
	copied.back(used).told("flow_invalid")

	for name, twist := range map[string]func(*url.URL) *url.URL{
		"without a state": func(u *url.URL) *url.URL { return with(u, "state", "") },
		"another state":   func(u *url.URL) *url.URL { return with(u, "state", strings.Repeat("A", 26)) },
		"two states":      func(u *url.URL) *url.URL { v := *u; v.RawQuery += "&state=x"; return &v },
		"another's code":  func(u *url.URL) *url.URL { return with(u, "code", eve.toCallback("dev").Query().Get("code")) },
		"another's iss":   func(u *url.URL) *url.URL { return with(u, "iss", otherIDP) },
		"without an iss":  func(u *url.URL) *url.URL { return with(u, "iss", "") },
		"without a code":  func(u *url.URL) *url.URL { return with(u, "code", "") },
		"another provider": func(u *url.URL) *url.URL {
			v := *u
			v.Path = "/sign-in/oidc/callback"
			return &v
		},
	} {
		t.Run(name, func(t *testing.T) {
			nobody := newBrowser(t, site)
			nobody.back(twist(nobody.toCallback("dev"))).at("/sign-in", 200)
			reason := nobody.page.url.Query().Get("reason")
			if reason == "" {
				t.Errorf("got %s, want a reason", nobody.page.url)
			}
			nobody.told(reason)
			nobody.wantsAPI("GET", "/api/session", 401, "no_session")
		})
	}

	// Login CSRF: the thief's callback, in the victim's browser.
	ada.press("#header-sign-out")
	ada.back(eve.toCallback("dev")).told("flow_cookie_missing")
	ada.get("/sign-in").press("#sign-in-dev")
	ada.back(eve.toCallback("dev")).told("flow_invalid")
	ada.wantsAPI("GET", "/api/session", 401, "no_session")
}

func TestFlowsEnd(t *testing.T) {
	t.Parallel()
	site := newSite(t, "cookie")
	ada := newBrowser(t, site)
	to := ada.toCallback("dev")
	for name, c := range ada.cookies {
		ada.cookies[name] = cookie{value: c.value} // kept beyond its Max-Age
	}
	site.clock.Advance(10 * time.Minute)
	ada.back(to).told("flow_expired")
	if got := ada.one(".providers input[name=next]").AttrOr("value", ""); got != "/sessions" {
		t.Errorf("the way back leads to %s, want /sessions", got)
	}

	// Of six open flows the oldest has made room.
	var flows []*url.URL
	for range 6 {
		flows = append(flows, ada.toCallback("dev"))
		site.clock.Advance(time.Second)
	}
	if n := strings.Count(ada.header(), "__Host-flow-"); n != 5 {
		t.Errorf("the browser has %d open flows, want 5", n)
	}
	ada.back(flows[0]).told("flow_invalid")
	ada.back(flows[5]).at("/sessions", 200)
}

// What a provider says of its errors is for nobody's eyes: not on a page, not in
// an address, not in the log.
func TestProviderErrorsAreOurWords(t *testing.T) {
	t.Parallel()
	site := newSite(t, "database")
	ada := newBrowser(t, site)
	for code, reason := range map[string]string{
		"access_denied": "cancelled", "server_error": "provider_error", "temporarily_unavailable": "", nasty: "provider_error",
	} {
		to := with(ada.toCallback("dev"), "code", "", "error", code, "error_description", nasty, "error_uri", "https://evil.example/"+nasty)
		ada.back(to).at("/sign-in", 200)
		if got := ada.page.url.Query().Get("reason"); reason != "" && got != reason {
			t.Errorf("%s: got reason %q, want %q", code, got, reason)
		}
		ada.told(ada.page.url.Query().Get("reason"))
	}
	ada.get("/sign-in").press("#sign-in-dev").press("button[name=deny]").told("cancelled")
	ada.get("/sign-in?reason="+url.QueryEscape(nasty)).at("/sign-in", 200)
	if strings.Contains(ada.page.body, "NASTY") || strings.Contains(site.log.String(), "NASTY") {
		t.Error("the provider's text got through")
	}
	site.log.wants(t, "sign_in_failed")
}

// A provider that is down takes nothing down with it, and is back as soon as it is.
func TestProviderDown(t *testing.T) {
	t.Parallel()
	site := newSite(t, "database")
	site.network.down.Store(true)
	ada := newBrowser(t, site)
	ada.get("/sign-in").at("/sign-in", 200)
	if ada.has("#sign-in-dev") || !strings.Contains(ada.text(), "the provider dev") || !strings.Contains(ada.text(), "the provider oidc") {
		t.Errorf("the page does not say what is down:\n%s", ada.text())
	}
	ada.post("/sign-in/dev", form("next", "/sessions")).told("provider_unavailable")
	ada.wants("/", 200).wants("/readyz", 200).wants("/healthz", 200)

	site.network.down.Store(false)
	site.clock.Advance(time.Minute)
	ada.signIn("ada")
	to := ada.toCallback("dev")
	site.network.down.Store(true)
	ada.back(to).told("provider_unavailable")
	if got := ada.one(".providers input[name=next]").AttrOr("value", ""); got != "/sessions" {
		t.Errorf("the way back leads to %s, want /sessions", got)
	}
	ada.wants("/dashboard", 200) // the session from before stands
	site.network.down.Store(false)
	ada.back(ada.toCallback("dev")).at("/sessions", 200)
}

// A provider that answers nonsense is a page, and the next one that does not is a sign-in.
func TestProviderBroken(t *testing.T) {
	t.Parallel()
	site := newSite(t, "cookie")
	ada := newBrowser(t, site)
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
		to := ada.toCallback("dev")
		site.network.twist = func(r *http.Request) *http.Response {
			if !strings.HasSuffix(r.URL.Path, "/token") {
				return nil
			}
			return &http.Response{
				StatusCode: answer.status, Header: http.Header{"Content-Type": {answer.kind}, "Location": {"https://evil.example"}},
				Body: io.NopCloser(strings.NewReader(answer.body)), Request: r,
			}
		}
		ada.back(to).at("/sign-in", 200)
		if reason := ada.page.url.Query().Get("reason"); reason != "provider_error" && reason != "provider_unavailable" && reason != "identity_invalid" {
			t.Errorf("%s: got reason %q", name, reason)
		}
		if strings.Contains(ada.page.body, "NASTY") {
			t.Errorf("%s: the provider's text is on the page", name)
		}
		site.network.twist = nil
	}
	if strings.Contains(site.log.String(), "NASTY") {
		t.Error("the provider's text is in the log")
	}
	ada.signIn("ada")
}
