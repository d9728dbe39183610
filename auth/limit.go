package auth

import (
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A Limiter allows each key a burst of Burst events and then one event per Every. It is
// the generic cell rate algorithm: one moment is kept per key.
//
// It remembers the 20,000 keys that were used last. A client with more addresses than
// that can evade per-address limits.
type Limiter struct {
	Burst int
	Every time.Duration
	Now   func() time.Time

	mu       sync.Mutex
	refilled recent[time.Time] // when a key may do all of Burst again
}

// Take uses one up and returns zero, or returns how long to wait for the next.
func (l *Limiter) Take(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait, whole := l.next(key)
	if wait == 0 {
		l.refilled.set(key, whole)
	}
	return wait
}

// Wait returns what Take would return, and uses nothing up.
func (l *Limiter) Wait(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait, _ := l.next(key)
	return wait
}

// next returns how long to wait for the next, and when all of Burst would be there again
// if that was taken now.
func (l *Limiter) next(key string) (wait time.Duration, whole time.Time) {
	now, all := l.Now(), time.Duration(l.Burst)*l.Every
	whole = l.refilled.get(key)
	switch {
	case whole.Before(now):
		whole = now
	case whole.After(now.Add(all)): // the clock went back
		whole = now.Add(all)
	}
	whole = whole.Add(l.Every)
	return max(0, whole.Sub(now)-all), whole
}

// maxRecent bounds the keys of a [recent].
const maxRecent = 20_000

// recent keeps the values that were used last, by key. The zero value is empty. It is
// not safe for concurrent use.
type recent[V any] struct{ values *simplelru.LRU[string, V] }

func (r *recent[V]) get(key string) (v V) {
	if r.values != nil {
		v, _ = r.values.Get(key)
	}
	return v
}

func (r *recent[V]) set(key string, v V) {
	if r.values == nil {
		r.values, _ = simplelru.NewLRU[string, V](maxRecent, nil) // fails for a size below 1 only
	}
	r.values.Add(strings.Clone(key), v) // key may be a part of a request's body
}
