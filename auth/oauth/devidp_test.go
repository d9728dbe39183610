package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sessionlab/auth"
	"sessionlab/auth/devidp"
	"sessionlab/auth/oauth"
)

// TestSignInWithEmbeddedProvider runs the true pair, in process.
func TestSignInWithEmbeddedProvider(t *testing.T) {
	s := newSite(t, &oauth.Provider{
		ID: "dev", Name: "Development", Issuer: baseURL + "/idp", ClientID: clientID, ClientSecret: clientSecret,
	})
	idp, err := devidp.New(baseURL+"/idp", s.clock.Now, devidp.Client{
		ID: clientID, Secret: clientSecret, RedirectURIs: []string{baseURL + "/sign-in/dev/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Transport = idp.Transport(s.network)

	// choose answers the provider's page.
	choose := func(request *url.URL, button, value string) url.Values {
		form := request.Query()
		form.Set(button, value)
		r := httptest.NewRequest(http.MethodPost, baseURL+"/idp/authorize", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		idp.ServeHTTP(w, r)
		back, err := w.Result().Location()
		if err != nil {
			t.Fatalf("the provider answered %d: %v", w.Code, err)
		}
		return back.Query()
	}
	ada := s.newBrowser()
	got := ada.mustFinish("dev", choose(ada.start("dev"), "persona", "ada"))
	if got.Identity.Subject == "" || got.Identity.Issuer != baseURL+"/idp" || got.Identity.Provider != "dev" || got.Identity.Name == "" {
		t.Errorf("identity: %+v", got.Identity)
	}
	again := ada.mustFinish("dev", choose(ada.start("dev"), "persona", "ada"))
	if got.Tokens.Access == again.Tokens.Access {
		t.Error("two sign-ins were given one token")
	}
	got.Tokens, again.Tokens = auth.AccountTokens{}, auth.AccountTokens{}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("the second sign-in differs (-first +second):\n%s", diff)
	}
	query := choose(ada.start("dev"), "persona", "grace")
	query.Del("iss") // which its metadata promises
	ada.mustRefuse("dev", query, oauth.ErrIdentity)
	ada.mustRefuse("dev", choose(ada.start("dev"), "deny", "1"), oauth.ErrCancelled)
	if diff := cmp.Diff([]string{baseURL}, s.FormTargets()); diff != "" {
		t.Errorf("form targets (-want +got):\n%s", diff)
	}
}
