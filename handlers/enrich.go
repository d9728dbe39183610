package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

// Extra holds data that the site adds to a session for display. It is a separate type so
// that it never ends up in a sealed or stored session.
type Extra struct {
	Role        string    `json:"role,omitempty"`       // as it is now; empty where users are not stored
	MemberSince time.Time `json:"memberSince,omitzero"` // when they first signed in; a field of this site's own
}

// An Enricher loads the [Extra] of a session. Replace it to add your own fields. It is
// called for /dashboard and GET /api/session, never while a session is loaded, and its
// reads are not counted as the session's.
type Enricher func(ctx context.Context, s auth.Session) (Extra, error)

// Members looks up stored users and when each of them first signed in.
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

// Extra adds what the session itself does not say. If the store is unavailable, the
// session is shown without it.
func (s *Site) Extra(c echo.Context, session auth.Session) Extra {
	if s.Enrich == nil {
		return Extra{}
	}
	ctx := c.Request().Context()
	extra, err := s.Enrich(ctx, session)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		s.Log.WarnContext(ctx, "session not enriched", "id", VisitOf(c).ID, "error", err)
	}
	return extra
}
