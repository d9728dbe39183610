package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sessionlab/auth"
)

// remembering is a strategy whose server remembers what a test tells it to.
type remembering struct {
	scripted
	confirmed auth.Session
	err       error
}

var _ auth.Confirmer = (*remembering)(nil)

func (r *remembering) Confirm(context.Context, auth.Tokens) (auth.Session, error) {
	return r.confirmed, r.err
}

func TestConfirm(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	loaded := auth.Session{ID: "s", User: auth.User{ID: "ada", Role: auth.RoleAdmin}, IssuedAt: start}
	live := loaded
	live.User.Role, live.IssuedAt = auth.RoleMember, start.Add(time.Hour)
	other := live
	other.ID = "another"
	for _, c := range []struct {
		name     string
		strategy auth.Strategy
		want     auth.User
		err      error
		browser  string
	}{
		{"remembered: the live user", &remembering{confirmed: live}, live.User, nil, "__Host-session-x=v"},
		{"revoked: cleared", &remembering{err: auth.ErrRevoked}, auth.User{}, auth.ErrRevoked, ""},
		{"another session: cleared", &remembering{confirmed: other}, auth.User{}, auth.ErrInvalid, ""},
		{"a fault keeps the cookies", &remembering{err: errDown}, auth.User{}, errDown, "__Host-session-x=v"},
		{"nothing to ask", &scripted{}, loaded.User, nil, "__Host-session-x=v"},
	} {
		jar, h := jarOf("__Host-session-x=v")
		got, err := manager(t, "x", c.strategy).Confirm(t.Context(), jar, loaded)
		if !errors.Is(err, c.err) || got.User != c.want {
			t.Errorf("%s: got %+v, %v", c.name, got.User, err)
		}
		if err == nil && !got.IssuedAt.Equal(start) {
			t.Errorf("%s: the sign-in moved to %s", c.name, got.IssuedAt)
		}
		if now := after(t, "__Host-session-x=v", h); now != c.browser {
			t.Errorf("%s: the browser has %q, want %q", c.name, now, c.browser)
		}
	}
}
