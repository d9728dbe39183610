package oauth

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/oauth2"

	"sessionlab/auth"
)

// A Param is one value of a [Step]. A secret is shortened to its first characters and its
// length.
type Param struct {
	Name, Value string
	Secret      bool
}

// The names that are shown, in the order in which they are read best. For other
// parameters only the name is shown, because the value might be secret.
var (
	requestNames  = []string{"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "prompt"}
	callbackNames = []string{"code", "state", "iss", "error"}
	formNames     = []string{"grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret"}
	headerNames   = []string{"alg", "kid", "typ"}
	claimNames    = []string{
		"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr",
		"name", "preferred_username", "email", "email_verified", "picture",
	}
	timeNames     = []string{"exp", "iat", "auth_time"}
	personalNames = []string{"name", "preferred_username", "email", "picture"}
	secretNames   = []string{"state", "nonce", "code", "code_verifier", "access_token", "id_token", "refresh_token"}
)

const (
	maxShown  = 200 // bytes of a value
	maxOthers = 8   // names of what is not shown
)

// truncate shortens a text that somebody else wrote to maxShown bytes.
func truncate(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// secret shortens a value so that it is useless to an attacker: four characters of at
// least sixteen, and the length.
func secret(name, value string) Param {
	p := Param{Name: name, Secret: true}
	if len(value) >= 16 {
		p.Value = strings.ToValidUTF8(value[:4], "�")
	}
	p.Value += "… (" + strconv.Itoa(len(value)) + " characters)"
	return p
}

func number(n int) string { return strconv.Itoa(n) }

// param shows a value under its name.
func param(name, value string) Param {
	if slices.Contains(secretNames, name) {
		return secret(name, value)
	}
	return Param{Name: name, Value: truncate(value)}
}

// params shows those of v that have a name among names, and names the others.
func params(v url.Values, names []string) []Param {
	var list []Param
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		for _, value := range v[name] {
			switch name {
			case "error":
				list = append(list, Param{Name: name, Value: knownReason(value)})
			case "client_secret":
				list = append(list, Param{Name: name, Value: "sent, and shown nowhere", Secret: true})
			default:
				list = append(list, param(name, value))
			}
		}
	}
	var others []string
	for name := range v {
		if !slices.Contains(names, name) {
			others = append(others, name)
		}
	}
	return append(list, unshown(others)...)
}

// unshown names what is not shown.
func unshown(names []string) []Param {
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return []Param{{Name: "not_shown", Value: truncate(strings.Join(names[:min(len(names), maxOthers)], ", "))}}
}

// shown is the form of a request, and how its client authenticates.
func shown(r *http.Request) []Param {
	var list []Param
	if r.GetBody != nil && r.Method == http.MethodPost {
		if body, err := r.GetBody(); err == nil {
			copied := http.Request{Method: r.Method, Header: r.Header, Body: http.MaxBytesReader(nil, body, maxBody), URL: &url.URL{}}
			if copied.ParseForm() == nil {
				list = params(copied.PostForm, formNames)
			}
		}
	}
	switch scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); scheme {
	case "Basic":
		list = append(list, Param{Name: "Authorization", Value: "Basic, with the client's id and secret", Secret: true})
	case "Bearer":
		p := secret("Authorization", token)
		p.Value = "Bearer " + p.Value
		list = append(list, p)
	}
	return list
}

// params shows the metadata that is used.
func (m *metadata) params() []Param {
	if m == nil {
		return nil
	}
	return []Param{
		{Name: "issuer", Value: truncate(m.Issuer)},
		{Name: "authorization_endpoint", Value: truncate(m.Authorization)},
		{Name: "token_endpoint", Value: truncate(m.Token)},
		{Name: "jwks_uri", Value: truncate(m.Keys)},
		{Name: "userinfo_endpoint", Value: truncate(m.UserInfo)},
		{Name: "authorization_response_iss_parameter_supported", Value: strconv.FormatBool(m.PromisesIssuer)},
	}
}

// tokenParams shows what the token endpoint answered.
func tokenParams(token *oauth2.Token) []Param {
	list := []Param{{Name: "token_type", Value: truncate(token.TokenType)}, secret("access_token", token.AccessToken)}
	if token.ExpiresIn > 0 {
		list = append(list, Param{Name: "expires_in", Value: strconv.FormatInt(token.ExpiresIn, 10) + " s"})
	}
	if token.RefreshToken != "" {
		list = append(list, secret("refresh_token", token.RefreshToken))
	}
	for _, name := range []string{"id_token", "scope"} {
		if value, ok := token.Extra(name).(string); ok {
			list = append(list, param(name, value))
		}
	}
	return list
}

// jwtParams shows a part of a token, 0 for the header and 1 for the claims. That
// they are shown does not say that they were believed.
func jwtParams(jwt string, part int, names []string) []Param {
	parts := strings.Split(jwt, ".")
	if len(parts) <= part {
		return nil
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[part])
	var claims map[string]any
	if err != nil || json.Unmarshal(data, &claims) != nil {
		return nil
	}
	var list []Param
	for _, name := range names {
		if v, ok := claims[name]; ok {
			list = append(list, claimParam(name, v))
			delete(claims, name)
		}
	}
	var others []string
	for name := range claims {
		others = append(others, name)
	}
	return append(list, unshown(others)...)
}

// identityParams returns the claims of an identity that the site uses.
func identityParams(who auth.Identity) []Param {
	var list []Param
	for _, p := range []Param{
		{Name: "sub", Value: who.Subject}, {Name: "name", Value: who.Name}, {Name: "email", Value: who.Email},
		{Name: "email_verified", Value: strconv.FormatBool(who.EmailVerified)}, {Name: "picture", Value: who.Picture},
	} {
		if p.Value != "" && (p.Name != "email_verified" || who.Email != "") {
			list = append(list, Param{Name: p.Name, Value: truncate(p.Value)})
		}
	}
	return list
}

func claimParam(name string, v any) Param {
	switch v := v.(type) {
	case string:
		return param(name, v)
	case float64:
		if slices.Contains(timeNames, name) && v > 0 && v < 1e11 {
			return Param{Name: name, Value: time.Unix(int64(v), 0).UTC().Format(time.RFC3339)}
		}
		return Param{Name: name, Value: strconv.FormatFloat(v, 'f', -1, 64)}
	default:
		return param(name, fmt.Sprint(v))
	}
}
