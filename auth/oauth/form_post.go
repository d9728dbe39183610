package oauth

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"

	"sessionlab/auth"
)

// RelayPurpose is the purpose of the sealer for what a provider has posted.
const RelayPurpose = "relay"

const (
	answerName = "answer"    // of the one parameter in the address
	answerLife = time.Minute // from the POST to the GET, which a browser makes by itself
	maxAnswer  = 2 << 10     // bytes
)

// An answer is what a provider has posted and a callback by GET needs.
type answer struct {
	Provider string `json:"provider"`
	State    string `json:"state,omitempty"`
	Code     string `json:"code,omitempty"`
	Error    string `json:"error,omitempty"`
	Issuer   string `json:"iss,omitempty"`
	Name     string `json:"name,omitempty"` // unverified
}

// UsesFormPost reports whether the provider sends its response by POST (OAuth 2.0 Form
// Post Response Mode).
func (p *Providers) UsesFormPost(id string) bool {
	provider := p.find(id)
	return provider != nil && provider.FormPost
}

// Relay turns the form that a provider has posted into the query of a callback by GET.
// Browsers do not send this site's cookies with a cross-site POST, so nothing can be
// checked here. What was posted is sealed, so that it stays out of the address, and
// [Providers.Finish] judges it as any other callback.
//
// It returns an [*Error], or an internal error.
func (p *Providers) Relay(ctx context.Context, id string, form url.Values) (url.Values, error) {
	if !p.UsesFormPost(id) {
		return nil, ErrUnknownProvider
	}
	a := answer{Provider: id, Name: postedName(form.Get("user"))}
	for name, field := range map[string]*string{"state": &a.State, "code": &a.Code, "error": &a.Error, "iss": &a.Issuer} {
		if len(form[name]) > 1 { // RFC 6749 §3.1
			return nil, ErrState.withDetail("a parameter came twice")
		}
		*field = form.Get(name)
	}
	value, err := p.sealAnswer(ctx, a)
	if err == nil && len(value) > maxAnswer {
		a.Name = ""
		value, err = p.sealAnswer(ctx, a)
	}
	switch {
	case err != nil:
		return nil, err
	case len(value) > maxAnswer:
		return nil, ErrProvider.withDetail("callback: over 2 KiB")
	}
	return url.Values{answerName: {value}}, nil
}

func (p *Providers) sealAnswer(ctx context.Context, a answer) (string, error) {
	data, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("encode answer: %w", err)
	}
	now := p.Now()
	end := now.Add(answerLife)
	return p.RelaySeal.Seal(ctx, auth.Claims{IssuedAt: now, ExpiresAt: end, EndsAt: end, Data: data})
}

// relayed returns the query that a provider's post amounts to, and the name that came
// with it. Any other query is returned unchanged. An answer that is too old is returned
// with its error, because it still ends its flow.
func (p *Providers) relayed(ctx context.Context, id string, query url.Values) (_ url.Values, name string, err error) {
	if !query.Has(answerName) || !p.UsesFormPost(id) {
		return query, "", nil
	}
	if len(query[answerName]) > 1 {
		return url.Values{}, "", ErrState.withDetail("a parameter came twice")
	}
	claims, err := p.RelaySeal.Open(ctx, query.Get(answerName))
	var a answer
	if err != nil || json.Unmarshal(claims.Data, &a) != nil || a.Provider != id {
		return url.Values{}, "", ErrState.withDetail("answer not ours")
	}
	plain := url.Values{}
	for name, value := range map[string]string{"state": a.State, "code": a.Code, "error": a.Error, "iss": a.Issuer} {
		if value != "" {
			plain.Set(name, value)
		}
	}
	if !p.Now().Before(claims.ExpiresAt) {
		err = ErrFlowExpired.withDetail("answer too old")
	}
	return plain, a.Name, err
}

// postedName returns the name in what Apple posts as user, the first time that somebody
// signs in. It came by way of the browser, so it is for display only.
func postedName(user string) string {
	var u struct {
		Name struct {
			First text `json:"firstName"`
			Last  text `json:"lastName"`
		} `json:"name"`
	}
	if json.Unmarshal([]byte(user), &u) != nil {
		return ""
	}
	return strings.TrimSpace(string(u.Name.First + " " + u.Name.Last))
}
