package auth

import "context"

// Confirm asks what the server remembers of a session that Load accepted, and returns it
// with the user as they are now. It ignores copies cached in the browser. If the strategy
// is not a [Confirmer], Confirm returns loaded.
//
// A refusal that ends the session clears the cookies. A fault keeps them, and
// confirms nothing.
func (m *Manager) Confirm(ctx context.Context, jar *Jar, loaded Session) (Session, error) {
	c, ok := m.Strategy.(Confirmer)
	if !ok {
		return loaded, nil
	}
	t, err := m.tokens(jar)
	if err != nil {
		return Session{}, err
	}
	s, err := m.confirm(ctx, c, t, loaded)
	m.dropEnded(ctx, jar, err)
	return s, err
}

// ConfirmBearer does as [Manager.Confirm] does for a session that [Manager.LoadBearer]
// accepted. It returns ErrNotConfirmable if the strategy keeps no session to look the
// token up in.
func (m *Manager) ConfirmBearer(ctx context.Context, token string, loaded Session) (Session, error) {
	c, ok := m.Strategy.(Confirmer)
	if !ok {
		return Session{}, ErrNotConfirmable
	}
	return m.confirm(ctx, c, Tokens{Access: Token{Value: token}}, loaded)
}

func (m *Manager) confirm(ctx context.Context, c Confirmer, t Tokens, loaded Session) (_ Session, err error) {
	defer m.observe(ctx, stepConfirm).done(&err)
	s, err := c.Confirm(ctx, t)
	if err == nil && s.ID != loaded.ID {
		err = ErrInvalid // the copy was one of another session
	}
	if err != nil {
		return Session{}, err
	}
	loaded.User = s.User
	return loaded, nil
}
