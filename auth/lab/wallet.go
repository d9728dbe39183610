package lab

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"sessionlab/auth"
)

// A Wallet is the cookies of a client, and how it takes what a response says
// about them.
type Wallet struct {
	cookies        map[string]string
	ignoresDeletes bool // keeps what a response deletes, as an attacker would
	changes        []*http.Cookie
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
	loot := &Wallet{cookies: map[string]string{}, ignoresDeletes: true}
	for name, value := range w.cookies {
		if carriesSession(name) {
			loot.cookies[name] = value
		}
	}
	return loot
}

// tombstone is the cookie that a sign-out leaves behind.
const tombstone = "__Host-signed-out"

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

// jar returns the wallet as a jar; cookies that the site sets go to the answer.
func (w *Wallet) jar(a *answer) *auth.Jar {
	return auth.NewJar(a, &http.Request{Header: http.Header{"Cookie": {w.header()}}})
}

// take obeys the Set-Cookie lines of a response and returns their bytes.
func (w *Wallet) take(h http.Header) int {
	size, live := 0, map[string]bool{}
	var set []*http.Cookie
	for _, line := range h["Set-Cookie"] {
		size += len(line)
		if c, err := http.ParseSetCookie(line); err == nil {
			set = append(set, c)
			live[base(c.Name)] = live[base(c.Name)] || c.MaxAge >= 0
		}
	}
	for _, c := range set {
		switch {
		case c.MaxAge >= 0:
			w.cookies[c.Name] = c.Value
		case w.ignoresDeletes && !live[base(c.Name)]:
			continue
		default: // even one that ignores deletes drops the chunks that the new value no longer needs
			delete(w.cookies, c.Name)
		}
		w.changes = append(w.changes, c)
	}
	return size
}

// base is the name of the cookie that a chunk is part of.
func base(name string) string {
	name, _, _ = strings.Cut(name, ".")
	return name
}

// drop deletes a cookie and records that the browser must delete it too.
func (w *Wallet) drop(name string) {
	if _, ok := w.cookies[name]; !ok {
		return
	}
	delete(w.cookies, name)
	w.changes = append(w.changes, &http.Cookie{
		Name: name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
}

// Forget drops what carries a session or tells of a sign-out.
func (w *Wallet) Forget() {
	for name := range w.steal().cookies {
		w.drop(name)
	}
	w.drop(tombstone)
}

// Send puts the cookies into a request, in place of those that it had.
func (w *Wallet) Send(r *http.Request) { r.Header.Set("Cookie", w.header()) }

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

// clone copies the cookies, for a request during which nothing is locked.
func (w *Wallet) clone() *Wallet {
	return &Wallet{cookies: maps.Clone(w.cookies), ignoresDeletes: w.ignoresDeletes}
}

// refreshToken returns the refresh token that the wallet holds under a strategy.
func (w *Wallet) refreshToken(strategy string) string {
	return w.cookies["__Host-"+auth.RefreshCookie(strategy)]
}
