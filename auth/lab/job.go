package lab

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrBusy says that a job runs already. Two concurrent runs would distort each other's
// measurements.
var ErrBusy = errors.New("a run is under way")

// A Job is work in the background that people watch and can call off, such as a
// measurement. It runs at most once at a time. The zero Job is ready.
type Job[T any] struct {
	mu     sync.Mutex
	cancel context.CancelFunc // nil while nothing runs
	done   chan struct{}      // closed when the run is over
	state  Progress[T]
}

// Progress reports how far a [Job] got. While it runs, Result holds what is known so far.
type Progress[T any] struct {
	Running  bool
	Done, Of int // steps; Of is 0 until the run has said how many there are
	Result   T
	Err      error // why the last run ended early; context.Canceled if it was called off
}

// Start begins a run and returns immediately, with [ErrBusy] if one is under way. The run
// must return soon after its context is done, and calls report with a result that
// it does not change afterwards.
func (j *Job[T]) Start(run func(ctx context.Context, report func(done, of int, soFar T)) error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancel != nil {
		return ErrBusy
	}
	ctx, cancel := context.WithCancel(context.Background())
	j.cancel, j.done, j.state = cancel, make(chan struct{}), Progress[T]{Running: true}
	go func() {
		err := recovered(func() error { return run(ctx, j.report) })
		j.mu.Lock()
		defer j.mu.Unlock()
		cancel()
		j.cancel, j.state.Running, j.state.Err = nil, false, err
		close(j.done)
	}()
	return nil
}

func (j *Job[T]) report(done, of int, soFar T) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state.Done, j.state.Of, j.state.Result = done, of, soFar
}

// recovered keeps a run that panics from ending the program.
func recovered(run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return run()
}

// Cancel calls the run off and waits until it is over. It does nothing if no run is under
// way.
func (j *Job[T]) Cancel() {
	j.mu.Lock()
	cancel, done := j.cancel, j.done
	j.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}

// Progress reports how far it got.
func (j *Job[T]) Progress() Progress[T] {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state
}

// Wait returns when no run is under way.
func (j *Job[T]) Wait() {
	j.mu.Lock()
	cancel, done := j.cancel, j.done
	j.mu.Unlock()
	if cancel != nil {
		<-done
	}
}
