package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"net/url"
	"strings"
)

// Roles. Everybody starts as a member.
const (
	RoleMember = "member"
	RoleAdmin  = "admin"
)

// An Identity is what a provider says about somebody. Only (Issuer, Subject)
// identifies: an email may be given to another person, or be claimed by anybody.
type Identity struct {
	Provider      string // "dev", "google", …, or [PasswordProvider]
	Issuer        string
	Subject       string // 1 to 255 bytes
	Email         string
	EmailVerified bool
	Name          string
	Picture       string
}

// UserID derives the id of a person from issuer and subject, so that it is the
// same at every sign-in, on every instance and after every key rotation, without
// a database. It is not keyed and not secret.
func (i Identity) UserID() string {
	// Whatever the site is called, this label stays: with another, everybody would be
	// somebody new.
	sum := sha256.Sum256([]byte("sessionlab user id v1\x00" + i.Issuer + "\x00" + i.Subject))
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// User is the person as the provider describes them, trimmed to what fits into a
// cookie: a profile of any size never breaks a sign-in.
func (i Identity) User() User {
	u := User{ID: i.UserID(), Role: RoleMember}
	u.Name = plain(i.Name, 128)
	if email := plain(i.Email, 254); max(len(i.Email), len(email)) <= 254 {
		u.Email = email
	}
	if u.Name == "" {
		u.Name, _, _ = strings.Cut(u.Email, "@")
	}
	if u.Name == "" {
		u.Name = "Somebody"
	}
	if p, err := url.Parse(i.Picture); err == nil && p.Scheme == "https" && p.Host != "" && len(i.Picture) <= 512 {
		u.Picture = i.Picture
	}
	return u
}

// NoDirectory is the Directory of a site without a database: it remembers nobody and
// derives the user from the identity at each sign-in.
type NoDirectory struct{}

var _ Directory = NoDirectory{}

// SignIn never fails.
func (NoDirectory) SignIn(_ context.Context, id Identity) (User, error) { return id.User(), nil }
