package auth

import (
	"context"
	"sync"
	"time"
)

// A budget bounds how long one request may wait for storage, over all its reads and
// writes together. Without it a sign-out under seven strategies waits seven times.
type budget struct {
	now func() time.Time

	mu   sync.Mutex
	left time.Duration
}

type budgetKey struct{}

// fastEnough is the time within which storage answers when it is healthy. A request
// may use storage a thousand times; with a server 4 ms away that takes five seconds.
const fastEnough = 8 * time.Millisecond

// WithStorageWait returns a context under which storage may be waited for no longer than
// most in total. Uses that take up to 8 ms do not count, nor does waiting for anything
// else, such as a provider. If ctx already has a bound, it is returned unchanged.
func WithStorageWait(ctx context.Context, most time.Duration, now func() time.Time) context.Context {
	if ctx.Value(budgetKey{}) != nil {
		return ctx
	}
	return context.WithValue(ctx, budgetKey{}, &budget{now: now, left: most})
}

// ForStorage returns the context of one use of storage; the caller must call cancel
// when the use is over. The context ends after wait, or when the time that
// [WithStorageWait] allows is used up. It does not end with ctx: a sign-out is carried
// out even if the page that asked for it was closed.
func ForStorage(ctx context.Context, wait time.Duration) (_ context.Context, cancel context.CancelFunc) {
	b, _ := ctx.Value(budgetKey{}).(*budget)
	ctx = context.WithoutCancel(ctx)
	if b == nil {
		return context.WithTimeout(ctx, wait)
	}
	began := b.now()
	b.mu.Lock()
	wait = min(wait, b.left)
	b.mu.Unlock()
	ctx, stop := context.WithTimeout(ctx, wait)
	return ctx, func() {
		stop()
		b.mu.Lock()
		defer b.mu.Unlock()
		if took := b.now().Sub(began); took > fastEnough {
			b.left -= took
		}
	}
}
