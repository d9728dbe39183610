package auth

import (
	"context"
	"time"
)

// A response that was on its way when its browser signed out may arrive late and
// bring a renewed cookie: the browser would be signed in again, and nobody there
// to notice. Therefore a sign-out leaves a tombstone, a sealed cookie with its
// time, and a session from before that time is refused. The next sign-in clears
// it.
//
// It protects the browser that signed out. It is no help against a thief, who
// has no tombstone in his copy.

// SignOutPurpose is the purpose of the sealer of tombstones.
const SignOutPurpose = "signed-out"

const signedOutCookie = "signed-out"

// bury marks the browser as signed out, for as long as any session from before
// could live.
func (m *Manager) bury(ctx context.Context, jar *Jar) error {
	now := m.Now()
	end := now.Add(maxCookieAge)
	value, err := m.SignOuts.Seal(ctx, Claims{IssuedAt: now, ExpiresAt: end, EndsAt: end})
	if err != nil {
		return err
	}
	return jar.Set(signedOutCookie, value, maxCookieAge)
}

// signedOut says whether the browser has signed out since s was issued.
func (m *Manager) signedOut(ctx context.Context, jar *Jar, s Session) bool {
	value, err := jar.Get(signedOutCookie)
	if err != nil || value == "" {
		return false
	}
	c, err := m.SignOuts.Open(ctx, value)
	if err != nil {
		return false // not ours to believe: whoever can plant it can as well delete it
	}
	return !s.IssuedAt.After(c.IssuedAt.Truncate(time.Millisecond))
}
