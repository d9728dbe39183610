package auth

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// A Manager connects one strategy to HTTP. There is one kind of Manager for all
// strategies, so that the cookie rules are implemented once.
type Manager struct {
	Name     string // of the strategy; names its cookies
	Strategy Strategy
	SignOuts Sealer // of the purpose [SignOutPurpose]; see tombstone.go
	Now      func() time.Time
	Observe  Observer     // may be nil
	Log      *slog.Logger // logs faults that do not fail the request

	once  sync.Once
	steps [len(verbs)]string // what observers are told, put together once
}

const (
	stepIssue = iota
	stepAuthenticate
	stepRenew
	stepEnd
	stepConfirm
)

var verbs = [...]string{stepIssue: "issue", stepAuthenticate: "authenticate", stepRenew: "renew", stepEnd: "end", stepConfirm: "confirm"}

// Kind returns the entry of the table of strategies that m carries.
func (m *Manager) Kind() Kind {
	kind, _ := KindOf(m.Name)
	return kind
}

// observe brackets a call of the strategy.
func (m *Manager) observe(ctx context.Context, step int) observed {
	if m.Observe == nil {
		return observed{}
	}
	m.once.Do(func() {
		for i, verb := range verbs {
			m.steps[i] = m.Name + " " + verb
		}
	})
	return observe(ctx, m.Observe, "strategy", m.steps[step])
}

// Load returns the session of the request, and renews it when it is due. A refusal that
// ends the session clears the cookies. A fault keeps them.
//
// A fault while renewing a session that was already accepted is logged and the
// session stands; a refusal is final.
func (m *Manager) Load(ctx context.Context, jar *Jar) (Session, error) {
	t, err := m.tokens(jar)
	if err != nil {
		m.clear(jar)
		return Session{}, err
	}
	s, err := m.authenticate(ctx, t)
	if err == nil && m.signedOut(ctx, jar, s) {
		err = ErrSignedOut
	}
	switch {
	case err == nil && over(s.RenewAt, m.Now()) && s.RenewAt.Before(s.EndsAt):
		renewed, err := m.renew(ctx, jar, t)
		switch {
		case err == nil:
			renewed.User = s.User // authenticate's user is current; the renewed session may carry an older copy
		case !Refused(err):
			m.Log.WarnContext(ctx, "session not renewed", "strategy", m.Name, "error", err)
			return s, nil
		}
		return renewed, err
	case errors.Is(err, ErrStale):
		return m.renew(ctx, jar, t)
	case endsSession(err):
		m.clear(jar)
	}
	return s, err
}

// endsSession reports whether err ends the session for good. ErrDisabled does not: the
// session works again when the user is enabled.
func endsSession(err error) bool { return Refused(err) && !errors.Is(err, ErrDisabled) }

// SignOut ends the session that the request carries and clears its cookies. The cookies
// go even when the store fails; the error then means that the session may still be live
// on the server.
func (m *Manager) SignOut(ctx context.Context, jar *Jar) error {
	t, err := m.tokens(jar)
	m.clear(jar)
	if err != nil {
		return nil // half a value: nothing to end
	}
	return errors.Join(m.addToTombstone(ctx, jar, m.identify(ctx, t)), m.end(ctx, t))
}

func (m *Manager) issue(ctx context.Context, in SignIn) (t Tokens, err error) {
	defer m.observe(ctx, stepIssue).done(&err)
	_, t, err = m.Strategy.Issue(ctx, in)
	return t, err
}

func (m *Manager) authenticate(ctx context.Context, t Tokens) (s Session, err error) {
	if t == (Tokens{}) {
		return Session{}, ErrNoSession
	}
	defer m.observe(ctx, stepAuthenticate).done(&err)
	return m.Strategy.Authenticate(ctx, t)
}

func (m *Manager) renew(ctx context.Context, jar *Jar, old Tokens) (s Session, err error) {
	defer m.observe(ctx, stepRenew).done(&err)
	s, t, err := m.Strategy.Renew(ctx, old)
	if err == nil && m.signedOut(ctx, jar, s) {
		err = ErrSignedOut
	}
	if err != nil {
		m.dropEnded(ctx, jar, err)
		return Session{}, err
	}
	return s, m.write(jar, t)
}

// dropEnded clears the cookies of a session that err says is over.
func (m *Manager) dropEnded(ctx context.Context, jar *Jar, err error) {
	if errors.Is(err, ErrReused) {
		m.Log.WarnContext(ctx, "refresh_reuse", "strategy", m.Name)
	}
	if endsSession(err) {
		m.clear(jar)
	}
}

func (m *Manager) end(ctx context.Context, t Tokens) (err error) {
	if t == (Tokens{}) {
		return nil
	}
	defer m.observe(ctx, stepEnd).done(&err)
	return m.Strategy.End(ctx, t)
}

// LoadBearer returns the session of a bearer token (RFC 6750). Cookies are neither read
// nor written: API clients do not use cookies.
func (m *Manager) LoadBearer(ctx context.Context, token string) (Session, error) {
	return m.authenticate(ctx, Tokens{Access: Token{Value: token}})
}

// SessionCookie and RefreshCookie name the cookies of a strategy, without the
// __Host- prefix that every [Jar] adds.
func SessionCookie(strategy string) string { return "session-" + strategy }
func RefreshCookie(strategy string) string { return "refresh-" + strategy }

// tokens reads both values. An incomplete cookie counts as missing, because the other
// cookie may restore it. If the other is missing too, the error is ErrInvalid.
func (m *Manager) tokens(jar *Jar) (t Tokens, err error) {
	var half [2]error
	t.Access.Value, half[0] = jar.Get(SessionCookie(m.Name))
	t.Refresh.Value, half[1] = jar.Get(RefreshCookie(m.Name))
	if t == (Tokens{}) {
		err = cmp.Or(half[0], half[1])
	}
	return t, err
}

func (m *Manager) write(jar *Jar, t Tokens) error {
	if err := m.set(jar, SessionCookie(m.Name), t.Access); err != nil {
		return err
	}
	if t.Refresh.Value == "" {
		return nil
	}
	return m.set(jar, RefreshCookie(m.Name), t.Refresh)
}

func (m *Manager) set(jar *Jar, name string, t Token) error {
	if t.Expires.IsZero() {
		return jar.Set(name, t.Value, 0)
	}
	return jar.Set(name, t.Value, t.Expires.Sub(m.Now()))
}

func (m *Manager) clear(jar *Jar) {
	jar.Clear(SessionCookie(m.Name))
	jar.Clear(RefreshCookie(m.Name))
}
