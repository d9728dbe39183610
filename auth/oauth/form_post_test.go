package oauth_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"sessionlab/auth/oauth"
)

// withPostingOP is a site whose provider posts its answers, as Apple does.
func withPostingOP(t *testing.T) (*fakeOP, *site) {
	op := newOP(t)
	op.claims = func(c map[string]any) { delete(c, "name") }
	op.metadata = func(doc map[string]any) { delete(doc, "userinfo_endpoint") }
	s := withOP(t, op)
	s.List[0].FormPost, s.List[0].Scopes = true, []string{"openid", "email", "name"}
	return op, s
}

// relayed hands a form to the site and returns the query of the callback by GET.
func (s *site) relayed(id string, form url.Values) url.Values {
	s.Helper()
	query, err := s.Relay(s.Context(), id, form)
	if err != nil {
		s.Fatalf("relay: %v", err)
	}
	return query
}

const appleUser = `{"name":{"firstName":"Ada","lastName":"King"},"email":"other@example.org","sub":"mallory"}`

func TestFormPost(t *testing.T) {
	op, s := withPostingOP(t)
	ada := s.newBrowser()
	request := ada.start("oidc")
	if got := request.Query(); got.Get("response_mode") != "form_post" || got.Get("scope") != "openid email name" {
		t.Errorf("asks for the mode %q and the scope %q", got.Get("response_mode"), got.Get("scope"))
	}
	form := op.approve(request)
	form.Set("user", appleUser)
	form.Set("session_state", "x")
	query := s.relayed("oidc", form)
	for _, secret := range []string{form.Get("code"), form.Get("state"), "Ada"} {
		if strings.Contains(query.Encode(), secret) {
			t.Errorf("the address shows %s: %s", secret, query.Encode())
		}
	}
	if len(query) != 1 || len(query.Encode()) > 2<<10 {
		t.Errorf("got %d parameters of %d bytes, want one of 2 KiB at most", len(query), len(query.Encode()))
	}
	got := ada.mustFinish("oidc", query).Identity
	if got.Subject != "ada-1815" || got.Email != "ada@example.org" || got.Name != "Ada King" {
		t.Errorf("signed in as %+v", got)
	}
	ada.mustRefuse("oidc", query, oauth.ErrState) // used before

	// What was posted beside the answer is a name at most, and no better than the provider's.
	op.claims = nil
	form = op.approve(ada.start("oidc"))
	form.Set("user", appleUser)
	if got := ada.mustFinish("oidc", s.relayed("oidc", form)).Identity.Name; got != "Ada Lovelace" {
		t.Errorf("the posted name counts for more: %q", got)
	}
	ada.mustRefuse("oidc", s.relayed("oidc", url.Values{"state": {ada.start("oidc").Query().Get("state")}, "error": {"user_cancelled_authorize"}}), oauth.ErrCancelled)
}

// A provider that is not set to it has its ways unchanged.
func TestFormPostIsForThoseWhoNeedIt(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	ada := s.newBrowser()
	request := ada.start("oidc")
	if request.Query().Has("response_mode") {
		t.Error("a response mode is asked for though nobody wanted it")
	}
	if _, err := s.Relay(t.Context(), "oidc", op.approve(request)); oauth.Code(err) != "unknown_provider" {
		t.Errorf("relay: got %v", err)
	}
	if _, err := s.Relay(t.Context(), "nobody", url.Values{}); oauth.Code(err) != "unknown_provider" {
		t.Errorf("relay: got %v", err)
	}
	for id, want := range map[string]bool{"oidc": false, "nobody": false} {
		if got := s.UsesFormPost(id); got != want {
			t.Errorf("%s posts: %t", id, got)
		}
	}
	_, posting := withPostingOP(t)
	if !posting.UsesFormPost("oidc") {
		t.Error("a provider that posts does not")
	}
}

// The answer in the address is good for one provider, one minute and this site.
func TestRelayedAnswer(t *testing.T) {
	op, s := withPostingOP(t)
	other := &oauth.Provider{ID: "other", Issuer: op.issuer, ClientID: clientID, ClientSecret: clientSecret, FormPost: true}
	s.List = append(s.List, other)
	ada := s.newBrowser()
	answer := func() url.Values { return s.relayed("oidc", op.approve(ada.start("oidc"))) }

	query := answer()
	s.clock.Advance(time.Minute - time.Millisecond)
	ada.mustFinish("oidc", query)
	query = answer()
	s.clock.Advance(time.Minute)
	ada.mustRefuse("oidc", query, oauth.ErrFlowExpired)
	if ada.flows() != 0 {
		t.Error("the flow of an answer that came late is still open")
	}
	ada.mustRefuse("other", answer(), oauth.ErrState)
	s.newBrowser().mustRefuse("oidc", answer(), oauth.ErrCookieMissing)

	touched := answer()
	touched.Set("answer", touched.Get("answer")[:20]+"AAAA"+touched.Get("answer")[24:])
	ada.mustRefuse("oidc", touched, oauth.ErrState)
	for name, value := range ada.cookies { // sealed by this site, for another purpose
		if strings.Contains(name, "flow") {
			ada.mustRefuse("oidc", url.Values{"answer": {value}}, oauth.ErrState)
		}
	}
	twice := answer()
	twice.Add("answer", answer().Get("answer"))
	ada.mustRefuse("oidc", twice, oauth.ErrState)
}

func TestRelayRefuses(t *testing.T) {
	op, s := withPostingOP(t)
	ada := s.newBrowser()
	for name, bend := range map[string]func(url.Values){
		"two states": func(f url.Values) { f.Add("state", f.Get("state")) },
		"two codes":  func(f url.Values) { f.Add("code", leak) },
		"too much":   func(f url.Values) { f.Set("code", strings.Repeat(leak, 300)) },
	} {
		form := op.approve(ada.start("oidc"))
		bend(form)
		_, err := s.Relay(t.Context(), "oidc", form)
		if oauth.Code(err) == "" {
			t.Errorf("%s: got %v", name, err)
		}
		ada.discreet(err, form)
	}
	for name, user := range map[string]string{
		"no JSON": leak, "odd": `{"name":["Ada"]}`, "odder": `{"name":{"firstName":1815}}`, "null": "null",
		"long": `{"name":{"firstName":"` + strings.Repeat("A", 1500) + `"}}`, "huge": `{"name":{"firstName":"` + strings.Repeat("A", 60_000) + `"}}`,
	} {
		form := op.approve(ada.start("oidc"))
		form.Set("user", user)
		query := s.relayed("oidc", form)
		if got := ada.mustFinish("oidc", query).Identity.Name; got != "" || len(query.Encode()) > 2<<10 {
			t.Errorf("%s: got the name %q in %d bytes", name, got, len(query.Encode()))
		}
	}
}
