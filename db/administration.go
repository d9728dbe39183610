package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"sessionlab/auth"
)

// Administration implements auth.Administration on a DB.
type Administration struct{ *DB }

var _ auth.Administration = Administration{}

// Members lists users, the newest first. A search reads every user.
func (a Administration) Members(ctx context.Context, q auth.MemberQuery) (list []auth.Member, err error) {
	if text := q.Email + q.Search + q.After.ID; !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, nil // no stored text can match; Postgres would refuse it, and SQLite read to the zero byte
	}
	pattern := ""
	if q.Search != "" {
		pattern = "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(q.Search)) + "%"
	}
	joined := int64(0)
	if q.After.ID != "" {
		joined = millis(q.After.JoinedAt)
	}
	args := []any{strings.ToLower(q.Email), pattern, q.Role, joined, q.After.ID, max(q.Limit, 1)}
	err = a.queryRows(ctx, listMembers, args, func(scan func(...any) error) error {
		m, err := scanMember(scan)
		list = append(list, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return list, nil
}

// Member reads one user.
func (a Administration) Member(ctx context.Context, id string) (auth.Member, error) {
	m, err := scanMember(func(dest ...any) error { return a.queryRow(ctx, findMemberByID, []any{id}, dest) })
	if err != nil {
		return auth.Member{}, fmt.Errorf("find user: %w", err)
	}
	return m, nil
}

func scanMember(scan func(dest ...any) error) (m auth.Member, err error) {
	var joined, disabled int64
	err = scan(append(userDest(&m.User), &m.EmailVerified, &joined, &disabled)...)
	m.JoinedAt, m.DisabledAt = instant(joined), instant(disabled)
	return m, err
}

func (a Administration) SetRole(ctx context.Context, by *auth.Standing, userID, role string) error {
	return a.change(ctx, "set role", by, userID, role == auth.RoleAdmin, func(tx *tx) (int, error) {
		return tx.exec(ctx, setRole, userID, role, millis(a.now()))
	})
}

func (a Administration) Disable(ctx context.Context, by *auth.Standing, userID string) error {
	return a.change(ctx, "disable user", by, userID, false, func(tx *tx) (int, error) {
		return tx.exec(ctx, disableUser, userID, millis(a.now()))
	})
}

func (a Administration) Enable(ctx context.Context, by *auth.Standing, userID string) error {
	return a.change(ctx, "enable user", by, userID, true, func(tx *tx) (int, error) {
		return tx.exec(ctx, enableUser, userID, millis(a.now()))
	})
}

func (a Administration) Delete(ctx context.Context, by *auth.Standing, userID string) error {
	return a.change(ctx, "delete user", by, userID, false, func(tx *tx) (int, error) {
		return tx.deleteUser(ctx, userID)
	})
}

// change runs do, which changes a user, on behalf of by. Administrators take turns, so
// that no two of them remove each other. Unless keepsAdmin is set, do may remove an
// administrator, so another enabled one must exist.
func (a Administration) change(ctx context.Context, what string, by *auth.Standing, userID string, keepsAdmin bool, do func(*tx) (int, error)) error {
	err := a.transact(ctx, func(tx *tx) error {
		asker := ""
		if by != nil {
			asker = by.UserID
		}
		if err := a.engine.lockAdmins(ctx, tx, asker, userID); err != nil {
			return err
		}
		if by != nil {
			u, err := tx.stands(ctx, *by)
			if err != nil {
				return err
			}
			if u.Role != auth.RoleAdmin {
				return auth.ErrNotAdmin
			}
		}
		if !keepsAdmin {
			if err := tx.checkLastAdmin(ctx, userID); err != nil {
				return err
			}
		}
		n, err := do(tx)
		if err == nil && n == 0 {
			err = auth.ErrNotFound
		}
		return err
	})
	if a.engine.absent(err) {
		err = auth.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// checkLastAdmin returns auth.ErrLastAdmin if a user is the last enabled administrator.
func (t *tx) checkLastAdmin(ctx context.Context, userID string) error {
	u, err := t.user(ctx, userID)
	if errors.Is(err, auth.ErrRevoked) || errors.Is(err, auth.ErrDisabled) || err == nil && u.Role != auth.RoleAdmin {
		return nil // no user, or no administrator
	}
	if err != nil {
		return err
	}
	var one int
	err = t.queryRow(ctx, findOtherAdmin, []any{userID}, []any{&one})
	if errors.Is(err, auth.ErrNotFound) {
		return auth.ErrLastAdmin
	}
	return err
}
