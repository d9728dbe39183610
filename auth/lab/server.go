package lab

import (
	"context"

	"sessionlab/auth"
)

// What an administrator does to the account, and an operator to the server.

// SetRole gives the user another role, as an administrator would. Sessions that
// carry a copy of the old one do not know yet.
func (b *Bench) SetRole(ctx context.Context, v Visitor, role string) error {
	return b.toUser(ctx, v, func(u auth.User) (string, error) {
		return u.Name + " was made " + role + ".", b.parts.Store.SetRole(ctx, u.ID, role)
	})
}

// Disable closes the user's account, as an administrator would.
func (b *Bench) Disable(ctx context.Context, v Visitor) error {
	return b.toUser(ctx, v, func(u auth.User) (string, error) {
		return "The account of " + u.Name + " was disabled.", b.parts.Store.Disable(ctx, u.ID, b.Now())
	})
}

// Enable opens the account again.
func (b *Bench) Enable(ctx context.Context, v Visitor) error {
	return b.toUser(ctx, v, func(u auth.User) (string, error) {
		return "The account of " + u.Name + " was enabled again.", b.parts.Store.Enable(ctx, u.ID, b.Now())
	})
}

// maxTouched bounds the users whose changes Reset has to undo.
const maxTouched = 100

// toUser applies a change to the last user's row, unless the database is unplugged.
func (b *Bench) toUser(ctx context.Context, v Visitor, do func(auth.User) (string, error)) error {
	b.act.Lock()
	defer b.act.Unlock()
	b.mu.Lock()
	user := b.user
	b.mu.Unlock()
	if user.ID == "" {
		return ErrNobody
	}
	if err := b.unplugged(); err != nil {
		return err
	}
	b.mu.Lock()
	full := len(b.touched) >= maxTouched && !b.touched[user.ID]
	if !full {
		b.touched[user.ID] = true
	}
	b.mu.Unlock()
	if full {
		return ErrManyPeople
	}
	if err := b.save(ctx); err != nil { // before, so that Reset undoes it after a crash too
		return err
	}
	text, err := do(user)
	if err != nil {
		return err
	}
	b.tell(v, "%s", text)
	return nil
}

// RaiseVersion raises the session version, which ends everything sealed.
func (b *Bench) RaiseVersion(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	if err := b.change(ctx, func(s *setup) { s.Raised++ }); err != nil {
		return err
	}
	b.did(ctx, v, "The session version was raised to %d, which ends everything that is sealed.", b.Status().Version)
	return nil
}

// RotateKey adds a key that seals from now on. The older ones still open.
func (b *Bench) RotateKey(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	if b.Status().Keys >= maxKeys {
		return ErrManyKeys
	}
	if err := b.change(ctx, func(s *setup) { s.Newest++ }); err != nil {
		return err
	}
	b.did(ctx, v, "A new key seals from now on; what the %s sealed still opens.", keys(b.Status().Keys-1))
	return nil
}

// RetireKey drops every key but the newest.
func (b *Bench) RetireKey(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	n := b.Status().Keys - 1
	if n == 0 {
		return nil // the only key is the newest
	}
	if err := b.change(ctx, func(s *setup) { s.Oldest = s.Newest }); err != nil {
		return err
	}
	b.did(ctx, v, "The %s %s dropped: what no other key opens is lost.", keys(n), map[bool]string{true: "was", false: "were"}[n == 1])
	return nil
}

func keys(n int) string {
	if n == 1 {
		return "old key"
	}
	return "old keys"
}

// Unplug takes the database away from the bench's strategies, or gives it back.
func (b *Bench) Unplug(ctx context.Context, v Visitor, out bool) error {
	b.act.Lock()
	defer b.act.Unlock()
	if b.stage.Load().plug.out.Swap(out) == out {
		return nil
	}
	if out {
		b.did(ctx, v, "The database was unplugged.")
	} else {
		b.did(ctx, v, "The database was plugged in again.")
	}
	return nil
}
