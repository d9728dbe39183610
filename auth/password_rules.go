package auth

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// PasswordProvider is the provider and the issuer of password accounts. No OpenID issuer
// has this name: those are https URLs.
const PasswordProvider = "password"

// How long a password is, once it is normalized. The lower bound is that of NIST SP
// 800-63B-4 §3.1.1.2 for a password that stands alone.
const (
	MinPassword = 15  // characters: Unicode code points
	MaxPassword = 256 // bytes
)

// normalize returns a password in NFKC, the form in which it is measured and hashed
// (NIST SP 800-63B-4 §3.1.1.2), so that it does not matter how a keyboard writes an
// accent or how wide it writes a letter. Neither case nor spaces between words change.
func normalize(password string) string { return norm.NFKC.String(password) }

// PasswordIdentity returns the identity of somebody who signs in with this email and a
// password; false if it is no email. The subject is the email in its canonical form.
// Nobody verified it: it must not be matched with an email that a provider has verified.
func PasswordIdentity(email, name string) (Identity, bool) {
	email, ok := canonicalEmail(email)
	if !ok {
		return Identity{}, false
	}
	return Identity{Provider: PasswordProvider, Issuer: PasswordProvider, Subject: email, Email: email, Name: name}, true
}

// A PasswordFlaw is the reason a password is rejected; empty if it is accepted. It is a
// stable word, part of the site's interface.
type PasswordFlaw string

// What may be wrong with a password.
const (
	PasswordShort    PasswordFlaw = "password_short"    // fewer than [MinPassword] characters
	PasswordLong     PasswordFlaw = "password_long"     // more than [MaxPassword] bytes
	PasswordCommon   PasswordFlaw = "password_common"   // made of well-known words, keys in a row, counting and repetition
	PasswordPersonal PasswordFlaw = "password_personal" // made of what everybody knows about the person or the site
)

// What a password is worth is counted in points. What guessers try first is worth little,
// however long it is, and sixteen points are enough: eight unpredictable letters, with
// anything else around them.
//
// Words count in full unless they are well known from passwords, so a few ordinary
// words make a good password. There is no rule about kinds of characters (NIST SP
// 800-63B-4 §3.1.1.2): a capital is worth what a small letter is.
const (
	letterPoints = 2 // and what is not ASCII
	otherPoints  = 1 // a digit or a sign
	wordPoints   = 2 // a well-known word, with digits or signs for letters or without
	runPoints    = 1 // keys in a row, letters or digits in order, a year
	factPoints   = 0 // a word of the person's name or email, or of the site's name
	copyPoints   = 0 // three or more characters that stood there before

	enoughPoints = 16
)

// FlawOf judges a new password. Known is what anybody may guess from: the email, the
// name, the site's name. Its running time is quadratic in the length, at most
// [MaxPassword].
func FlawOf(password string, known ...string) PasswordFlaw {
	password = normalize(password)
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		return PasswordShort
	case len(password) > MaxPassword:
		return PasswordLong
	}
	text := guessable(password)
	switch {
	case text.points(words{}) < enoughPoints:
		return PasswordCommon
	case text.points(factsOf(known)) < enoughPoints:
		return PasswordPersonal
	}
	return ""
}
