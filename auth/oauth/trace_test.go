package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
)

// A watched browser keeps what it was told of its flows.
type watched struct {
	*browser
	steps []oauth.Step
}

func (w *watched) ctx() context.Context {
	return oauth.Watch(w.Context(), func(s oauth.Step) { w.steps = append(w.steps, s) })
}

func (w *watched) start(id string) *url.URL {
	w.Helper()
	var to string
	var err error
	w.visit(func(jar *auth.Jar) { to, err = w.Start(w.ctx(), jar, id, oauth.StartOptions{Next: "/sessions"}) })
	u, err2 := url.Parse(to)
	if err := errors.Join(err, err2); err != nil {
		w.Fatal(err)
	}
	return u
}

func (w *watched) callback(id string, query url.Values) (err error) {
	w.visit(func(jar *auth.Jar) { _, err = w.Finish(w.ctx(), jar, id, query) })
	return err
}

func (w *watched) names() (names []string) {
	for _, s := range w.steps {
		names = append(names, s.Name)
	}
	return names
}

// value returns the value that a step shows under a name.
func (w *watched) value(step, name string) string {
	for _, s := range w.steps {
		all := slices.Concat(s.Sent, s.Got, s.Kept)
		for _, c := range s.Calls {
			all = append(all, c.Sent...)
		}
		for _, p := range all {
			if s.Name == step && p.Name == name {
				return p.Value
			}
		}
	}
	return ""
}

// Whoever watches a flow sees each step with its true values, and no secret whole.
func TestWatch(t *testing.T) {
	op := newOP(t)
	op.userInfo = map[string]any{"sub": "ada-1815", "name": "Ada King", "secret": leak}
	op.claims = func(claims map[string]any) { claims["name"], claims["unheard_of"] = nil, leak }
	ada := &watched{browser: withOP(t, op).newBrowser()}
	request := ada.start("oidc")
	query := op.approve(request)
	query.Set("session_state", leak)
	if err := ada.callback("oidc", query); err != nil {
		t.Fatal(err)
	}
	want := []string{
		oauth.StepDiscovery, oauth.StepRequest, oauth.StepCallback, oauth.StepToken,
		oauth.StepKeys, oauth.StepIDToken, oauth.StepUserInfo,
	}
	if got := ada.names(); !slices.Equal(got, want) {
		t.Fatalf("got the steps %q, want %q", got, want)
	}
	state := request.Query().Get("state")
	for _, s := range ada.steps {
		if s.Flow != oauth.FlowCookie(state) || s.Err != nil {
			t.Errorf("%s: got flow %q and %v", s.Name, s.Flow, s.Err)
		}
	}
	for _, p := range []struct{ step, name, want string }{
		{oauth.StepDiscovery, "token_endpoint", op.issuer + "/token"},
		{oauth.StepRequest, "client_id", clientID},
		{oauth.StepRequest, "state", fmt.Sprintf("%s… (%d characters)", state[:4], len(state))},
		{oauth.StepRequest, "code_challenge", request.Query().Get("code_challenge")}, // a hash, for everybody to see
		{oauth.StepRequest, "code_challenge_method", "S256"},
		{oauth.StepRequest, "next", "/sessions"},
		{oauth.StepCallback, "not_shown", "session_state"},
		{oauth.StepToken, "grant_type", "authorization_code"},
		{oauth.StepToken, "redirect_uri", baseURL + "/sign-in/oidc/callback"},
		{oauth.StepToken, "code_verifier", ada.value(oauth.StepRequest, "code_verifier")},
		{oauth.StepToken, "expires_in", "300 s"},
		{oauth.StepKeys, "alg", "ES256"},
		{oauth.StepKeys, "kid", "key-1"},
		{oauth.StepIDToken, "iss", op.issuer},
		{oauth.StepIDToken, "sub", "ada-1815"},
		{oauth.StepIDToken, "exp", "2026-05-04T12:05:00Z"},
		{oauth.StepIDToken, "not_shown", "unheard_of"},
		{oauth.StepUserInfo, "name", "Ada King"},
	} {
		if got := ada.value(p.step, p.name); got != p.want {
			t.Errorf("%s of %s: got %q, want %q", p.name, p.step, got, p.want)
		}
	}
	secrets := []string{state, request.Query().Get("nonce"), query.Get("code"), clientSecret, url.QueryEscape(clientSecret), accessToken, leak}
	if shown := fmt.Sprintf("%+v", ada.steps); slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(shown, s) }) {
		t.Errorf("a secret is shown whole:\n%s", shown)
	}
	for _, step := range []string{oauth.StepDiscovery, oauth.StepToken, oauth.StepKeys, oauth.StepUserInfo} {
		i := slices.Index(want, step)
		if calls := ada.steps[i].Calls; len(calls) != 1 || calls[0].Status != http.StatusOK || !strings.HasPrefix(calls[0].URL, op.issuer) {
			t.Errorf("%s: got the calls %+v, want one", step, calls)
		}
	}

	// What is known is not asked again, and the step says since when it is known.
	asked := ada.clock.Now()
	ada.clock.Advance(1)
	ada.steps = nil
	if err := ada.callback("oidc", op.approve(ada.start("oidc"))); err != nil {
		t.Fatal(err)
	}
	for _, s := range ada.steps {
		if known := s.Name == oauth.StepDiscovery || s.Name == oauth.StepKeys; known && (len(s.Calls) > 0 || !s.Known.Equal(asked)) {
			t.Errorf("%s: got %+v, known since %s, want since %s", s.Name, s.Calls, s.Known, asked)
		}
	}
}

// A flow that is refused ends with the step that refused it, and says why.
func TestWatchRefusal(t *testing.T) {
	for name, c := range map[string]struct {
		bend func(*fakeOP, url.Values)
		step string
		want *oauth.Error
	}{
		"no state":  {func(_ *fakeOP, q url.Values) { q.Del("state") }, oauth.StepCallback, oauth.ErrState},
		"error":     {func(_ *fakeOP, q url.Values) { q.Set("error", leak) }, oauth.StepCallback, oauth.ErrProvider},
		"code":      {func(_ *fakeOP, q url.Values) { q.Set("code", leak) }, oauth.StepToken, oauth.ErrProvider},
		"signature": {func(op *fakeOP, _ url.Values) { op.sign = unsigned }, oauth.StepIDToken, oauth.ErrIdentity},
		"key":       {func(op *fakeOP, _ url.Values) { op.replace("/jwks", http.NotFound) }, oauth.StepKeys, oauth.ErrProvider},
		"nonce": {func(op *fakeOP, _ url.Values) {
			op.claims = func(c map[string]any) { c["nonce"] = leak }
		}, oauth.StepIDToken, oauth.ErrIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			op := newOP(t)
			ada := &watched{browser: withOP(t, op).newBrowser()}
			query := op.approve(ada.start("oidc"))
			c.bend(op, query)
			err := ada.callback("oidc", query)
			i := slices.Index(ada.names(), c.step)
			if i < 0 || !errors.Is(ada.steps[i].Err, c.want) || !errors.Is(err, c.want) {
				t.Fatalf("got %q ending in %v, want %s with %s", ada.names(), err, c.step, c.want.Code)
			}
			if shown := fmt.Sprintf("%+v", ada.steps); strings.Contains(shown, leak) {
				t.Errorf("a step repeats the provider:\n%s", shown)
			}
		})
	}
}
