// Package auth remembers who is signed in.
//
// A [Strategy] is one way to do that: it turns a sign-in into tokens, and tokens back
// into a session. It is a pure function of tokens and never sees HTTP. A [Manager]
// carries a strategy over HTTP: it reads cookies, asks the strategy, renews what is due
// and writes cookies. A Sealer protects the values stored in the browser, with keys from
// a [KeyRing].
//
// Read in this order: this file, strategies.go and a strategy that it makes, manager.go,
// cookies.go, seal.go, keys.go.
//
// The package knows no web framework, no template and no database; what it needs
// of storage it asks for in stores.go. It never reads the clock or draws random
// bytes by itself: both are passed in.
package auth

import (
	"context"
	"errors"
	"time"
)

// A Strategy is one way to remember who is signed in.
//
// Each error is either a verdict on the session ([Refused] reports true) or a fault of
// the infrastructure. A fault says nothing about the session: the cookies must be kept.
type Strategy interface {
	// Issue starts a session for in.User on in.Device. It must always mint a
	// new session, so that one planted before the sign-in is worth nothing
	// (ASVS 7.2.4).
	Issue(ctx context.Context, in SignIn) (Session, Tokens, error)

	// Authenticate accepts or refuses t and changes nothing. [ErrStale] says
	// that t is too old to trust but that Renew may still replace it.
	Authenticate(ctx context.Context, t Tokens) (Session, error)

	// Renew replaces t with fresh tokens for the same session. It must never
	// move IssuedAt or EndsAt.
	Renew(ctx context.Context, t Tokens) (Session, Tokens, error)

	// End forgets the session behind t, as far as the server remembers it.
	// Ending what is unknown or over is no error.
	End(ctx context.Context, t Tokens) error
}

// A Revoker can end sessions without being given their tokens. A strategy that remembers
// nothing does not implement it; that absence is the lesson.
type Revoker interface {
	// Revoke ends the sessions that t selects and returns how many it ended, or -1 if it
	// cannot count them. A target that it cannot single out is [ErrNotRevocable].
	Revoke(ctx context.Context, t Target) (int, error)

	// Window returns how long a revoked session may still be accepted.
	Window() time.Duration
}

// A Lister can list a user's sessions.
type Lister interface {
	// Sessions returns the live sessions of a user, newest first.
	Sessions(ctx context.Context, userID string) ([]Session, error)
}

// A Confirmer asks what the server remembers and ignores cached copies. Guards of
// sensitive routes use it; nothing in a request can switch that off.
type Confirmer interface {
	Confirm(ctx context.Context, t Tokens) (Session, error)
}

// A Bearer is a strategy whose access tokens API clients may send as bearer tokens (RFC
// 6750).
type Bearer interface {
	AccessTTL() time.Duration // how long an access token is trusted
}

// A User is a person as the site knows them. What a session carries of them is a
// copy, and how old that copy may be is the difference between strategies.
type User struct {
	ID      string // stable, derived from (issuer, subject); see [Identity]
	Email   string // at most 254 bytes; for display, never for identity
	Name    string // at most 128 runes
	Picture string // an https URL of at most 512 bytes, or empty
	Role    string // "member" or "admin"

	Epoch    int64 // raising it ends the user's sessions under the strategy epoch
	Disabled bool  // set by an administrator; always false where users are not stored
}

// A Device names the browser that a session was started from, for people to
// recognise it in a list. It decides nothing.
type Device struct {
	Name string // such as "Firefox on Linux", at most 64 bytes
}

// A SignIn holds what a strategy needs to start a session for an authenticated user.
type SignIn struct {
	User     User
	Device   Device
	Remember bool // false: forget when the browser closes, and after a day at most

	// Replaces names the session that this one replaces, which must still stand when the
	// new one is stored. It is nil for a sign-in: that needs only the user to be
	// enabled, and their epoch to be the one in User.
	Replaces *Standing
}

// A Target tells which sessions of a user to end: the one with SessionID, all but
// Except, or All. UserID and exactly one of the three are required: an empty value
// never means all. A SessionID of somebody else is treated like one that does not
// exist.
type Target struct {
	UserID    string
	SessionID string
	Except    string
	All       bool

	// Known, used with All, is the ID of a session known to be live, if any. A store that
	// cannot find it must fail: it has lost its list of sessions.
	Known string
}

// Check returns an error unless t names a user and which sessions of theirs.
func (t Target) Check() error {
	named := 0
	for _, is := range []bool{t.SessionID != "", t.Except != "", t.All} {
		if is {
			named++
		}
	}
	switch {
	case t.UserID == "":
		return errors.New("target names no user")
	case named != 1:
		return errors.New("target must name exactly one of SessionID, Except and All")
	}
	return nil
}

// Tokens are the values that the browser carries. Most strategies use only Access.
type Tokens struct {
	Access, Refresh Token
}

// A Token is one value in the browser and when the browser may forget it. Zero
// means when it closes.
type Token struct {
	Value   string
	Expires time.Time
}

// A Session tells who is signed in, where, and until when. A session is over at the
// instant of ExpiresAt or EndsAt, not after it.
type Session struct {
	ID     string // public: safe to show and to name in a URL, useless as a cookie
	User   User
	Device Device

	IssuedAt  time.Time // the sign-in; never moved
	RenewAt   time.Time // when the tokens are next due to be replaced; EndsAt if never
	ExpiresAt time.Time // idle expiry
	EndsAt    time.Time // the absolute end; never moved

	Remember bool // false: browser-session cookies
}
