// Package devidp is a small OpenID Connect provider inside the program. It is there so
// that a fresh checkout has a real sign-in — discovery, the code flow with PKCE, signed
// ID tokens, UserInfo, sign-out — without keys, accounts or a network. An application
// uses it like any other provider.
//
// The user picks one of three personas; see [Personas]. There is no password, no consent
// and no session at the provider: every authorization request shows the choice again.
//
// It is not for production: anyone can sign in as anyone. It issues no refresh tokens,
// knows confidential clients only, and keeps codes, access tokens and its signing key in
// memory, so a restart forgets them all and an ID token from before it no longer
// verifies.
//
// A [Provider] is an [http.Handler] for the paths below its issuer. Where the
// program cannot call its own public address, [Provider.Transport] answers in
// process.
package devidp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	codeTTL   = time.Minute     // RFC 6749 §4.1.2 allows ten
	accessTTL = 5 * time.Minute // access token and ID token
	maxKept   = 10_000          // codes, and access tokens, kept at a time
	maxForm   = 64 << 10        // bytes of a POST body
	maxEcho   = 512             // bytes of a state or nonce
)

// A Provider is an OpenID provider at Issuer, made by [New]. It is safe for
// concurrent use; its fields must not change once it serves.
type Provider struct {
	Issuer  string           // URL without a trailing slash; New derives the routes from it
	Clients []Client         // who may ask
	Now     func() time.Time // used for the expiry of every code and token

	base   string // path of Issuer
	mux    *http.ServeMux
	key    jose.JSONWebKey // the public half
	signer jose.Signer

	mu     sync.Mutex
	codes  expiringStore[*code]
	tokens expiringStore[grant]
}

// A Client is an application that may ask the provider who somebody is. It
// authenticates at the token endpoint, in the header or in the body.
type Client struct {
	ID, Secret     string
	Name           string   // as the page calls it; ID if empty
	RedirectURIs   []string // compared as strings, RFC 9700 §4.1.3
	PostLogoutURIs []string
}

// New returns a provider with a fresh ES256 key. It fails if issuer is not a
// plain http or https URL, if a client lacks an ID, a secret or a redirect URI,
// or if one of its URIs is not http or https or has a fragment.
func New(issuer string, now func() time.Time, clients ...Client) (*Provider, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	// What is written back as scheme, host and path has no user, query or
	// fragment; an escaped path would not be a plain route.
	if !isWeb(u) || issuer != u.Scheme+"://"+u.Host+u.EscapedPath() ||
		u.EscapedPath() != u.Path || strings.HasSuffix(issuer, "/") {
		return nil, fmt.Errorf("issuer %q: want http(s)://host/path", issuer)
	}
	if now == nil {
		return nil, errors.New("no clock")
	}
	for _, c := range clients {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("client %q: %w", c.ID, err)
		}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	p := &Provider{
		Issuer: issuer, Clients: clients, Now: now,
		base: u.Path,
		// A spent code is remembered for as long as the token it was spent on,
		// so that a replay can still revoke that token.
		codes:  newExpiringStore[*code](codeTTL + accessTTL),
		tokens: newExpiringStore[grant](accessTTL),
	}
	if err := p.setKey(private); err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	p.mux = p.routes()
	return p, nil
}

func (c *Client) check() error {
	if c.ID == "" || c.Secret == "" || len(c.RedirectURIs) == 0 {
		return errors.New("want an ID, a secret and a redirect URI")
	}
	for _, uri := range slices.Concat(c.RedirectURIs, c.PostLogoutURIs) {
		u, err := url.Parse(uri)
		if err != nil {
			return err
		}
		if !isWeb(u) || strings.Contains(uri, "#") { // RFC 6749 §3.1.2
			return fmt.Errorf("URI %q: want http(s) without a fragment", uri)
		}
	}
	return nil
}

