package main

import (
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"sessionlab/handlers"
)

// unused returns the variables that are set to something that is not the default and have
// no effect with the other settings.
func (c *config) unused() (names []string) {
	var usual config
	_ = env.ParseWithOptions(&usual, env.Options{Environment: map[string]string{}}) // defaults are right
	is, was := reflect.ValueOf(*c), reflect.ValueOf(usual)
	for i := range is.NumField() {
		field := is.Type().Field(i)
		if field.IsExported() && !c.uses(field) && !reflect.DeepEqual(is.Field(i).Interface(), was.Field(i).Interface()) {
			names = append(names, field.Tag.Get("env"))
		}
	}
	return append(names, c.unnamed...)
}

// uses reports whether a setting makes a difference. The tag "only" lists the strategies
// that use a setting.
func (c *config) uses(field reflect.StructField) bool {
	switch field.Tag.Get("env") {
	case "TRUSTED_PROXIES":
		return !handlers.IsLoopback(c.BaseURL.Hostname()) // proxied requests are refused on loopback
	case "SMTP_URL", "MAIL_FROM":
		if c.Strategy == compare { // it mails nobody
			return false
		}
	case "OIDC_NAME", "OIDC_CLIENT_AUTH", "OIDC_FORWARDS_TO", "OIDC_SCOPES", "OIDC_RESPONSE_MODE":
		return c.OIDCIssuer != ""
	}
	only, some := field.Tag.Lookup("only")
	return !some || c.Strategy == compare || slices.Contains(strings.Fields(only), string(c.Strategy))
}
