package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
)

// openID holds the settings of one OpenID provider. In the environment their names begin
// with OIDC_ or, for a provider gitlab of OIDC_PROVIDERS, with OIDC_GITLAB_.
type openID struct {
	id       string
	Issuer   issuer       `env:"ISSUER"`
	ClientID credential   `env:"CLIENT_ID"`
	Secret   credential   `env:"CLIENT_SECRET"`
	Name     label        `env:"NAME"`
	Auth     clientAuth   `env:"CLIENT_AUTH" envDefault:"auto"`
	Forwards origins      `env:"FORWARDS_TO"`
	Scopes   scopes       `env:"SCOPES" envDefault:"openid email profile"`
	Mode     responseMode `env:"RESPONSE_MODE" envDefault:"query"`
}

// providerIDs names further OpenID providers.
type providerIDs []string

// maxProviders bounds providerIDs: the sign-in page has a button for each.
const maxProviders = 10

var (
	providerID  = regexp.MustCompile(`^[a-z][a-z0-9]{0,19}$`)
	reservedIDs = []string{"dev", "google", "github", "oidc", auth.PasswordProvider}
	named       = regexp.MustCompile(`^OIDC_([A-Z][A-Z0-9]*)_(ISSUER|CLIENT_ID|CLIENT_SECRET|NAME|CLIENT_AUTH|FORWARDS_TO|SCOPES|RESPONSE_MODE)$`)
)

func (p *providerIDs) UnmarshalText(b []byte) error {
	for _, id := range strings.Split(string(b), ",") {
		id = strings.TrimSpace(id)
		if !providerID.MatchString(id) || slices.Contains(reservedIDs, id) || slices.Contains(*p, id) || len(*p) == maxProviders {
			return fmt.Errorf("at most %d different names of lower-case letters and digits with commas between, such as gitlab,okta; not %s",
				maxProviders, strings.Join(reservedIDs, ", "))
		}
		*p = append(*p, id)
	}
	return nil
}

// readNamed reads the settings of the providers that OIDC_PROVIDERS names, and records the
// variables of providers that it does not name.
func (c *config) readNamed(vars map[string]string) error {
	for _, id := range c.OIDCProviders {
		prefix := "OIDC_" + strings.ToUpper(id) + "_"
		p := openID{id: id, Name: label(strings.ToUpper(id[:1]) + id[1:])}
		if err := env.ParseWithOptions(&p, env.Options{Environment: vars, Prefix: prefix}); err != nil {
			return oneLine(err, reflect.TypeFor[openID](), prefix)
		}
		switch {
		case p.Issuer == "":
			return fmt.Errorf("%sISSUER: want a value, because OIDC_PROVIDERS names %s", prefix, id)
		case p.ClientID == "":
			return fmt.Errorf("%sCLIENT_ID: want a value, because OIDC_PROVIDERS names %s", prefix, id)
		}
		c.named = append(c.named, p)
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if m := named.FindStringSubmatch(name); m != nil && !slices.Contains(c.OIDCProviders, strings.ToLower(m[1])) {
			c.unnamed = append(c.unnamed, name)
		}
	}
	return c.checkIssuers()
}

// checkIssuers returns an error if two providers have the same issuer. An account is
// identified by its issuer, so nothing would tell which of the two it belongs to.
func (c *config) checkIssuers() error {
	seen := map[issuer]bool{issuer(oauth.GoogleIssuer): c.GoogleID != ""}
	for _, p := range c.openIDs() {
		if seen[p.Issuer] {
			name := "OIDC_ISSUER"
			if p.id != "oidc" {
				name = "OIDC_" + strings.ToUpper(p.id) + "_ISSUER"
			}
			return errors.New(name + ": want an issuer that no other provider has")
		}
		seen[p.Issuer] = true
	}
	return nil
}

// openIDs returns the settings of all OpenID providers, in the order of their buttons.
func (c *config) openIDs() (all []openID) {
	if c.OIDCIssuer != "" {
		all = append(all, openID{
			"oidc", c.OIDCIssuer, c.OIDCID, c.OIDCSecret, c.OIDCName, c.OIDCAuth, c.OIDCForwards, c.OIDCScopes, c.OIDCMode,
		})
	}
	return append(all, c.named...)
}

func (p *openID) provider() *oauth.Provider {
	return &oauth.Provider{
		ID: p.id, Name: string(p.Name), Issuer: string(p.Issuer), ClientID: string(p.ClientID), ClientSecret: string(p.Secret),
		Auth: oauth.ClientAuth(p.Auth), ForwardsTo: p.Forwards, Scopes: p.Scopes, FormPost: p.Mode == formPost,
	}
}

// oneLine names the first variable that is wrong, of settings whose names begin with
// prefix. It drops the library's text, which may quote the value.
func oneLine(err error, settings reflect.Type, prefix string) error {
	var parse env.ParseError
	if !errors.As(err, &parse) {
		return errors.New("the environment cannot be read")
	}
	field, _ := settings.FieldByName(parse.Name)
	return fmt.Errorf("%s%s: want %w", prefix, field.Tag.Get("env"), parse.Err)
}
