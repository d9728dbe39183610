package oauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sessionlab/auth/oauth"
)

const (
	clientID     = "site-client"
	clientSecret = "site secret/with+odd:characters"
)

// A fakeOP is an OpenID provider that a test bends into any shape.
type fakeOP struct {
	t      testing.TB
	issuer string
	secret string   // the client's
	method string   // as which the client is registered: "basic" or "post"; both if empty
	tried  []string // ways in which it authenticated, in order
	now    func() time.Time
	keys   []jose.JSONWebKey // private; the first one signs

	metadata     func(map[string]any)               // changes the discovery document
	claims       func(map[string]any)               // changes the ID token
	sign         func(claims map[string]any) string // replaces the signature
	userInfo     map[string]any                     // nil: 403
	signUserInfo func(claims map[string]any) string // nil: as JSON
	instead      map[string]http.HandlerFunc        // by path, in place of the true answer
	grants       map[string]url.Values              // authorization requests by code
	calls        map[string]*atomic.Int32           // by path
	mu           sync.Mutex
}

var rsaKey, edKey = sync.OnceValue(func() crypto.Signer {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	return orPanic(k, err)
}), sync.OnceValue(func() crypto.Signer {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	return orPanic(k, err)
})

func ecKey(curve elliptic.Curve) func() crypto.Signer {
	return sync.OnceValue(func() crypto.Signer {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		return orPanic(k, err)
	})
}

// signers are keys for every asymmetric algorithm.
var signers = map[jose.SignatureAlgorithm]func() crypto.Signer{
	jose.RS256: rsaKey, jose.RS384: rsaKey, jose.RS512: rsaKey,
	jose.PS256: rsaKey, jose.PS384: rsaKey, jose.PS512: rsaKey,
	jose.ES256: ecKey(elliptic.P256()), jose.ES384: ecKey(elliptic.P384()), jose.ES512: ecKey(elliptic.P521()),
	jose.EdDSA: edKey,
}

func orPanic[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func keyOf(alg jose.SignatureAlgorithm, kid string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: signers[alg](), KeyID: kid, Algorithm: string(alg), Use: "sig"}
}

// newOP is a provider at https://op.example that signs with ES256.
func newOP(t testing.TB) *fakeOP {
	return &fakeOP{
		t: t, issuer: "https://op.example", secret: clientSecret,
		keys:    []jose.JSONWebKey{keyOf(jose.ES256, "key-1")},
		instead: map[string]http.HandlerFunc{},
		grants:  map[string]url.Values{},
		calls: map[string]*atomic.Int32{
			"/.well-known/openid-configuration": {}, "/jwks": {}, "/token": {}, "/userinfo": {},
		},
	}
}

// withOP is a site with that one provider, reached as "oidc".
func withOP(t testing.TB, op *fakeOP) *site {
	t.Helper()
	s := newSite(t, &oauth.Provider{
		ID: "oidc", Name: "Example", Issuer: op.issuer, ClientID: clientID, ClientSecret: op.secret,
	})
	op.now = s.clock.Now
	u, err := url.Parse(op.issuer)
	if err != nil {
		t.Fatal(err)
	}
	s.network.serve(u.Host, op)
	return s
}

func (op *fakeOP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n := op.calls[r.URL.Path]; n != nil {
		n.Add(1)
	}
	op.mu.Lock()
	handle := op.instead[r.URL.Path]
	op.mu.Unlock()
	if handle != nil {
		handle(w, r)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		doc := map[string]any{
			"issuer":                 op.issuer,
			"authorization_endpoint": op.issuer + "/authorize?tenant=1",
			"token_endpoint":         op.issuer + "/token",
			"userinfo_endpoint":      op.issuer + "/userinfo",
			"jwks_uri":               op.issuer + "/jwks",

			"id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256", "ES256", "EdDSA"},
		}
		if op.metadata != nil {
			op.metadata(doc)
		}
		writeJSON(w, doc)
	case "/jwks":
		var set jose.JSONWebKeySet
		for _, k := range op.keys {
			set.Keys = append(set.Keys, k.Public())
		}
		writeJSON(w, set)
	case "/token":
		op.token(w, r)
	case "/userinfo":
		if op.userInfo == nil || r.Header.Get("Authorization") != "Bearer "+accessToken {
			http.Error(w, leak, http.StatusForbidden)
			return
		}
		if op.signUserInfo != nil {
			w.Header().Set("Content-Type", "application/jwt")
			w.Write([]byte(op.signUserInfo(op.userInfo)))
			return
		}
		writeJSON(w, op.userInfo)
	default:
		http.Error(w, leak, http.StatusNotFound)
	}
}

