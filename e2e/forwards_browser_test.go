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

// TestBrowserIsForwarded signs in at a provider that shows no page of its own but
// redirects to another origin, as a provider does that delegates to a company's own
// sign-in. Chromium checks form-action against the whole redirect chain.
func TestBrowserIsForwarded(t *testing.T) {
	at := dbtest.FreeAddress(t)
	var provider *devidp.Provider
	var elsewhere string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		back := *r.URL
		switch {
		case "http://"+r.Host == elsewhere: // where somebody is signed in already
			back.Scheme, back.Host = "http", strings.Replace(r.Host, "localhost", "127.0.0.1", 1)
			back.RawQuery += "&been=there"
			http.Redirect(w, r, back.String(), http.StatusFound)
		case r.Method == http.MethodGet && r.URL.Path == "/idp/authorize" && !r.URL.Query().Has("been"):
			http.Redirect(w, r, elsewhere+r.URL.RequestURI(), http.StatusFound)
		default:
			provider.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	elsewhere = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	provider, err := devidp.New(server.URL+"/idp", time.Now, devidp.Client{
		ID: "app", Secret: "a secret", RedirectURIs: []string{"http://" + at + "/sign-in/oidc/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := Start(t, command(t.TempDir(), "ADDR="+at, StoredOnly, "DEV_IDP=off",
		"OIDC_ISSUER="+server.URL+"/idp", "OIDC_CLIENT_ID=app", "OIDC_CLIENT_SECRET=a secret", "OIDC_FORWARDS_TO="+elsewhere+"/"))
	b := browse(t, p)
	b.visit("/sign-in", "/sign-in")
	b.click("#sign-in-oidc", "/idp/authorize")
	b.click(`button[value="ada"]`, "/dashboard")
	b.shows("Ada Lovelace")
}
