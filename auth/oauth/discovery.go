package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sessionlab/auth"
)

// retryAfter is how long a failed discovery stands, so that a dead provider does
// not slow every request.
const retryAfter = 5 * time.Second

// endpoints are what is known of a provider once it has been found.
type endpoints struct {
	oauth2         oauth2.Endpoint
	scopes         []string
	promisesIssuer bool // every callback names the issuer, RFC 9207 §3
	meta           *metadata

	// identify says who token was issued for. Provider and Issuer are for the
	// caller to fill in.
	identify func(ctx context.Context, token *oauth2.Token, nonce string) (auth.Identity, error)
}

// An attempt is one discovery, shared by all who wait for it.
type attempt struct {
	done chan struct{} // closed when the fields below are set
	ends *endpoints
	err  error
	at   time.Time // when it was over

	began time.Time // set before anybody waits
	calls *calls
}

// found is an attempt that has succeeded.
func found(ends *endpoints) *attempt {
	a := &attempt{done: make(chan struct{}), ends: ends}
	close(a.done)
	return a
}

// wait returns what a finds. It gives up with ctx; the attempt goes on.
func (a *attempt) wait(ctx context.Context) (*endpoints, error) {
	select {
	case <-a.done:
		return a.ends, a.err
	default:
	}
	select {
	case <-a.done:
		return a.ends, a.err
	case <-ctx.Done():
		return nil, trouble("discovery", ctx.Err())
	}
}

// stands says whether a may answer another caller at now.
func (a *attempt) stands(now time.Time) bool {
	select {
	case <-a.done:
	default:
		return true
	}
	age := now.Sub(a.at)
	return a.err == nil || age >= 0 && age < retryAfter
}

// attempt returns the discovery that stands for a provider, or begins one. A
// success stands for as long as the program runs.
func (p *Providers) attempt(provider *Provider) *attempt {
	client := p.outbound()
	provider.mu.Lock()
	defer provider.mu.Unlock()
	switch {
	case provider.last != nil && provider.last.stands(p.Now()):
	case provider.GitHub != nil:
		provider.last = found(provider.github(client))
	default:
		a := &attempt{done: make(chan struct{}), began: p.Now(), calls: &calls{now: p.Now}}
		provider.last = a
		// Not the request's context: others wait for it too, and whoever asked
		// first may leave. The client has a limit of its own.
		go func() {
			defer close(a.done)
			a.ends, a.err = provider.discover(a.calls, client, p.Now)
			a.at = p.Now()
		}()
	}
	return provider.last
}

// discover asks the issuer for its metadata (OpenID Connect Discovery §4).
func (p *Provider) discover(made *calls, client *http.Client, now func() time.Time) (*endpoints, error) {
	ctx := oidc.ClientContext(made.under(context.Background()), client)
	op, err := oidc.NewProvider(ctx, p.Issuer)
	if err != nil {
		var other *oidc.IssuerMismatchError
		if errors.As(err, &other) {
			return nil, ErrUnavailable.because("discovery: the document names another issuer")
		}
		e := trouble("discovery", err)
		e.Code = ErrUnavailable.Code
		return nil, e
	}
	var meta metadata
	if err := op.Claims(&meta); err != nil {
		return nil, ErrUnavailable.because("discovery: answer not understood")
	}
	if problem := meta.check(p.Issuer); problem != "" {
		return nil, ErrUnavailable.because("discovery: " + problem)
	}
	id := &openID{
		client: client, now: now, issuer: p.Issuer, clientID: p.ClientID,
		userInfo: meta.UserInfo, keyCalls: &calls{now: now},
	}
	id.keys = oidc.NewRemoteKeySet(id.keyCalls.under(ctx), meta.Keys)
	return &endpoints{
		oauth2: oauth2.Endpoint{
			AuthURL: meta.Authorization, TokenURL: meta.Token,
			AuthStyle: meta.authStyle(p.ClientSecret),
		},
		scopes:         []string{oidc.ScopeOpenID, oidc.ScopeEmail, oidc.ScopeProfile},
		promisesIssuer: meta.PromisesIssuer,
		identify:       id.identify,
		meta:           &meta,
	}, nil
}

// metadata is the part of a discovery document that is used: OpenID Connect
// Discovery §3, RFC 8414 §2, RFC 9207 §3.
type metadata struct {
	Issuer         string   `json:"issuer"`
	Authorization  string   `json:"authorization_endpoint"`
	Token          string   `json:"token_endpoint"`
	UserInfo       string   `json:"userinfo_endpoint"`
	Keys           string   `json:"jwks_uri"`
	AuthMethods    []string `json:"token_endpoint_auth_methods_supported"`
	PromisesIssuer bool     `json:"authorization_response_iss_parameter_supported"`
}

// check returns what is wrong with the endpoints of an issuer, or nothing.
func (m *metadata) check(issuer string) string {
	switch {
	case !isEndpoint(m.Authorization, issuer):
		return "no usable authorization_endpoint"
	case !isEndpoint(m.Token, issuer):
		return "no usable token_endpoint"
	case !isEndpoint(m.Keys, issuer):
		return "no usable jwks_uri"
	case m.UserInfo != "" && !isEndpoint(m.UserInfo, issuer):
		return "no usable userinfo_endpoint"
	}
	return ""
}

// authStyle chooses how the client proves itself at the token endpoint. Left to
// itself, the library would try one way and then the other, and so might show a
// code twice, which a provider may take for theft (RFC 6749 §4.1.2).
func (m *metadata) authStyle(secret string) oauth2.AuthStyle {
	if secret == "" || slices.Contains(m.AuthMethods, "client_secret_post") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader // the default of OpenID Connect Discovery §3
}

// hostPattern is stricter than URLs are: hosts go into a policy header.
var hostPattern = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?$`)

// isEndpoint says whether s is a URL to send secrets to: https, or http where
// the issuer itself is.
func isEndpoint(s, issuer string) bool {
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.Fragment != "" || !hostPattern.MatchString(u.Host) {
		return false
	}
	i, err := url.Parse(issuer)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http" && i.Scheme == "http")
}

// origin is scheme and host of an endpoint.
func origin(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// knownAuthorization is the authorization endpoint, or a URL of its origin, as
// far as it is known without asking.
func (p *Provider) knownAuthorization() string {
	p.mu.Lock()
	a := p.last
	p.mu.Unlock()
	switch {
	case p.GitHub != nil:
		return p.GitHub.Authorize
	case a == nil:
	default:
		select {
		case <-a.done:
			if a.err == nil {
				return a.ends.oauth2.AuthURL
			}
		default:
		}
	}
	if p.Issuer == googleIssuer {
		return googleIssuer
	}
	return ""
}
