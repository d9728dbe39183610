package db

import (
	"context"
	"fmt"
	"time"
)

// Benches keeps the benches of the lab: one small document for each, in a table that
// only a database with a lab has.
type Benches struct {
	*DB
	first statement // of benchQueries
}

const createBenches = `
	CREATE TABLE IF NOT EXISTS benches (
		id         TEXT PRIMARY KEY,
		data       TEXT NOT NULL,
		updated_at BIGINT NOT NULL
	);`

// The indices of benchQueries.
const (
	findBench statement = iota
	saveBench
	listBenches
	deleteBench
	deleteUsersOf
)

var benchQueries = []query{
	findBench: {kindRead, `
		SELECT data FROM benches WHERE id = $1`},
	saveBench: {kindWrite, `
		INSERT INTO benches (id, data, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at`},
	listBenches: {kindRead, `
		SELECT id, updated_at FROM benches`},
	deleteBench: {kindWrite, `
		DELETE FROM benches WHERE id = $1`},
	deleteUsersOf: {kindWrite, `
		DELETE FROM users WHERE id IN (SELECT user_id FROM accounts WHERE issuer = $1)`},
}

// OpenBenches returns the benches of a database, and makes their table if it is not
// there. Call it before the first use of d.
func OpenBenches(ctx context.Context, d *DB) (Benches, error) {
	first, err := d.prepare(ctx, benchQueries)
	if err == nil {
		return Benches{d, first}, nil
	}
	err = d.transact(ctx, func(tx *tx) error {
		if err := d.engine.lockSchema(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, d.engine.schema(createBenches))
		return err
	})
	if err == nil {
		first, err = d.prepare(ctx, benchQueries)
	}
	if err != nil {
		return Benches{}, fmt.Errorf("open benches: %w", err)
	}
	return Benches{d, first}, nil
}

// Bench returns the document of a bench; auth.ErrNotFound if there is none.
func (b Benches) Bench(ctx context.Context, id string) ([]byte, error) {
	var data []byte
	if err := b.queryRow(ctx, b.first+findBench, []any{id}, []any{&data}); err != nil {
		return nil, fmt.Errorf("find bench: %w", err)
	}
	return data, nil
}

// SaveBench stores the document of a bench, a small JSON text, in place of an
// earlier one.
func (b Benches) SaveBench(ctx context.Context, id string, data []byte, now time.Time) error {
	if _, err := b.exec(ctx, b.first+saveBench, id, string(data), millis(now)); err != nil {
		return fmt.Errorf("save bench: %w", err)
	}
	return nil
}

// Benches returns when each bench was saved last, by its id.
func (b Benches) Benches(ctx context.Context) (saved map[string]time.Time, err error) {
	saved = map[string]time.Time{}
	err = b.queryRows(ctx, b.first+listBenches, nil, func(scan func(...any) error) error {
		var id string
		var at int64
		if err := scan(&id, &at); err != nil {
			return err
		}
		saved[id] = instant(at)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list benches: %w", err)
	}
	return saved, nil
}

// DeleteBench deletes a bench and all that is in its space: the sessions and
// refresh tokens of the realms "id/…", and the users who have an account with the
// issuer id. No error if there is none.
func (b Benches) DeleteBench(ctx context.Context, id string) error {
	err := b.transact(ctx, func(tx *tx) error {
		if err := tx.deleteRealm(ctx, id); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, b.first+deleteUsersOf, id); err != nil {
			return err
		}
		_, err := tx.exec(ctx, b.first+deleteBench, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete bench: %w", err)
	}
	return nil
}

// Forget deletes a user who cannot sign in again, such as one created by the lab; unlike
// [DB.DeleteUser] it does not reserve the id. No error if there is none.
func (b Benches) Forget(ctx context.Context, userID string) error {
	if _, err := b.exec(ctx, deleteUser, userID); err != nil {
		return fmt.Errorf("forget user: %w", err)
	}
	return nil
}
