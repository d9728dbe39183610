package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sessionlab/auth/devidp"
	"sessionlab/db/dbtest"
	"sessionlab/handlers/handlerstest"
)

// TestBrowserIsMadeToPost signs in at a provider on another site that has the browser
// post its answer. Chromium leaves SameSite=Lax cookies out of that request, and sends
// them with the redirect that follows.
func TestBrowserIsMadeToPost(t *testing.T) {
	at := strings.Replace(dbtest.FreeAddress(t), "127.0.0.1", "localhost", 1)
	var provider http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { provider.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	idp, err := devidp.New(server.URL+"/idp", time.Now, devidp.Client{ID: "app", Secret: "a secret", RedirectURIs: []string{"http://" + at + "/sign-in/oidc/callback"}})
	if err != nil {
		t.Fatal(err)
	}
	provider = handlerstest.Posting(idp, "")
	p := Start(t, command(t.TempDir(), "ADDR="+at, StoredOnly, "DEV_IDP=off",
		"OIDC_ISSUER="+server.URL+"/idp", "OIDC_CLIENT_ID=app", "OIDC_CLIENT_SECRET=a secret", "OIDC_RESPONSE_MODE=form_post"))
	b := browse(t, p)
	b.visit("/sign-in", "/sign-in")
	b.click("#sign-in-oidc", "/idp/authorize")
	b.click(`button[value="ada"]`, "/idp/authorize")
	b.click("#post", "/dashboard")
	b.shows("Ada Lovelace")
}
