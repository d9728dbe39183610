package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sessionlab/auth/devidp"
	"sessionlab/db/dbtest"
)

// serveOpenID runs an OpenID provider on a port of its own, for a client whose id is the
// provider's id, and returns its issuer.
func serveOpenID(t testing.TB, id, site string) string {
	t.Helper()
	var p *devidp.Provider
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	issuer := server.URL + "/idp"
	p, err := devidp.New(issuer, time.Now, devidp.Client{
		ID: id, Secret: "a secret of " + id, RedirectURIs: []string{site + "/sign-in/" + id + "/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// Providers by name sign people in side by side, and the sign-in page offers both.
func TestNamedProviders(t *testing.T) {
	at := strings.Replace(dbtest.FreeAddress(t), "127.0.0.1", "localhost", 1)
	site := "http://" + at
	p := Start(t, command(t.TempDir(), StoredOnly, "ADDR="+at, "OIDC_PROVIDERS=gitlab, okta",
		"OIDC_GITLAB_ISSUER="+serveOpenID(t, "gitlab", site), "OIDC_GITLAB_CLIENT_ID=gitlab", "OIDC_GITLAB_CLIENT_SECRET=a secret of gitlab",
		"OIDC_OKTA_ISSUER="+serveOpenID(t, "okta", site), "OIDC_OKTA_CLIENT_ID=okta", "OIDC_OKTA_CLIENT_SECRET=a secret of okta",
		"OIDC_OKTA_NAME=Our Company",
	))
	if got, want := p.Says("providers"), "dev, gitlab, okta"; got != want {
		t.Errorf("providers: got %q, want %q", got, want)
	}
	Visit(t, p).Wants("/sign-in", 200, "Gitlab", "Our Company")
	for _, provider := range []string{"gitlab", "okta"} {
		v := Visit(t, p)
		back, err := v.tryToCallback(provider, "grace")
		if err == nil {
			err = v.tryCallback(back)
		}
		if err != nil {
			t.Fatalf("%s: %v", provider, err)
		}
		v.Wants("/dashboard", 200, "Grace Hopper")
		v.Wants("/account", 200, provider)
	}
}
