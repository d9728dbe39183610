package oauth_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
)

// An identity is issuer and subject. What else a provider says is taken where it has the
// expected shape, and is no reason to keep somebody out where it has not.
func TestOddClaims(t *testing.T) {
	type claims = map[string]any
	for name, test := range map[string]struct {
		claims claims
		want   auth.Identity // what differs by itself
	}{
		"a list of emails":     {claims{"email": []string{"a@example.org"}}, auth.Identity{Name: "Ada Lovelace"}},
		"a picture object":     {claims{"picture": claims{"data": claims{"url": "https://op.example/ada.png"}}}, auth.Identity{Name: "Ada Lovelace", Email: "ada@example.org", EmailVerified: true}},
		"a number for a name":  {claims{"name": 1815, "preferred_username": "ada"}, auth.Identity{Name: "ada", Email: "ada@example.org", EmailVerified: true}},
		"two names":            {claims{"name": nil, "given_name": "Ada", "family_name": "Lovelace"}, auth.Identity{Name: "Ada Lovelace", Email: "ada@example.org", EmailVerified: true}},
		"a given name":         {claims{"name": nil, "given_name": "Ada"}, auth.Identity{Name: "Ada", Email: "ada@example.org", EmailVerified: true}},
		"a name beside two":    {claims{"given_name": "Augusta", "family_name": "King"}, auth.Identity{Name: "Ada Lovelace", Email: "ada@example.org", EmailVerified: true}},
		"verified as text":     {claims{"email_verified": "true"}, auth.Identity{Name: "Ada Lovelace", Email: "ada@example.org", EmailVerified: true}},
		"verified as a number": {claims{"email_verified": 1}, auth.Identity{Name: "Ada Lovelace", Email: "ada@example.org"}},
		"dates as text": {claims{"exp": "1777896300", "iat": "1777896000", "auth_time": "yesterday", "updated_at": claims{}},
			auth.Identity{Name: "Ada Lovelace", Email: "ada@example.org", EmailVerified: true}},
		"distributed claims": {claims{"_claim_names": claims{"address": "src1"}, "_claim_sources": []int{1}},
			auth.Identity{Name: "Ada Lovelace", Email: "ada@example.org", EmailVerified: true}},
		"methods as text": {claims{"amr": "pwd", "acr": 1, "locale": claims{"language": "en"}},
			auth.Identity{Name: "Ada Lovelace", Email: "ada@example.org", EmailVerified: true}},
		"nothing at all": {claims{"name": nil, "email": nil, "email_verified": nil}, auth.Identity{}},
	} {
		t.Run(name, func(t *testing.T) {
			op := newOP(t)
			op.metadata = func(doc map[string]any) { delete(doc, "userinfo_endpoint") }
			op.claims = func(all map[string]any) { maps.Copy(all, test.claims) }
			ada := withOP(t, op).newBrowser()
			test.want.Provider, test.want.Issuer, test.want.Subject = "oidc", op.issuer, "ada-1815"
			if diff := cmp.Diff(test.want, ada.mustFinish("oidc", op.approve(ada.start("oidc"))).Identity); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
		})
	}
}

// Claims have exact names, and none of them comes twice: two readers of one token must
// not see two people.
func TestClaimsHaveExactNames(t *testing.T) {
	op := newOP(t)
	ada := withOP(t, op).newBrowser()
	written := func(change func(token string) string) func(map[string]any) string {
		return func(c map[string]any) string {
			text := fmt.Sprintf(`{"iss":%q,"sub":"ada-1815","aud":%q,"nonce":%q,"iat":%d,"exp":%d,"name":"Ada"}`,
				c["iss"], c["aud"], c["nonce"], c["iat"], c["exp"])
			return signedText(op.keys[0], change(text))
		}
	}
	for name, change := range map[string]func(string) string{
		"as it is": func(s string) string { return s },
		"others in capitals": func(s string) string {
			return strings.Replace(s, `{`, `{"SUB":"mallory","Iss":"https://evil.example","AUD":"x","Nonce":"x","EXP":1,"IAT":"x",`, 1)
		},
		"capitals last": func(s string) string {
			return strings.Replace(s, `}`, `,"SUB":"mallory","Iss":"https://evil.example","AUD":"x","Nonce":"x","EXP":1,"IAT":"x"}`, 1)
		},
	} {
		op.sign = written(change)
		if got := ada.mustFinish("oidc", op.approve(ada.start("oidc"))).Identity.Subject; got != "ada-1815" {
			t.Errorf("%s: signed in as %s", name, got)
		}
	}
	for _, claim := range []string{"iss", "sub", "aud", "nonce", "exp", "iat", "name"} {
		op.sign = written(func(s string) string { // another one, and the right one last
			return strings.Replace(s, `{`, fmt.Sprintf(`{%q:"other",`, claim), 1)
		})
		ada.mustRefuse("oidc", op.approve(ada.start("oidc")), oauth.ErrIdentity)
		if claim == "name" {
			continue
		}
		op.sign = written(func(s string) string { return strings.Replace(s, `"`+claim+`"`, `"`+strings.ToUpper(claim)+`"`, 1) })
		ada.mustRefuse("oidc", op.approve(ada.start("oidc")), oauth.ErrIdentity)
	}
}