// replace puts another answer on a path; nil brings the true one back.
func (op *fakeOP) replace(path string, h http.HandlerFunc) {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.instead[path] = h
}

// approve is the person saying yes: it checks the request as a provider would
// and returns the query of the callback.
func (op *fakeOP) approve(request *url.URL) url.Values {
	op.t.Helper()
	q := request.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": clientID, "code_challenge_method": "S256",
		"redirect_uri": baseURL + "/sign-in/oidc/callback", "tenant": "1",
	} {
		if got := q.Get(name); got != want {
			op.t.Errorf("authorization request: %s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) < 26 { // 128 bits in base32
			op.t.Errorf("authorization request: %s is %q", name, q.Get(name))
		}
	}
	code := "code-" + rand.Text()
	op.mu.Lock()
	op.grants[code] = q
	op.mu.Unlock()
	return url.Values{"state": {q.Get("state")}, "code": {code}}
}

const accessToken = "access-token-of-ada"

func (op *fakeOP) token(w http.ResponseWriter, r *http.Request) {
	if !op.knows(r) {
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	op.mu.Lock()
	grant := op.grants[r.PostFormValue("code")]
	delete(op.grants, r.PostFormValue("code"))
	op.mu.Unlock()
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case grant == nil,
		grant.Get("redirect_uri") != r.PostFormValue("redirect_uri"),
		grant.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]):
		refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	claims := map[string]any{
		"iss": op.issuer, "sub": "ada-1815", "aud": clientID, "nonce": grant.Get("nonce"),
		"iat": op.now().Unix(), "exp": op.now().Add(5 * time.Minute).Unix(),
		"name": "Ada Lovelace", "email": "ada@example.org", "email_verified": true,
		"at_hash": atHash(op.keys[0].Algorithm, accessToken),
	}
	if op.claims != nil {
		op.claims(claims)
	}
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	sign := op.sign
	if sign == nil {
		sign = op.signed
	}
	writeJSON(w, map[string]any{
		"access_token": accessToken, "token_type": "Bearer", "expires_in": 300, "id_token": sign(claims),
	})
}

// knows reports whether r authenticates the client in the way for which it is registered.
func (op *fakeOP) knows(r *http.Request) bool {
	method := "post"
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749 §2.3.1: form-encoded before base64
		method = "basic"
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	op.mu.Lock()
	op.tried = append(op.tried, method)
	op.mu.Unlock()
	return id == clientID && secret == op.secret && (op.method == "" || op.method == method)
}

func (op *fakeOP) signed(claims map[string]any) string { return signedBy(op.keys[0], claims) }

func signedBy(key jose.JSONWebKey, claims map[string]any) string {
	return signedText(key, string(orPanic(json.Marshal(claims))))
}

func signedText(key jose.JSONWebKey, payload string) string {
	signer := orPanic(jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, nil))
	return orPanic(orPanic(signer.Sign([]byte(payload))).CompactSerialize())
}

func unsigned(claims map[string]any) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(orPanic(json.Marshal(claims))) + "."
}

// atHash is half of the hash that goes with the algorithm (OpenID Connect Core §3.1.3.6).
func atHash(alg, token string) string {
	h := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512, "DSA": crypto.SHA512}[alg[2:]].New()
	h.Write([]byte(token))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:h.Size()/2])
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": leak})
}

// broken are the ways in which a provider fails, and what each must become.
var broken = map[string]struct {
	answer http.HandlerFunc
	want   *oauth.Error
}{
	"500": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, leak, http.StatusInternalServerError) }, oauth.ErrUnavailable},
	"429": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, leak, http.StatusTooManyRequests) }, oauth.ErrUnavailable},
	"404": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, leak, http.StatusNotFound) }, oauth.ErrProvider},
	"HTML": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<h1>" + leak + "</h1>"))
	}, oauth.ErrProvider},
	"broken JSON": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"` + leak + `":`))
	}, oauth.ErrProvider},
	"JSON of 1 MiB": {func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]string{"access_token": leak, "padding": strings.Repeat(leak, 1<<20/len(leak))})
	}, oauth.ErrProvider},
	"redirect": {func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://elsewhere.example/"+leak, http.StatusTemporaryRedirect)
	}, oauth.ErrProvider},
	"silence": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, oauth.ErrUnavailable},
}
