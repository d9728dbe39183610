package auth

import (
	"context"
	"errors"
	"fmt"
)

// The budget of a sign-in. Servers and proxies refuse requests whose headers are
// too large, and a browser that carries too much could not even sign out.
const (
	maxCookieHeader = 12 << 10 // bytes of the Cookie header that a sign-in may lead to
	otherCookies    = 1 << 10  // of which for cookies that are no session
)

// IssueAll starts a session under every manager, or under none: it sets cookies
// only when all have issued. The sessions that the request came with end, so
// that one planted before the sign-in dies with it.
//
// The profile must fit: if the cookies would be too many bytes the picture goes,
// then the name is shortened, and then it is [ErrTooLarge] and nothing was lost.
func IssueAll(ctx context.Context, jar *Jar, in SignIn, managers ...*Manager) error {
	issued, err := issueWithin(ctx, in, managers)
	if err != nil {
		return err
	}
	for i, m := range managers {
		old, _ := m.tokens(jar)
		if err := m.write(jar, issued[i]); err != nil {
			return errors.Join(err, endAll(ctx, managers, issued))
		}
		if err := m.end(ctx, old); err != nil {
			m.Log.WarnContext(ctx, "earlier session not ended", "strategy", m.Name, "error", err)
		}
	}
	jar.Clear(signedOutCookie)
	return nil
}

// issueWithin trims the profile until the session cookies fit.
func issueWithin(ctx context.Context, in SignIn, managers []*Manager) ([]Tokens, error) {
	for _, trim := range []func(*User){
		func(*User) {},
		func(u *User) { u.Picture = "" },
		func(u *User) { u.Name = plain(u.Name, 24) },
	} {
		trim(&in.User)
		issued, size, err := issueEach(ctx, in, managers)
		if err != nil {
			return nil, err
		}
		if size <= maxCookieHeader-otherCookies {
			return issued, nil
		}
		if err := endAll(ctx, managers, issued); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxCookieHeader-otherCookies)
}

func issueEach(ctx context.Context, in SignIn, managers []*Manager) (issued []Tokens, size int, err error) {
	for _, m := range managers {
		t, err := m.issue(ctx, in)
		if err != nil {
			return nil, 0, errors.Join(fmt.Errorf("sign in under %s: %w", m.Name, err), endAll(ctx, managers, issued))
		}
		issued = append(issued, t)
		size += cookieSize(SessionCookie(m.Name), t.Access.Value) + cookieSize(RefreshCookie(m.Name), t.Refresh.Value)
	}
	return issued, size, nil
}

// cookieSize is what a cookie adds to the Cookie header.
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
