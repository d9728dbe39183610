package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sessionlab/auth"
)

// readOnly is a store that can be read and not written, such as one that is full.
type readOnly struct{ auth.SessionStore }

var errFull = errors.New("store is full")

func (readOnly) Slide(context.Context, string, string, time.Time, time.Time) (auth.Row, error) {
	return auth.Row{}, errFull
}

// A session that is due to slide and cannot stands, as under database.
func TestHybridOverAStoreThatCannotBeWritten(t *testing.T) {
	s := stageOf(t, "hybrid")
	first, tokens := s.signIn(s.ada)
	s.parts.Behind = readOnly{s.parts.Sessions}
	s.strategy = s.build(s.parts)
	s.clock.Advance(6 * 24 * time.Hour) // past the snapshot, and due
	if got := s.accepted(&tokens); !got.ExpiresAt.Equal(first.ExpiresAt) {
		t.Errorf("it ends %v, want %v as before: nothing was written", got.ExpiresAt, first.ExpiresAt)
	}
	s.clock.now = first.ExpiresAt
	s.refused(&tokens, auth.ErrExpired)
}
