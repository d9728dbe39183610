package lab

import (
	"context"

	"sessionlab/auth"
)

// Within marks the context of a request that is made in process on behalf of b, by
// a browser that is none of its clients.
func (b *Bench) Within(ctx context.Context) context.Context { return b.within(ctx) }

// Person returns the person whom the bench is about.
func (b *Bench) Person() auth.User {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.user
}
