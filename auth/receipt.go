package auth

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An Observer is called when a step begins. It returns a function that the caller calls
// with the step's error when the step ends. It must be safe for use from many goroutines.
// A nil Observer watches nothing.
type Observer func(ctx context.Context, kind, step string) func(error)

// Observers returns an Observer that calls each of all in order, and in reverse order
// when the step ends.
func Observers(all ...Observer) Observer {
	return func(ctx context.Context, kind, step string) func(error) {
		watched := make([]observed, len(all))
		for i, o := range all {
			watched[i] = observe(ctx, o, kind, step)
		}
		return func(err error) {
			for _, w := range slices.Backward(watched) {
				w.done(&err)
			}
		}
	}
}

// observed is a step that is being observed. It is a struct and not a closure, so that it
// costs nothing where nobody watches.
type observed struct{ end func(error) }

// observe brackets a step: defer observe(ctx, o, kind, step).done(&err).
func observe(ctx context.Context, o Observer, kind, step string) observed {
	if o == nil {
		return observed{}
	}
	return observed{o(ctx, kind, step)}
}

func (o observed) done(err *error) {
	if o.end != nil {
		o.end(*err)
	}
}

// A Receipt is what one request cost: its steps, in the order in which they
// ended. It is carried by the request's context and filled by [Receipts].
type Receipt struct {
	Brief bool // count statements, and keep no steps; to be set before its first use

	reads, writes, begun atomic.Int32

	mu    sync.Mutex
	steps []Step
}

// A Step is one thing that a request did.
type Step struct {
	Kind string        // "read" and "write" are statements to the store; others are work in this process
	Name string        // the statement, or what was sealed or opened
	Took time.Duration // by the process clock
	Err  string        // empty when it went well

	Began int // its place in the order in which steps began; a step that began later and ended earlier is nested in it
}

// Steps returns a copy of what was recorded so far.
func (r *Receipt) Steps() []Step {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	steps := slices.Clone(r.steps)
	for i := range steps { // statements are written over several lines
		steps[i].Name = strings.Join(strings.Fields(steps[i].Name), " ")
	}
	return steps
}

// Count returns how many steps of a kind there were, those that failed included. A
// brief receipt knows of statements only.
func (r *Receipt) Count(kind string) int {
	if r == nil {
		return 0
	}
	switch kind {
	case "read":
		return int(r.reads.Load())
	case "write":
		return int(r.writes.Load())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, s := range r.steps {
		if s.Kind == kind {
			n++
		}
	}
	return n
}

func (r *Receipt) count(kind string) {
	switch kind {
	case "read":
		r.reads.Add(1)
	case "write":
		r.writes.Add(1)
	}
}

// noop ends a step that is not recorded.
func noop(error) {}

type receiptKey struct{}

// WithReceipt returns a context whose steps r records.
func WithReceipt(ctx context.Context, r *Receipt) context.Context {
	return context.WithValue(ctx, receiptKey{}, r)
}

// ReceiptFrom returns the receipt of ctx, nil if it has none.
func ReceiptFrom(ctx context.Context) *Receipt {
	r, _ := ctx.Value(receiptKey{}).(*Receipt)
	return r
}

// Receipts is the Observer that fills the receipt of a step's context, if it has
// one. The clock is that of the process.
func Receipts(now func() time.Time) Observer {
	return func(ctx context.Context, kind, step string) func(error) {
		r := ReceiptFrom(ctx)
		if r == nil {
			return noop
		}
		r.count(kind)
		if r.Brief {
			return noop
		}
		place, began := int(r.begun.Add(1)), now()
		return func(err error) {
			s := Step{Kind: kind, Name: step, Took: now().Sub(began), Began: place}
			if err != nil {
				s.Err = err.Error()
			}
			r.mu.Lock()
			r.steps = append(r.steps, s)
			r.mu.Unlock()
		}
	}
}
