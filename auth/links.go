package auth

import (
	"context"
	"time"
)

// The purposes of emailed links. A link serves its own purpose and no other.
const (
	LinkReset  = "reset"   // sets a new password
	LinkSignIn = "sign-in" // signs in
	LinkVerify = "verify"  // shows that an address belongs to the user
)

// LinkLife is how long an emailed link works. NIST SP 800-63B-4 §4.2.1.2 allows
// at most a day for a recovery code sent by email; OWASP's Forgot Password Cheat Sheet asks for a
// short time. Once used, it is over.
const LinkLife = 15 * time.Minute

// LinkCookie names the cookie that holds the secret of a link, without the prefix.
const LinkCookie = "link"

// LinkPurpose is the purpose of that cookie's sealer.
const LinkPurpose = "link"

// maxLinkText is the length of the longest secret that a link can have, in bytes.
const maxLinkText = 64

// A Link proves that whoever opens it reads the mail of an address. Its secret is in the
// mail; the site keeps a hash (OWASP Forgot Password: random, single-use, stored securely).
type Link struct {
	Purpose   string
	UserID    string
	Email     string // the subject of the user's password account
	Epoch     int64  // of the user when the link was made; once it has risen, the link is over
	ExpiresAt time.Time
}

// LinkHash returns what to store in place of a link's secret, "" if it cannot be one.
func LinkHash(secret string) string {
	if secret == "" || len(secret) > maxLinkText {
		return ""
	}
	return digest("link\x00" + secret)
}

// A LinkUse is a request to use a link.
type LinkUse struct {
	Hash, Purpose string
	Email         string    // the address that the person was shown; it must be the link's
	By            *Standing // of whoever is signed in as the link's user in this browser; nil if nobody is
	Password      string    // hash of the new password, with LinkReset
	Now           time.Time
}

// LinkUsed is what using a link did.
type LinkUsed struct {
	User    User
	Removed bool // the first proof of the address removed what was there before
	Ended   bool // the epoch rose, so every session of the user should end
}

// Links are a store of emailed links.
type Links interface {
	// AddLink keeps a link under a hash.
	AddLink(ctx context.Context, hash string, l Link) error

	// Link returns a link that could be used at now, and else ErrNotFound.
	Link(ctx context.Context, hash string, now time.Time) (Link, error)

	// UseLink uses a link once, in one transaction. ErrNotFound if it is unknown, used or
	// over, or has another purpose or address; [ErrDisabled] if the user is disabled.
	//
	// The address is verified afterwards. If nobody had proved it before, whoever signed
	// up with it may have been somebody else (pre-hijacking): unless use.By stands, the
	// password and every other account of the user must be removed and the epoch raised.
	// LinkReset must set the password of a user who has one, and raise the epoch. Other
	// links of the user must be over if the epoch rises.
	UseLink(ctx context.Context, use LinkUse) (LinkUsed, error)
}
