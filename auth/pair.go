package auth

import (
	"context"
	"time"
)

// Pair keeps two sealed tokens in the browser: an access token that is trusted for a
// quarter of an hour, and a refresh token that names the session and nothing else. The
// refresh token is exchanged for new tokens, after the user is read again.
//
// The two are sealed with different keys and types, so that neither is accepted
// as the other. The server keeps no session: it cannot list them, and a stolen
// refresh token works until the absolute end. It is no [Revoker]; an
// administrator can disable the user, which takes effect within TTL.
//
// API clients may send the access token as a bearer token (RFC 6750).
type Pair struct {
	Access  Sealer
	Refresh Sealer
	Users   Users
	Life    Lifetimes
	TTL     time.Duration // of the access token
	Now     func() time.Time
	Text    func() string // fresh random text of at least 128 bits
}

var (
	_ Strategy = (*Pair)(nil)
	_ Bearer   = (*Pair)(nil)
)

// Issue seals both tokens.
func (p *Pair) Issue(ctx context.Context, in SignIn) (Session, Tokens, error) {
	if err := unchanged(ctx, p.Users, in.User); err != nil {
		return Session{}, Tokens{}, err
	}
	s := Session{ID: p.Text(), User: in.User, Device: in.Device, Remember: in.Remember}
	return p.seal(ctx, p.Life.begin(s, p.Now()))
}

// Authenticate trusts the access token. If it is not valid but there is a refresh token,
// the error is ErrStale and Renew can issue a new one.
func (p *Pair) Authenticate(ctx context.Context, t Tokens) (Session, error) {
	return openAccess(ctx, p.Access, t, p.Now())
}

// Renew opens the refresh token, reads the user, and seals new tokens.
func (p *Pair) Renew(ctx context.Context, t Tokens) (Session, Tokens, error) {
	c, err := openSession(ctx, p.Refresh, t.Refresh.Value)
	if err != nil {
		return Session{}, Tokens{}, err
	}
	if over(c.ExpiresAt, p.Now()) {
		return Session{}, Tokens{}, ErrExpired
	}
	s := c.Session
	if s.User, err = enabledUser(ctx, p.Users, s.User.ID); err != nil {
		return Session{}, Tokens{}, err
	}
	return p.seal(ctx, p.Life.slide(s, p.Now()))
}

// End does nothing: a copy of the refresh token goes on refreshing.
func (p *Pair) End(context.Context, Tokens) error { return nil }

// AccessTTL returns the life of an access token.
func (p *Pair) AccessTTL() time.Duration { return p.TTL }

func (p *Pair) seal(ctx context.Context, s Session) (Session, Tokens, error) {
	s, access, err := sealAccess(ctx, p.Access, s, p.TTL, p.Now())
	if err != nil {
		return Session{}, Tokens{}, err
	}
	ids := s
	ids.User = User{ID: s.User.ID}
	refresh, err := p.Refresh.Seal(ctx, Claims{IssuedAt: p.Now(), ExpiresAt: s.ExpiresAt, EndsAt: s.EndsAt, Session: ids})
	if err != nil {
		return Session{}, Tokens{}, err
	}
	return s, Tokens{Access: access, Refresh: s.tokenUntil(refresh, s.ExpiresAt)}, nil
}

// sealAccess makes the access token of a session that also has a refresh token; the
// session's idle end is that of the refresh token.
func sealAccess(ctx context.Context, seal Sealer, s Session, ttl time.Duration, now time.Time) (Session, Token, error) {
	exp := earlier(now.UTC().Truncate(time.Millisecond).Add(ttl), s.ExpiresAt)
	s.RenewAt = exp
	value, err := seal.Seal(ctx, Claims{IssuedAt: now, ExpiresAt: exp, EndsAt: s.EndsAt, Session: s})
	if err != nil {
		return Session{}, Token{}, err
	}
	return s, s.tokenUntil(value, exp), nil
}

// openAccess judges an access token by itself. If it is not valid but there is a refresh
// token, the error is ErrStale.
func openAccess(ctx context.Context, seal Sealer, t Tokens, now time.Time) (Session, error) {
	c, err := openSession(ctx, seal, t.Access.Value)
	if err == nil && over(c.ExpiresAt, now) {
		err = ErrExpired
	}
	if err != nil && t.Refresh.Value != "" {
		return Session{}, ErrStale
	}
	if err != nil {
		return Session{}, err
	}
	s := c.Session
	s.RenewAt = c.ExpiresAt
	return s, nil
}