func isWeb(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func (p *Provider) setKey(private *ecdsa.PrivateKey) error {
	p.key = jose.JSONWebKey{Key: private.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	id, err := p.key.Thumbprint(crypto.SHA256) // RFC 7638
	if err != nil {
		return err
	}
	p.key.KeyID = hex.EncodeToString(id[:8])
	p.signer, err = jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: p.key.KeyID}},
		(&jose.SignerOptions{}).WithType("JWT"),
	)
	return err
}

// routes leaves 404 and 405, with Allow, to the ServeMux.
func (p *Provider) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /.well-known/openid-configuration": p.discovery,
		"GET /jwks":                             p.jwks,
		"GET /authorize":                        p.choose,
		"POST /authorize":                       p.decide,
		"POST /token":                           p.token,
		"GET /userinfo":                         p.userInfo,
		"POST /userinfo":                        p.userInfo,
		"GET /end-session":                      p.endSession,
		"POST /end-session":                     p.endSession,
		"GET /style.css":                        style,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+p.base+path, handle)
	}
	return mux
}

// ServeHTTP answers requests below the path of Issuer, which it expects in full.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", p.policy())
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	p.mux.ServeHTTP(w, r)
}

// policy names the origins of the registered redirect URIs, because browsers
// apply form-action to the redirect that answers a form as well.
func (p *Provider) policy() string {
	targets := []string{"'self'"}
	for _, c := range p.Clients {
		for _, uri := range c.RedirectURIs {
			u, _ := url.Parse(uri) // New has parsed it
			if origin := u.Scheme + "://" + u.Host; !slices.Contains(targets, origin) {
				targets = append(targets, origin)
			}
		}
	}
	return "default-src 'none'; style-src 'self'; form-action " + strings.Join(targets, " ") +
		"; frame-ancestors 'none'; base-uri 'none'"
}

// discovery answers with the provider's metadata: OpenID Connect Discovery 1.0
// §3, RFC 8414, RFC 9207.
func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Issuer              string   `json:"issuer"`
		Authorization       string   `json:"authorization_endpoint"`
		Token               string   `json:"token_endpoint"`
		UserInfo            string   `json:"userinfo_endpoint"`
		JWKS                string   `json:"jwks_uri"`
		EndSession          string   `json:"end_session_endpoint"`
		ResponseTypes       []string `json:"response_types_supported"`
		ResponseModes       []string `json:"response_modes_supported"`
		GrantTypes          []string `json:"grant_types_supported"`
		SubjectTypes        []string `json:"subject_types_supported"`
		SigningAlgs         []string `json:"id_token_signing_alg_values_supported"`
		ChallengeMethods    []string `json:"code_challenge_methods_supported"`
		TokenAuthMethods    []string `json:"token_endpoint_auth_methods_supported"`
		Scopes              []string `json:"scopes_supported"`
		Claims              []string `json:"claims_supported"`
		IssParameter        bool     `json:"authorization_response_iss_parameter_supported"`
		RequestParameter    bool     `json:"request_parameter_supported"`
		RequestURIParameter bool     `json:"request_uri_parameter_supported"` // true if absent
	}{
		Issuer:           p.Issuer,
		Authorization:    p.Issuer + "/authorize",
		Token:            p.Issuer + "/token",
		UserInfo:         p.Issuer + "/userinfo",
		JWKS:             p.Issuer + "/jwks",
		EndSession:       p.Issuer + "/end-session",
		ResponseTypes:    []string{"code"},
		ResponseModes:    []string{"query"},
		GrantTypes:       []string{"authorization_code"},
		SubjectTypes:     []string{"public"},
		SigningAlgs:      []string{string(jose.ES256)},
		ChallengeMethods: []string{"S256"},
		TokenAuthMethods: []string{"client_secret_basic", "client_secret_post"},
		Scopes:           scopes,
		Claims: []string{"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash",
			"name", "given_name", "email", "email_verified"},
		IssParameter: true,
	})
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{p.key}})
}

// client returns the client called id, or nil.
func (p *Provider) client(id string) *Client {
	i := slices.IndexFunc(p.Clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &p.Clients[i]
}
