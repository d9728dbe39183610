// Package oauth signs people in through Google, GitHub and any OpenID provider.
//
// It is the client of the authorization code flow (RFC 6749 §4.1, OpenID Connect
// Core §3.1). In order, and what each step is there to stop:
//
//  1. [Providers.Start] learns the provider's endpoints, once, by discovery from
//     the configured issuer. The document must name that very issuer.
//  2. It draws a state, a nonce and a PKCE verifier and seals them, with the
//     provider's id, in a cookie of this flow. The browser is sent to the
//     provider with the state, the nonce and a hash of the verifier.
//  3. The provider sends the browser back. [Providers.Finish] finds the flow by
//     its state and deletes the cookie, whatever comes of it. A callback that
//     this browser did not start has no cookie: nobody is signed in to somebody
//     else's account (login CSRF, RFC 9700 §4.7).
//  4. The flow must be this provider's and less than 10 minutes old, and the
//     callback's iss, where there is one or one is promised, must name it: no
//     provider answers for another (mix-up, RFC 9207, RFC 9700 §4.4).
//  5. The code is exchanged together with the verifier. A code that was stolen,
//     or slipped into another browser's callback, is worth nothing without it
//     (code injection, RFC 7636, RFC 9700 §4.5).
//  6. The ID token's signature, issuer, audience, times and nonce are verified:
//     a token made for another client, or for another flow, says nothing here
//     (OpenID Connect Core §3.1.3.7). GitHub has no ID token; its API is asked
//     with the access token that came in step 5.
//
// The result is an [auth.Identity]. What its email says proves nothing about an
// account that another provider vouches for; see [auth.Identity].
//
// This package never shows, logs or returns the error text of a provider. An [Error] has
// a code of ours, and its text is safe for a log.
//
// Read in this order: this file, flow.go, client_auth.go, openid.go, claims.go,
// form_post.go, discovery.go, github.go, outbound.go, next.go, errors.go. The files
// trace.go and param.go only record steps for [Watch].
package oauth

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sessionlab/auth"
)

// A Provider can say who a person is: by OpenID Connect, with endpoints found
// by discovery from Issuer, or, with GitHub set, in GitHub's own way. It must
// not be copied or changed once it is used.
type Provider struct {
	ID           string // such as "google" or "oidc"; part of the callback's path
	Name         string // as the sign-in button calls it
	Issuer       string // exact, as the provider writes it; half of every identity
	ClientID     string
	ClientSecret string     // empty for a public client
	Auth         ClientAuth // not used where there is no secret
	Scopes       []string   // to ask for; nil means openid, email and profile
	FormPost     bool       // its answers come by POST; see [Providers.Relay]
	ForwardsTo   []string   // origins that it sends browsers on to before it shows a page, if any

	GitHub *GitHubEndpoints // nil for OpenID

	mu       sync.Mutex
	last     *attempt         // at discovery
	problem  string           // the last logged discovery error; empty if discovery succeeded
	accepted oauth2.AuthStyle // by the token endpoint; zero until then
}

// GoogleIssuer is the issuer of Google's ID tokens, where its discovery begins.
const GoogleIssuer = "https://accounts.google.com"

// NewGoogle returns Google as a provider.
func NewGoogle(clientID, clientSecret string) *Provider {
	return &Provider{
		ID: "google", Name: "Google", Issuer: GoogleIssuer,
		ClientID: clientID, ClientSecret: clientSecret,
	}
}

// Providers holds the providers of one site. It is safe for concurrent use; its exported
// fields must not change once it is used. Creating one makes no requests.
type Providers struct {
	List      []*Provider       // in the order in which the sign-in page offers them
	BaseURL   string            // public origin; callbacks are BaseURL/sign-in/{id}/callback
	Seal      auth.Sealer       // of the purpose [FlowPurpose], and one that encrypts
	RelaySeal auth.Sealer       // of the purpose [RelayPurpose], and one that encrypts
	Now       func() time.Time  // of the process
	Text      func() string     // fresh random text of at least 128 bits and 26 URL-safe characters
	Transport http.RoundTripper // makes every outbound call; nil means one of [NewTransport]
	Log       *slog.Logger      // told when a provider fails, and when it is back; may be nil

	once   sync.Once
	client *http.Client
	spent  spent
}

