package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
)

// A response that was on its way when its browser signed out may arrive late and bring a
// renewed cookie: the browser would be signed in again without anyone noticing. Therefore
// a sign-out leaves a tombstone, a sealed cookie with hashes of the ids of the sessions
// that ended, and so does a sign-in that replaces others. A session that it names is
// refused. A late cookie may still overwrite the next user's cookie, but it never signs
// the previous user in.
//
// It compares no times, so a clock that steps back refuses nobody. It names the
// sessions that ended last; the oldest are dropped first.
//
// It protects the browser that signed out. It is no help against a thief, who has no
// tombstone in his copy.

// SignOutPurpose is the purpose of the sealer of tombstones.
const SignOutPurpose = "signed-out"

const (
	signedOutCookie = "signed-out"
	maxSignedOut    = 32 // sessions on a tombstone: the last four sign-outs of seven strategies, and a few more
	idHashBytes     = 6  // bytes of each hash: the chance of a false match is about 1 in 10^13
)

// addToTombstone adds a session id to the browser's tombstone. An empty id adds nothing.
func (m *Manager) addToTombstone(ctx context.Context, jar *Jar, id string) error {
	if id == "" {
		return nil
	}
	current, err := jar.Current(signedOutCookie)
	if err != nil {
		current = "" // half a tombstone says nothing
	}
	graves := slices.Concat(idHash(id), m.graves(ctx, current))
	graves = graves[:min(len(graves), maxSignedOut*idHashBytes)]
	data, err := json.Marshal(graves)
	if err != nil {
		return err
	}
	now := m.Now()
	end := now.Add(maxCookieAge)
	value, err := m.SignOuts.Seal(ctx, Claims{IssuedAt: now, ExpiresAt: end, EndsAt: end, Data: data})
	if err != nil {
		return err
	}
	return jar.Set(signedOutCookie, value, maxCookieAge)
}

// signedOut reports whether the browser has signed out of s.
func (m *Manager) signedOut(ctx context.Context, jar *Jar, s Session) bool {
	value, err := jar.Get(signedOutCookie)
	if err != nil || value == "" {
		return false
	}
	for g := range slices.Chunk(m.graves(ctx, value), idHashBytes) {
		if bytes.Equal(g, idHash(s.ID)) {
			return true
		}
	}
	return false
}

// graves returns the hashes on a tombstone, newest first. One that does not open counts
// as empty: whoever can plant a cookie can delete it too.
func (m *Manager) graves(ctx context.Context, value string) (graves []byte) {
	if value == "" {
		return nil
	}
	c, err := m.SignOuts.Open(ctx, value)
	if err != nil || json.Unmarshal(c.Data, &graves) != nil {
		return nil
	}
	return graves[:len(graves)-len(graves)%idHashBytes]
}

func idHash(id string) []byte {
	sum := sha256.Sum256([]byte("signed out " + id))
	return sum[:idHashBytes]
}

// identify returns the id of the session behind t, or the empty string if t is not
// accepted. A fault of the store is logged.
func (m *Manager) identify(ctx context.Context, t Tokens) string {
	if t == (Tokens{}) {
		return ""
	}
	s, err := m.Strategy.Authenticate(ctx, t)
	if errors.Is(err, ErrStale) {
		s, _, err = m.Strategy.Renew(ctx, t)
	}
	if err != nil && !Refused(err) {
		m.Log.WarnContext(ctx, "session not on the tombstone", "strategy", m.Name, "error", err)
	}
	return s.ID
}
