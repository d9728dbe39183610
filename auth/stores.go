package auth

import (
	"context"
	"time"
)

// A SessionStore keeps rows of sessions. Its errors are faults, except
// [ErrNotFound]. It must survive a restart and be safe for use from many
// goroutines and many processes at once.
//
// No method may bring an ended row back: sliding is conditional on being alive.
type SessionStore interface {
	// Create stores a new row and ends the user's live rows of that realm except the
	// newest keep. A row is newer than those that were stored before it, whatever their
	// times say. Create must also bound the number of a user's ended rows. Before the row
	// takes effect it must check that the user is enabled and still has the row's epoch,
	// which every change of a password raises, and that r.Replaces still stands. It
	// returns ErrDisabled or ErrRevoked if a check fails.
	Create(ctx context.Context, r Row, keep int) error

	// Find returns a row, ended and expired ones included, with the user as
	// they are now; ErrNotFound if there is none. One read.
	Find(ctx context.Context, realm, hash string) (Row, error)

	// Slide moves the idle end of a row that is alive at now to expires, but
	// never past its absolute end, and returns it; ErrNotFound if no such row
	// is alive. One write.
	Slide(ctx context.Context, realm, hash string, expires, now time.Time) (Row, error)

	// End marks a row as ended at now. A row that is unknown or ended is no error.
	End(ctx context.Context, realm, hash string, now time.Time) error

	// EndAll marks the rows of t that are there when it runs and were not ended, and
	// returns how many those were. What is created afterwards survives. It must not
	// compare times: clocks step back, and those of two machines differ.
	EndAll(ctx context.Context, realm string, t Target, now time.Time) (int, error)

	// List returns the sessions of a user that are alive at now, newest first.
	List(ctx context.Context, realm, userID string, now time.Time) ([]Session, error)
}

// A Row is a session as a store keeps it: under a hash, never under the secret.
type Row struct {
	Realm    string
	Hash     string // hex SHA-256 of realm and secret
	Session  Session
	EndedAt  time.Time // zero while nobody ended it
	Replaces *Standing // only for Create
}

// A RefreshStore keeps refresh tokens in families. A family is a session row: it
// is listed, ended and swept as one.
type RefreshStore interface {
	SessionStore

	// CreateFamily stores a family as Create does, with a first token of the same
	// hash and idle end, in one transaction.
	CreateFamily(ctx context.Context, family Row, keep int) error

	// Spend exchanges a token for its successor, in one transaction; see [Spend].
	// ErrNotFound if the token is unknown.
	Spend(ctx context.Context, s Spend) (Spent, error)

	// Family returns the family that a token belongs to, as Find does; it is reused
	// if a late retry replaced the token. One read.
	Family(ctx context.Context, realm, hash string) (Spent, error)

	// FindByID returns the session with a public id, as Find does. One read.
	FindByID(ctx context.Context, realm, id string) (Row, error)

	// EndFamily marks the family that a token belongs to as ended at now. A token
	// that is unknown is no error.
	EndFamily(ctx context.Context, realm, hash string, now time.Time) error
}

// A Spend is a request to use a refresh token. It succeeds only while the token is unused
// and alive, its family is alive and the user enabled. Then the token is marked, Next is
// stored in the same family until Expires (the family's absolute end at most), and the
// family's idle end moves along.
//
// A token that was used within Grace of Now returns the same successor again. One that
// was used earlier brings a new successor once, if it has not expired and nobody used the
// one it had: the old successor is then invalid, and the new one keeps its expiry. An
// invalid token, or a used one to which neither rule applies, ends its family. A Grace of
// zero forgives nothing: whatever was used before ends its family.
type Spend struct {
	Realm, Hash string
	Next        string // hash of the successor
	Sealed      string // the successor, sealed, to be kept beside the spent token
	Expires     time.Time
	Now         time.Time
	Grace       time.Duration
}

// Spent is the outcome of a [Spend].
type Spent struct {
	Row    Row    // the family; its idle end is that of the current token
	Sealed string // the successor: the one offered, or that of an earlier Spend
	Reused bool   // the token was used or replaced before; Spend has ended the family
}

// Users looks people up, as they are now.
type Users interface {
	// User returns the user with that id, or ErrNotFound.
	User(ctx context.Context, id string) (User, error)
}

// Epochs are users whose epoch can be raised.
type Epochs interface {
	Users
	// RaiseEpoch adds one to the epoch of a user, in one statement.
	RaiseEpoch(ctx context.Context, id string) error
}

// A Directory turns a proven identity into a user of this site.
type Directory interface {
	// SignIn returns the user behind id, creating it at the first sign-in. A
	// disabled user is ErrDisabled.
	SignIn(ctx context.Context, id Identity) (User, error)
}

// Accounts are the users with the accounts that lead to them. Every method that changes
// something does so in one transaction. If it is given a [Standing], the transaction
// checks it, and the error is [ErrRevoked] or [ErrDisabled] if it does not hold.
type Accounts interface {
	Epochs

	// Accounts lists those of a user, in the order in which they were linked.
	Accounts(ctx context.Context, userID string) ([]Account, error)

	// Link adds the account of id to a user. Linking it again changes nothing;
	// [ErrTaken] if it is another user's, [ErrLinked] if the user has another of
	// that provider, [ErrNotFound] if there is no such user.
	Link(ctx context.Context, by Standing, id Identity) error

	// Unlink removes a user's account of a provider, and with [PasswordProvider]
	// the password; [ErrLastAccount] if no other would be left, [ErrNotFound] if
	// there is none.
	Unlink(ctx context.Context, by Standing, provider string) error

	// SignUp creates the user u, to whom the account of id leads, with a password;
	// [ErrTaken] if there is such an account.
	SignUp(ctx context.Context, u User, id Identity, hash string) (User, error)

	// Password returns the user behind the password account of id and the hash of
	// the password; ErrNotFound if there is no such account.
	Password(ctx context.Context, id Identity) (User, string, error)

	// SetPassword replaces the password of a user who has the account of id, or adds the
	// account, raises the epoch and returns the updated user; [ErrTaken] if it is another
	// user's. Old is the hash that was checked, which must not have changed since; empty
	// if there was no password.
	SetPassword(ctx context.Context, by Standing, id Identity, old, hash string) (User, error)

	// Rehash replaces a hash by another of the same password; it does nothing if the
	// stored hash is no longer old.
	Rehash(ctx context.Context, userID, old, hash string) error

	// KeepTokens keeps what is sealed beside an account.
	KeepTokens(ctx context.Context, issuer, subject, sealed string) error

	// DeleteUser deletes a user with accounts and sessions.
	DeleteUser(ctx context.Context, by Standing) error
}