// StartOptions describe a flow.
type StartOptions struct {
	Next     string // where to go afterwards; see [SafeNext]
	Remember bool   // handed through to [Result]
	Prompt   string // OpenID Connect Core §3.1.2.1; "login" asks the person to prove again who they are
	Link     string // opaque value that names the user to link the identity to; empty for a sign-in
	Confirm  string // the user who must reauthenticate; empty: anybody may sign in
}

// A Result is what a flow ends with.
type Result struct {
	Identity auth.Identity
	Tokens   auth.AccountTokens // what came with it, for those who keep it
	Next     string             // a same-site path
	Remember bool
	Link     string // as it was when the flow began; nobody could change it meanwhile
	Confirm  string // likewise
}

// Start begins a flow and returns where to send the browser. It sets the flow's
// cookie, and expires the oldest flow's if this browser has five. It waits for
// discovery for 2 seconds at most.
//
// Its errors are [ErrUnknownProvider], [ErrUnavailable] and [ErrMisconfigured], or a
// fault of ours.
func (p *Providers) Start(ctx context.Context, jar *auth.Jar, id string, o StartOptions) (string, error) {
	provider := p.find(id)
	if provider == nil {
		return "", ErrUnknownProvider
	}
	f := flow{
		Provider: id,
		State:    p.Text(),
		Nonce:    p.Text(),
		Verifier: p.Text() + p.Text(), // 43 characters at least, RFC 7636 §4.1
		Next:     SafeNext(o.Next),
		Remember: o.Remember,
		Link:     o.Link,
		Confirm:  o.Confirm,
	}
	ctx = p.watched(ctx, f.State)
	ends, err := p.discovered(ctx, provider)
	if err != nil {
		return "", err
	}
	_, note := begin(ctx, StepRequest)
	size, err := p.openFlow(ctx, jar, f)
	if err != nil {
		return "", note.end(err)
	}
	params := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(f.Verifier), oidc.Nonce(f.Nonce)}
	if o.Prompt != "" {
		params = append(params, oauth2.SetAuthURLParam("prompt", o.Prompt))
	}
	if provider.FormPost {
		params = append(params, oauth2.SetAuthURLParam("response_mode", "form_post"))
	}
	to := p.config(provider, ends).AuthCodeURL(f.State, params...)
	note.requested(f, to, size)
	return to, note.end(nil)
}

// discovered waits for a provider's endpoints, for 2 seconds at most.
func (p *Providers) discovered(ctx context.Context, provider *Provider) (*endpoints, error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	if provider.GitHub != nil {
		return p.attempt(provider).wait(ctx)
	}
	ctx, note := begin(ctx, StepDiscovery)
	a := p.attempt(provider)
	ends, err := a.wait(ctx)
	note.addMetadata(a)
	return ends, note.end(err)
}

// Finish ends the flow that a callback belongs to and returns who signed in. It
// deletes the flow's cookie on every outcome and takes 8 seconds at most.
//
// Each of its errors is an [Error]. With an error there is no Identity, but Next,
// Remember, Link and Confirm are set if the flow was this browser's, for another try.
func (p *Providers) Finish(ctx context.Context, jar *auth.Jar, id string, query url.Values) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, maxCallback)
	defer cancel()
	query, name, unfit := p.relayed(ctx, id, query)
	ctx = oidc.ClientContext(p.watched(ctx, query.Get("state")), p.outbound())
	_, note := begin(ctx, StepCallback)
	note.add(func(s *Step) { s.Got = params(query, callbackNames) })
	f, err := p.takeFlow(ctx, jar, id, query)
	if unfit != nil {
		err = unfit
	}
	result := Result{Next: f.Next, Remember: f.Remember, Link: f.Link, Confirm: f.Confirm}
	provider := p.find(id)
	if provider == nil {
		return result, note.end(ErrUnknownProvider)
	}
	if err != nil {
		return result, note.end(err)
	}
	ends, err := p.attempt(provider).wait(ctx)
	if err != nil {
		return result, note.end(err)
	}
	code, err := readCallback(query, provider.Issuer, ends.promisesIssuer)
	if note.end(err) != nil {
		return result, err
	}
	token, err := p.exchange(ctx, provider, ends, code, f.Verifier)
	if err != nil {
		return result, err
	}
	identity, err := ends.identify(ctx, token, f.Nonce)
	if err != nil {
		return result, err
	}
	identity.Provider, identity.Issuer = provider.ID, provider.Issuer
	identity.Name = cmp.Or(identity.Name, name)
	result.Identity, result.Tokens = identity, granted(provider.ID, token, ends.scopes, p.Now())
	return result, nil
}

