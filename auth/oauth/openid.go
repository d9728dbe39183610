package oauth

import (
	"cmp"
	"context"
	"crypto"
	_ "crypto/sha256" // for at_hash
	_ "crypto/sha512"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
	"golang.org/x/oauth2"

	"sessionlab/auth"
)

const (
	maxSkew    = time.Minute // between the provider's clock and ours
	maxSubject = 255         // bytes, OpenID Connect Core §2
)

// openID verifies what one OpenID provider says.
type openID struct {
	client     *http.Client
	now        func() time.Time
	issuer     string
	clientID   string
	algorithms []jose.SignatureAlgorithm // of ID tokens
	keys       oidc.KeySet
	keyCalls   *calls // for the keys
	userInfo   string // empty if there is none
	signedInfo []jose.SignatureAlgorithm
}

func (o *openID) identify(ctx context.Context, token *oauth2.Token, nonce string) (auth.Identity, error) {
	who, err := o.verify(ctx, token, nonce)
	if err != nil {
		return auth.Identity{}, err
	}
	if (who.Email == "" || who.fullName() == "") && o.userInfo != "" {
		if err := o.complete(ctx, token, &who); err != nil {
			return auth.Identity{}, err
		}
	}
	return who.identity(), nil
}

// verify checks the ID token that came with token (OpenID Connect Core
// §3.1.3.7, §3.1.3.8).
func (o *openID) verify(ctx context.Context, token *oauth2.Token, nonce string) (profile, error) {
	ctx, note := begin(ctx, StepIDToken)
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return profile{}, note.end(ErrIdentity.withDetail("no ID token"))
	}
	note.add(func(s *Step) { s.Got = jwtParams(raw, 1, claimNames) })
	who, err := o.judge(ctx, raw, token, nonce)
	return who, note.end(err)
}

func (o *openID) judge(ctx context.Context, raw string, token *oauth2.Token, nonce string) (profile, error) {
	keysCtx, note := begin(ctx, StepKeys)
	before := o.keyCalls.count()
	payload, alg, err := o.open(keysCtx, "ID token", raw, o.algorithms)
	note.checked(raw, o.keyCalls, before)
	if note.end(err) != nil {
		return profile{}, err
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil || c.Expiry.IsZero() || c.IssuedAt.IsZero() {
		return profile{}, ErrIdentity.withDetail("ID token: claims malformed")
	}
	if flaw := o.flaw(&c, alg, token.AccessToken, nonce); flaw != "" {
		return profile{}, ErrIdentity.withDetail("ID token: " + flaw)
	}
	return c.profile, nil
}

// open returns what a token of the provider says, and the algorithm with which it is
// signed. The parameter what names the token in errors.
func (o *openID) open(ctx context.Context, what, raw string, algorithms []jose.SignatureAlgorithm) (payload []byte, alg string, err error) {
	var unexpected *jose.ErrUnexpectedSignatureAlgorithm
	jws, err := jose.ParseSignedCompact(raw, algorithms)
	switch {
	case errors.As(err, &unexpected):
		return nil, "", ErrIdentity.withDetail(what + ": algorithm not accepted")
	case err != nil:
		return nil, "", ErrIdentity.withDetail(what + ": malformed")
	}
	payload, err = o.keys.VerifySignature(ctx, raw)
	switch {
	case errors.Unwrap(err) != nil: // go-oidc wraps what kept it from having keys, and nothing else
		return nil, "", callError("key set", err)
	case err != nil:
		return nil, "", ErrIdentity.withDetail(what + ": signature does not verify")
	}
	return payload, jws.Signatures[0].Header.Algorithm, nil
}

// flaw returns why an ID token is invalid, as a fixed text, or "" if it is valid. Tokens
// with additional audiences are rejected (OpenID Connect Core §3.1.3.7, 3).
func (o *openID) flaw(c *claims, alg, accessToken, nonce string) string {
	now := o.now()
	switch {
	case !o.isIssuer(c.Issuer):
		return "another issuer"
	case !slices.Equal(c.Audience, []string{o.clientID}):
		return "another audience"
	case c.Authorized != "" && c.Authorized != o.clientID:
		return "issued to another client"
	case !now.Before(c.Expiry.Add(maxSkew)): // expired at exactly exp plus skew
		return "expired"
	case c.IssuedAt.After(now.Add(maxSkew)):
		return "issued in the future"
	case c.NotBefore.After(now.Add(maxSkew)):
		return "not valid yet"
	case !equal(nonce, c.Nonce):
		return "of another flow"
	case c.AccessTokenHash != "" && c.AccessTokenHash != accessTokenHash(alg, accessToken):
		return "of another access token"
	case len(c.Subject) < 1 || len(c.Subject) > maxSubject:
		return "subject missing or too long"
	case strings.ContainsFunc(string(c.Subject), unicode.IsControl):
		return "subject is not valid text" // with a zero byte in it, Postgres could not store it
	}
	return ""
}

// isIssuer compares as strings, but forgives Google for leaving out "https://", as
// Google says that it may.
func (o *openID) isIssuer(iss string) bool {
	return iss == o.issuer || o.issuer == GoogleIssuer && "https://"+iss == GoogleIssuer
}

// accessTokenHash is the at_hash of an access token (OpenID Connect Core §3.1.3.6).
func accessTokenHash(alg, token string) string {
	hash := crypto.SHA512 // EdDSA's with Ed25519 as well
	switch {
	case strings.HasSuffix(alg, "256"):
		hash = crypto.SHA256
	case strings.HasSuffix(alg, "384"):
		hash = crypto.SHA384
	}
	h := hash.New()
	h.Write([]byte(token))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:h.Size()/2])
}

