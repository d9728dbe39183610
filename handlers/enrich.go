package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

// Extra is what a site adds to a session when it is shown. It is a type of its
// own, so that it can be neither sealed nor cached.
type Extra struct {
	Role        string    `json:"role,omitempty"`       // as it is now; empty where users are not stored
	MemberSince time.Time `json:"memberSince,omitzero"` // when they first signed in; a field of this site's own
}

// An Enricher is where a site of your own adds to [Extra]. It is called for
// /dashboard and GET /api/session, never while a session is loaded, and its reads
// are not counted as the session's.
type Enricher func(ctx context.Context, s auth.Session) (Extra, error)

// Members are stored users with their history.
type Members interface {
	Member(ctx context.Context, id string) (u auth.User, joined time.Time, err error) // auth.ErrNotFound
}

// EnrichFrom is the Enricher of a site that stores its users.
func EnrichFrom(m Members) Enricher {
	return func(ctx context.Context, s auth.Session) (Extra, error) {
		u, joined, err := m.Member(ctx, s.User.ID)
		return Extra{Role: u.Role, MemberSince: joined}, err
	}
}

// enrich adds what the session itself does not say. Where the store cannot tell,
// a session that needs no store stands all the same, and is shown without.
func (s *Site) enrich(c echo.Context, session auth.Session) Extra {
	if s.Enrich == nil {
		return Extra{}
	}
	ctx := c.Request().Context()
	extra, err := s.Enrich(ctx, session)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		s.Log.WarnContext(ctx, "session not enriched", "id", visitOf(c).id, "error", err)
	}
	return extra
}