// exchange turns a code into tokens.
func (p *Providers) exchange(ctx context.Context, provider *Provider, ends *endpoints, code, verifier string) (*oauth2.Token, error) {
	ctx, note := begin(ctx, StepToken)
	token, err := provider.redeem(ctx, p.config(provider, ends), code, verifier)
	if err != nil {
		return nil, note.end(callError("token endpoint", err))
	}
	note.add(func(s *Step) { s.Got = tokenParams(token) })
	return token, note.end(nil)
}

// granted returns the tokens that the token endpoint gave at now. Without a scope in the
// answer it is what was asked for (RFC 6749 §5.1); GitHub puts commas between them.
func granted(provider string, token *oauth2.Token, asked []string, now time.Time) auth.AccountTokens {
	t := auth.AccountTokens{Provider: provider, Access: token.AccessToken, Refresh: token.RefreshToken, Scopes: asked}
	if token.ExpiresIn > 0 {
		t.Expires = now.UTC().Truncate(time.Second).Add(time.Duration(token.ExpiresIn) * time.Second)
	}
	if scope, ok := token.Extra("scope").(string); ok && scope != "" {
		t.Scopes = strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' })
	}
	return t
}

// readCallback returns the code in a callback of the provider at issuer.
func readCallback(query url.Values, issuer string, promised bool) (string, error) {
	// RFC 9207 §2.4: compared as strings, in error responses too.
	if (promised || query.Has("iss")) && query.Get("iss") != issuer {
		return "", ErrIdentity.withDetail("the callback is not from the issuer")
	}
	switch reason := query.Get("error"); {
	case reason == "access_denied", reason == "user_cancelled_authorize": // as Apple says it
		return "", ErrCancelled
	case query.Has("error"):
		return "", refusal(reason).withDetail("callback: " + knownReason(reason))
	case query.Get("code") == "":
		return "", ErrProvider.withDetail("callback without a code")
	}
	return query.Get("code"), nil
}

// A Status reports whether a provider can be used now.
type Status struct {
	ID, Name string
	Err      error // nil, or [ErrUnavailable] or [ErrMisconfigured], and why
}

// Available returns the status of every provider, in order. It uses what is
// known and waits for 2 seconds at most, for all of them together.
func (p *Providers) Available(ctx context.Context) []Status {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	attempts := make([]*attempt, len(p.List))
	for i, provider := range p.List {
		attempts[i] = p.attempt(provider)
	}
	all := make([]Status, len(p.List))
	for i, provider := range p.List {
		_, err := attempts[i].wait(ctx)
		all[i] = Status{ID: provider.ID, Name: provider.Name, Err: err}
	}
	return all
}

// FormTargets returns the origins of the authorization endpoints, and those that they
// forward to, sorted, for a policy's form-action: browsers apply it to the redirects that
// answer a form, up to the first page (CSP3 §6.4.1). An endpoint that discovery has yet
// to find is not among them; call Available first. It makes no requests.
func (p *Providers) FormTargets() []string {
	var origins []string
	for _, provider := range p.List {
		if endpoint := provider.knownAuthorization(); endpoint != "" {
			origins = append(append(origins, origin(endpoint)), provider.ForwardsTo...)
		}
	}
	slices.Sort(origins)
	return slices.Compact(origins)
}

// Name returns the name of the provider with that id, or "" if none is configured.
func (p *Providers) Name(id string) string {
	if provider := p.find(id); provider != nil {
		return provider.Name
	}
	return ""
}

func (p *Providers) find(id string) *Provider {
	i := slices.IndexFunc(p.List, func(q *Provider) bool { return q.ID == id })
	if i < 0 {
		return nil
	}
	return p.List[i]
}

func (p *Providers) config(provider *Provider, ends *endpoints) *oauth2.Config {
	return &oauth2.Config{
		ClientID:     provider.ClientID,
		ClientSecret: provider.ClientSecret,
		Endpoint:     ends.oauth2,
		RedirectURL:  p.BaseURL + "/sign-in/" + provider.ID + "/callback",
		Scopes:       ends.scopes,
	}
}
