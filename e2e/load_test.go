package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"sessionlab/db/dbtest"
)

// A load is a set of concurrent visitors, each of whom makes one request after another
// until end is called.
type load struct {
	testing.TB
	visitors []*Visitor
	done     chan struct{}
	busy     sync.WaitGroup

	mu    sync.Mutex
	since []counts // of each visitor, since the last call of until
	all   counts
	said  []string // the first failures
}

// counts counts responses: ok; 503 without Set-Cookie; 401 or a cleared cookie; anything
// else.
type counts struct{ ok, fault, out, failed int }

func (c *counts) add(d counts) {
	c.ok, c.fault, c.out, c.failed = c.ok+d.ok, c.fault+d.fault, c.out+d.out, c.failed+d.failed
}

func noLoad(t testing.TB) *load { return &load{TB: t, done: make(chan struct{})} }

// newLoad is eight visitors who are signed in and ask who they are.
func newLoad(t testing.TB, p *Program) *load {
	l := noLoad(t)
	for n := range 8 {
		v := Visit(t, p)
		v.SignIn([]string{"ada", "grace", "linus"}[n%3])
		l.stays(v)
	}
	return l
}

// stays makes v, who is signed in, request their session repeatedly.
func (l *load) stays(v *Visitor) {
	l.does(v, func() (counts, string) {
		answer, err := v.try("GET", "/api/session", nil)
		cookies := strings.Join(answer.header["Set-Cookie"], " ")
		switch {
		case err != nil:
			return counts{failed: 1}, err.Error()
		case answer.Status == http.StatusUnauthorized, strings.Contains(cookies, "Max-Age=0"):
			return counts{out: 1}, answer.Body
		case answer.Status == http.StatusOK:
			return counts{ok: 1}, ""
		case answer.Status == http.StatusServiceUnavailable && cookies == "":
			return counts{fault: 1}, ""
		}
		return counts{failed: 1}, answer.Body
	})
}

// comesAndGoes has v sign in with a provider, look, and sign out.
func (l *load) comesAndGoes(v *Visitor, provider string) {
	l.does(v, func() (counts, string) {
		to, err := v.tryToCallback(provider, "grace")
		if err == nil {
			err = v.tryCallback(to)
		}
		if err != nil {
			return counts{failed: 1}, "sign-in: " + err.Error()
		}
		for _, step := range []struct {
			method, path string
			want         int
		}{{"GET", "/dashboard", http.StatusOK}, {"POST", "/sign-out", http.StatusSeeOther}} {
			if answer, err := v.try(step.method, step.path, nil); err != nil || answer.Status != step.want {
				return counts{failed: 1}, step.path + ": " + answer.Body
			}
		}
		return counts{ok: 1}, ""
	})
}

// does starts a goroutine that calls ask for v repeatedly until end is called.
func (l *load) does(v *Visitor, ask func() (counts, string)) {
	l.mu.Lock()
	n := len(l.visitors)
	l.visitors, l.since = append(l.visitors, v), append(l.since, counts{})
	l.mu.Unlock()
	l.busy.Go(func() {
		for {
			select {
			case <-l.done:
				return
			default:
			}
			got, said := ask()
			l.mu.Lock()
			l.all.add(got)
			l.since[n].add(got)
			if said != "" && len(l.said) < 5 {
				l.said = append(l.said, said)
			}
			l.mu.Unlock()
		}
	})
}

// until waits until holds is true for every visitor's counts since the call.
func (l *load) until(what string, holds func(counts) bool) {
	l.Helper()
	l.mu.Lock()
	clear(l.since)
	l.mu.Unlock()
	dbtest.Poll(l, what, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, c := range l.since {
			if !holds(c) {
				return false
			}
		}
		return true
	})
}

// end stops the visitors and returns the total counts.
func (l *load) end() counts {
	l.Helper()
	close(l.done)
	l.busy.Wait()
	for _, s := range l.said {
		l.Log(s)
	}
	return l.all
}

func (l *load) requests() (n int64) {
	for _, v := range l.visitors {
		n += v.asked.Load()
	}
	return n
}
