package db

import (
	"context"
	"errors"
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

// Spend marks the token with one conditional update. The caller that changes the row has
// spent the token. Any other replaces an unspent successor, also by a conditional update,
// or reads why the token was refused.
func (s Sessions) Spend(ctx context.Context, sp auth.Spend) (spent auth.Spent, err error) {
	err = s.DB.transact(ctx, func(tx *tx) error {
		n, err := tx.exec(ctx, spendToken, sp.Hash, sp.Realm, millis(sp.Now), sp.Sealed, sp.Next)
		if err != nil {
			return err
		}
		if n == 1 {
			spent, err = tx.succeed(ctx, sp)
			return err
		}
		spent, err = tx.retry(ctx, sp)
		if errors.Is(err, auth.ErrNotFound) {
			spent, err = tx.spentBefore(ctx, sp)
		}
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

// retry replaces the successor of a spent token and slides nothing; auth.ErrNotFound
// if there is none to replace.
func (t *tx) retry(ctx context.Context, sp auth.Spend) (auth.Spent, error) {
	if sp.Grace <= 0 {
		return auth.Spent{}, auth.ErrNotFound
	}
	now, expires := millis(sp.Now), int64(0)
	if err := t.queryRow(ctx, replaceSuccessor, []any{sp.Hash, sp.Realm, now, sp.Grace.Milliseconds()}, []any{&expires}); err != nil {
		return auth.Spent{}, err
	}
	if _, err := t.exec(ctx, retryToken, sp.Hash, sp.Realm, now, sp.Sealed, sp.Next); err != nil {
		return auth.Spent{}, err
	}
	spent, _, err := t.token(ctx, sp)
	if err != nil {
		return auth.Spent{}, err
	}
	row := &spent.Row
	row.Session.ExpiresAt = instant(expires) // of the replaced successor
	_, err = t.exec(ctx, insertToken, sp.Next, sp.Realm, row.Session.ID, expires, millis(row.Session.EndsAt))
	return spent, err
}

// spentBefore returns why a token could not be spent. It ends the family of one that is
// dead, or that comes back outside the grace, unless its user is disabled: they may
// be enabled again.
func (t *tx) spentBefore(ctx context.Context, sp auth.Spend) (auth.Spent, error) {
	spent, was, err := t.token(ctx, sp)
	if err != nil {
		return auth.Spent{}, err
	}
	row, within := &spent.Row, was.used.Sub(sp.Now).Abs() < sp.Grace
	switch {
	case !row.EndedAt.IsZero():
	case was.used.IsZero() && !was.dead:
		row.Session.ExpiresAt = was.expires // this token's own expiry, which never changes
	case row.Session.User.Disabled:
	case was.dead || !within:
		spent.Reused = true
		_, err = t.exec(ctx, endFamily, sp.Hash, sp.Realm, millis(sp.Now))
	}
	return spent, err
}

// A tokenState is the stored state of a refresh token.
type tokenState struct {
	used    time.Time // or retried, if it was; zero if neither
	dead    bool
	expires time.Time
}

// token reads a refresh token with its family.
func (t *tx) token(ctx context.Context, sp auth.Spend) (spent auth.Spent, f tokenState, err error) {
	c := sessionRow{realm: sp.Realm}
	var used, expires int64
	dest := append(c.dest(), &used, &f.dead, &expires, &spent.Sealed)
	if err := t.queryRow(ctx, findToken, []any{sp.Hash, sp.Realm}, dest); err != nil {
		return auth.Spent{}, tokenState{}, err
	}
	spent.Row, f.used, f.expires = c.row(), instant(used), instant(expires)
	return spent, f, nil
}

// Family reads the family of a token together with its user.
func (s Sessions) Family(ctx context.Context, realm, hash string) (auth.Spent, error) {
	c, replaced := sessionRow{realm: realm}, false
	if err := s.DB.queryRow(ctx, findFamily, []any{hash, realm}, append(c.dest(), &replaced)); err != nil {
		return auth.Spent{}, fmt.Errorf("find family: %w", err)
	}
	row := c.row()
	return auth.Spent{Row: row, Reused: replaced && row.EndedAt.IsZero() && !row.Session.User.Disabled}, nil
}

// FindByID reads a session by its public id, together with its user.
func (s Sessions) FindByID(ctx context.Context, realm, id string) (auth.Row, error) {
	c := sessionRow{realm: realm}
	if err := s.DB.queryRow(ctx, findSessionByID, []any{id, realm}, c.dest()); err != nil {
		return auth.Row{}, fmt.Errorf("find session: %w", err)
	}
	return c.row(), nil
}

// EndFamily marks the family. If it was marked before, the earlier time stays.
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
