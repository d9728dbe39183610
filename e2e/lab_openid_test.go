package e2e

import (
	"bufio"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sessionlab/db/dbtest"

	"github.com/PuerkitoBio/goquery"
)

// stranger runs an OpenID provider that this project did not write, and returns
// its issuer. Where services are not required it is skipped: npm has to fetch it.
func stranger(t *testing.T, clientID, secret, redirectURI string) (issuer string) {
	t.Helper()
	if os.Getenv("REQUIRE_SERVICES") != "1" {
		t.Skip("needs Node and npm's oidc-provider; set REQUIRE_SERVICES=1 to fetch and run it")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/lab-openid")); err != nil {
		t.Fatal(err)
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	cmd := exec.Command("node", "provider.mjs", clientID, secret, redirectURI)
	log := &Journal{}
	cmd.Dir, cmd.Stderr = dir, log
	alive, err := cmd.StdinPipe() // it ends when this does
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		alive.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	said := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		said <- strings.TrimSpace(line)
	}()
	select {
	case issuer = <-said:
	case <-time.After(dbtest.Patience):
	}
	if !strings.HasPrefix(issuer, "http://127.0.0.1:") {
		t.Fatalf("the provider says %q and does not start:\n%s", issuer, log)
	}
	return issuer
}

// signInElsewhere goes through the stranger's own pages, as a person would: it
// fills in each form until one leads back to the site. It returns the callback.
func (v *Visitor) signInElsewhere(login string) *url.URL {
	v.Helper()
	at := v.Post("/sign-in/oidc", "next", "/flow").header.Get("Location")
	for range 20 {
		if strings.HasPrefix(at, v.base) {
			u, err := url.Parse(at)
			if err != nil {
				v.Fatal(err)
			}
			return u
		}
		p := v.Get(at)
		if p.Status >= 300 && p.Status < 400 {
			at = v.from(at, p.header.Get("Location"))
			continue
		}
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(p.Body))
		if err != nil {
			v.Fatal(err)
		}
		form := doc.Find("form").First()
		action, ok := form.Attr("action")
		if p.Status != 200 || !ok {
			v.Fatalf("%s: got %d without a form:\n%s", at, p.Status, p.Body)
		}
		var fields []string
		form.Find("input[name]").Each(func(_ int, in *goquery.Selection) {
			value := in.AttrOr("value", "")
			if name := in.AttrOr("name", ""); name == "login" || name == "password" {
				value = login
			}
			fields = append(fields, in.AttrOr("name", ""), value)
		})
		to := v.from(at, action)
		at = v.from(to, v.Post(to, fields...).header.Get("Location"))
	}
	v.Fatal("the provider leads nowhere")
	return nil
}

// from returns ref resolved against base.
func (v *Visitor) from(base, ref string) string {
	v.Helper()
	b, err := url.Parse(base)
	if err != nil {
		v.Fatal(err)
	}
	to, err := b.Parse(ref)
	if err != nil {
		v.Fatal(err)
	}
	return to.String()
}

// shows is what /flow shows at a step, under a name.
func shows(t *testing.T, p Page, step, name string) (value string) {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	doc.Find("#step-" + step + " .facts > div").EachWithBreak(func(_ int, row *goquery.Selection) bool {
		if row.Find("dt").Text() == name {
			value = row.Find("dd").Children().First().Text()
		}
		return value == ""
	})
	return value
}

// TestFlowWithAStranger: one browser signs in with the embedded provider and then
// with one that this project did not write, and /flow shows both as they were.
func TestFlowWithAStranger(t *testing.T) {
	address := strings.Replace(dbtest.FreeAddress(t), "127.0.0.1", "localhost", 1)
	const clientID, secret = "sessionlab-test", "a secret of forty characters, or nearly so"
	issuer := stranger(t, clientID, secret, "http://"+address+"/sign-in/oidc/callback")
	v := Visit(t, start(t, t.TempDir(), "ADDR="+address, "OIDC_ISSUER="+issuer, "OIDC_CLIENT_ID="+clientID, "OIDC_CLIENT_SECRET="+secret, "OIDC_NAME=Elsewhere"))

	v.SignIn("ada")
	dev := v.Wants("/flow", 200, "How you signed in with the embedded provider")
	callback := v.signInElsewhere("grace")
	if got := v.Get(callback.String()); got.Status != 303 || got.header.Get("Location") != "/flow" {
		t.Fatalf("the callback: got %d to %q", got.Status, got.header.Get("Location"))
	}
	elsewhere := v.Wants("/flow", 200, "How you signed in with Elsewhere")
	v.Wants("/api/session", 200, "grace of elsewhere")

	for _, s := range []struct {
		page             Page
		step, name, want string
	}{
		{dev, "discovery", "issuer", v.base + "/idp"},
		{dev, "keys", "alg", "ES256"},
		{dev, "id-token", "name", "Ada Lovelace"},
		{elsewhere, "discovery", "issuer", issuer},
		{elsewhere, "discovery", "token_endpoint", issuer + "/token"},
		{elsewhere, "discovery", "authorization_response_iss_parameter_supported", "true"},
		{elsewhere, "request", "client_id", clientID},
		{elsewhere, "request", "code_challenge_method", "S256"},
		{elsewhere, "callback", "iss", issuer},
		{elsewhere, "callback", "code", callback.Query().Get("code")[:4] + "… (43 characters)"},
		{elsewhere, "token", "POST", issuer + "/token"},
		{elsewhere, "token", "status", "200"},
		{elsewhere, "keys", "GET", issuer + "/jwks"},
		{elsewhere, "keys", "alg", "RS256"},
		{elsewhere, "id-token", "sub", "grace"},
		{elsewhere, "id-token", "aud", clientID},
		{elsewhere, "user-info", "status", "200"}, // its ID tokens say only who, so it is asked
		{elsewhere, "user-info", "email", "grace@elsewhere.example"},
		{v.Wants("/flow?provider=dev", 200), "callback", "iss", v.base + "/idp"},
	} {
		if got := shows(t, s.page, s.step, s.name); got != s.want {
			t.Errorf("%s at %s: got %q, want %q", s.name, s.step, got, s.want)
		}
	}
	for _, whole := range []string{callback.Query().Get("code"), callback.Query().Get("state"), secret, url.QueryEscape(secret)} {
		if strings.Contains(elsewhere.Body, whole) {
			t.Errorf("/flow shows %q whole", whole)
		}
	}
}
