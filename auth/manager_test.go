package auth_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
)

// scripted is a strategy that answers what a test tells it to.
type scripted struct {
	session                auth.Session
	issue, authErr, renErr error
	value                  string
	ended                  []string
}

func (s *scripted) Issue(context.Context, auth.SignIn) (auth.Session, auth.Tokens, error) {
	return s.session, auth.Tokens{Access: auth.Token{Value: s.value}}, s.issue
}

func (s *scripted) Authenticate(context.Context, auth.Tokens) (auth.Session, error) {
	return s.session, s.authErr
}

func (s *scripted) Renew(_ context.Context, t auth.Tokens) (auth.Session, auth.Tokens, error) {
	return s.session, auth.Tokens{Access: auth.Token{Value: t.Access.Value + "+"}}, s.renErr
}

func (s *scripted) End(_ context.Context, t auth.Tokens) error {
	s.ended = append(s.ended, t.Access.Value)
	return s.renErr
}

func manager(t testing.TB, name string, s auth.Strategy) *auth.Manager {
	return &auth.Manager{
		Name: name, Strategy: s, SignOuts: newVault(t, "securecookie").Sealer(auth.SignOutPurpose),
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
}

var errDown = errors.New("store down")

func TestManagerLoad(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	due := auth.Session{ID: "s", RenewAt: now, ExpiresAt: now.Add(time.Hour), EndsAt: now.Add(2 * time.Hour)}
	fresh := due
	fresh.RenewAt = now.Add(time.Minute)
	done := due
	done.RenewAt = done.EndsAt

	for _, c := range []struct {
		name    string
		s       scripted
		cookies string
		err     error
		browser string // afterwards
	}{
		{"no cookie", scripted{session: fresh}, "", auth.ErrNoSession, ""},
		{"accepted", scripted{session: fresh}, "__Host-session-x=v", nil, "__Host-session-x=v"},
		{"due: renewed", scripted{session: due}, "__Host-session-x=v", nil, "__Host-session-x=v+"},
		{"never due again", scripted{session: done}, "__Host-session-x=v", nil, "__Host-session-x=v"},
		{"due, but the store is down: stands", scripted{session: due, renErr: errDown}, "__Host-session-x=v", nil, "__Host-session-x=v"},
		{"due, and refused: final", scripted{session: due, renErr: auth.ErrRevoked}, "__Host-session-x=v", auth.ErrRevoked, ""},
		{"stale: renewed", scripted{session: due, authErr: auth.ErrStale}, "__Host-session-x=v", nil, "__Host-session-x=v+"},
		{"stale, and the store is down: a fault", scripted{authErr: auth.ErrStale, renErr: errDown}, "__Host-session-x=v", errDown, "__Host-session-x=v"},
		{"refused: cleared", scripted{authErr: auth.ErrExpired}, "__Host-session-x=v", auth.ErrExpired, ""},
		{"disabled: kept, for it may be undone", scripted{authErr: auth.ErrDisabled}, "__Host-session-x=v", auth.ErrDisabled, "__Host-session-x=v"},
		{"stale and disabled: kept", scripted{authErr: auth.ErrStale, renErr: auth.ErrDisabled}, "__Host-session-x=v", auth.ErrDisabled, "__Host-session-x=v"},
		{"a fault: kept", scripted{authErr: errDown}, "__Host-session-x=v", errDown, "__Host-session-x=v"},
		{"a gap: cleared", scripted{session: fresh}, "__Host-session-x.2=v", auth.ErrInvalid, ""},
	} {
		m := manager(t, "x", &c.s)
		m.Now = func() time.Time { return now }
		jar, h := jarOf(c.cookies)
		_, err := m.Load(context.Background(), jar)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.err)
		}
		if got := after(t, c.cookies, h); got != c.browser {
			t.Errorf("%s: the browser has %q, want %q", c.name, got, c.browser)
		}
	}
}

// sliding renews with the copy of the user that it carries along, as epoch does.
type sliding struct{ scripted }

func (s *sliding) Renew(ctx context.Context, t auth.Tokens) (auth.Session, auth.Tokens, error) {
	session, t, err := s.scripted.Renew(ctx, t)
	session.User.Role = auth.RoleAdmin
	return session, t, err
}

// The role that was read a moment ago counts, not the copy that slides along:
// whoever was demoted is not an admin again for one request in a week.
func TestManagerBelievesWhatWasJustRead(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s := &sliding{scripted{session: auth.Session{User: auth.User{Role: auth.RoleMember}, RenewAt: now, EndsAt: now.Add(time.Hour)}}}
	m := manager(t, "x", s)
	m.Now = func() time.Time { return now }
	jar, _ := jarOf("__Host-session-x=v")
	if got, err := m.Load(context.Background(), jar); err != nil || got.User.Role != auth.RoleMember {
		t.Errorf("got %q, %v, want %q", got.User.Role, err, auth.RoleMember)
	}
}

func TestManagerSignOutClearsEvenWhenTheStoreFails(t *testing.T) {
	s := &scripted{session: auth.Session{ID: "s"}, renErr: errDown}
	m := manager(t, "x", s)
	jar, h := jarOf("__Host-session-x=v; __Host-refresh-x=r; __Host-session-y=other")
	if err := m.SignOut(context.Background(), jar); !errors.Is(err, errDown) {
		t.Errorf("got %v, want the fault: a false success would hide a living session", err)
	}
	got := after(t, "__Host-session-x=v; __Host-refresh-x=r; __Host-session-y=other", h)
	if !strings.HasPrefix(got, "__Host-session-y=other; __Host-signed-out=") || strings.Contains(got, "-x=") {
		t.Errorf("the browser has %q", got)
	}
}

func TestIssueAllIsAllOrNothing(t *testing.T) {
	ctx, in, before := context.Background(), auth.SignIn{Remember: true}, "__Host-session-a=old"
	issue := func(managers ...*auth.Manager) (http.Header, error) {
		jar, h := jarOf(before)
		return h, auth.IssueAll(ctx, jar, in, managers...)
	}

	a, b := &scripted{value: "new-a"}, &scripted{value: "new-b"}
	h, err := issue(manager(t, "a", a), manager(t, "b", b))
	if err != nil {
		t.Fatal(err)
	}
	if got := after(t, before, h); got != "__Host-session-a=new-a; __Host-session-b=new-b" {
		t.Errorf("the browser has %q", got)
	}
	if len(a.ended) != 1 || a.ended[0] != "old" {
		t.Errorf("ended %q, want the session that the request came with", a.ended)
	}

	a, b = &scripted{value: "new-a"}, &scripted{issue: errDown}
	if h, err = issue(manager(t, "a", a), manager(t, "b", b)); !errors.Is(err, errDown) || len(h["Set-Cookie"]) != 0 {
		t.Errorf("got %v and %d cookies, want the fault and none", err, len(h["Set-Cookie"]))
	}
	if len(a.ended) != 1 || a.ended[0] != "new-a" {
		t.Errorf("ended %q, want what had been issued already", a.ended)
	}

	a, b = &scripted{value: strings.Repeat("a", 7000)}, &scripted{value: strings.Repeat("b", 7000)}
	if h, err = issue(manager(t, "a", a), manager(t, "b", b)); !errors.Is(err, auth.ErrTooLarge) || len(h["Set-Cookie"]) != 0 {
		t.Errorf("got %v and %d cookies, want %v and none", err, len(h["Set-Cookie"]), auth.ErrTooLarge)
	}
}
