package oauth

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/oauth2"
)

// ClientAuth is a client's way to authenticate at the token endpoint. The provider's
// discovery document lists the methods it supports, which may differ from the one
// registered for this client.
type ClientAuth string

// The ways to authenticate, RFC 6749 §2.3.1. The zero ClientAuth is [ClientAuthAuto].
const (
	// ClientAuthAuto begins with basic, unless the document lists post alone, and
	// tries the other way once if the provider refuses the client. It remembers what
	// was accepted.
	ClientAuthAuto ClientAuth = "auto"
	// ClientAuthBasic sends id and secret in the Authorization header.
	ClientAuthBasic ClientAuth = "basic"
	// ClientAuthPost sends id and secret in the form.
	ClientAuthPost ClientAuth = "post"
)

// redeem exchanges a code together with its verifier (RFC 6749 §4.1.3, RFC 7636 §4.5). It
// sends the code a second time only after invalid_client, because a provider may take a
// repeated code for theft (RFC 6749 §4.1.2).
func (p *Provider) redeem(ctx context.Context, c *oauth2.Config, code, verifier string) (token *oauth2.Token, err error) {
	for _, style := range p.authStyles(c.Endpoint.AuthStyle) {
		c.Endpoint.AuthStyle = style
		token, err = c.Exchange(ctx, code, oauth2.VerifierOption(verifier))
		reason := tokenError(err)
		if err == nil || reason == "invalid_grant" { // the provider checked the code, so it accepted the client's credentials
			p.acceptedStyle(style)
		}
		if reason != "invalid_client" {
			break
		}
	}
	return token, err
}

// tokenError returns the error code in a token endpoint's answer (RFC 6749 §5.2),
// empty if there is none.
func tokenError(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return refused.ErrorCode
	}
	return ""
}

// authStyles returns the ways to authenticate, in the order in which to try them.
// Listed is the one to begin with as long as none was accepted.
func (p *Provider) authStyles(listed oauth2.AuthStyle) []oauth2.AuthStyle {
	switch {
	case p.GitHub != nil || p.ClientSecret == "" || p.Auth == ClientAuthPost:
		return []oauth2.AuthStyle{oauth2.AuthStyleInParams}
	case p.Auth == ClientAuthBasic:
		return []oauth2.AuthStyle{oauth2.AuthStyleInHeader}
	}
	p.mu.Lock()
	first := p.accepted
	p.mu.Unlock()
	if first == oauth2.AuthStyleAutoDetect {
		first = listed
	}
	if first == oauth2.AuthStyleInParams {
		return []oauth2.AuthStyle{first, oauth2.AuthStyleInHeader}
	}
	return []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams}
}

func (p *Provider) acceptedStyle(style oauth2.AuthStyle) {
	p.mu.Lock()
	p.accepted = style
	p.mu.Unlock()
}

// authStyle returns the way to begin with. The default of the specification is basic, for
// both client registration and discovery documents (OpenID Connect Discovery §3).
func (m *metadata) authStyle() oauth2.AuthStyle {
	if slices.Contains(m.AuthMethods, "client_secret_post") && !slices.Contains(m.AuthMethods, "client_secret_basic") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}
