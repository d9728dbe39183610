package lab

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A Wallet is the cookies of a client, and how it takes what a response says
// about them.
type Wallet struct {
	cookies  map[string]string
	stubborn bool // keeps what a response deletes, as an attacker would
	changes  []*http.Cookie
}

// NewWallet holds the cookies of a browser's request.
func NewWallet(r *http.Request) *Wallet {
	w := &Wallet{cookies: map[string]string{}}
	for _, c := range r.Cookies() {
		w.cookies[c.Name] = c.Value
	}
	return w
}

// steal copies the cookies that carry a session.
func (w *Wallet) steal() *Wallet {
	loot := &Wallet{cookies: map[string]string{}, stubborn: true}
	for name, value := range w.cookies {
		if carriesSession(name) {
			loot.cookies[name] = value
		}
	}
	return loot
}

func carriesSession(name string) bool {
	return strings.HasPrefix(name, "__Host-session-") || strings.HasPrefix(name, "__Host-refresh-")
}

// header is the Cookie header that the client sends.
func (w *Wallet) header() string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(w.cookies)) {
		pairs = append(pairs, name+"="+w.cookies[name])
	}
	return strings.Join(pairs, "; ")
}

// take obeys the Set-Cookie lines of a response and returns their bytes.
func (w *Wallet) take(h http.Header) int {
	size := 0
	for _, line := range h["Set-Cookie"] {
		size += len(line)
		c, err := http.ParseSetCookie(line)
		if err != nil {
			continue
		}
		if c.MaxAge < 0 {
			if w.stubborn {
				continue
			}
			delete(w.cookies, c.Name)
		} else {
			w.cookies[c.Name] = c.Value
		}
		w.changes = append(w.changes, c)
	}
	return size
}

// drop forgets a cookie and says so to the browser.
func (w *Wallet) drop(name string) {
	if _, ok := w.cookies[name]; !ok {
		return
	}
	delete(w.cookies, name)
	w.changes = append(w.changes, &http.Cookie{
		Name: name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
}

// Tell passes on to the real browser what happened to its cookies, each name once.
func (w *Wallet) Tell(h http.Header) {
	last := map[string]*http.Cookie{}
	for _, c := range w.changes {
		last[c.Name] = c
	}
	for _, name := range slices.Sorted(maps.Keys(last)) {
		h.Add("Set-Cookie", last[name].String())
	}
}

// clone copies the wallet under the lock that guards it.
func (w *Wallet) clone(mu *sync.Mutex) *Wallet {
	mu.Lock()
	defer mu.Unlock()
	return &Wallet{cookies: maps.Clone(w.cookies), stubborn: w.stubborn}
}
