package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
)

// A fakeGitHub answers as github.com and api.github.com do.
type fakeGitHub struct {
	t         testing.TB
	challenge string
	user      string // JSON
	emails    string // JSON, or a status
	asJSON    bool   // at the token endpoint; form-encoded if not
	fail      string // error code, which comes with status 200
	instead   map[string]http.HandlerFunc
}

const mona = `{"login":"mona","id":583231,"node_id":"MDQ6VXNlcjU4MzIzMQ==","type":"User",
	"avatar_url":"https://avatars.githubusercontent.com/u/583231?v=4","name":"Mona Lisa","email":null}`

const monasEmails = `[
	{"email":"old@example.org","primary":false,"verified":true,"visibility":null},
	{"email":"mona@example.org","primary":true,"verified":true,"visibility":"private"},
	{"email":"583231+mona@users.noreply.github.com","primary":false,"verified":true,"visibility":null}]`

func withGitHub(t testing.TB) (*fakeGitHub, *site) {
	t.Helper()
	g := &fakeGitHub{t: t, user: mona, emails: monasEmails, instead: map[string]http.HandlerFunc{}}
	s := newSite(t, oauth.NewGitHub(clientID, clientSecret))
	s.network.serve("github.com", g)
	s.network.serve("api.github.com", g)
	return g, s
}

func (g *fakeGitHub) approve(request *url.URL) url.Values {
	g.t.Helper()
	q := request.Query()
	if got, want := request.Host+request.Path, "github.com/login/oauth/authorize"; got != want {
		g.t.Errorf("sent to %s, want %s", got, want)
	}
	if got, want := q.Get("scope"), "read:user user:email"; got != want {
		g.t.Errorf("scope: got %q, want %q", got, want)
	}
	if q.Get("code_challenge_method") != "S256" {
		g.t.Error("no PKCE")
	}
	g.challenge = q.Get("code_challenge")
	return url.Values{"state": {q.Get("state")}, "code": {"5c1d2e3f4a5b6c7d8e9f"}}
}

