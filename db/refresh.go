package db

import (
	"context"
	"fmt"
	"time"

	"sessionlab/auth"
)

var _ auth.RefreshStore = Sessions{}

// CreateFamily stores the family's row and its first token, or neither.
func (s Sessions) CreateFamily(ctx context.Context, family auth.Row, keep int) error {
	err := s.DB.transact(ctx, func(tx *tx) error {
		if err := tx.createSession(ctx, family, keep); err != nil {
			return err
		}
		v := family.Session
		_, err := tx.exec(ctx, insertToken, family.Hash, family.Realm, v.ID, millis(v.ExpiresAt), millis(v.EndsAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("create family: %w", err)
	}
	return nil
}

// Spend marks the token by one guarded statement. Whoever changes the row is the
// one who spent it; everybody else reads what became of it.
func (s Sessions) Spend(ctx context.Context, sp auth.Spend) (spent auth.Spent, err error) {
	err = s.DB.transact(ctx, func(tx *tx) error {
		now := millis(sp.Now)
		n, err := tx.exec(ctx, spendToken, sp.Hash, sp.Realm, now, sp.Sealed)
		if err != nil {
			return err
		}
		if n == 1 {
			spent, err = tx.succeed(ctx, sp)
			return err
		}
		spent, err = tx.spentBefore(ctx, sp)
		return err
	})
	if err != nil {
		return auth.Spent{}, fmt.Errorf("spend refresh token: %w", err)
	}
	return spent, nil
}

// succeed stores the successor of a token that was just spent.
func (t *tx) succeed(ctx context.Context, sp auth.Spend) (auth.Spent, error) {
	c := sessionRow{realm: sp.Realm}
	args := []any{sp.Hash, sp.Realm, millis(sp.Expires)}
	if err := t.queryRow(ctx, slideFamily, args, c.dest()); err != nil {
		return auth.Spent{}, err
	}
	row := c.row()
	_, err := t.exec(ctx, insertToken, sp.Next, sp.Realm, row.Session.ID, millis(row.Session.ExpiresAt), millis(row.Session.EndsAt))
	return auth.Spent{Row: row, Sealed: sp.Sealed}, err
}

// spentBefore says why a token could not be spent, and ends the family of one
// that comes back after the grace.
func (t *tx) spentBefore(ctx context.Context, sp auth.Spend) (auth.Spent, error) {
	c := sessionRow{realm: sp.Realm}
	var used, expires int64
	var spent auth.Spent
	dest := append(c.dest(), &used, &expires, &spent.Sealed)
	if err := t.queryRow(ctx, findToken, []any{sp.Hash, sp.Realm}, dest); err != nil {
		return auth.Spent{}, err
	}
	spent.Row = c.row()
	switch {
	case used == 0:
		spent.Row.Session.ExpiresAt = instant(expires) // of this token, which nothing has moved
	case sp.Now.Before(instant(used).Add(sp.Grace)) || !spent.Row.EndedAt.IsZero():
	default:
		spent.Reused = true
		_, err := t.exec(ctx, endFamily, sp.Hash, sp.Realm, millis(sp.Now))
		return spent, err
	}
	return spent, nil
}

// Family reads the family of a token together with its user.
func (s Sessions) Family(ctx context.Context, realm, hash string) (auth.Row, error) {
	c := sessionRow{realm: realm}
	if err := s.DB.queryRow(ctx, findFamily, []any{hash, realm}, c.dest()); err != nil {
		return auth.Row{}, fmt.Errorf("find family: %w", err)
	}
	return c.row(), nil
}

// EndFamily marks the family. The first time stays.
func (s Sessions) EndFamily(ctx context.Context, realm, hash string, now time.Time) error {
	if _, err := s.DB.exec(ctx, endFamily, hash, realm, millis(now)); err != nil {
		return fmt.Errorf("end family: %w", err)
	}
	return nil
}

// RaiseEpoch ends what was sealed with the user's epoch; auth.ErrNotFound if there
// is no such user.
func (d *DB) RaiseEpoch(ctx context.Context, userID string) error {
	return d.changeUser(ctx, "raise epoch", raiseEpoch, userID, millis(d.now()))
}
