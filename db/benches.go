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

// DeleteRealm deletes the sessions and refresh tokens of a realm and of those
// within it, which are named "prefix/…".
func (d *DB) DeleteRealm(ctx context.Context, prefix string) error {
	// '0' is the character after '/', so this is every name that begins with
	// "prefix/", found in the index and with nothing to escape.
	err := d.transact(ctx, func(tx *tx) error {
		_, err := tx.exec(ctx, deleteRealmTokens, prefix, prefix+"/", prefix+"0")
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, deleteRealm, prefix, prefix+"/", prefix+"0")
		return err
	})
	if err != nil {
		return fmt.Errorf("delete realm: %w", err)
	}
	return nil
}

// Forget deletes a user whom nobody can come back as, such as one whom the lab made
// up: unlike [DB.DeleteUser] it keeps no id back. No error if there is none.
func (d *DB) Forget(ctx context.Context, userID string) error {
	if _, err := d.exec(ctx, deleteUser, userID); err != nil {
		return fmt.Errorf("forget user: %w", err)
	}
	return nil
}
