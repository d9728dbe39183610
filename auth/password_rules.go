package auth

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PasswordProvider is the provider, and the issuer, of those who prove with a
// password who they are. No OpenID issuer is called so: those are https URLs.
const PasswordProvider = "password"

// How long a password is, in bytes. The lower bound is that of NIST SP 800-63B-4
// §3.1.1.2 for a password that stands alone.
const (
	MinPassword = 15
	MaxPassword = 256
)

// PasswordIdentity is who somebody is who signs in with this email and a
// password; false if it is no email. The email is their name at the door and
// nothing that was verified: it says nothing about what a provider vouches for.
func PasswordIdentity(email, name string) (Identity, bool) {
	if !utf8.ValidString(email) {
		return Identity{}, false
	}
	email = strings.ToLower(strings.TrimSpace(email))
	local, domain, found := strings.Cut(email, "@")
	odd := func(r rune) bool { return r == '@' || unicode.IsSpace(r) || !unicode.IsPrint(r) }
	if !found || local == "" || domain == "" || len(email) > 254 ||
		strings.ContainsFunc(local, odd) || strings.ContainsFunc(domain, odd) {
		return Identity{}, false
	}
	return Identity{Provider: PasswordProvider, Issuer: PasswordProvider, Subject: email, Email: email, Name: name}, true
}

// A PasswordFlaw is why a password is not taken; empty if it is. It is a stable
// word, part of the site's interface.
type PasswordFlaw string

// What may be wrong with a password.
const (
	PasswordShort    PasswordFlaw = "password_short"    // fewer than [MinPassword] bytes
	PasswordLong     PasswordFlaw = "password_long"     // more than [MaxPassword] bytes
	PasswordCommon   PasswordFlaw = "password_common"   // on the blocklist, or one thing again and again
	PasswordPersonal PasswordFlaw = "password_personal" // made of what everybody knows about the person or the site
)

// blocklist is what people come up with when they are asked for something long,
// and what they repeat to get there. All of it is lower case.
//
//go:embed blocklist.txt
var blocklistText string

var blocklist = func() map[string]bool {
	list := map[string]bool{}
	for _, word := range strings.Fields(blocklistText) {
		list[word] = true
	}
	return list
}()

// minOwn is how much of a password must be left when what everybody knows is
// taken out of it.
const minOwn = 8

// FlawOf judges a new password. Known is what anybody may guess from: the email,
// the name, the site's name. There is no rule about kinds of characters (NIST SP
// 800-63B-4 §3.1.1.2).
func FlawOf(password string, known ...string) PasswordFlaw {
	switch {
	case len(password) < MinPassword:
		return PasswordShort
	case len(password) > MaxPassword:
		return PasswordLong
	}
	low := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, password)
	if unit := period(low); blocklist[low] || blocklist[unit] || len(unit) < minOwn {
		return PasswordCommon
	}
	own := low
	for _, fact := range known {
		for _, word := range strings.FieldsFunc(strings.ToLower(fact), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if len(word) >= 3 {
				own = strings.ReplaceAll(own, word, "")
			}
		}
	}
	if len(own) < minOwn {
		return PasswordPersonal
	}
	return ""
}

// period returns the shortest beginning of s that makes all of s when repeated,
// the last time perhaps cut short.
func period(s string) string {
	for n := 1; n < len(s); n++ {
		if s[n:] == s[:len(s)-n] {
			return s[:n]
		}
	}
	return s
}
