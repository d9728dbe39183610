package auth

import (
	"context"
	"errors"
	"time"
)

// Renew is a short sealed session that renews itself: an expired one is replaced silently
// as long as the absolute end has not come and the user still exists. It follows the
// refresh-token guide of NextAuth. Auth.js itself works differently: it rejects an
// expired token and re-signs the token on every call.
//
// Between renewals it reads nothing. A renewal reads the user, so that a changed
// role or a disabled account is noticed within TTL. Nothing on the server knows
// of a session: it cannot be listed, and a copy renews itself as the original
// does. It is no [Revoker]; an administrator can disable the user.
type Renew struct {
	Seal  Sealer
	Users Users
	Life  Lifetimes // only Max counts
	TTL   time.Duration
	Now   func() time.Time
	Text  func() string // fresh random text of at least 128 bits
}

var _ Strategy = (*Renew)(nil)

// Issue seals a session that is trusted for TTL.
func (r *Renew) Issue(ctx context.Context, in SignIn) (Session, Tokens, error) {
	if err := unchanged(ctx, r.Users, in.User); err != nil {
		return Session{}, Tokens{}, err
	}
	s := Session{ID: r.Text(), User: in.User, Device: in.Device, Remember: in.Remember}
	return r.seal(ctx, r.Life.begin(s, r.Now()))
}

// Authenticate trusts a seal for TTL. After that the token is stale, not dead: this
// session has no idle limit; only its absolute end ends it.
func (r *Renew) Authenticate(ctx context.Context, t Tokens) (Session, error) {
	c, err := openSession(ctx, r.Seal, t.Access.Value)
	if err != nil {
		return Session{}, err
	}
	switch now := r.Now(); {
	case over(c.EndsAt, now):
		return Session{}, ErrExpired
	case over(c.ExpiresAt, now):
		return Session{}, ErrStale
	}
	return r.session(c.Session, c.ExpiresAt), nil
}

// Renew reads the user and seals what it finds.
func (r *Renew) Renew(ctx context.Context, t Tokens) (Session, Tokens, error) {
	c, err := openSession(ctx, r.Seal, t.Access.Value)
	if err != nil {
		return Session{}, Tokens{}, err
	}
	if over(c.EndsAt, r.Now()) {
		return Session{}, Tokens{}, ErrExpired
	}
	s := c.Session
	if s.User, err = enabledUser(ctx, r.Users, s.User.ID); err != nil {
		return Session{}, Tokens{}, err
	}
	return r.seal(ctx, s)
}

// End does nothing: whoever copied the cookie can renew it.
func (r *Renew) End(context.Context, Tokens) error { return nil }

// seal gives the browser the token until the absolute end: a browser that dropped
// it when it expires could never send it for renewal.
func (r *Renew) seal(ctx context.Context, s Session) (Session, Tokens, error) {
	now := r.Now()
	exp := earlier(now.UTC().Truncate(time.Millisecond).Add(r.TTL), s.EndsAt)
	s = r.session(s, exp)
	value, err := r.Seal.Seal(ctx, Claims{IssuedAt: now, ExpiresAt: exp, EndsAt: s.EndsAt, Session: s})
	if err != nil {
		return Session{}, Tokens{}, err
	}
	return s, Tokens{Access: s.tokenUntil(value, s.EndsAt)}, nil
}

func (r *Renew) session(s Session, exp time.Time) Session {
	s.RenewAt, s.ExpiresAt = exp, s.EndsAt
	return s
}

// enabledUser returns a user, or an error if they do not exist or are disabled.
func enabledUser(ctx context.Context, users Users, id string) (User, error) {
	u, err := users.User(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return User{}, ErrRevoked // the account was deleted, and its sessions with it
	case err != nil:
		return User{}, err
	case u.Disabled:
		return User{}, ErrDisabled
	}
	return u, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