func (g *fakeGitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := g.instead[r.URL.Path]; h != nil {
		h(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/user") && r.Header.Get("Authorization") != "Bearer gho_secret" {
		refuse(w, http.StatusUnauthorized, "Bad credentials")
		return
	}
	switch r.URL.Path {
	case "/login/oauth/access_token":
		g.token(w, r)
	case "/user":
		answer(w, g.user)
	case "/user/emails":
		if status, err := strconv.Atoi(g.emails); err == nil {
			http.Error(w, `{"message":"`+leak+`"}`, status)
			return
		}
		answer(w, g.emails)
	default:
		http.Error(w, leak, http.StatusNotFound)
	}
}

func (g *fakeGitHub) token(w http.ResponseWriter, r *http.Request) {
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	fail := g.fail
	switch {
	case r.PostFormValue("client_id") != clientID || r.PostFormValue("client_secret") != clientSecret:
		fail = "incorrect_client_credentials"
	case base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge:
		fail = "bad_verification_code"
	}
	values := url.Values{"access_token": {"gho_secret"}, "scope": {"read:user,user:email"}, "token_type": {"bearer"}}
	if fail != "" {
		values = url.Values{"error": {fail}, "error_description": {leak}, "error_uri": {"https://docs.github.com/" + leak}}
	}
	if !g.asJSON {
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		w.Write([]byte(values.Encode()))
		return
	}
	object := map[string]string{}
	for name := range values {
		object[name] = values.Get(name)
	}
	answer(w, string(orPanic(json.Marshal(object))))
}

func answer(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write([]byte(body))
}

func TestSignInWithGitHub(t *testing.T) {
	const noEmail = `{"id":583231,"login":"mona","name":"Mona Lisa"}`
	id := func(email string, verified bool) auth.Identity {
		return auth.Identity{
			Provider: "github", Issuer: "https://github.com/login/oauth", Subject: "583231",
			Name: "Mona Lisa", Email: email, EmailVerified: verified,
		}
	}
	withPicture := id("mona@example.org", true)
	withPicture.Picture = "https://avatars.githubusercontent.com/u/583231?v=4"
	nameless := id("mona@example.org", true)
	nameless.Name = "mona"
	large := id("mona@example.org", true)
	large.Subject, large.Name = "9007199254740993", "m" // no float64 holds it

	for name, test := range map[string]struct {
		user, emails string
		asJSON       bool
		iss          string
		want         auth.Identity
	}{
		"private email, form-encoded token": {mona, monasEmails, false, "", withPicture},
		"private email, JSON token":         {mona, monasEmails, true, "", withPicture},
		"iss on the callback":               {mona, monasEmails, true, "https://github.com/login/oauth", withPicture},
		"null name":                         {`{"id":583231,"login":"mona","name":null,"email":null}`, monasEmails, true, "", nameless},
		"large id":                          {`{"id":9007199254740993,"login":"m"}`, monasEmails, true, "", large},
		"unverified only": {noEmail, `[{"email":"a@example.org","primary":false,"verified":false},
			{"email":"b@example.org","primary":true,"verified":false}]`, true, "", id("b@example.org", false)},
		"primary unverified": {noEmail, `[{"email":"a@example.org","primary":true,"verified":false},
			{"email":"b@example.org","primary":false,"verified":true}]`, true, "", id("b@example.org", true)},
		"published email, empty list": {`{"id":583231,"login":"mona","name":"Mona Lisa","email":"p@example.org"}`,
			`[]`, true, "", id("p@example.org", false)},
		"published email, list withheld": {`{"id":583231,"login":"mona","name":"Mona Lisa","email":"p@example.org"}`,
			`404`, true, "", id("p@example.org", false)},
		"published email, app may not see the list": {`{"id":583231,"login":"mona","name":"Mona Lisa","email":"p@example.org"}`,
			`403`, true, "", id("p@example.org", false)},
		"emails are an object": {`{"id":583231,"login":"mona","name":"Mona Lisa","email":"p@example.org"}`,
			`{"message":"no"}`, true, "", id("p@example.org", false)},
		"odd shapes": {`{"id":583231,"login":["mona"],"name":"Mona Lisa","email":{},"avatar_url":null}`,
			`[{"email":["old@example.org"],"verified":"true"},{"email":"b@example.org","primary":1,"verified":true}]`, true, "", id("b@example.org", true)},
		"names in capitals": {`{"id":583231,"ID":1,"login":"mona","name":"Mona Lisa","NAME":"Eve"}`,
			`[{"email":"b@example.org","EMAIL":"eve@example.org","verified":true}]`, true, "", id("b@example.org", true)},
		"no email": {noEmail, `[]`, true, "", id("", false)},
	} {
		t.Run(name, func(t *testing.T) {
			g, s := withGitHub(t)
			g.user, g.emails, g.asJSON = test.user, test.emails, test.asJSON
			browser := s.newBrowser()
			query := g.approve(browser.start("github"))
			if test.iss != "" {
				query.Set("iss", test.iss)
			}
			if diff := cmp.Diff(test.want, browser.mustFinish("github", query).Identity); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGitHubRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		bend func(*fakeGitHub, url.Values)
		want *oauth.Error
	}{
		"bad code in 200 JSON": {func(g *fakeGitHub, _ url.Values) { g.fail, g.asJSON = "bad_verification_code", true }, oauth.ErrProvider},
		"bad code in 200 form": {func(g *fakeGitHub, _ url.Values) { g.fail = "bad_verification_code" }, oauth.ErrProvider},
		"an error of its own":  {func(g *fakeGitHub, _ url.Values) { g.fail = leak }, oauth.ErrProvider},
		"iss of another":       {func(_ *fakeGitHub, q url.Values) { q.Set("iss", "https://op.example") }, oauth.ErrIdentity},
		"cancelled":            {func(_ *fakeGitHub, q url.Values) { q.Del("code"); q.Set("error", "access_denied") }, oauth.ErrCancelled},
		"no id":                {func(g *fakeGitHub, _ url.Values) { g.user = `{"login":"mona"}` }, oauth.ErrIdentity},
		"null":                 {func(g *fakeGitHub, _ url.Values) { g.user = `null` }, oauth.ErrIdentity},
		"id twice":             {func(g *fakeGitHub, _ url.Values) { g.user = `{"id":1,"id":583231}` }, oauth.ErrProvider},
		"negative id":          {func(g *fakeGitHub, _ url.Values) { g.user = `{"id":-1}` }, oauth.ErrIdentity},
		"id is text":           {func(g *fakeGitHub, _ url.Values) { g.user = `{"id":"` + leak + `"}` }, oauth.ErrProvider},
	} {
		t.Run(name, func(t *testing.T) {
			g, s := withGitHub(t)
			browser := s.newBrowser()
			query := g.approve(browser.start("github"))
			test.bend(g, query)
			browser.mustRefuse("github", query, test.want)
		})
	}
}
