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
	return recall(ctx, d, recalled{findUser, id, ""}, func() (u auth.User, err error) {
		if err := d.queryRow(ctx, findUser, []any{id}, userDest(&u)); err != nil {
			return auth.User{}, fmt.Errorf("find user: %w", err)
		}
		return u, nil
	})
}

// Member reads one user, and when they signed in for the first time;
// auth.ErrNotFound if there is no such user.
func (d *DB) Member(ctx context.Context, id string) (auth.User, time.Time, error) {
	m, err := recall(ctx, d, recalled{findMember, id, ""}, func() (m member, err error) {
		if err := d.queryRow(ctx, findMember, []any{id}, append(userDest(&m.user), &m.joined)); err != nil {
			return member{}, fmt.Errorf("find member: %w", err)
		}
		return m, nil
	})
	return m.user, instant(m.joined), err
}

type member struct {
	user   auth.User
	joined int64
}

// SignIn looks the account up by (issuer, subject) and by nothing else: two
// accounts with one email are two users. A known and unchanged user costs one read. A
// changed profile replaces the stored one only if it comes from the user's first account,
// so that two linked accounts do not overwrite each other.
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
		a, err = d.addAccount(ctx, id)
	}
	if err != nil {
		return auth.User{}, err
	}
	if a.user.Disabled {
		return auth.User{}, auth.ErrDisabled
	}
	if id.Name == "" { // for example, the provider sends the name only once, or could not be reached for it
		id.Name = a.user.Name
	}
	told := id.User()
	fresh := account{user: told, email: told.Email, verified: id.EmailVerified, first: a.first}
	fresh.user.ID, fresh.user.Role, fresh.user.Epoch = a.user.ID, a.user.Role, a.user.Epoch
	if !a.first {
		fresh.user = a.user
	}
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
	first    bool // of the user's accounts
}

func (d *DB) account(ctx context.Context, id auth.Identity) (account, error) {
	var a account
	err := d.queryRow(ctx, findAccount, []any{id.Issuer, id.Subject},
		append([]any{&a.email, &a.verified, &a.first}, userDest(&a.user)...))
	return a, err
}

// addAccount creates a user and the account that leads there, or returns the one that a
// concurrent request created.
//
// The id of the user is derived from the identity, but it may be in use: by the user whom
// the account was unlinked from. The identity must not lead to that user any more, so the
// new user gets the next derived id.
func (d *DB) addAccount(ctx context.Context, id auth.Identity) (a account, err error) {
	err = d.transact(ctx, func(tx *tx) error {
		if a, err = tx.account(ctx, id); !errors.Is(err, auth.ErrNotFound) {
			return err
		}
		a = account{user: id.User(), verified: id.EmailVerified, first: true}
		a.email = a.user.Email
		derived := id
		for n := 2; ; n++ {
			added, err := tx.addUser(ctx, a.user, id, nil)
			if err != nil || added {
				return err
			}
			// Whoever has the id may just have been given it, for this identity.
			there, err := tx.account(ctx, id)
			if !errors.Is(err, auth.ErrNotFound) {
				a = there
				return err
			}
			derived.Subject = fmt.Sprintf("%s\x00%d", id.Subject, n) // no subject has a zero byte
			a.user.ID = derived.UserID()
		}
	})
	return a, err
}

var errIDInUse = errors.New("user id is in use")

// addUser creates a user with a first account, in a transaction that has not found
// the account; false if the id is in use. auth.ErrTaken says that somebody was
// quicker to add the account, for another user.
func (t *tx) addUser(ctx context.Context, u auth.User, id auth.Identity, hash any) (added bool, err error) {
	if err := t.lockUser(ctx, u.ID); err != nil { // somebody may be deleting a user of that id
		return false, err
	}
	now := millis(t.db.now())
	n, err := t.exec(ctx, insertUser, u.ID, u.Email, flag(id.EmailVerified), u.Name, u.Picture, u.Role, now, hash)
	if err != nil || n == 0 {
		return false, err
	}
	return true, t.addAccount(ctx, u.ID, id)
}

func (d *DB) updateAccount(ctx context.Context, id auth.Identity, a account) error {
	u := a.user
	return d.transact(ctx, func(tx *tx) error {
		if a.first {
			_, err := tx.exec(ctx, updateUser, u.ID, u.Email, flag(a.verified), u.Name, u.Picture, millis(d.now()))
			if err != nil {
				return err
			}
		}
		_, err := tx.exec(ctx, updateAccount, id.Issuer, id.Subject, a.email, flag(a.verified))
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
