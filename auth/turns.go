package auth

import (
	"context"
	"slices"
	"sync"
)

type clientKey struct{}

// WithClient returns a context in which passwords are hashed for a client, such as an
// address; see [Passwords].
func WithClient(ctx context.Context, client string) context.Context {
	return context.WithValue(ctx, clientKey{}, client)
}

func clientOf(ctx context.Context) string {
	client, _ := ctx.Value(clientKey{}).(string)
	return client
}

// turns is a semaphore with a bounded queue. Waiters are served round-robin by client.
// When the queue is full, a waiter of the client with the most waiters is rejected.
type turns struct {
	mu      sync.Mutex
	working int
	waiting int
	queues  map[string][]*turn
	order   []string // of the clients that wait; the next is first
}

// A turn is what somebody waits for.
type turn struct {
	over    chan struct{} // closed when the waiting is over
	granted bool          // false: rejected
}

// take waits for a turn, to be given back by give. It returns [ErrBusy] when there is no
// room to wait, or when ctx is done.
func (t *turns) take(ctx context.Context) error {
	client := clientOf(ctx)
	t.mu.Lock()
	if t.working < maxHashes {
		t.working++
		t.mu.Unlock()
		return nil
	}
	if t.waiting == maxWaiting && !t.makeRoom(client) {
		t.mu.Unlock()
		return ErrBusy
	}
	mine := &turn{over: make(chan struct{})}
	t.join(client, mine)
	t.mu.Unlock()

	select {
	case <-mine.over:
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.granted { // perhaps at the moment at which ctx was done
		return nil
	}
	t.leave(client, mine)
	return ErrBusy
}

// give passes a turn on.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.order) == 0 {
		t.working--
		return
	}
	client := t.order[0]
	next := t.queues[client][0]
	t.leave(client, next)
	if len(t.queues[client]) > 0 { // behind the others
		t.order = append(t.order[1:], client)
	}
	next.granted = true
	close(next.over)
}

// makeRoom rejects the last waiter of the client with the most waiters, unless that
// client has no more than client would have.
func (t *turns) makeRoom(client string) bool {
	most := slices.MaxFunc(t.order, func(a, b string) int { return len(t.queues[a]) - len(t.queues[b]) })
	queue := t.queues[most]
	if len(queue) <= len(t.queues[client])+1 {
		return false
	}
	last := queue[len(queue)-1]
	t.leave(most, last)
	close(last.over)
	return true
}

func (t *turns) join(client string, mine *turn) {
	if t.queues == nil {
		t.queues = map[string][]*turn{}
	}
	if len(t.queues[client]) == 0 {
		t.order = append(t.order, client)
	}
	t.queues[client] = append(t.queues[client], mine)
	t.waiting++
}

// leave removes a turn from its queue, if it is still there.
func (t *turns) leave(client string, mine *turn) {
	queue := t.queues[client]
	i := slices.Index(queue, mine)
	if i < 0 {
		return
	}
	t.waiting--
	if t.queues[client] = slices.Delete(queue, i, i+1); len(queue) == 1 {
		delete(t.queues, client)
		t.order = slices.Delete(t.order, slices.Index(t.order, client), slices.Index(t.order, client)+1)
	}
}
