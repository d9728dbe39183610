package oauth

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"

	"sessionlab/auth"
)

// Claims are decoded by go-jose's JSON: with case-sensitive names, and duplicate names
// are an error (RFC 7519 §4). With encoding/json "SUB" would be taken for "sub".

// A profile is what an ID token and UserInfo say about somebody (OpenID Connect Core
// §5.1). Only the subject must be there.
type profile struct {
	Subject       text     `json:"sub"`
	Email         text     `json:"email"`
	EmailVerified verified `json:"email_verified"`
	Name          text     `json:"name"`
	Given         text     `json:"given_name"`
	Family        text     `json:"family_name"`
	Username      text     `json:"preferred_username"`
	Picture       text     `json:"picture"`
}

// fullName returns the name, in one piece or put together.
func (p *profile) fullName() string {
	if p.Name != "" {
		return string(p.Name)
	}
	return strings.TrimSpace(string(p.Given + " " + p.Family))
}

// identity returns the identity in a profile. Its provider is for the caller to fill in.
func (p *profile) identity() auth.Identity {
	return auth.Identity{
		Subject: string(p.Subject),
		Email:   string(p.Email), EmailVerified: bool(p.EmailVerified) && p.Email != "",
		Name: cmp.Or(p.fullName(), string(p.Username)), Picture: string(p.Picture),
	}
}

// claims holds a profile and the claims used to validate the token (OpenID Connect Core
// §2).
type claims struct {
	profile
	Issuer          string       `json:"iss"`
	Audience        jwt.Audience `json:"aud"`
	Authorized      string       `json:"azp"`
	Expiry          date         `json:"exp"`
	IssuedAt        date         `json:"iat"`
	NotBefore       date         `json:"nbf"`
	Nonce           string       `json:"nonce"`
	AccessTokenHash string       `json:"at_hash"`
}

// text is an optional claim. A value that is not a string is ignored.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
	}
	return nil
}

// verified is a claim that some providers write as a boolean and some as text. Any other
// value counts as false.
type verified bool

func (v *verified) UnmarshalJSON(b []byte) error {
	*v = string(b) == "true" || string(b) == `"true"`
	return nil
}

// A date is a NumericDate (RFC 7519 §2). Some providers write it as text.
type date struct{ time.Time }

// maxDate is the end of the year 9999 in seconds.
const maxDate = 253402300799

func (d *date) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if err != nil || !(f > 0 && f <= maxDate) {
		return errors.New("not a date")
	}
	d.Time = time.Unix(int64(f), 0)
	return nil
}
