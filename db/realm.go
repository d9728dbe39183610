package db

import (
	"context"
	"fmt"
)

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
	for _, s := range []statement{deleteRealmTokens, deleteRealm, deleteRealmLists} {
		if _, err := t.exec(ctx, s, prefix, prefix+"/", prefix+"0"); err != nil {
			return err
		}
	}
	return nil
}
