package auth_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sessionlab/auth"
)

// guessing is a limit of guesses as the site has it, and a clock to advance.
type guessing struct {
	*testing.T
	*auth.Guesses
	now time.Time
}

func newGuessing(t *testing.T) *guessing {
	g := &guessing{T: t, now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	now := func() time.Time { return g.now }
	g.Guesses = &auth.Guesses{
		Free: 5, Most: time.Hour, Forget: 24 * time.Hour, Now: now,
		Alarm: &auth.Limiter{Burst: 20, Every: 3 * time.Minute, Now: now},
	}
	return g
}

// guess makes one that comes out as it is told, and checks how long it has to wait.
func (g *guessing) guess(account, address string, right bool, want time.Duration) {
	g.Helper()
	asked := false
	got, wait, err := g.Try(account, address, func() (bool, error) { asked = true; return right, nil })
	if wait != want || asked != (wait == 0) || got != (asked && right) || err != nil {
		g.Errorf("%s from %s: got %t, %v after a wait of %s; want %t and a wait of %s", account, address, got, err, wait, right, want)
	}
}

// attack makes as many wrong guesses at an account as raise the alarm.
func (g *guessing) attack(account string) {
	for n := range 20 {
		g.guess(account, fmt.Sprint("attacker ", n), false, 0)
	}
}

func TestGuessesFromOneAddress(t *testing.T) {
	g := newGuessing(t)
	for range 5 {
		g.guess("ada", "home", false, 0)
	}
	for _, seconds := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600} {
		wait := seconds * time.Second
		g.guess("ada", "home", true, wait) // too early counts for nothing
		g.guess("ada", "home", true, wait)
		g.now = g.now.Add(wait - 1)
		g.guess("ada", "home", true, 1)
		g.now = g.now.Add(1)
		g.guess("ada", "home", false, 0)
	}
	g.guess("ada", "office", true, 0)    // another address
	g.guess("grace", "home", true, 0)    // another account
	g.now = g.now.Add(-30 * time.Minute) // a clock that goes back makes nobody wait longer
	g.guess("ada", "home", true, time.Hour)
	g.now = g.now.Add(25 * time.Hour)
	for range 5 { // forgotten
		g.guess("ada", "home", false, 0)
	}
	g.guess("ada", "home", true, time.Second)
	g.now = g.now.Add(time.Second)
	g.guess("ada", "home", true, 0) // and forgiven
	for range 5 {
		g.guess("ada", "home", false, 0)
	}
	g.guess("ada", "home", false, time.Second)
}

// TestGuessesUnderAttack comes from where nobody guessed before, and from where the owner
// has been.
func TestGuessesUnderAttack(t *testing.T) {
	g := newGuessing(t)
	g.guess("ada", "home", true, 0)
	g.attack("ada")
	g.guess("ada", "attacker 0", false, time.Minute)
	g.guess("ada", "hotel", false, 0)
	g.guess("ada", "hotel", true, time.Minute)
	for n := range 5 {
		g.guess("ada", "home", false, 0)
		g.guess("grace", fmt.Sprint("attacker ", n), false, 0)
	}
	g.guess("ada", "home", true, time.Second)
	for n := range 1000 { // right ones charge nothing, wherever from
		g.guess("ada", fmt.Sprint("owner ", n), true, 0)
	}
	for _, minutes := range []time.Duration{1, 2, 4, 8} {
		g.guess("ada", "attacker 0", true, minutes*time.Minute)
		g.now = g.now.Add(minutes * time.Minute)
		g.attack("ada again") // of another account
		for n := range 20 {
			g.guess("ada", fmt.Sprint("another ", minutes, n), false, 0)
		}
		g.guess("ada", "attacker 0", false, 0)
	}
	g.now = g.now.Add(3*time.Hour + 8*time.Minute)
	for range 3 { // it is over
		g.guess("ada", "attacker 9", false, 0)
	}
}

// TestGuessesThatWereNotLookedAt are no guesses: a busy server slows nobody down, and
// forgives nobody.
func TestGuessesThatWereNotLookedAt(t *testing.T) {
	g := newGuessing(t)
	busy := func(want time.Duration) {
		t.Helper()
		_, wait, err := g.Try("ada", "home", func() (bool, error) { return false, auth.ErrBusy })
		if wait != want || want == 0 && !errors.Is(err, auth.ErrBusy) {
			t.Errorf("got a wait of %s, %v; want %s", wait, err, want)
		}
	}
	for range 100 {
		busy(0)
	}
	for range 5 {
		busy(0)
		g.guess("ada", "home", false, 0)
	}
	busy(time.Second)
	g.now = g.now.Add(time.Second)
	busy(0)
	g.guess("ada", "home", false, 0)
	busy(2 * time.Second)
}

// TestGuessesAtOnce makes many guesses before the first is answered.
func TestGuessesAtOnce(t *testing.T) {
	g := newGuessing(t)
	looked := 0
	var guess func() (bool, error)
	guess = func() (bool, error) {
		if looked++; looked < 100 {
			g.Try("ada", "home", guess)
		}
		return false, nil
	}
	g.Try("ada", "home", guess)
	if looked != 5 {
		t.Errorf("%d guesses were looked at, want 5", looked)
	}
}
