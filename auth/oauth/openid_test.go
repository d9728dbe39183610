package oauth_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
)

func TestSignInWithOpenID(t *testing.T) {
	for alg := range signers {
		t.Run(string(alg), func(t *testing.T) {
			op := newOP(t)
			op.keys = []jose.JSONWebKey{keyOf(alg, "key-1")}
			op.metadata = func(doc map[string]any) { doc["id_token_signing_alg_values_supported"] = []any{alg} }
			ada := withOP(t, op).newBrowser()

			request := ada.startWith("oidc", oauth.StartOptions{Next: "/sessions", Remember: true})
			if got, want := request.Query().Get("scope"), "openid email profile"; got != want {
				t.Errorf("scope: got %q, want %q", got, want)
			}
			if request.Query().Has("prompt") {
				t.Error("prompt is asked for though nobody wanted it")
			}
			got := ada.mustFinish("oidc", op.approve(request))
			got.Tokens = auth.AccountTokens{} // see TestTokens
			want := oauth.Result{
				Identity: auth.Identity{
					Provider: "oidc", Issuer: "https://op.example", Subject: "ada-1815",
					Email: "ada@example.org", EmailVerified: true, Name: "Ada Lovelace",
				},
				Next: "/sessions", Remember: true,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if n := ada.flows(); n != 0 {
				t.Errorf("%d flow cookies are left, want none", n)
			}
			if n := op.calls["/userinfo"].Load(); n != 0 {
				t.Errorf("UserInfo was asked %d times though nothing was missing", n)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	ada := s.newBrowser()
	got := ada.mustFinish("oidc", op.approve(ada.start("oidc"))).Tokens
	if got.Provider != "oidc" || got.Access != accessToken || got.Refresh != "" ||
		!got.Expires.Equal(s.clock.Now().Truncate(time.Second).Add(5*time.Minute)) || strings.Join(got.Scopes, " ") != "openid email profile" {
		t.Errorf("got %s with %q until %s for %s", got, got.Access, got.Expires, got.Scopes)
	}
}

// TestLinkComesBack holds what a flow is for to what it was begun for: the query
// of a callback cannot add it or take it away.
func TestLinkComesBack(t *testing.T) {
	op := newOP(t)
	ada := withOP(t, op).newBrowser()
	query := op.approve(ada.startWith("oidc", oauth.StartOptions{Link: "ada's session"}))
	query.Set("link", "grace's session")
	if got := ada.mustFinish("oidc", query).Link; got != "ada's session" {
		t.Errorf("got %q", got)
	}
	query = op.approve(ada.start("oidc"))
	query.Set("link", "grace's session")
	if got := ada.mustFinish("oidc", query).Link; got != "" {
		t.Errorf("a sign-in became a link: %q", got)
	}
	request := ada.startWith("oidc", oauth.StartOptions{Link: "ada's session"})
	refused := url.Values{"state": {request.Query().Get("state")}, "error": {"access_denied"}}
	if got := ada.mustRefuse("oidc", refused, oauth.ErrCancelled).Link; got != "ada's session" {
		t.Errorf("when cancelled: got %q", got)
	}
}

func TestReauthenticationAsksForPrompt(t *testing.T) {
	op := newOP(t)
	ada := withOP(t, op).newBrowser()
	request := ada.startWith("oidc", oauth.StartOptions{Prompt: "login"})
	if got := request.Query().Get("prompt"); got != "login" {
		t.Errorf("prompt: got %q, want login", got)
	}
}

// TestPublicClient has no secret: PKCE alone ties the code to the flow.
func TestPublicClient(t *testing.T) {
	op := newOP(t)
	op.secret = ""
	op.replace("/token", func(w http.ResponseWriter, r *http.Request) {
		if _, _, basic := r.BasicAuth(); basic {
			refuse(w, http.StatusUnauthorized, "invalid_client")
			return
		}
		op.token(w, r)
	})
	ada := withOP(t, op).newBrowser()
	ada.mustFinish("oidc", op.approve(ada.start("oidc")))
}

// testIDTokens bends one claim at a time.
func testIDTokens(t *testing.T) {
	at := func(d time.Duration) func(*fakeOP) any {
		return func(op *fakeOP) any { return op.now().Add(d).Unix() }
	}
	is := func(v any) func(*fakeOP) any { return func(*fakeOP) any { return v } }
	both := []string{clientID, "other-client"}
	tests := map[string]struct {
		claims map[string]func(*fakeOP) any
		want   *oauth.Error // nil: accepted
	}{
		"wrong issuer":                   {map[string]func(*fakeOP) any{"iss": is("https://evil.example")}, oauth.ErrIdentity},
		"issuer with a slash":            {map[string]func(*fakeOP) any{"iss": is("https://op.example/")}, oauth.ErrIdentity},
		"wrong audience":                 {map[string]func(*fakeOP) any{"aud": is("other-client")}, oauth.ErrIdentity},
		"no audience":                    {map[string]func(*fakeOP) any{"aud": is(nil)}, oauth.ErrIdentity},
		"several audiences, no azp":      {map[string]func(*fakeOP) any{"aud": is(both)}, oauth.ErrIdentity},
		"several audiences, azp another": {map[string]func(*fakeOP) any{"aud": is(both), "azp": is("other-client")}, oauth.ErrIdentity},
		"several audiences, azp us":      {map[string]func(*fakeOP) any{"aud": is(both), "azp": is(clientID)}, oauth.ErrIdentity},
		"one audience in a list":         {map[string]func(*fakeOP) any{"aud": is(both[:1])}, nil},
		"nobody in a list":               {map[string]func(*fakeOP) any{"aud": is([]string{})}, oauth.ErrIdentity},
		"one audience, azp another":      {map[string]func(*fakeOP) any{"azp": is("other-client")}, oauth.ErrIdentity},
		"expired 59 s ago":               {map[string]func(*fakeOP) any{"exp": at(-59 * time.Second)}, nil},
		"expired 60 s ago":               {map[string]func(*fakeOP) any{"exp": at(-60 * time.Second)}, oauth.ErrIdentity},
		"expired a day ago":              {map[string]func(*fakeOP) any{"exp": at(-24 * time.Hour)}, oauth.ErrIdentity},
		"no expiry":                      {map[string]func(*fakeOP) any{"exp": is(nil)}, oauth.ErrIdentity},
		"issued in 60 s":                 {map[string]func(*fakeOP) any{"iat": at(60 * time.Second)}, nil},
		"issued in 61 s":                 {map[string]func(*fakeOP) any{"iat": at(61 * time.Second)}, oauth.ErrIdentity},
		"issued at no time":              {map[string]func(*fakeOP) any{"iat": is(nil)}, oauth.ErrIdentity},
		"not before an hour":             {map[string]func(*fakeOP) any{"nbf": at(time.Hour)}, oauth.ErrIdentity},
		"no nonce":                       {map[string]func(*fakeOP) any{"nonce": is(nil)}, oauth.ErrIdentity},
		"wrong nonce":                    {map[string]func(*fakeOP) any{"nonce": is("WRONGNONCEWRONGNONCEWRONGN")}, oauth.ErrIdentity},
		"wrong at_hash":                  {map[string]func(*fakeOP) any{"at_hash": is(atHash("ES256", "another token"))}, oauth.ErrIdentity},
		"no at_hash":                     {map[string]func(*fakeOP) any{"at_hash": is(nil)}, nil},
		"no subject":                     {map[string]func(*fakeOP) any{"sub": is(nil)}, oauth.ErrIdentity},
		"subject of 255 bytes":           {map[string]func(*fakeOP) any{"sub": is(strings.Repeat("s", 255))}, nil},
		"subject of 256 bytes":           {map[string]func(*fakeOP) any{"sub": is(strings.Repeat("s", 256))}, oauth.ErrIdentity},
		"subject with a zero byte":       {map[string]func(*fakeOP) any{"sub": is("a\x00b")}, oauth.ErrIdentity},
		"subject is a number":            {map[string]func(*fakeOP) any{"sub": is(1815)}, oauth.ErrIdentity},
		"name is a number":               {map[string]func(*fakeOP) any{"name": is(1815)}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			op := newOP(t)
			ada := withOP(t, op).newBrowser()
			op.claims = func(claims map[string]any) {
				for name, value := range test.claims {
					claims[name] = value(op)
				}
			}
			query := op.approve(ada.start("oidc"))
			if test.want == nil {
				ada.mustFinish("oidc", query)
			} else {
				ada.mustRefuse("oidc", query, test.want)
			}
		})
	}
}

// testSignatures tries everything that must not count as the provider's word.
func testSignatures(t *testing.T) {
	key := keyOf(jose.ES256, "key-1")
	public := orPanic(key.Public().MarshalJSON())
	tests := map[string]func(map[string]any) string{
		"none":                         unsigned,
		"HS256 with the secret":        hmacSigned([]byte(clientSecret + strings.Repeat(" ", 32))),
		"HS256 with the public key":    hmacSigned(public),
		"RS256 with an unknown key":    func(c map[string]any) string { return signedBy(keyOf(jose.RS256, "key-2"), c) },
		"RS256 under the kid of ES256": func(c map[string]any) string { return signedBy(keyOf(jose.RS256, "key-1"), c) },
		"RS512, which is not listed":   func(c map[string]any) string { return signedBy(keyOf(jose.RS512, "rsa"), c) },
		"PS256, which is not listed":   func(c map[string]any) string { return signedBy(keyOf(jose.PS256, "rsa"), c) },
		"claims changed afterwards": func(c map[string]any) string {
			good := strings.Split(signedBy(key, c), ".")
			c["sub"] = "mallory"
			return good[0] + "." + strings.Split(signedBy(key, c), ".")[1] + "." + good[2]
		},
		"no token at all": func(map[string]any) string { return "" },
		"not a token":     func(map[string]any) string { return leak },
	}
	for name, sign := range tests {
		t.Run(name, func(t *testing.T) {
			op := newOP(t)
			op.keys = []jose.JSONWebKey{key, keyOf(jose.RS256, "rsa")}
			op.sign = sign
			op.claims = func(claims map[string]any) { delete(claims, "at_hash") } // depends on the algorithm
			ada := withOP(t, op).newBrowser()
			ada.mustRefuse("oidc", op.approve(ada.start("oidc")), oauth.ErrIdentity)
		})
	}
}

// A document that lists no algorithm has a provider that signs with RS256.
func TestNoAlgorithmListed(t *testing.T) {
	for _, listed := range [][]string{nil, {}, {"none", "HS256"}} {
		op := newOP(t)
		op.metadata = func(doc map[string]any) { doc["id_token_signing_alg_values_supported"] = listed }
		ada := withOP(t, op).newBrowser()
		ada.mustRefuse("oidc", op.approve(ada.start("oidc")), oauth.ErrIdentity)
		op.keys = []jose.JSONWebKey{keyOf(jose.RS256, "key-2")}
		ada.mustFinish("oidc", op.approve(ada.start("oidc")))
	}
}

func hmacSigned(secret []byte) func(map[string]any) string {
	return func(claims map[string]any) string {
		return signedBy(jose.JSONWebKey{Key: secret, Algorithm: string(jose.HS256)}, claims)
	}
}

// testIssuerOfCallback covers RFC 9207.
func testIssuerOfCallback(t *testing.T) {
	for name, test := range map[string]struct {
		promised bool
		iss      []string
		want     *oauth.Error
	}{
		"neither promised nor there": {false, nil, nil},
		"there":                      {false, []string{"https://op.example"}, nil},
		"there and wrong":            {false, []string{"https://evil.example"}, oauth.ErrIdentity},
		"there and empty":            {false, []string{""}, oauth.ErrIdentity},
		"promised and there":         {true, []string{"https://op.example"}, nil},
		"promised and missing":       {true, nil, oauth.ErrIdentity},
		"promised and wrong":         {true, []string{"https://op.example/"}, oauth.ErrIdentity},
		"twice":                      {true, []string{"https://op.example", "https://op.example"}, oauth.ErrState},
	} {
		t.Run(name, func(t *testing.T) {
			op := newOP(t)
			op.metadata = func(doc map[string]any) {
				doc["authorization_response_iss_parameter_supported"] = test.promised
			}
			ada := withOP(t, op).newBrowser()
			query := op.approve(ada.start("oidc"))
			if test.iss != nil {
				query["iss"] = test.iss
			}
			if test.want == nil {
				ada.mustFinish("oidc", query)
				return
			}
			ada.mustRefuse("oidc", query, test.want)
			if n := op.calls["/token"].Load(); n != 0 {
				t.Errorf("the code was sent to the token endpoint %d times", n)
			}
		})
	}
}

func TestUserInfo(t *testing.T) {
	for name, test := range map[string]struct {
		missing  []string // in the ID token
		userInfo map[string]any
		want     auth.Identity // what differs by itself
		err      *oauth.Error
	}{
		"email": {
			[]string{"email", "email_verified"},
			map[string]any{"sub": "ada-1815", "email": "ada@info.example", "email_verified": "true"},
			auth.Identity{Email: "ada@info.example", EmailVerified: true, Name: "Ada Lovelace"}, nil,
		},
		"email that nobody verified": {
			[]string{"email"}, // but email_verified is there
			map[string]any{"sub": "ada-1815", "email": "ada@info.example"},
			auth.Identity{Email: "ada@info.example", Name: "Ada Lovelace"}, nil,
		},
		"name, and another email": {
			[]string{"name"},
			map[string]any{"sub": "ada-1815", "name": "Ada", "email": "other@info.example", "picture": "https://op.example/ada.png"},
			auth.Identity{Email: "ada@example.org", EmailVerified: true, Name: "Ada", Picture: "https://op.example/ada.png"}, nil,
		},
		"nothing but a user name": {
			[]string{"name", "email", "email_verified"},
			map[string]any{"sub": "ada-1815", "preferred_username": "ada", "email": nil},
			auth.Identity{Name: "ada"}, nil,
		},
		"another subject": {
			[]string{"email"}, map[string]any{"sub": "mallory", "email": "m@info.example"},
			auth.Identity{}, oauth.ErrIdentity,
		},
		"no subject": {
			[]string{"email"}, map[string]any{"email": "m@info.example"},
			auth.Identity{}, oauth.ErrIdentity,
		},
		"refused, no name": {
			[]string{"name"}, nil,
			auth.Identity{Email: "ada@example.org", EmailVerified: true}, nil,
		},
		"refused, nothing known": {[]string{"name", "email", "email_verified"}, nil, auth.Identity{}, nil},
		"odd shapes": {
			[]string{"name", "email", "email_verified"},
			map[string]any{"sub": "ada-1815", "name": []int{1}, "given_name": "Ada", "email": map[string]any{}, "picture": 7},
			auth.Identity{Name: "Ada"}, nil,
		},
		"a number as subject": {
			[]string{"email"}, map[string]any{"sub": 1815, "email": "m@info.example"},
			auth.Identity{}, oauth.ErrIdentity,
		},
	} {
		t.Run(name, func(t *testing.T) {
			op := newOP(t)
			op.userInfo = test.userInfo
			op.claims = func(claims map[string]any) {
				for _, name := range test.missing {
					delete(claims, name)
				}
			}
			ada := withOP(t, op).newBrowser()
			query := op.approve(ada.start("oidc"))
			if test.err != nil {
				ada.mustRefuse("oidc", query, test.err)
				return
			}
			test.want.Provider, test.want.Issuer, test.want.Subject = "oidc", op.issuer, "ada-1815"
			if diff := cmp.Diff(test.want, ada.mustFinish("oidc", query).Identity); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEmailVerified(t *testing.T) {
	for _, test := range []struct {
		claim any
		want  bool
	}{
		{true, true}, {"true", true}, {false, false}, {"false", false}, {nil, false},
		{0, false}, {1, false}, {"1", false}, {"TRUE", false}, {[]bool{true}, false},
	} {
		op := newOP(t)
		op.claims = func(claims map[string]any) { claims["email_verified"] = test.claim }
		ada := withOP(t, op).newBrowser()
		if got := ada.mustFinish("oidc", op.approve(ada.start("oidc"))).Identity.EmailVerified; got != test.want {
			t.Errorf("email_verified %v: got %t, want %t", test.claim, got, test.want)
		}
	}
}

func TestSignInWithGoogle(t *testing.T) {
	op := newOP(t)
	op.issuer = "https://accounts.google.com"
	op.keys = []jose.JSONWebKey{keyOf(jose.RS256, "google-1")}
	op.metadata = func(doc map[string]any) {
		doc["authorization_endpoint"] = "https://accounts.google.com/o/oauth2/v2/auth"
		doc["token_endpoint"] = "https://oauth2.googleapis.com/token"
		doc["userinfo_endpoint"] = "https://openidconnect.googleapis.com/v1/userinfo"
		doc["jwks_uri"] = "https://www.googleapis.com/jwks"
		doc["token_endpoint_auth_methods_supported"] = []string{"client_secret_post", "client_secret_basic"}
	}
	op.claims = func(claims map[string]any) {
		delete(claims, "name")
		maps.Copy(claims, map[string]any{
			"sub": "110169484474386276334", "azp": clientID, "hd": "example.org",
			"email": "ada@example.org", "email_verified": true, "name": "Ada Lovelace",
			"picture":    "https://lh3.googleusercontent.com/a/ada=s96-c",
			"given_name": "Ada", "family_name": "Lovelace", "locale": "en",
		})
	}
	google := oauth.NewGoogle(clientID, clientSecret)
	s := newSite(t, google)
	op.now = s.clock.Now
	for _, host := range []string{"accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com"} {
		s.network.serve(host, op)
	}
	if diff := cmp.Diff([]string{"https://accounts.google.com"}, s.FormTargets()); diff != "" {
		t.Errorf("form targets before discovery (-want +got):\n%s", diff)
	}
	ada := s.newBrowser()
	request := ada.start("google")
	q := request.Query()
	code := "4/google"
	op.grants[code] = q
	got := ada.mustFinish("google", map[string][]string{
		"state": {q.Get("state")}, "code": {code}, "scope": {"openid email profile"},
		"authuser": {"0"}, "hd": {"example.org"}, "prompt": {"consent"},
	})
	want := auth.Identity{
		Provider: "google", Issuer: "https://accounts.google.com", Subject: "110169484474386276334",
		Email: "ada@example.org", EmailVerified: true, Name: "Ada Lovelace",
		Picture: "https://lh3.googleusercontent.com/a/ada=s96-c",
	}
	if diff := cmp.Diff(want, got.Identity); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"https://accounts.google.com"}, s.FormTargets()); diff != "" {
		t.Errorf("form targets (-want +got):\n%s", diff)
	}
}
