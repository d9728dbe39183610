package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sessionlab/auth"
)

const (
	maxSkew    = time.Minute // between the provider's clock and ours
	maxSubject = 255         // bytes, OpenID Connect Core §2
)

// signingAlgorithms are the only ones that an ID token may be signed with: none
// is not among them, nor are those that turn the client secret, or a public key,
// into a signing key (RFC 8725 §3.1).
var signingAlgorithms = []string{oidc.RS256, oidc.ES256, oidc.EdDSA}

// openID verifies what one OpenID provider says.
type openID struct {
	client   *http.Client
	now      func() time.Time
	issuer   string
	clientID string
	keys     oidc.KeySet
	userInfo string // empty if there is none
	keyCalls *calls // for the keys
}

// profile is what an ID token and UserInfo say about somebody, OpenID Connect
// Core §5.1.
type profile struct {
	Subject       string   `json:"sub"`
	Authorized    string   `json:"azp"`
	Email         string   `json:"email"`
	EmailVerified verified `json:"email_verified"`
	Name          string   `json:"name"`
	Username      string   `json:"preferred_username"`
	Picture       string   `json:"picture"`
}

// verified is a claim that some providers write as a boolean and some as text.
// Whatever does not say true, says no.
type verified bool

func (v *verified) UnmarshalJSON(b []byte) error {
	*v = string(b) == "true" || string(b) == `"true"`
	return nil
}

func (o *openID) identify(ctx context.Context, token *oauth2.Token, nonce string) (auth.Identity, error) {
	who, err := o.verify(ctx, token, nonce)
	if err != nil {
		return auth.Identity{}, err
	}
	if (who.Email == "" || who.Name == "") && o.userInfo != "" {
		if err := o.complete(ctx, token, &who); err != nil {
			return auth.Identity{}, err
		}
	}
	if who.Name == "" {
		who.Name = who.Username
	}
	return auth.Identity{
		Subject: who.Subject,
		Email:   who.Email, EmailVerified: bool(who.EmailVerified) && who.Email != "",
		Name: who.Name, Picture: who.Picture,
	}, nil
}

// verify checks the ID token that came with token (OpenID Connect Core
// §3.1.3.7, §3.1.3.8). The issuer is compared as a string; go-oidc forgives
// Google alone for leaving out "https://", as Google says that it may.
func (o *openID) verify(ctx context.Context, token *oauth2.Token, nonce string) (profile, error) {
	ctx, note := begin(ctx, StepIDToken)
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return profile{}, note.end(ErrIdentity.because("no ID token"))
	}
	note.add(func(s *Step) { s.Got = jwtParams(raw, 1, claimNames) })
	who, err := o.judge(ctx, raw, token, nonce)
	return who, note.end(err)
}

func (o *openID) judge(ctx context.Context, raw string, token *oauth2.Token, nonce string) (profile, error) {
	keys := &observedKeys{KeySet: o.keys, calls: o.keyCalls}
	id, err := oidc.NewVerifier(o.issuer, keys, &oidc.Config{
		ClientID:             o.clientID,
		SupportedSigningAlgs: signingAlgorithms,
		Now:                  func() time.Time { return o.now().Add(-maxSkew) },
	}).Verify(ctx, raw)
	var expired *oidc.TokenExpiredError
	// What the library says quotes the token, so that it is said again.
	switch {
	case keys.err != nil:
		return profile{}, keys.verdict()
	case errors.As(err, &expired):
		return profile{}, ErrIdentity.because("ID token has expired")
	case err != nil:
		return profile{}, ErrIdentity.because("ID token is malformed, or for another issuer or audience")
	}
	var who profile
	if err := id.Claims(&who); err != nil {
		return profile{}, ErrIdentity.because("ID token's claims are malformed")
	}
	now := o.now()
	switch {
	case !now.Before(id.Expiry.Add(maxSkew)): // at the very instant it is over
		return profile{}, ErrIdentity.because("ID token has expired")
	case id.IssuedAt.IsZero() || id.IssuedAt.After(now.Add(maxSkew)):
		return profile{}, ErrIdentity.because("ID token is of no time, or of the future")
	case len(id.Audience) > 1 && who.Authorized == "",
		who.Authorized != "" && who.Authorized != o.clientID:
		return profile{}, ErrIdentity.because("ID token was issued to another client")
	case !equal(nonce, id.Nonce):
		return profile{}, ErrIdentity.because("ID token is of another flow")
	case id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil:
		return profile{}, ErrIdentity.because("ID token is of another access token")
	case len(who.Subject) < 1 || len(who.Subject) > maxSubject:
		return profile{}, ErrIdentity.because("subject is empty or too long")
	case strings.ContainsFunc(who.Subject, unicode.IsControl):
		return profile{}, ErrIdentity.because("subject is no text") // with a zero byte in it, Postgres could not store it
	}
	return who, nil
}

// complete asks UserInfo for what the ID token does not say (OpenID Connect Core
// §5.3). An email is taken only together with what is said about it.
func (o *openID) complete(ctx context.Context, token *oauth2.Token, who *profile) error {
	ctx, note := begin(ctx, StepUserInfo)
	var more profile
	if err := getJSON(ctx, o.client, o.userInfo, token.AccessToken, &more); err != nil {
		return note.end(trouble("UserInfo", err))
	}
	note.add(func(s *Step) { s.Got = more.params() })
	if more.Subject != who.Subject { // §5.3.2: or it may be about somebody else
		return note.end(ErrIdentity.because("UserInfo is about another subject"))
	}
	note.end(nil)
	if who.Email == "" {
		who.Email, who.EmailVerified = more.Email, more.EmailVerified
	}
	fill(&who.Name, more.Name)
	fill(&who.Username, more.Username)
	fill(&who.Picture, more.Picture)
	return nil
}

func fill(s *string, with string) {
	if *s == "" {
		*s = with
	}
}

// observedKeys keeps the key set's error, whose kind the verifier loses.
type observedKeys struct {
	oidc.KeySet
	calls *calls
	err   error
}

func (k *observedKeys) VerifySignature(ctx context.Context, jwt string) (payload []byte, err error) {
	ctx, note := begin(ctx, StepKeys)
	before := k.calls.count()
	payload, k.err = k.KeySet.VerifySignature(ctx, jwt)
	note.checked(jwt, k.calls, before)
	note.end(k.verdict())
	return payload, k.err
}

// verdict is the error in words of ours.
func (k *observedKeys) verdict() error {
	switch {
	case k.unreachable():
		return trouble("key set", k.err)
	case k.err != nil:
		return ErrIdentity.because("ID token's signature does not verify")
	}
	return nil
}

// unreachable tells keys that could not be had from a signature that is wrong.
func (k *observedKeys) unreachable() bool {
	var request *url.Error
	return errors.As(k.err, &request) || errors.Is(k.err, context.DeadlineExceeded) || errors.Is(k.err, context.Canceled)
}
