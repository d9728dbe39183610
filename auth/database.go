package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"
)

// maxSessions bounds the live sessions of a user under a strategy that stores them. The
// oldest is ended to make room.
const maxSessions = 20

// Database keeps a row per session and gives the browser a random secret that finds it.
// Every change to the row takes effect on the next request: ending it, disabling its
// user, changing their role.
//
// It costs one read per request, and when the store cannot be reached no session can be
// checked: that is a fault (503), never a sign-out.
//
// The store never sees the secret, only a hash of it, so that a copy of the
// table signs nobody in (ASVS 11.4.1). Realm separates the sessions of strategies
// and sites that share a table: it is part of the hash and of every condition.
type Database struct {
	Store SessionStore
	Realm string
	Apart bool // Store is a different store from the users' and cannot share a transaction with it
	Life  Lifetimes
	Now   func() time.Time
	Text  func() string // fresh random text of at least 128 bits
}

var (
	_ Strategy = (*Database)(nil)
	_ Revoker  = (*Database)(nil)
	_ Lister   = (*Database)(nil)
)

// Issue stores a new row under a new secret. The public id is another value: it
// may stand in a URL, and whoever reads it there cannot sign in with it.
func (d *Database) Issue(ctx context.Context, in SignIn) (Session, Tokens, error) {
	secret := d.Text()
	s := Session{ID: d.Text(), User: in.User, Device: in.Device, Remember: in.Remember}
	s = d.Life.begin(s, d.Now())
	row := Row{Realm: d.Realm, Hash: rowHash(d.Realm, secret), Session: s, Replaces: in.Replaces}
	if err := d.Store.Create(ctx, row, maxSessions); err != nil {
		return Session{}, Tokens{}, err
	}
	return s, Tokens{Access: s.tokenUntil(secret, s.ExpiresAt)}, nil
}

// Authenticate reads the row, joined with its user as they are now.
func (d *Database) Authenticate(ctx context.Context, t Tokens) (Session, error) {
	row, err := d.Store.Find(ctx, d.Realm, rowHash(d.Realm, t.Access.Value))
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrInvalid
	}
	if err != nil {
		return Session{}, err
	}
	return d.judge(row)
}

// Renew moves the idle end of a row that is still alive. If none is, the session
// was ended between the read and this write, and stays so: there is no upsert.
func (d *Database) Renew(ctx context.Context, t Tokens) (Session, Tokens, error) {
	now := d.Now()
	row, err := d.Store.Slide(ctx, d.Realm, rowHash(d.Realm, t.Access.Value), now.Add(d.Life.Idle), now)
	if errors.Is(err, ErrNotFound) {
		return Session{}, Tokens{}, ErrRevoked
	}
	if err != nil {
		return Session{}, Tokens{}, err
	}
	s, err := d.judge(row)
	if err != nil {
		return Session{}, Tokens{}, err
	}
	return s, Tokens{Access: s.tokenUntil(t.Access.Value, s.ExpiresAt)}, nil
}

// End marks the row. A copy of the cookie is refused from then on.
func (d *Database) End(ctx context.Context, t Tokens) error {
	return d.Store.End(ctx, d.Realm, rowHash(d.Realm, t.Access.Value), d.Now())
}

// Revoke marks every row of the target that is there when it runs.
func (d *Database) Revoke(ctx context.Context, t Target) (int, error) {
	return d.Store.EndAll(ctx, d.Realm, t, d.Now())
}

// Window is zero: the next request reads the marked row.
func (d *Database) Window() time.Duration { return 0 }

// Sessions lists the user's live rows, newest first.
func (d *Database) Sessions(ctx context.Context, userID string) ([]Session, error) {
	sessions, err := d.Store.List(ctx, d.Realm, userID, d.Now())
	for i, s := range sessions {
		sessions[i] = d.Life.until(s, s.ExpiresAt)
	}
	return sessions, err
}

func (d *Database) judge(row Row) (Session, error) {
	switch now := d.Now(); {
	case !row.EndedAt.IsZero():
		return Session{}, ErrRevoked
	case over(row.Session.ExpiresAt, now), over(row.Session.EndsAt, now):
		return Session{}, ErrExpired
	case row.Session.User.Disabled:
		return Session{}, ErrDisabled
	}
	return d.Life.until(row.Session, row.Session.ExpiresAt), nil
}

// rowHash returns the hash that a store keeps in place of a secret. It covers the realm, so
// that a secret finds nothing in another realm.
func rowHash(realm, secret string) string {
	sum := sha256.Sum256([]byte(realm + "\x00" + secret))
	return hex.EncodeToString(sum[:])
}
