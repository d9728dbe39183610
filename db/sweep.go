package db

import (
	"context"
	"fmt"
	"time"
)

// sweepBatch is how many rows one transaction deletes: a few milliseconds, in
// which other writers wait.
const sweepBatch = 500

// Sweep deletes the sessions whose absolute end has come at now, batch after
// batch until none is left or ctx is done, and returns how many those were. The
// caller decides when to sweep again.
func (d *DB) Sweep(ctx context.Context, now time.Time) (deleted int, err error) {
	for ctx.Err() == nil {
		n, err := d.exec(ctx, deleteEnded, millis(now), sweepBatch)
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("sweep sessions: %w", err)
		}
		if n < sweepBatch {
			return deleted, nil
		}
	}
	return deleted, ctx.Err()
}
