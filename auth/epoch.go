package auth

import (
	"context"
	"time"
)

// Epoch is a sealed session that contains the user's epoch, a number kept on the server.
// A session is valid while its epoch equals the user's. Raising the user's epoch ends all
// of their sessions immediately, on every device.
//
// It costs one read of one row per request, by primary key, and that read brings
// the role as it is now. One session alone cannot be ended, because the server
// does not know the sessions, only the number they must match.
type Epoch struct {
	Seal  Sealer
	Users Epochs
	Life  Lifetimes
	Now   func() time.Time
	Text  func() string // fresh random text of at least 128 bits
}

var (
	_ Strategy = (*Epoch)(nil)
	_ Revoker  = (*Epoch)(nil)
)

// Issue seals a session with the epoch read when the user authenticated (in.User.Epoch).
// If it has risen since, or rises later, the session is worth nothing.
func (e *Epoch) Issue(ctx context.Context, in SignIn) (Session, Tokens, error) {
	if err := unchanged(ctx, e.Users, in.User); err != nil {
		return Session{}, Tokens{}, err
	}
	s := Session{ID: e.Text(), User: in.User, Device: in.Device, Remember: in.Remember}
	return e.seal(ctx, e.Life.begin(s, e.Now()))
}

// Authenticate opens the seal, looks at the clock, and compares the epochs.
func (e *Epoch) Authenticate(ctx context.Context, t Tokens) (Session, error) {
	s, err := e.open(ctx, t)
	if err != nil {
		return Session{}, err
	}
	sealed := s.User.Epoch
	if s.User, err = enabledUser(ctx, e.Users, s.User.ID); err != nil {
		return Session{}, err
	}
	if s.User.Epoch != sealed {
		return Session{}, ErrRevoked
	}
	return s, nil
}

// Renew extends the session and keeps its epoch. It needs no read: a session that was
// ended meanwhile is refused on its next request.
func (e *Epoch) Renew(ctx context.Context, t Tokens) (Session, Tokens, error) {
	s, err := e.open(ctx, t)
	if err != nil {
		return Session{}, Tokens{}, err
	}
	return e.seal(ctx, e.Life.slide(s, e.Now()))
}

// End does nothing: to end this session is to end all of the user's.
func (e *Epoch) End(context.Context, Tokens) error { return nil }

// Revoke raises the user's epoch. It cannot single a session out, nor count.
func (e *Epoch) Revoke(ctx context.Context, t Target) (int, error) {
	if err := t.Check(); err != nil {
		return 0, err
	}
	if !t.All {
		return 0, ErrNotRevocable
	}
	return -1, e.Users.RaiseEpoch(ctx, t.UserID)
}

// Window is zero: the next request reads the new number.
func (e *Epoch) Window() time.Duration { return 0 }

func (e *Epoch) open(ctx context.Context, t Tokens) (Session, error) {
	c, err := openSession(ctx, e.Seal, t.Access.Value)
	if err != nil {
		return Session{}, err
	}
	if over(c.ExpiresAt, e.Now()) {
		return Session{}, ErrExpired
	}
	return e.Life.until(c.Session, c.ExpiresAt), nil
}

func (e *Epoch) seal(ctx context.Context, s Session) (Session, Tokens, error) {
	value, err := e.Seal.Seal(ctx, Claims{IssuedAt: e.Now(), ExpiresAt: s.ExpiresAt, EndsAt: s.EndsAt, Session: s})
	if err != nil {
		return Session{}, Tokens{}, err
	}
	return s, Tokens{Access: s.tokenUntil(value, s.ExpiresAt)}, nil
}
