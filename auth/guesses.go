package auth

import (
	"sync"
	"time"
)

// Guesses slows down guessing at passwords and locks nobody out (ASVS 6.1.1, 6.3.1).
//
// Wrong guesses are counted for each account and address. After Free of them the address
// waits a second before the next, then two, four and so on, up to Most. No address waits
// for what others did, so guesses from elsewhere cannot use up the owner's turn.
//
// An account at which more wrong guesses come than Alarm lets through, from wherever, is
// under attack. As long as it lasts, an address has one guess and then waits a minute,
// two, four and so on. An address from which the account was signed in to before is
// exempt.
//
// A correct password resets the count of its address. Without one, an address soon gets
// only one guess per Most, so an attacker must keep changing addresses. NIST SP 800-63B-4
// §3.2.2 also disables a password after a number of guesses from all addresses together.
// Guesses does not: anybody who knows an email could use that to lock the owner out.
type Guesses struct {
	Free   int
	Most   time.Duration
	Forget time.Duration // without a guess, after which an address is forgiven
	Alarm  *Limiter      // of wrong guesses at one account
	Now    func() time.Time

	mu     sync.Mutex
	places recent[guesses] // by account and address
}

// guesses counts the guesses at one account from one address.
type guesses struct {
	wrong     int
	last      time.Time // of the wrong ones
	succeeded bool
}

// attackDelay is the first wait of an address at an account under attack.
const attackDelay = time.Minute

// Try runs check, which reports whether a guess is right, or returns how long to wait
// before the next. A guess counts as wrong while it is being checked, so that concurrent
// guesses gain nothing over sequential ones. A guess whose check fails with an error is
// not counted.
func (g *Guesses) Try(account, address string, check func() (right bool, err error)) (right bool, wait time.Duration, err error) {
	place := account + "\x00" + address
	before, wait := g.begin(account, place)
	if wait > 0 {
		return false, wait, nil
	}
	right, err = check()
	if !right && err == nil {
		g.Alarm.Take(account)
		return false, 0, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	at := guesses{succeeded: true}
	if err != nil {
		at = g.places.get(place)
		at.wrong, at.last = max(0, at.wrong-1), before.last
	}
	g.places.set(place, at)
	return right, 0, err
}

// begin counts a guess as wrong and returns what was there before, or how long to wait.
func (g *Guesses) begin(account, place string) (before guesses, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, now := g.places.get(place), g.Now()
	if now.Sub(at.last) >= g.Forget {
		at.wrong = 0
	}
	delay := g.delay(at, g.Alarm.Wait(account) > 0)
	if wait := min(delay, at.last.Add(delay).Sub(now)); wait > 0 { // the clock may have gone back
		return at, wait
	}
	g.places.set(place, guesses{wrong: at.wrong + 1, last: now, succeeded: at.succeeded})
	return at, 0
}

// delay returns how long after its last wrong guess a place must wait.
func (g *Guesses) delay(at guesses, attacked bool) time.Duration {
	free, first := g.Free, time.Second
	if attacked && !at.succeeded {
		free, first = 1, attackDelay
	}
	if at.wrong < free {
		return 0
	}
	return min(first<<min(at.wrong-free, 16), g.Most)
}
