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
	// Create stores a new row and ends the user's oldest live rows of that
	// realm beyond the newest keep.
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

	// EndAll marks the live rows of t that were created at or before now, in one
	// statement, and returns how many those were.
	EndAll(ctx context.Context, realm string, t Target, now time.Time) (int, error)

	// List returns the sessions of a user that are alive at now, newest first.
	List(ctx context.Context, realm, userID string, now time.Time) ([]Session, error)
}

// A Row is a session as a store keeps it: under a hash, never under the secret.
type Row struct {
	Realm   string
	Hash    string // hex SHA-256 of realm and secret
	Session Session
	EndedAt time.Time // zero while nobody ended it
}

// Users looks people up, as they are now.
type Users interface {
	// User returns the user with that id, or ErrNotFound.
	User(ctx context.Context, id string) (User, error)
}

// A Directory turns a proven identity into a user of this site.
type Directory interface {
	// SignIn returns the user behind id, creating it at the first sign-in. A
	// disabled user is ErrDisabled.
	SignIn(ctx context.Context, id Identity) (User, error)
}