// Whoever reads the log learns which of the checks an ID token failed.
func TestRefusalsSayWhy(t *testing.T) {
	type claims = map[string]any
	at := func(d time.Duration) int64 { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC).Add(d).Unix() }
	sign := func(alg jose.SignatureAlgorithm, kid string) func(claims) string {
		return func(c claims) string { return signedBy(keyOf(alg, kid), c) }
	}
	for why, test := range map[string]struct {
		claims claims
		sign   func(claims) string
	}{
		"malformed":                   {nil, func(claims) string { return leak }},
		"algorithm not accepted":      {nil, sign(jose.ES384, "key-1")},
		"signature does not verify":   {nil, sign(jose.RS256, "key-2")},
		"claims malformed":            {claims{"sub": []string{leak}, "exp": leak}, nil},
		"another issuer":              {claims{"iss": leak}, nil},
		"another audience":            {claims{"aud": []string{clientID, leak}}, nil},
		"issued to another client":    {claims{"azp": leak}, nil},
		"expired":                     {claims{"exp": at(-time.Hour)}, nil},
		"issued in the future":        {claims{"iat": at(time.Hour)}, nil},
		"not valid yet":               {claims{"nbf": at(time.Hour)}, nil},
		"of another flow":             {claims{"nonce": leak}, nil},
		"of another access token":     {claims{"at_hash": leak}, nil},
		"subject missing or too long": {claims{"sub": nil}, nil},
		"subject is not valid text":   {claims{"sub": "ada\x00"}, nil},
	} {
		op := newOP(t)
		op.sign = test.sign
		op.claims = func(c map[string]any) { maps.Copy(c, test.claims) }
		ada := withOP(t, op).newBrowser()
		_, err := ada.callback("oidc", op.approve(ada.start("oidc")))
		if want := "identity not accepted: ID token: " + why; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	op := newOP(t)
	op.replace("/jwks", broken["HTML"].answer)
	ada := withOP(t, op).newBrowser()
	_, err := ada.callback("oidc", op.approve(ada.start("oidc")))
	if want := "provider error: key set: answer not understood"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// UserInfo may be a token too. It is worth what its signature is worth.
func TestUserInfoSigned(t *testing.T) {
	type claims = map[string]any
	good := claims{"sub": "ada-1815", "name": "Ada King", "iss": "https://op.example", "aud": clientID}
	with := func(more claims) claims {
		all := maps.Clone(good)
		maps.Copy(all, more)
		maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
		return all
	}
	for name, test := range map[string]struct {
		claims claims
		sign   func(claims) string // as the ID token if nil
		want   *oauth.Error
	}{
		"good":              {good, nil, nil},
		"for several":       {with(claims{"aud": []string{"other-client", clientID}}), nil, nil},
		"for another":       {with(claims{"aud": "other-client"}), nil, oauth.ErrIdentity},
		"for nobody":        {with(claims{"aud": nil}), nil, oauth.ErrIdentity},
		"of another issuer": {with(claims{"iss": "https://evil.example"}), nil, oauth.ErrIdentity},
		"of no issuer":      {with(claims{"iss": nil}), nil, oauth.ErrIdentity},
		"of another":        {with(claims{"sub": "mallory"}), nil, oauth.ErrIdentity},
		"of odd shape":      {with(claims{"aud": 1}), nil, oauth.ErrIdentity},
		"expired":           {with(claims{"exp": 1}), nil, oauth.ErrIdentity},
		"unsigned":          {good, unsigned, oauth.ErrIdentity},
		"another's key":     {good, func(c claims) string { return signedBy(keyOf(jose.RS256, "key-2"), c) }, oauth.ErrIdentity},
		"HS256":             {good, hmacSigned([]byte(clientSecret + strings.Repeat(" ", 32))), oauth.ErrIdentity},
		"no token":          {good, func(claims) string { return leak }, oauth.ErrIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			op := newOP(t)
			op.claims = func(c map[string]any) { delete(c, "name") }
			op.userInfo, op.signUserInfo = test.claims, test.sign
			if test.sign == nil {
				op.signUserInfo = op.signed
			}
			ada := withOP(t, op).newBrowser()
			query := op.approve(ada.start("oidc"))
			if test.want != nil {
				ada.mustRefuse("oidc", query, test.want)
				return
			}
			if got := ada.mustFinish("oidc", query).Identity.Name; got != "Ada King" {
				t.Errorf("got the name %q", got)
			}
		})
	}
}

// A UserInfo endpoint that does not say what is missing keeps nobody out, unless an email
// is missing and the provider may have it again in a minute.
func TestUserInfoFails(t *testing.T) {
	for how, failure := range broken {
		if how == "silence" {
			continue // takes its time; see testBrokenProvider
		}
		for missing, want := range map[string]*oauth.Error{"name": nil, "email": failure.want} {
			if want == oauth.ErrProvider {
				want = nil
			}
			op := newOP(t)
			op.replace("/userinfo", failure.answer)
			op.claims = func(c map[string]any) { delete(c, missing) }
			ada := withOP(t, op).newBrowser()
			query := op.approve(ada.start("oidc"))
			if want != nil {
				ada.mustRefuse("oidc", query, want)
			} else if got := ada.mustFinish("oidc", query).Identity; got.Subject != "ada-1815" || (got.Email == "") != (missing == "email") {
				t.Errorf("%s, no %s: signed in as %+v", how, missing, got)
			}
		}
	}
	op := newOP(t)
	op.replace("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, `{"sub":"ada-1815","name":"Ada","sub":"ada-1815"}`)
	})
	op.claims = func(c map[string]any) { delete(c, "name") }
	ada := withOP(t, op).newBrowser()
	if got := ada.mustFinish("oidc", op.approve(ada.start("oidc"))).Identity.Name; got != "" {
		t.Errorf("took %q from an answer with a member twice", got)
	}
}
