package db

import (
	"context"
	"fmt"
	"time"
)

// sweepBatch is how many rows one transaction deletes. Each touches a page or two of
// every index, so some 20 KB a row are written to disk while other writers wait.
const sweepBatch = 100

// longestSession is how long any cookie can last: browsers keep none for longer.
const longestSession = 400 * 24 * time.Hour

// Sweep deletes the sessions and refresh tokens whose absolute end has come at now, the
// reserved ids of deleted users whose reservation has ended, and emailed links that are
// over, batch after batch until none is left or ctx is done. It returns how many rows
// those were. The caller decides when to sweep again.
func (d *DB) Sweep(ctx context.Context, now time.Time) (deleted int, err error) {
	for _, s := range []statement{deleteEndedTokens, deleteEnded, deleteDeparted, deleteEndedLinks} {
		n, err := d.sweep(ctx, s, now)
		deleted += n
		if err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}

func (d *DB) sweep(ctx context.Context, s statement, now time.Time) (deleted int, err error) {
	for ctx.Err() == nil {
		n, err := d.exec(ctx, s, millis(now), sweepBatch)
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("sweep: %w", err)
		}
		if n < sweepBatch {
			return deleted, nil
		}
	}
	return deleted, ctx.Err()
}
