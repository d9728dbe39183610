package auth_test

import (
	"context"
	"testing"
	"time"

	"sessionlab/auth"
)

// All uses of storage under one request wait no longer than the request may, and what
// waits for something else in between does not count.
func TestStorageWaitIsSharedByARequest(t *testing.T) {
	clock := &clock{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	ctx := auth.WithStorageWait(context.Background(), 5*time.Second, clock.Now)
	ctx = auth.WithStorageWait(ctx, time.Hour, clock.Now) // within it, for a request that it makes
	left := func(ctx context.Context) time.Duration {
		end, ok := ctx.Deadline()
		if !ok {
			t.Fatal("there is no end to the wait")
		}
		return time.Until(end).Round(time.Second)
	}
	for _, use := range []struct{ takes, want time.Duration }{
		{2 * time.Second, 3 * time.Second}, // bounded by its own wait
		{0, 3 * time.Second},
		{2 * time.Second, 3 * time.Second},
		{time.Second, time.Second}, // by what is left
		{0, 0},
	} {
		used, done := auth.ForStorage(ctx, 3*time.Second)
		if got := left(used); got != use.want {
			t.Errorf("got %s to wait, want %s", got, use.want)
		}
		clock.Advance(use.takes)
		done()
		clock.Advance(time.Minute) // at a provider
	}
	ctx = auth.WithStorageWait(context.Background(), 5*time.Second, clock.Now)
	for range 2000 { // over a server that is 4 ms away
		_, done := auth.ForStorage(ctx, 3*time.Second)
		clock.Advance(4 * time.Millisecond)
		done()
	}
	used, done := auth.ForStorage(ctx, 3*time.Second)
	if got := left(used); got != 3*time.Second {
		t.Errorf("after many prompt answers: got %s to wait, want 3s", got)
	}
	done()

	gone, cancel := context.WithCancel(context.Background())
	cancel()
	used, done = auth.ForStorage(gone, time.Second)
	defer done()
	if used.Err() != nil {
		t.Error("a use of storage ended with whoever asked for it")
	}
}
