package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// maxEmail is the length of an address in bytes (RFC 5321 §4.5.3.1.3).
const maxEmail = 254

// mailDomains reads domains as browsers do (UTS #46, nontransitional), and leaves names
// that are not DNS names unchanged, such as an address in brackets.
var mailDomains = idna.New(
	idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false), idna.StrictDomainName(false),
	idna.Transitional(false), idna.VerifyDNSLength(true),
)

// canonicalEmail returns the canonical form used to compare addresses: lower case, in NFC
// (RFC 6532 §3.1), the domain in Unicode and not in Punycode, which is equivalent (RFC
// 5890 §2.3.2.4). It returns false if email is not an address.
func canonicalEmail(email string) (string, bool) {
	if !utf8.ValidString(email) {
		return "", false
	}
	email = lower(strings.TrimSpace(email))
	local, domain, _ := strings.Cut(email, "@")
	if local == "" || domain == "" || strings.ContainsFunc(local, notInEmail) || strings.ContainsFunc(domain, notInEmail) {
		return "", false
	}
	if !isASCII(domain) || strings.Contains(domain, "xn--") {
		var err error
		if domain, err = mailDomains.ToUnicode(domain); err != nil || strings.ContainsFunc(domain, notInEmail) {
			return "", false
		}
	}
	email = local + "@" + domain
	return email, len(email) <= maxEmail
}

func lower(s string) string { return norm.NFC.String(strings.ToLower(norm.NFC.String(s))) }

func notInEmail(r rune) bool { return r == '@' || unicode.IsSpace(r) || !unicode.IsPrint(r) }

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
