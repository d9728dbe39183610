package db

import (
	"context"
	"errors"
	"fmt"

	"sessionlab/auth"
)

var _ auth.Accounts = (*DB)(nil)

// Accounts reads the rows of a user.
func (d *DB) Accounts(ctx context.Context, userID string) (list []auth.Account, err error) {
	err = d.queryRows(ctx, listAccounts, []any{userID}, func(scan func(...any) error) error {
		var a auth.Account
		var linked int64
		if err := scan(&a.Provider, &a.Issuer, &a.Subject, &a.Email, &a.EmailVerified, &linked, &a.Sealed, &a.HasPassword); err != nil {
			return err
		}
		a.LinkedAt = instant(linked)
		list = append(list, a)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return list, nil
}

// Link adds an account if it does not exist yet.
func (d *DB) Link(ctx context.Context, by auth.Standing, id auth.Identity) error {
	userID := by.UserID
	err := d.transactAs(ctx, by, func(tx *tx) error {
		a, err := tx.account(ctx, id)
		switch {
		case err == nil && a.user.ID == userID:
			return nil
		case err == nil:
			return auth.ErrTaken
		case !errors.Is(err, auth.ErrNotFound):
			return err
		}
		return tx.addAccount(ctx, userID, id)
	})
	if err != nil {
		return fmt.Errorf("link account: %w", err)
	}
	return nil
}

// Unlink is one conditional statement: of two concurrent calls, the second sees that it
// would remove the last account.
func (d *DB) Unlink(ctx context.Context, by auth.Standing, provider string) error {
	userID := by.UserID
	err := d.transactAs(ctx, by, func(tx *tx) error {
		n, err := tx.exec(ctx, deleteAccount, userID, provider)
		if err != nil {
			return err
		}
		if n == 0 {
			return auth.ErrLastAccount
		}
		if provider == auth.PasswordProvider {
			_, err = tx.exec(ctx, dropPassword, userID, millis(d.now()))
		}
		return err
	})
	if d.engine.absent(err) {
		err = auth.ErrNotFound
	}
	if errors.Is(err, auth.ErrLastAccount) {
		err = d.whyNotUnlinked(ctx, userID, provider)
	}
	if err != nil {
		return fmt.Errorf("unlink account: %w", err)
	}
	return nil
}

func (d *DB) whyNotUnlinked(ctx context.Context, userID, provider string) error {
	list, err := d.Accounts(ctx, userID)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.Provider == provider {
			return auth.ErrLastAccount
		}
	}
	return auth.ErrNotFound
}

// SignUp adds a user with an id that is not in use.
func (d *DB) SignUp(ctx context.Context, u auth.User, id auth.Identity, hash string) (auth.User, error) {
	err := d.transact(ctx, func(tx *tx) error {
		switch _, err := tx.account(ctx, id); {
		case err == nil:
			return auth.ErrTaken
		case !errors.Is(err, auth.ErrNotFound):
			return err
		}
		added, err := tx.addUser(ctx, u, id, hash)
		if err == nil && !added {
			err = errIDInUse
		}
		return err
	})
	if err != nil {
		return auth.User{}, fmt.Errorf("sign up: %w", err)
	}
	return u, nil
}

// Password costs one read, whether or not there is such an account.
func (d *DB) Password(ctx context.Context, id auth.Identity) (auth.User, string, error) {
	var u auth.User
	var hash string
	err := d.queryRow(ctx, findPassword, []any{id.Issuer, id.Subject}, append([]any{&hash}, userDest(&u)...))
	if err != nil {
		return auth.User{}, "", fmt.Errorf("find password: %w", err)
	}
	return u, hash, nil
}

// SetPassword replaces the hash, or sets a first one and adds its account.
func (d *DB) SetPassword(ctx context.Context, by auth.Standing, id auth.Identity, old, hash string) (u auth.User, err error) {
	userID := by.UserID
	err = d.transactAs(ctx, by, func(tx *tx) error {
		a, err := tx.account(ctx, id)
		switch {
		case errors.Is(err, auth.ErrNotFound):
			err = tx.addAccount(ctx, userID, id)
		case err == nil && a.user.ID != userID:
			err = auth.ErrTaken
		}
		if err != nil {
			return err
		}
		n, err := tx.exec(ctx, setPassword, userID, hash, millis(d.now()), old)
		if err != nil {
			return err
		}
		if n == 0 {
			return auth.ErrRevoked // the password has changed meanwhile
		}
		u, err = tx.user(ctx, userID)
		return err
	})
	if err != nil {
		return auth.User{}, fmt.Errorf("set password: %w", err)
	}
	return u, nil
}

// Rehash leaves the epoch alone: whoever signed in with the password stays signed in.
func (d *DB) Rehash(ctx context.Context, userID, old, hash string) error {
	if _, err := d.exec(ctx, rehash, userID, old, hash, millis(d.now())); err != nil {
		return fmt.Errorf("rehash password: %w", err)
	}
	return nil
}

// KeepTokens writes beside the account; nothing if there is no such account.
func (d *DB) KeepTokens(ctx context.Context, issuer, subject, sealed string) error {
	if _, err := d.exec(ctx, keepTokens, issuer, subject, sealed); err != nil {
		return fmt.Errorf("keep tokens: %w", err)
	}
	return nil
}

// DeleteUser also deletes accounts and sessions, by their foreign keys. Refresh tokens
// stay until they are swept and are useless without their family. The id is not reused
// while a cookie of the user may still exist.
func (d *DB) DeleteUser(ctx context.Context, by auth.Standing) error {
	userID := by.UserID
	err := d.transactAs(ctx, by, func(tx *tx) error {
		_, err := tx.deleteUser(ctx, userID)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	return nil
}

// deleteUser deletes a user and reserves the id. It returns how many users that were.
func (t *tx) deleteUser(ctx context.Context, userID string) (int, error) {
	n, err := t.exec(ctx, deleteUser, userID)
	if err == nil && n > 0 {
		_, err = t.exec(ctx, insertDeparted, userID, millis(t.db.now().Add(longestSession)))
	}
	return n, err
}

// account reads an account and its user in the transaction.
func (t *tx) account(ctx context.Context, id auth.Identity) (account, error) {
	var a account
	err := t.queryRow(ctx, findAccountInTx, []any{id.Issuer, id.Subject},
		append([]any{&a.email, &a.verified, &a.first}, userDest(&a.user)...))
	return a, err
}

// addAccount adds an account that the transaction has not found. Nothing is added where
// the user has one of that provider, where there is no such user, or if another
// transaction added it first.
func (t *tx) addAccount(ctx context.Context, userID string, id auth.Identity) error {
	n, err := t.exec(ctx, insertAccount, id.Issuer, id.Subject, id.Provider, userID,
		id.User().Email, flag(id.EmailVerified), millis(t.db.now()))
	if err != nil || n == 1 {
		return err
	}
	a, err := t.account(ctx, id)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return auth.ErrLinked
	case err == nil && a.user.ID != userID:
		return auth.ErrTaken
	}
	return err
}
