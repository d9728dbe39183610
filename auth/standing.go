package auth

import "context"

// A Standing identifies the session that authorizes a write. The transaction that writes
// checks that the session still stands: it may have ended while the request waited for a
// provider, for a password hash or for a lock, and then the request must not give the
// account away. The user must exist and be enabled in any case.
type Standing struct {
	UserID string

	// Realm and SessionID name a row of the sessions table that must not have been ended.
	// They are empty where a session has no such row.
	Realm, SessionID string

	// Epoch must still be the user's, if set.
	Epoch *int64

	// Confirm asks a store that shares no transaction with the users, if set. It is
	// asked while nobody else can change what belongs to the user.
	Confirm func(context.Context) error
}

// A Stander returns the Standing of a session. A strategy that does not implement it
// cannot end sessions, so only the user can have changed.
type Stander interface {
	Standing(s Session, t Tokens) Standing
}

var (
	_ Stander = (*Database)(nil)
	_ Stander = (*Epoch)(nil)
	_ Stander = (*Hybrid)(nil)
	_ Stander = (*Rotation)(nil)
)

// Standing names the row of the session, beside the users or in another store.
func (d *Database) Standing(s Session, t Tokens) Standing {
	if !d.Apart {
		return Standing{UserID: s.User.ID, Realm: d.Realm, SessionID: s.ID}
	}
	return Standing{UserID: s.User.ID, Confirm: func(ctx context.Context) error {
		_, err := d.Authenticate(ctx, t)
		return err
	}}
}

// Standing names the epoch that the session was sealed with.
func (e *Epoch) Standing(s Session, _ Tokens) Standing {
	return Standing{UserID: s.User.ID, Epoch: &s.User.Epoch}
}

// Standing returns that of the source.
func (h *Hybrid) Standing(s Session, t Tokens) Standing {
	if source, ok := h.Source.(Stander); ok {
		return source.Standing(s, Tokens{Access: t.Refresh})
	}
	return Standing{UserID: s.User.ID}
}

// Standing names the row of the family.
func (r *Rotation) Standing(s Session, _ Tokens) Standing {
	return Standing{UserID: s.User.ID, Realm: r.Realm, SessionID: s.ID}
}

// Standing returns the Standing of s, the session that the request carries.
func (m *Manager) Standing(jar *Jar, s Session) Standing {
	stander, ok := m.Strategy.(Stander)
	if !ok {
		return Standing{UserID: s.User.ID}
	}
	t, err := m.tokens(jar)
	if err != nil {
		t = Tokens{} // half a value: confirms nothing
	}
	return stander.Standing(s, t)
}

// unchanged reads the user of a sign-in again. It returns [ErrDisabled] or [ErrRevoked]
// if they were disabled, or if their epoch has risen since they authenticated. A change
// between this read and the seal goes unnoticed.
func unchanged(ctx context.Context, users Users, u User) error {
	now, err := enabledUser(ctx, users, u.ID)
	if err == nil && now.Epoch != u.Epoch {
		err = ErrRevoked
	}
	return err
}
