package oauth

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"sessionlab/auth"
)

// retryAfter is how long a failed discovery is cached: requests must not each wait for a
// provider that is down.
const retryAfter = 5 * time.Second

// endpoints holds what discovery found of a provider.
type endpoints struct {
	oauth2         oauth2.Endpoint
	scopes         []string
	promisesIssuer bool // every callback names the issuer, RFC 9207 §3
	meta           *metadata

	// identify returns who token was issued for. Provider and Issuer are for the
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
		return nil, callError("discovery", ctx.Err())
	}
}

// reusable reports whether the result of a may still be used at now.
func (a *attempt) reusable(now time.Time) bool {
	select {
	case <-a.done:
	default:
		return true
	}
	age := now.Sub(a.at)
	return a.err == nil || age >= 0 && age < retryAfter
}

// attempt returns the current discovery of a provider, or starts one. A successful
// discovery is cached until the program ends.
func (p *Providers) attempt(provider *Provider) *attempt {
	client := p.outbound()
	provider.mu.Lock()
	defer provider.mu.Unlock()
	switch {
	case provider.last != nil && provider.last.reusable(p.Now()):
	case provider.GitHub != nil:
		provider.last = found(provider.github(client))
	default:
		a := &attempt{done: make(chan struct{}), began: p.Now(), calls: &calls{now: p.Now}}
		provider.last = a
		// Not the request's context: others wait for it too, and the first caller may
		// cancel. The client has a limit of its own.
		go func() {
			defer close(a.done)
			a.ends, a.err = provider.discover(a.calls, client, p.Now)
			a.at = p.Now()
			p.report(provider, a.err)
		}()
	}
	return provider.last
}

// report logs the result of a discovery if it differs from the previous one.
func (p *Providers) report(provider *Provider, err error) {
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	provider.mu.Lock()
	changed := problem != provider.problem
	provider.problem = problem
	provider.mu.Unlock()
	switch {
	case p.Log == nil || !changed:
	case err == nil:
		p.Log.Info("provider_recovered", "provider", provider.ID, "issuer", provider.Issuer)
	default:
		p.Log.Warn("provider_failed", "provider", provider.ID, "issuer", provider.Issuer, "reason", Code(err), "error", err)
	}
}

// discover asks the issuer for its metadata (OpenID Connect Discovery §4).
func (p *Provider) discover(made *calls, client *http.Client, now func() time.Time) (*endpoints, error) {
	ctx := oidc.ClientContext(made.under(context.Background()), client)
	var meta metadata
	err := getJSON(ctx, client, strings.TrimSuffix(p.Issuer, "/")+"/.well-known/openid-configuration", "", &meta)
	if err != nil {
		kind, words := explain(err)
		if kind == ErrProvider { // it answered, and retrying soon will not change the answer
			kind = ErrMisconfigured
		}
		return nil, kind.withDetail("discovery: " + words)
	}
	if problem := meta.check(p.Issuer); problem != "" {
		return nil, ErrMisconfigured.withDetail("discovery: " + problem)
	}
	id := &openID{
		client: client, now: now, issuer: p.Issuer, clientID: p.ClientID, keyCalls: &calls{now: now}, userInfo: meta.UserInfo,
		algorithms: accepted(meta.Algorithms), signedInfo: accepted(slices.Concat(meta.UserInfoAlgorithms, meta.Algorithms)),
	}
	scopes := p.Scopes
	if scopes == nil {
		scopes = []string{oidc.ScopeOpenID, oidc.ScopeEmail, oidc.ScopeProfile}
	}
	id.keys = oidc.NewRemoteKeySet(id.keyCalls.under(ctx), meta.Keys)
	return &endpoints{
		oauth2: oauth2.Endpoint{
			AuthURL: meta.Authorization, TokenURL: meta.Token,
			AuthStyle: meta.authStyle(),
		},
		scopes:         scopes,
		promisesIssuer: meta.PromisesIssuer,
		identify:       id.identify,
		meta:           &meta,
	}, nil
}

// metadata is the part of a discovery document that is used: OpenID Connect
// Discovery §3, RFC 8414 §2, RFC 9207 §3.
type metadata struct {
	Issuer             string                    `json:"issuer"`
	Authorization      string                    `json:"authorization_endpoint"`
	Token              string                    `json:"token_endpoint"`
	UserInfo           string                    `json:"userinfo_endpoint"`
	Keys               string                    `json:"jwks_uri"`
	Algorithms         []jose.SignatureAlgorithm `json:"id_token_signing_alg_values_supported"`
	UserInfoAlgorithms []jose.SignatureAlgorithm `json:"userinfo_signing_alg_values_supported"`
	AuthMethods        []string                  `json:"token_endpoint_auth_methods_supported"`
	PromisesIssuer     bool                      `json:"authorization_response_iss_parameter_supported"`
}

// check returns what is wrong with the document of an issuer, or nothing. Its issuer must
// be identical to the configured one (OpenID Connect Discovery §4.3).
func (m *metadata) check(issuer string) string {
	switch {
	case m.Issuer+"/" == issuer:
		return "the document's issuer has no slash at its end"
	case m.Issuer == issuer+"/":
		return "the document's issuer has a slash at its end"
	case strings.Contains(m.Issuer, "{tenantid}"): // Microsoft's common
		return "the document is for many tenants; want the issuer of one"
	case m.Issuer != issuer:
		return "the document names another issuer"
	case !isEndpoint(m.Authorization, issuer):
		return "the document has no usable authorization_endpoint"
	case !isEndpoint(m.Token, issuer):
		return "the document has no usable token_endpoint"
	case !isEndpoint(m.Keys, issuer):
		return "the document has no usable jwks_uri"
	case m.UserInfo != "" && !isEndpoint(m.UserInfo, issuer):
		return "the document has no usable userinfo_endpoint"
	}
	return ""
}

// hostPattern is stricter than URLs are: hosts go into a policy header.
var hostPattern = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?$`)

// isEndpoint reports whether s is a URL to send secrets to: https, or http where
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

// knownAuthorization is the authorization endpoint, or a URL of its origin, if it is
// known without a request.
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
	if p.Issuer == GoogleIssuer {
		return GoogleIssuer
	}
	return ""
}
