package devidp

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4/jwt"
)

// idToken holds the claims of OpenID Connect Core 1.0 §2 and §3.1.3.6.
type idToken struct {
	Issuer    string           `json:"iss"`
	Audience  string           `json:"aud"`
	Party     string           `json:"azp"`
	Expiry    *jwt.NumericDate `json:"exp"`
	IssuedAt  *jwt.NumericDate `json:"iat"`
	AuthTime  *jwt.NumericDate `json:"auth_time"`
	Nonce     string           `json:"nonce,omitempty"`
	TokenHash string           `json:"at_hash"`
	claims
}

var (
	errClient = &oauthError{"invalid_client", "client authentication failed"}
	errGrant  = &oauthError{"invalid_grant", "the code is unknown, expired, spent or not for this request"}
)

// token redeems a code: RFC 6749 §4.1.3, errors as in §5.2.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	form, status, err := readForm(w, r)
	if err != nil {
		writeJSON(w, status, oauthError{"invalid_request", "the form is malformed or too large"})
		return
	}
	access, g, problem := p.exchange(r, form)
	if problem != nil {
		status := http.StatusBadRequest
		if problem == errClient {
			status = http.StatusUnauthorized
			w.Header().Set("WWW-Authenticate", `Basic realm="devidp", charset="UTF-8"`)
		}
		writeJSON(w, status, problem)
		return
	}
	id, err := p.sign(g, access)
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, oauthError{"server_error", "cannot sign the ID token"})
		return
	}
	writeJSON(w, http.StatusOK, struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"` // seconds
		IDToken     string `json:"id_token"`
		Scope       string `json:"scope"`
	}{access, "Bearer", int(accessTTL.Seconds()), id, strings.Join(g.scope, " ")})
}

func (p *Provider) exchange(r *http.Request, form url.Values) (string, grant, *oauthError) {
	if name := repeated(form, "grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret"); name != "" {
		return "", grant{}, &oauthError{"invalid_request", name + " is repeated"}
	}
	client, problem := p.authenticate(r, form)
	if problem != nil {
		return "", grant{}, problem
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		return p.redeem(client, form)
	case "":
		return "", grant{}, &oauthError{"invalid_request", "grant_type is missing"}
	}
	return "", grant{}, &oauthError{"unsupported_grant_type", "grant_type must be authorization_code"}
}

// authenticate accepts client_secret_basic and client_secret_post, one at a
// time: RFC 6749 §2.3.1.
func (p *Provider) authenticate(r *http.Request, form url.Values) (*Client, *oauthError) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if r.Header.Get("Authorization") != "" {
		user, password, ok := r.BasicAuth()
		if !ok {
			return nil, errClient
		}
		if secret != "" {
			return nil, &oauthError{"invalid_request", "the client authenticates twice"}
		}
		// Both halves are form-encoded before they are joined.
		headerID, err1 := url.QueryUnescape(user)
		headerSecret, err2 := url.QueryUnescape(password)
		if errors.Join(err1, err2) != nil || id != "" && id != headerID {
			return nil, errClient
		}
		id, secret = headerID, headerSecret
	}
	client := p.client(id)
	if client == nil || !equal(client.Secret, secret) {
		return nil, errClient
	}
	return client, nil
}

// redeem spends a code. The client's first attempt uses it up even if the
// verifier is wrong; a second one is a replay and revokes the access token of
// the first (RFC 6749 §4.1.2). Another client's attempt changes nothing.
func (p *Provider) redeem(client *Client, form url.Values) (string, grant, *oauthError) {
	verifier := form.Get("code_verifier")
	sum := sha256.Sum256([]byte(verifier))
	now := p.Now()

	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.codes.get(form.Get("code"), now)
	if !ok || c.clientID != client.ID {
		return "", grant{}, errGrant
	}
	if c.spent {
		p.tokens.drop(c.token)
		return "", grant{}, errGrant
	}
	c.spent = true
	if !now.Before(c.expires) ||
		form.Get("redirect_uri") != c.redirectURI ||
		len(verifier) < 43 || len(verifier) > 128 || // RFC 7636 §4.1
		subtle.ConstantTimeCompare(sum[:], c.challenge[:]) != 1 {
		return "", grant{}, errGrant
	}
	access := p.tokens.put(c.grant, now)
	c.token = sha256.Sum256([]byte(access))
	return access, c.grant, nil
}

// sign returns the ID token that goes with an access token.
func (p *Provider) sign(g grant, access string) (string, error) {
	now := p.Now()
	sum := sha256.Sum256([]byte(access))
	return jwt.Signed(p.signer).Claims(idToken{
		Issuer:    p.Issuer,
		Audience:  g.clientID,
		Party:     g.clientID,
		Expiry:    jwt.NewNumericDate(now.Add(accessTTL)),
		IssuedAt:  jwt.NewNumericDate(now),
		AuthTime:  jwt.NewNumericDate(g.authTime),
		Nonce:     g.nonce,
		TokenHash: base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]),
		claims:    g.persona.claims(g.scope),
	}).Serialize()
}

// userInfo returns the claims about the user of an access token: OpenID Connect Core 1.0
// §5.3, errors as in RFC 6750 §3.
func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	const realm = `Bearer realm="devidp"`
	scheme, access, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		w.Header().Set("WWW-Authenticate", realm)
		writeJSON(w, http.StatusUnauthorized, oauthError{"invalid_request", "want a bearer token"})
		return
	}
	now := p.Now()
	p.mu.Lock()
	g, ok := p.tokens.get(access, now)
	p.mu.Unlock()
	if !ok {
		w.Header().Set("WWW-Authenticate", realm+`, error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, oauthError{"invalid_token", "the access token is unknown, expired or revoked"})
		return
	}
	writeJSON(w, http.StatusOK, g.persona.claims(g.scope))
}

// equal compares secrets in a time that tells nothing about them, not even
// their length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
