package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"
)

// Hybrid puts a short-lived sealed snapshot in front of any strategy that can
// revoke. While the snapshot is good no request reads a table; when it is not,
// the source is asked and a new one is made.
//
// The price is a window: a session that was ended, or a role that was taken away,
// may be accepted until the snapshot is TTL old. Guards of sensitive routes use
// Confirm, which asks the source.
//
// The browser holds two values: the snapshot (Access) and the source's secret
// (Refresh). A snapshot names the secret it was made for by its hash and is worth
// nothing without it. Missing, expired, forged, or made for another secret, it is
// a cache miss and never a sign-out.
type Hybrid struct {
	Seal   Sealer
	Source Strategy // its tokens must be one Access value
	TTL    time.Duration
	Now    func() time.Time
}

var (
	_ Strategy  = (*Hybrid)(nil)
	_ Revoker   = (*Hybrid)(nil)
	_ Lister    = (*Hybrid)(nil)
	_ Confirmer = (*Hybrid)(nil)
)

// Issue starts a session at the source and takes its first snapshot.
func (h *Hybrid) Issue(ctx context.Context, in SignIn) (Session, Tokens, error) {
	s, t, err := h.Source.Issue(ctx, in)
	if err != nil {
		return Session{}, Tokens{}, err
	}
	return h.snapshot(ctx, s, t.Access)
}

// Authenticate trusts a snapshot that was made for the presented secret. Anything else is
// ErrStale, so that Renew asks the source.
func (h *Hybrid) Authenticate(ctx context.Context, t Tokens) (Session, error) {
	if t.Refresh.Value == "" {
		return Session{}, ErrInvalid // a snapshot without its secret
	}
	c, err := openSession(ctx, h.Seal, t.Access.Value)
	if err != nil || over(c.ExpiresAt, h.Now()) || !same(c.Digest, digest(t.Refresh.Value)) {
		return Session{}, ErrStale
	}
	s := c.Session
	s.RenewAt = c.ExpiresAt
	return s, nil
}

// Renew asks the source, lets it renew when that is due, and takes a new snapshot. A
// snapshot is never extended. If the source accepts the session but cannot renew it (for
// example, a read-only store), the session is still accepted.
func (h *Hybrid) Renew(ctx context.Context, t Tokens) (Session, Tokens, error) {
	secret := Tokens{Access: t.Refresh}
	s, err := h.Source.Authenticate(ctx, secret)
	if err != nil {
		return Session{}, Tokens{}, err
	}
	secret.Access = s.tokenUntil(t.Refresh.Value, s.ExpiresAt)
	if over(s.RenewAt, h.Now()) {
		renewed, fresh, err := h.Source.Renew(ctx, secret)
		switch {
		case err == nil:
			s, secret = renewed, fresh
		case Refused(err):
			return Session{}, Tokens{}, err
		}
	}
	return h.snapshot(ctx, s, secret.Access)
}

// Confirm asks the source and ignores the snapshot.
func (h *Hybrid) Confirm(ctx context.Context, t Tokens) (Session, error) {
	return h.Source.Authenticate(ctx, Tokens{Access: t.Refresh})
}

// End ends the session at the source. A copied snapshot lives out its time.
func (h *Hybrid) End(ctx context.Context, t Tokens) error {
	return h.Source.End(ctx, Tokens{Access: t.Refresh})
}

// Revoke revokes at the source, if that can.
func (h *Hybrid) Revoke(ctx context.Context, t Target) (int, error) {
	if r, ok := h.Source.(Revoker); ok {
		return r.Revoke(ctx, t)
	}
	return 0, ErrNotRevocable
}

// Window returns the age that a snapshot may reach, on top of the source's own window.
func (h *Hybrid) Window() time.Duration {
	if r, ok := h.Source.(Revoker); ok {
		return h.TTL + r.Window()
	}
	return h.TTL
}

// Sessions lists what the source lists.
func (h *Hybrid) Sessions(ctx context.Context, userID string) ([]Session, error) {
	if l, ok := h.Source.(Lister); ok {
		return l.Sessions(ctx, userID)
	}
	return nil, nil
}

func (h *Hybrid) snapshot(ctx context.Context, s Session, secret Token) (Session, Tokens, error) {
	now := h.Now()
	exp := earlier(now.UTC().Truncate(time.Millisecond).Add(h.TTL), s.ExpiresAt)
	s.RenewAt = exp
	value, err := h.Seal.Seal(ctx, Claims{
		IssuedAt: now, ExpiresAt: exp, EndsAt: s.EndsAt, Session: s, Digest: digest(secret.Value),
	})
	if err != nil {
		return Session{}, Tokens{}, err
	}
	return s, Tokens{Access: s.tokenUntil(value, exp), Refresh: secret}, nil
}

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
