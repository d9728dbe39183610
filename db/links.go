package db

import (
	"context"
	"fmt"
	"time"

	"sessionlab/auth"
)

// Links keeps emailed links.
type Links struct {
	*DB
	first statement // of linkQueries
}

var _ auth.Links = Links{}

// The indices of linkQueries.
const (
	addLink statement = iota
	findLink
	findLinkInTx
	spendLink
	addressProven
	proveAccount
	proveUser
	resetPassword
	dropOtherAccounts
)

// linkStands is the condition that the link with hash $1 can be used at $2.
const linkStands = `links.hash = $1 AND links.expires_at > $2 AND links.epoch = (
			SELECT epoch FROM users WHERE users.id = links.user_id AND users.disabled_at IS NULL)`

var linkQueries = []query{
	addLink: {kindWrite, `
		INSERT INTO links (hash, purpose, user_id, email, epoch, expires_at)
		SELECT $1, $2, $3, $4, $5, $6 WHERE EXISTS (SELECT 1 FROM users WHERE id = $3 AND disabled_at IS NULL)`},
	findLink: {kindRead, `
		SELECT purpose, user_id, email, epoch, expires_at FROM links WHERE ` + linkStands},
	findLinkInTx: {kindLook, `
		SELECT user_id FROM links WHERE ` + linkStands},
	spendLink: {kindWrite, `
		DELETE FROM links WHERE ` + linkStands + ` AND purpose = $3 AND email = $4`},
	// A provider may have verified the address of the same user.
	addressProven: {kindLook, `
		SELECT COUNT(*) FROM accounts WHERE user_id = $1 AND email_verified <> 0 AND lower(email) = $2`},
	proveAccount: {kindWrite, `
		UPDATE accounts SET email_verified = 1 WHERE issuer = $1 AND subject = $2 AND user_id = $3`},
	proveUser: {kindWrite, `
		UPDATE users SET email_verified = 1, updated_at = $3 WHERE id = $1 AND lower(email) = $2`},
	resetPassword: {kindWrite, `
		UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1 AND password_hash IS NOT NULL`},
	dropOtherAccounts: {kindWrite, `
		DELETE FROM accounts WHERE user_id = $1 AND NOT (issuer = $2 AND subject = $3)`},
}

// OpenLinks prepares the statements for links. Call it before the first use of d.
func OpenLinks(ctx context.Context, d *DB) (Links, error) {
	first, err := d.prepare(ctx, linkQueries)
	if err != nil {
		return Links{}, fmt.Errorf("open links: %w", err)
	}
	return Links{d, first}, nil
}

// AddLink adds a row; nothing if the user was deleted or disabled.
func (l Links) AddLink(ctx context.Context, hash string, link auth.Link) error {
	_, err := l.exec(ctx, l.first+addLink, hash, link.Purpose, link.UserID, link.Email, link.Epoch, millis(link.ExpiresAt))
	if err != nil {
		return fmt.Errorf("add link: %w", err)
	}
	return nil
}

// Link reads one row.
func (l Links) Link(ctx context.Context, hash string, now time.Time) (link auth.Link, err error) {
	var expires int64
	err = l.queryRow(ctx, l.first+findLink, []any{hash, millis(now)},
		[]any{&link.Purpose, &link.UserID, &link.Email, &link.Epoch, &expires})
	if err != nil {
		return auth.Link{}, fmt.Errorf("find link: %w", err)
	}
	link.ExpiresAt = instant(expires)
	return link, nil
}

// UseLink deletes the link in the transaction that does what it is for.
func (l Links) UseLink(ctx context.Context, use auth.LinkUse) (used auth.LinkUsed, err error) {
	err = l.transact(ctx, func(tx *tx) error {
		used = auth.LinkUsed{}
		var userID string
		if err := tx.queryRow(ctx, l.first+findLinkInTx, []any{use.Hash, millis(use.Now)}, []any{&userID}); err != nil {
			return err
		}
		if err := tx.lockUser(ctx, userID); err != nil {
			return err
		}
		if err := tx.enabled(ctx, userID); err != nil {
			return err
		}
		n, err := tx.exec(ctx, l.first+spendLink, use.Hash, millis(use.Now), use.Purpose, use.Email)
		if err == nil && n == 0 {
			err = auth.ErrNotFound
		}
		if err != nil {
			return err
		}
		used, err = l.prove(ctx, tx, userID, use)
		return err
	})
	if err != nil {
		return auth.LinkUsed{}, fmt.Errorf("use link: %w", err)
	}
	return used, nil
}

// prove does what a link that was just spent is for.
func (l Links) prove(ctx context.Context, tx *tx, userID string, use auth.LinkUse) (used auth.LinkUsed, err error) {
	now := millis(use.Now)
	id, ok := auth.PasswordIdentity(use.Email, "")
	if !ok {
		return used, auth.ErrNotFound
	}
	owner := use.By != nil && use.By.UserID == userID
	if owner {
		if _, err := tx.stands(ctx, *use.By); err != nil {
			return used, err
		}
	}
	var proven int
	if err := tx.queryRow(ctx, l.first+addressProven, []any{userID, id.Subject}, []any{&proven}); err != nil {
		return used, err
	}
	// Nothing but the password account of this address may lead to the user: a link must
	// not outlive its account.
	n, err := tx.exec(ctx, l.first+proveAccount, id.Issuer, id.Subject, userID)
	if err == nil && n == 0 {
		err = auth.ErrNotFound
	}
	if err != nil {
		return used, err
	}
	if _, err := tx.exec(ctx, l.first+proveUser, userID, id.Subject, now); err != nil {
		return used, err
	}
	if use.Purpose == auth.LinkReset {
		n, err := tx.exec(ctx, l.first+resetPassword, userID, use.Password, now)
		if err == nil && n == 0 {
			err = auth.ErrNotFound
		}
		if err != nil {
			return used, err
		}
	}
	used.Removed = proven == 0 && !owner
	used.Ended = used.Removed || use.Purpose == auth.LinkReset
	if used.Removed {
		if _, err := tx.exec(ctx, l.first+dropOtherAccounts, userID, id.Issuer, id.Subject); err != nil {
			return used, err
		}
		if use.Purpose != auth.LinkReset {
			if _, err := tx.exec(ctx, dropPassword, userID, now); err != nil {
				return used, err
			}
		}
	}
	if used.Ended {
		if _, err := tx.exec(ctx, raiseEpoch, userID, now); err != nil {
			return used, err
		}
	}
	used.User, err = tx.user(ctx, userID)
	return used, err
}
