package auth

import (
	"sync"
	"time"
)

// A Limiter lets each key do something Burst times at once, and once more every
// Every. It is the generic cell rate algorithm: one moment is kept per key.
//
// It remembers the 20,000 keys that were used last. Whoever has more addresses
// than that at hand is not stopped by limits per address.
type Limiter struct {
	Burst int
	Every time.Duration
	Now   func() time.Time

	mu    sync.Mutex
	whole recent[time.Time] // when a key may do all of Burst again
}

// Take uses one up and returns zero, or says how long to wait for the next.
func (l *Limiter) Take(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, all := l.Now(), time.Duration(l.Burst)*l.Every
	whole := l.whole.get(key)
	switch {
	case whole.Before(now):
		whole = now
	case whole.After(now.Add(all)): // the clock went back
		whole = now.Add(all)
	}
	whole = whole.Add(l.Every)
	if wait := whole.Sub(now) - all; wait > 0 {
		return wait
	}
	l.whole.set(key, whole)
	return 0
}

// Patience slows down guessing at one account, wherever the guesses come from.
// After Free wrong ones the next must wait a second, then two, four and so on, up
// to Most. A guess that comes too early is not looked at, counts for nothing, and
// makes nobody wait longer.
//
// It locks nobody out (ASVS 6.1.1): Most is short, and an address from which the
// account was signed in to before is counted by itself, so that strangers who
// guess do not slow down the owner.
type Patience struct {
	Free   int
	Most   time.Duration
	Forget time.Duration // without a guess, after which all is forgiven
	Now    func() time.Time

	mu      sync.Mutex
	guesses recent[guesses]
	welcome recent[bool] // accounts with addresses from which they were right
}

type guesses struct {
	wrong       int
	last, until time.Time
}

// Try counts a guess as wrong until [Patience.Right] says otherwise and returns
// zero, or says how long to wait before the next.
func (p *Patience) Try(account, address string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	key, now := p.key(account, address), p.Now()
	g := p.guesses.get(key)
	if now.Sub(g.last) >= p.Forget {
		g = guesses{}
	}
	if wait := g.until.Sub(now); wait > 0 {
		return min(wait, p.Most)
	}
	g.wrong++
	g.last, g.until = now, now.Add(p.delay(g.wrong))
	p.guesses.set(key, g)
	return 0
}

// Right forgives the account, from this address.
func (p *Patience) Right(account, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.guesses.set(p.key(account, address), guesses{})
	p.welcome.set(both(account, address), true)
	p.guesses.set(both(account, address), guesses{})
}

func (p *Patience) key(account, address string) string {
	if p.welcome.get(both(account, address)) {
		return both(account, address)
	}
	return account
}

func both(account, address string) string { return account + "\x00" + address }

func (p *Patience) delay(wrong int) time.Duration {
	if wrong < p.Free {
		return 0
	}
	return min(time.Second<<min(wrong-p.Free, 16), p.Most)
}

// halfRecent is how many values one generation of a [recent] holds.
const halfRecent = 10_000

// recent keeps the values that were used last, in two generations: when the
// young one is full the old one is forgotten as a whole. So it stays small, at
// no cost, and what is used often stays.
type recent[V any] struct{ young, old map[string]V }

func (r *recent[V]) get(key string) V {
	if v, ok := r.young[key]; ok {
		return v
	}
	return r.old[key]
}

func (r *recent[V]) set(key string, v V) {
	if _, known := r.young[key]; r.young == nil || !known && len(r.young) >= halfRecent {
		r.old, r.young = r.young, map[string]V{}
	}
	r.young[key] = v
}
