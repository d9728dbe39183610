package db

import (
	"context"
	"database/sql"

	"sessionlab/auth"
)

// canonicalEmails gives every password account the canonical form of its email. Where two
// accounts would have one form, the account that has it already keeps it, or else the
// older gets it. The other stays as it is: its password no longer works, but other
// accounts linked to the same user do.
func canonicalEmails(ctx context.Context, tx *tx) error {
	rows, err := tx.QueryContext(ctx, `
		SELECT subject FROM accounts WHERE issuer = $1 ORDER BY created_at, subject`, auth.PasswordProvider)
	if err != nil {
		return err
	}
	emails, err := texts(rows)
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, email := range emails {
		taken[email] = true
	}
	for _, email := range emails {
		id, ok := auth.PasswordIdentity(email, "")
		if !ok || taken[id.Subject] {
			continue
		}
		taken[id.Subject] = true
		if _, err := tx.ExecContext(ctx, `
			UPDATE users SET email = $2 WHERE email = $1 AND id = (
				SELECT user_id FROM accounts WHERE issuer = $3 AND subject = $1)`, email, id.Subject, auth.PasswordProvider); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE accounts SET subject = $2, email = $2 WHERE issuer = $3 AND subject = $1`, email, id.Subject, auth.PasswordProvider); err != nil {
			return err
		}
	}
	return nil
}

func texts(rows *sql.Rows) (list []string, err error) {
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, rows.Err()
}
