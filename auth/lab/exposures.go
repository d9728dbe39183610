package lab

import (
	"context"
	"sync/atomic"
)

// Exposures are the runs of [Bench.Expose] of a whole server: one at a time for
// everybody, and the result of the last complete one. The zero value is ready.
type Exposures struct {
	job   Job[Exposed]
	begun atomic.Bool
	last  atomic.Pointer[Exposed]
}

// Start begins a run beside b and returns immediately, with [ErrBusy] if one is under way.
// By identifies the visitor who asked for it.
func (e *Exposures) Start(b *Bench, by string) error {
	e.begun.Store(true)
	owned := make(chan struct{})
	err := e.job.Start(func(ctx context.Context, report func(int, int, Exposed)) error {
		found := Exposed{By: by}
		report(0, 0, found)
		close(owned)
		err := b.Expose(ctx, func(done, of int, soFar Exposed) {
			found = soFar
			found.By = by
			report(done, of, found)
		})
		if err != nil {
			if ctx.Err() == nil {
				b.parts.Log.WarnContext(ctx, "exposure not measured", "error", err)
			}
			return err
		}
		e.last.Store(&found)
		return nil
	})
	if err == nil {
		<-owned // its owner is recorded from here on
	}
	return err
}

// Begin starts the first run of this server, if nobody has.
func (e *Exposures) Begin(b *Bench, by string) {
	if e.begun.CompareAndSwap(false, true) {
		_ = e.Start(b, by) // busy: somebody was quicker
	}
}

// Cancel calls off the run that is under way.
func (e *Exposures) Cancel() { e.job.Cancel() }

// Wait returns when no run is under way.
func (e *Exposures) Wait() { e.job.Wait() }

// Progress reports how far the current or the last run got.
func (e *Exposures) Progress() Progress[Exposed] { return e.job.Progress() }

// Last holds the result of the last complete run; nil before that.
func (e *Exposures) Last() *Exposed { return e.last.Load() }
