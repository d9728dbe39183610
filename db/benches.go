package db

import (
	"context"
	"fmt"
	"time"
)

// Bench returns the document of a bench; auth.ErrNotFound if there is none.
func (d *DB) Bench(ctx context.Context, id string) ([]byte, error) {
	var data []byte
	if err := d.queryRow(ctx, findBench, []any{id}, []any{&data}); err != nil {
		return nil, fmt.Errorf("find bench: %w", err)
	}
	return data, nil
}

// SaveBench stores the document of a bench, a small JSON text, in place of an
// earlier one.
func (d *DB) SaveBench(ctx context.Context, id string, data []byte, now time.Time) error {
	if _, err := d.exec(ctx, saveBench, id, string(data), millis(now)); err != nil {
		return fmt.Errorf("save bench: %w", err)
	}
	return nil
}

// Benches returns when each bench was saved last, by its id.
func (d *DB) Benches(ctx context.Context) (saved map[string]time.Time, err error) {
	end := d.observe(ctx, kindRead, statements[listBenches].text)
	defer func() { end(err) }()
	rows, err := d.prepared[listBenches].QueryContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("list benches: %w", err)
	}
	defer rows.Close()
	saved = map[string]time.Time{}
	for rows.Next() {
		var id string
		var at int64
		if err := rows.Scan(&id, &at); err != nil {
			return nil, fmt.Errorf("list benches: %w", err)
		}
		saved[id] = instant(at)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list benches: %w", err)
	}
	return saved, nil
}

// DeleteBench deletes a bench and all that is in its space: the sessions and
// refresh tokens of the realms "id/…", and the users who have an account with the
// issuer id. No error if there is none.
func (d *DB) DeleteBench(ctx context.Context, id string) error {
	err := d.transact(ctx, func(tx *tx) error {
		if err := tx.deleteRealm(ctx, id); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, deleteUsersOf, id); err != nil {
			return err
		}
		_, err := tx.exec(ctx, deleteBench, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete bench: %w", err)
	}
	return nil
}

// DeleteRealm deletes the sessions and refresh tokens of a realm and of those
// within it, which are named "prefix/…".
func (d *DB) DeleteRealm(ctx context.Context, prefix string) error {
	if err := d.transact(ctx, func(tx *tx) error { return tx.deleteRealm(ctx, prefix) }); err != nil {
		return fmt.Errorf("delete realm: %w", err)
	}
	return nil
}

func (t *tx) deleteRealm(ctx context.Context, prefix string) error {
	// '0' is the character after '/', so this is every name that begins with
	// "prefix/", found in the index and with nothing to escape.
	_, err := t.exec(ctx, deleteRealmTokens, prefix, prefix+"/", prefix+"0")
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, deleteRealm, prefix, prefix+"/", prefix+"0")
	return err
}

// Forget deletes a user whom nobody can come back as, such as one whom the lab made
// up: unlike [DB.DeleteUser] it keeps no id back. No error if there is none.
func (d *DB) Forget(ctx context.Context, userID string) error {
	if _, err := d.exec(ctx, deleteUser, userID); err != nil {
		return fmt.Errorf("forget user: %w", err)
	}
	return nil
}
