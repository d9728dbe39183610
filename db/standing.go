package db

import (
	"context"
	"errors"

	"sessionlab/auth"
)

// stands returns the user of by, or auth.ErrDisabled or auth.ErrRevoked unless by still
// stands. The transaction must hold the user's lock.
func (t *tx) stands(ctx context.Context, by auth.Standing) (user auth.User, err error) {
	if (by.Realm == "") != (by.SessionID == "") {
		return user, errors.New("realm and session id must be set together")
	}
	user, err = t.user(ctx, by.UserID)
	switch {
	case err != nil:
		return user, err
	case by.Epoch != nil && *by.Epoch != user.Epoch:
		return user, auth.ErrRevoked
	case by.Confirm != nil:
		return user, by.Confirm(ctx)
	}
	if by.SessionID == "" {
		return user, nil
	}
	var one int
	err = t.queryRow(ctx, sessionStands, []any{by.Realm, by.SessionID, by.UserID}, []any{&one})
	if errors.Is(err, auth.ErrNotFound) {
		err = auth.ErrRevoked
	}
	return user, err
}

// transactAs runs do in a transaction that holds the user's lock, if by still stands.
func (d *DB) transactAs(ctx context.Context, by auth.Standing, do func(*tx) error) error {
	return d.transact(ctx, func(tx *tx) error {
		if err := tx.lockUser(ctx, by.UserID); err != nil {
			return err
		}
		if _, err := tx.stands(ctx, by); err != nil {
			return err
		}
		return do(tx)
	})
}

// user reads a user, who must exist and be enabled.
func (t *tx) user(ctx context.Context, id string) (u auth.User, err error) {
	err = t.queryRow(ctx, findUserInTx, []any{id}, userDest(&u))
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return auth.User{}, auth.ErrRevoked
	case err == nil && u.Disabled:
		return auth.User{}, auth.ErrDisabled
	}
	return u, err
}

// enabled returns an error unless the user exists and is enabled.
func (t *tx) enabled(ctx context.Context, id string) error {
	_, err := t.user(ctx, id)
	return err
}

// Turn runs do while holding the user's lock. Do may run more than once.
func (d *DB) Turn(ctx context.Context, userID string, do func() error) error {
	return d.transact(ctx, func(tx *tx) error {
		if err := tx.lockUser(ctx, userID); err != nil {
			return err
		}
		return do()
	})
}
