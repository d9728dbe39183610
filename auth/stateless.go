package auth

import (
	"context"
	"time"
)

// Stateless keeps the whole session in a sealed cookie. The server remembers
// nothing: no request reads a table, any instance with the same keys can answer,
// and nothing can be listed.
//
// For the same reason it cannot end a session it is not being shown. Signing out clears
// the browser's cookie; a copy of that cookie keeps working, and can be renewed, until
// the absolute end. Only raising the session version or retiring the key stops it, and
// that stops everybody. It implements neither [Revoker] nor [Lister].
type Stateless struct {
	Seal Sealer
	Life Lifetimes
	Now  func() time.Time
	Text func() string // fresh random text of at least 128 bits
}

var _ Strategy = (*Stateless)(nil)

// Issue seals a new session. The user is copied into it as they are now.
func (c *Stateless) Issue(ctx context.Context, in SignIn) (Session, Tokens, error) {
	s := Session{ID: c.Text(), User: in.User, Device: in.Device, Remember: in.Remember}
	return c.seal(ctx, c.Life.begin(s, c.Now()))
}

// Authenticate opens the seal and looks at the clock. That is all there is.
func (c *Stateless) Authenticate(ctx context.Context, t Tokens) (Session, error) {
	claims, err := openSession(ctx, c.Seal, t.Access.Value)
	if err != nil {
		return Session{}, err
	}
	if over(claims.ExpiresAt, c.Now()) {
		return Session{}, ErrExpired
	}
	s := claims.Session
	s.EndsAt = claims.EndsAt
	return c.Life.until(s, claims.ExpiresAt), nil
}

// Renew slides: the same session, sealed with the newest key, with a later idle
// end. The old cookie is not ended by that; it dies at its own time.
func (c *Stateless) Renew(ctx context.Context, t Tokens) (Session, Tokens, error) {
	s, err := c.Authenticate(ctx, t)
	if err != nil {
		return Session{}, Tokens{}, err
	}
	return c.seal(ctx, c.Life.slide(s, c.Now()))
}

// End does nothing: whoever copied the cookie stays signed in until it expires.
func (c *Stateless) End(context.Context, Tokens) error { return nil }

func (c *Stateless) seal(ctx context.Context, s Session) (Session, Tokens, error) {
	value, err := c.Seal.Seal(ctx, Claims{
		IssuedAt: c.Now(), ExpiresAt: s.ExpiresAt, EndsAt: s.EndsAt, Session: s,
	})
	if err != nil {
		return Session{}, Tokens{}, err
	}
	return s, Tokens{Access: s.tokenUntil(value, s.ExpiresAt)}, nil
}
