package auth

import "context"

// Confirm asks what the server remembers of a session that Load accepted, and
// returns it with the user as they are now. A copy that lies in the browser to
// save the asking does not count. A strategy that keeps no such copy has nothing
// to add: loaded stands.
//
// A refusal that ends the session clears the cookies. A fault keeps them, and
// confirms nothing.
func (m *Manager) Confirm(ctx context.Context, jar *Jar, loaded Session) (_ Session, err error) {
	c, ok := m.Strategy.(Confirmer)
	if !ok {
		return loaded, nil
	}
	t, err := m.tokens(jar)
	if err != nil {
		return Session{}, err
	}
	defer m.observe(ctx, stepConfirm).done(&err)
	s, err := c.Confirm(ctx, t)
	if err == nil && s.ID != loaded.ID {
		err = ErrInvalid // the copy was one of another session
	}
	if err != nil {
		if ends(err) {
			m.clear(jar)
		}
		return Session{}, err
	}
	loaded.User = s.User
	return loaded, nil
}
