package auth

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Rotation keeps a short sealed access token in the browser, and beside it a random
// refresh token that works once. Using it returns a new one, its successor; all that
// follow from one sign-in are a family.
//
// A spent token that comes back was copied by somebody: the family ends (RFC 9700
// §4.14.2). But two tabs may spend the same token at the same moment. So the successor is
// kept, sealed, beside the spent token, and within Grace the same token yields the same
// successor. Grace applies in both directions of time, because the clock may step back
// between the two requests.
//
// A response may also be lost, for example on a bad mobile connection. So for as long as
// nobody has spent the successor, the spent token yields another one, once, which lives
// no longer than the first; the first is dead, and whoever presents it ends the family.
// There is never more than one live token, so two holders of one family collide all the
// same. This is where it departs from the RFC: a copy of the token that was spent last is
// worth as much as a live one until the owner comes back. A Grace of zero follows the RFC
// exactly and can sign out a user who has two tabs open.
//
// The server keeps a row per family and one per token. Ending a family takes full effect
// when its access token expires, within TTL. API clients may send the access token as a
// bearer token (RFC 6750).
type Rotation struct {
	Access    Sealer
	Successor Sealer // seals a successor while it waits in the table
	Store     RefreshStore
	Realm     string
	Life      Lifetimes
	TTL       time.Duration // of the access token
	Grace     time.Duration // how long a spent token yields its successor; 30 s by default, longer than an answer may take
	Now       func() time.Time
	Text      func() string // fresh random text of at least 128 bits
}

var (
	_ Strategy  = (*Rotation)(nil)
	_ Revoker   = (*Rotation)(nil)
	_ Lister    = (*Rotation)(nil)
	_ Confirmer = (*Rotation)(nil)
	_ Bearer    = (*Rotation)(nil)
)

// Issue starts a family with its first refresh token.
func (r *Rotation) Issue(ctx context.Context, in SignIn) (Session, Tokens, error) {
	secret := r.Text()
	s := Session{ID: r.Text(), User: in.User, Device: in.Device, Remember: in.Remember}
	s = r.Life.begin(s, r.Now())
	family := Row{Realm: r.Realm, Hash: rowHash(r.Realm, secret), Session: s, Replaces: in.Replaces}
	if err := r.Store.CreateFamily(ctx, family, maxSessions); err != nil {
		return Session{}, Tokens{}, err
	}
	return r.tokens(ctx, s, secret)
}

// Authenticate trusts the access token and reads nothing.
func (r *Rotation) Authenticate(ctx context.Context, t Tokens) (Session, error) {
	return openAccess(ctx, r.Access, t, r.Now())
}

// Renew spends the refresh token. Of many who spend it at once, one stores its
// successor, and all get that one.
func (r *Rotation) Renew(ctx context.Context, t Tokens) (Session, Tokens, error) {
	now, secret := r.Now(), r.Text()
	sealed, err := r.Successor.Seal(ctx, Claims{IssuedAt: now, ExpiresAt: now.Add(r.Life.Idle), EndsAt: now.Add(r.Life.Max), Data: []byte(strconv.Quote(secret))})
	if err != nil {
		return Session{}, Tokens{}, err
	}
	spent, err := r.Store.Spend(ctx, Spend{
		Realm: r.Realm, Hash: rowHash(r.Realm, t.Refresh.Value), Next: rowHash(r.Realm, secret), Sealed: sealed,
		Expires: now.Add(r.Life.Idle), Now: now, Grace: r.Grace,
	})
	if errors.Is(err, ErrNotFound) {
		return Session{}, Tokens{}, ErrInvalid
	}
	if err != nil {
		return Session{}, Tokens{}, err
	}
	s, err := r.judge(spent)
	if err != nil {
		return Session{}, Tokens{}, err
	}
	if spent.Sealed != sealed { // another request was quicker
		c, err := r.Successor.Open(ctx, spent.Sealed)
		if err != nil {
			return Session{}, Tokens{}, fmt.Errorf("open successor: %v", err) // a fault: the token was good
		}
		if secret, err = strconv.Unquote(string(c.Data)); err != nil {
			return Session{}, Tokens{}, fmt.Errorf("open successor: %w", err)
		}
	}
	return r.tokens(ctx, s, secret)
}

// Confirm reads the family of the refresh token, or the one that the access token names
// if that is all there is. Like Renew, it ends the family if the token had already been
// replaced.
func (r *Rotation) Confirm(ctx context.Context, t Tokens) (Session, error) {
	found, err := r.family(ctx, t)
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrInvalid
	}
	if err != nil {
		return Session{}, err
	}
	if found.Reused {
		if err := r.End(ctx, t); err != nil {
			return Session{}, err
		}
	}
	return r.judge(found)
}

func (r *Rotation) family(ctx context.Context, t Tokens) (Spent, error) {
	if t.Refresh.Value != "" {
		return r.Store.Family(ctx, r.Realm, rowHash(r.Realm, t.Refresh.Value))
	}
	s, err := r.Authenticate(ctx, t)
	if err != nil {
		return Spent{}, err
	}
	row, err := r.Store.FindByID(ctx, r.Realm, s.ID)
	return Spent{Row: row}, err
}

// End ends the family. The access token lives out its time.
func (r *Rotation) End(ctx context.Context, t Tokens) error {
	return r.Store.EndFamily(ctx, r.Realm, rowHash(r.Realm, t.Refresh.Value), r.Now())
}

// Revoke ends families.
func (r *Rotation) Revoke(ctx context.Context, t Target) (int, error) {
	return r.Store.EndAll(ctx, r.Realm, t, r.Now())
}

// Window is the life of an access token.
func (r *Rotation) Window() time.Duration { return r.TTL }

// AccessTTL returns the life of an access token.
func (r *Rotation) AccessTTL() time.Duration { return r.TTL }

// Sessions lists the user's living families, newest first.
func (r *Rotation) Sessions(ctx context.Context, userID string) ([]Session, error) {
	sessions, err := r.Store.List(ctx, r.Realm, userID, r.Now())
	for i, s := range sessions {
		sessions[i].RenewAt = earlier(s.ExpiresAt, r.Now().Add(r.TTL))
	}
	return sessions, err
}

func (r *Rotation) judge(spent Spent) (Session, error) {
	switch now := r.Now(); {
	case spent.Reused:
		return Session{}, ErrReused
	case !spent.Row.EndedAt.IsZero():
		return Session{}, ErrRevoked
	case over(spent.Row.Session.ExpiresAt, now), over(spent.Row.Session.EndsAt, now):
		return Session{}, ErrExpired
	case spent.Row.Session.User.Disabled:
		return Session{}, ErrDisabled
	}
	return spent.Row.Session, nil
}

func (r *Rotation) tokens(ctx context.Context, s Session, secret string) (Session, Tokens, error) {
	s, access, err := sealAccess(ctx, r.Access, s, r.TTL, r.Now())
	if err != nil {
		return Session{}, Tokens{}, err
	}
	return s, Tokens{Access: access, Refresh: s.tokenUntil(secret, s.ExpiresAt)}, nil
}
