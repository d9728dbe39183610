package devidp

import (
	"crypto/rand"
	"crypto/sha256"
	"time"
)

type digest = [sha256.Size]byte

// An expiringStore keeps values for ttl under the SHA-256 of a random secret, and
// drops the oldest beyond maxKept. Its owner locks it.
type expiringStore[V any] struct {
	ttl   time.Duration
	items map[digest]item[V]
	queue []digest // oldest first; may name items that are gone
}

type item[V any] struct {
	value V
	until time.Time
}

func newExpiringStore[V any](ttl time.Duration) expiringStore[V] {
	return expiringStore[V]{ttl: ttl, items: make(map[digest]item[V])}
}

// put stores v and returns the secret that fetches it, of at least 128 bits.
func (s *expiringStore[V]) put(v V, now time.Time) string {
	for len(s.queue) > 0 {
		oldest := s.queue[0]
		if it, ok := s.items[oldest]; ok && now.Before(it.until) && len(s.queue) < maxKept {
			break
		}
		delete(s.items, oldest)
		s.queue = s.queue[1:]
	}
	secret := rand.Text()
	key := sha256.Sum256([]byte(secret))
	s.items[key] = item[V]{v, now.Add(s.ttl)}
	s.queue = append(s.queue, key)
	return secret
}

// get returns the value behind secret unless its time is over.
func (s *expiringStore[V]) get(secret string, now time.Time) (V, bool) {
	it, ok := s.items[sha256.Sum256([]byte(secret))]
	if !ok || !now.Before(it.until) {
		var zero V
		return zero, false
	}
	return it.value, true
}

func (s *expiringStore[V]) drop(key digest) { delete(s.items, key) }
