package auth

import (
	"context"
	"errors"
	"fmt"
)

// A sign-in must leave room in [CookieBudget] for other cookies. Servers and proxies
// refuse requests whose headers are too large, and a browser whose cookies are too large
// could not even sign out.
const (
	otherCookies = 3 << 10 // bytes of CookieBudget for cookies other than sessions, such as those of a sign-in in progress
)

// IssueAll starts a session under every manager, or under none: it sets cookies
// only when all have issued. The sessions that the request came with end, so
// that one planted before the sign-in dies with it.
//
// The profile must fit: if the cookies would be too many bytes the picture goes,
// then the name is shortened, and then it is [ErrTooLarge] and the old sessions are unchanged.
func IssueAll(ctx context.Context, jar *Jar, in SignIn, managers ...*Manager) error {
	issued, err := issueWithin(ctx, in, managers, nil)
	if err != nil {
		return err
	}
	return replaceAll(ctx, jar, managers, issued)
}

// Carried is a session that a request carries, and its manager.
type Carried struct {
	Manager *Manager
	Session Session
}

// ReissueAll does what [IssueAll] does, for somebody who stays signed in. A session is
// issued only while the one that it replaces still stands: a browser that was signed out
// from elsewhere meanwhile is not signed in again. The epoch checked is in.User's, not
// the old session's.
func ReissueAll(ctx context.Context, jar *Jar, in SignIn, carried []Carried) error {
	standings, managers := map[string]*Standing{}, make([]*Manager, len(carried))
	for i, c := range carried {
		standing := c.Manager.Standing(jar, c.Session)
		standing.Epoch = nil
		standings[c.Manager.Name], managers[i] = &standing, c.Manager
	}
	issued, err := issueWithin(ctx, in, managers, standings)
	if err != nil {
		return err
	}
	return replaceAll(ctx, jar, managers, issued)
}

// replaceAll sets the cookies of the new sessions and ends those of the request.
func replaceAll(ctx context.Context, jar *Jar, managers []*Manager, issued []Tokens) error {
	for i, m := range managers {
		old, _ := m.tokens(jar)
		replaced := m.identify(ctx, old)
		if err := m.write(jar, issued[i]); err != nil {
			return errors.Join(err, endAll(ctx, managers, issued))
		}
		if err := errors.Join(m.addToTombstone(ctx, jar, replaced), m.end(ctx, old)); err != nil {
			m.Log.WarnContext(ctx, "earlier session not ended", "strategy", m.Name, "error", err)
		}
	}
	return nil
}

// issueWithin trims the profile until the session cookies fit.
func issueWithin(ctx context.Context, in SignIn, managers []*Manager, standings map[string]*Standing) ([]Tokens, error) {
	for _, trim := range []func(*User){
		func(*User) {},
		func(u *User) { u.Picture = "" },
		func(u *User) { u.Name = plain(u.Name, 24) },
	} {
		trim(&in.User)
		issued, size, err := issueEach(ctx, in, managers, standings)
		if err != nil {
			return nil, err
		}
		if size <= CookieBudget-otherCookies {
			return issued, nil
		}
		if err := endAll(ctx, managers, issued); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, CookieBudget-otherCookies)
}

func issueEach(ctx context.Context, in SignIn, managers []*Manager, standings map[string]*Standing) (issued []Tokens, size int, err error) {
	for _, m := range managers {
		in.Replaces = standings[m.Name]
		t, err := m.issue(ctx, in)
		if err != nil {
			return nil, 0, errors.Join(fmt.Errorf("sign in under %s: %w", m.Name, err), endAll(ctx, managers, issued))
		}
		issued = append(issued, t)
		size += cookieSize(SessionCookie(m.Name), t.Access.Value) + cookieSize(RefreshCookie(m.Name), t.Refresh.Value)
	}
	return issued, size, nil
}

// cookieSize returns the bytes that a cookie adds to the Cookie header.
func cookieSize(name, value string) int {
	if value == "" {
		return 0
	}
	return len(prefix) + len(name) + len("=") + len(value) + len("; ")
}

func endAll(ctx context.Context, managers []*Manager, issued []Tokens) (err error) {
	for i, t := range issued {
		err = errors.Join(err, managers[i].end(ctx, t))
	}
	return err
}
