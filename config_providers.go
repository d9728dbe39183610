package main

import (
	"bytes"
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sessionlab/auth/oauth"
	"sessionlab/handlers"
)

// clientAuth is the way a provider's client authenticates.
type clientAuth oauth.ClientAuth

func (a *clientAuth) UnmarshalText(b []byte) error {
	*a = clientAuth(b)
	return oneOf(string(b), []string{string(oauth.ClientAuthAuto), string(oauth.ClientAuthBasic), string(oauth.ClientAuthPost)})
}

// responseMode is the way a provider sends its answers.
type responseMode string

const formPost responseMode = "form_post"

func (m *responseMode) UnmarshalText(b []byte) error {
	*m = responseMode(b)
	return oneOf(string(b), []string{"query", string(formPost)})
}

// scopes are the scopes to ask a provider for.
type scopes []string

func (s *scopes) UnmarshalText(b []byte) error {
	*s = strings.FieldsFunc(string(b), func(r rune) bool { return r == ' ' })
	odd := func(r rune) bool { return r < '!' || r > '~' || r == '"' || r == '\\' } // RFC 6749 §3.3
	if !slices.Contains(*s, "openid") || slices.ContainsFunc(*s, func(scope string) bool { return strings.ContainsFunc(scope, odd) }) {
		return errors.New("scopes with spaces between, openid among them")
	}
	return nil
}

// ofManyTenants reports whether u is one of Microsoft's multi-tenant issuers. Their ID
// tokens name the user's own tenant as issuer, so none would match u.
func ofManyTenants(u *url.URL) bool {
	tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return strings.HasPrefix(u.Hostname(), "login.microsoftonline.") &&
		slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(tenant))
}

// A credential is the id or the secret of a client: printable ASCII (RFC 6749, appendices
// A.1 and A.2). What was copied together with it, such as quotation marks or a zero-width
// space, would be sent as a part of it.
type credential string

func (c *credential) UnmarshalText(b []byte) error {
	*c = credential(b)
	if bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errors.New("the printable ASCII characters that the provider gave, and nothing else")
	}
	return nil
}

// A label is a name shown on pages.
type label string

func (l *label) UnmarshalText(b []byte) error {
	*l = label(b)
	if bytes.ContainsFunc(b, unicode.IsControl) || !utf8.Valid(b) {
		return errors.New("a line of text, in UTF-8")
	}
	return nil
}

// origins are addresses of other sites.
type origins []string

func (o *origins) UnmarshalText(b []byte) error {
	for _, field := range strings.Split(string(b), ",") {
		var site origin
		if err := site.UnmarshalText([]byte(strings.TrimSpace(field))); err != nil || site.Scheme != "https" && !handlers.IsLoopback(site.Hostname()) {
			return errors.New("https origins with commas between, such as https://login.example.com")
		}
		*o = append(*o, site.String())
	}
	return nil
}
