// Package auth remembers who is signed in.
//
// A [Strategy] is one way to do that: it turns a sign-in into tokens, and tokens
// back into a session. It is a pure function of tokens and never sees HTTP. A
// [Manager] carries a strategy over HTTP: it reads cookies, asks the strategy,
// renews what is due and writes cookies. A [Sealer] protects what lies in the
// browser, with keys from a [KeyRing].
//
// Read in this order: this file, stateless.go, database.go, manager.go,
// cookies.go, seal.go, keys.go, strategies.go.
//
// The package knows no web framework, no template and no database; what it needs
// of storage it asks for in stores.go. It never reads the clock or draws random
// bytes by itself: both are passed in.
package auth

import (
	"context"
	"time"
)

// A Strategy is one way to remember who is signed in.
//
// Its errors are verdicts, for which [Refused] is true, or faults, for which it
// is not. A fault says nothing about the session: the cookies must be kept.
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

// A Revoker can end sessions whose tokens it is not being shown. A strategy that
// remembers nothing does not implement it; that absence is the lesson.
type Revoker interface {
	// Revoke ends t and says how many sessions that were, -1 if it cannot count
	// them. A target that it cannot single out is [ErrNotRevocable].
	Revoke(ctx context.Context, t Target) (int, error)

	// Window is how long a revoked session may still be accepted.
	Window() time.Duration
}

// A Lister can say where a user is signed in.
type Lister interface {
	// Sessions returns the live sessions of a user, newest first.
	Sessions(ctx context.Context, userID string) ([]Session, error)
}

// A Confirmer asks what the server remembers and ignores cached copies. Guards of
// sensitive routes use it; nothing in a request can switch that off.
type Confirmer interface {
	Confirm(ctx context.Context, t Tokens) (Session, error)
}

// A Bearer's access tokens may also be shown by API clients (RFC 6750).
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
	Disabled bool  // an administrator's act; known only where users are stored
}

// A Device names the browser that a session was started from, for people to
// recognise it in a list. It decides nothing.
type Device struct {
	Name string // such as "Firefox on Linux", at most 64 bytes
}

// A SignIn is what a strategy is told when somebody has proved who they are.
type SignIn struct {
	User     User
	Device   Device
	Remember bool // false: forget when the browser closes, and after a day at most
}

// A Target says which sessions of a user to end: the one with SessionID, all but
// Except, or all. UserID is always required, and a SessionID of somebody else is
// treated like one that does not exist.
type Target struct {
	UserID    string
	SessionID string
	Except    string
}

// Tokens are what the browser carries. Most strategies use only Access.
type Tokens struct {
	Access, Refresh Token
}

// A Token is one value in the browser and when the browser may forget it. Zero
// means when it closes.
type Token struct {
	Value   string
	Expires time.Time
}

// A Session says who is signed in, where, and until when. At the very instant of
// an end it is over.
type Session struct {
	ID     string // public: safe to show and to name in a URL, useless as a cookie
	User   User
	Device Device

	IssuedAt  time.Time // the sign-in; never moved
	RenewAt   time.Time // when the tokens are next due to be replaced; EndsAt if never
	ExpiresAt time.Time // the idle end: over then, if unused until then
	EndsAt    time.Time // the absolute end; never moved

	Remember bool // false: browser-session cookies
}