// complete asks UserInfo for what the ID token does not say (OpenID Connect Core
// §5.3). An email is taken only together with what is said about it.
//
// An error of UserInfo does not fail the sign-in, except ErrIdentity, and ErrUnavailable
// while the ID token has no email: the sign-in would then overwrite the stored email with
// none.
func (o *openID) complete(ctx context.Context, token *oauth2.Token, who *profile) error {
	ctx, note := begin(ctx, StepUserInfo)
	more, err := o.ask(ctx, token)
	switch {
	case errors.Is(err, ErrIdentity), errors.Is(err, ErrUnavailable) && who.Email == "":
		return note.end(err)
	case err != nil:
		return note.end(nil)
	}
	note.add(func(s *Step) { s.Got = identityParams(more.identity()) })
	if more.Subject != who.Subject { // §5.3.2: or it may be about somebody else
		return note.end(ErrIdentity.withDetail("UserInfo: another subject"))
	}
	if who.Email == "" {
		who.Email, who.EmailVerified = more.Email, more.EmailVerified
	}
	if who.fullName() == "" {
		who.Name = text(more.fullName())
	}
	who.Username = cmp.Or(who.Username, more.Username)
	who.Picture = cmp.Or(who.Picture, more.Picture)
	return note.end(nil)
}

// ask returns what UserInfo says: as JSON or, where the client is registered for it, as
// a token that must be for us (OpenID Connect Core §5.3.2).
func (o *openID) ask(ctx context.Context, token *oauth2.Token) (profile, error) {
	body, kind, err := get(ctx, o.client, o.userInfo, token.AccessToken, "application/json, application/jwt")
	if err != nil {
		return profile{}, callError("UserInfo", err)
	}
	if kind == "application/jwt" {
		return o.readSigned(ctx, string(body))
	}
	var who profile
	if err := json.Unmarshal(body, &who); err != nil {
		return profile{}, callError("UserInfo", err)
	}
	return who, nil
}

// readSigned returns what a signed answer of UserInfo says.
func (o *openID) readSigned(ctx context.Context, raw string) (profile, error) {
	payload, _, err := o.open(ctx, "UserInfo", raw, o.signedInfo)
	if err != nil {
		return profile{}, err
	}
	var c claims
	switch err := json.Unmarshal(payload, &c); {
	case err != nil:
		return profile{}, ErrIdentity.withDetail("UserInfo: claims malformed")
	case !o.isIssuer(c.Issuer):
		return profile{}, ErrIdentity.withDetail("UserInfo: another issuer")
	case !c.Audience.Contains(o.clientID):
		return profile{}, ErrIdentity.withDetail("UserInfo: another audience")
	case !c.Expiry.IsZero() && !o.now().Before(c.Expiry.Add(maxSkew)):
		return profile{}, ErrIdentity.withDetail("UserInfo: expired")
	}
	return c.profile, nil
}

// asymmetric are the algorithms that a provider may sign with. The algorithm "none" is
// not among them, nor are those that turn the client's secret, or a public key, into a
// signing key (RFC 8725 §3.1).
var asymmetric = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// accepted returns the algorithms to accept of those that a document lists; if there are
// none, RS256, which every provider must support (OpenID Connect Discovery §3).
func accepted(listed []jose.SignatureAlgorithm) []jose.SignatureAlgorithm {
	var all []jose.SignatureAlgorithm
	for _, alg := range listed {
		if slices.Contains(asymmetric, alg) {
			all = append(all, alg)
		}
	}
	if len(all) == 0 {
		return []jose.SignatureAlgorithm{jose.RS256}
	}
	return all
}
