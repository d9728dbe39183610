package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sessionlab/auth"
)

var (
	_ auth.Epochs    = (*DB)(nil)
	_ auth.Directory = (*DB)(nil)
)

// User reads one user.
func (d *DB) User(ctx context.Context, id string) (auth.User, error) {
	var u auth.User
	if err := d.queryRow(ctx, findUser, []any{id}, userDest(&u)); err != nil {
		return auth.User{}, fmt.Errorf("find user: %w", err)
	}
	return u, nil
}

// Joined returns when a user signed in for the first time; auth.ErrNotFound if
// there is no such user.
func (d *DB) Joined(ctx context.Context, id string) (time.Time, error) {
	var at int64
	if err := d.queryRow(ctx, findJoined, []any{id}, []any{&at}); err != nil {
		return time.Time{}, fmt.Errorf("find first sign-in: %w", err)
	}
	return instant(at), nil
}

// SignIn looks the account up by (issuer, subject) and by nothing else: two
// accounts with one email are two users. Whoever is known and unchanged costs
// one read; a changed profile replaces the stored one.
func (d *DB) SignIn(ctx context.Context, id auth.Identity) (auth.User, error) {
	u, err := d.signIn(ctx, id)
	if err != nil {
		return auth.User{}, fmt.Errorf("sign in: %w", err)
	}
	return u, nil
}

func (d *DB) signIn(ctx context.Context, id auth.Identity) (auth.User, error) {
	a, err := d.account(ctx, id)
	if errors.Is(err, auth.ErrNotFound) {
		if err := d.addAccount(ctx, id); err != nil {
			return auth.User{}, err
		}
		// Somebody else may have been quicker, and linked it to another user.
		a, err = d.account(ctx, id)
	}
	if err != nil {
		return auth.User{}, err
	}
	if a.user.Disabled {
		return auth.User{}, auth.ErrDisabled
	}
	told := id.User()
	fresh := account{told, told.Email, id.EmailVerified}
	fresh.user.ID, fresh.user.Role, fresh.user.Epoch = a.user.ID, a.user.Role, a.user.Epoch
	if fresh == a {
		return a.user, nil
	}
	return fresh.user, d.updateAccount(ctx, id, fresh)
}

// An account is what is stored of somebody at a provider, and the user it leads
// to.
type account struct {
	user     auth.User
	email    string
	verified bool
}

func (d *DB) account(ctx context.Context, id auth.Identity) (account, error) {
	var a account
	err := d.queryRow(ctx, findAccount, []any{id.Issuer, id.Subject},
		append([]any{&a.email, &a.verified}, userDest(&a.user)...))
	return a, err
}

// addAccount creates what is missing of the user and the account.
func (d *DB) addAccount(ctx context.Context, id auth.Identity) error {
	u, now := id.User(), millis(d.now())
	return d.transact(ctx, func(tx *tx) error {
		_, err := tx.exec(ctx, insertUser, u.ID, u.Email, flag(id.EmailVerified), u.Name, u.Picture, u.Role, now)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, insertAccount, id.Issuer, id.Subject, id.Provider, u.ID, u.Email, flag(id.EmailVerified), now)
		return err
	})
}

func (d *DB) updateAccount(ctx context.Context, id auth.Identity, a account) error {
	u := a.user
	return d.transact(ctx, func(tx *tx) error {
		_, err := tx.exec(ctx, updateUser, u.ID, u.Email, flag(a.verified), u.Name, u.Picture, millis(d.now()))
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, updateAccount, id.Issuer, id.Subject, a.email, flag(a.verified))
		return err
	})
}

// SetRole gives a user a role; auth.ErrNotFound if there is no such user.
func (d *DB) SetRole(ctx context.Context, userID, role string) error {
	return d.changeUser(ctx, "set role", setRole, userID, role, millis(d.now()))
}

// Disable shuts a user out: they cannot sign in, and what is read or renewed
// from the table is refused. The epoch rises, so that what was sealed with the
// old one stays dead when they are enabled again. auth.ErrNotFound if there is
// no such user.
func (d *DB) Disable(ctx context.Context, userID string, now time.Time) error {
	return d.changeUser(ctx, "disable user", disableUser, userID, millis(now))
}

// Enable lets a user in again; auth.ErrNotFound if there is no such user.
func (d *DB) Enable(ctx context.Context, userID string, now time.Time) error {
	return d.changeUser(ctx, "enable user", enableUser, userID, millis(now))
}

func (d *DB) changeUser(ctx context.Context, what string, s statement, args ...any) error {
	n, err := d.exec(ctx, s, args...)
	if err == nil && n == 0 {
		err = auth.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// userDest is where userColumns go.
func userDest(u *auth.User) []any {
	return []any{&u.ID, &u.Email, &u.Name, &u.Picture, &u.Role, &u.Epoch, &u.Disabled}
}
