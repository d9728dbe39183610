package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// try sends a form from an address, without a browser.
func (s *site) try(address, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, localURL+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = address
	return s.answer(r)
}

// wantsTooOften checks a 429 and returns after how long to come back.
func wantsTooOften(t testing.TB, w *httptest.ResponseRecorder) time.Duration {
	t.Helper()
	seconds, err := strconv.Atoi(w.Header().Get("Retry-After"))
	if w.Code != 429 || err != nil || seconds < 1 || !strings.Contains(w.Body.String(), "rate_limited") {
		t.Fatalf("got %d with Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	return time.Duration(seconds) * time.Second
}

func TestTenPasswordsAMinute(t *testing.T) {
	for path, want := range map[string]int{"/sign-in/password": 401, "/sign-up": 400} {
		s := newSite(t, "database")
		guess := func(address string, n int) *httptest.ResponseRecorder {
			return s.try(address, path, url.Values{"email": {fmt.Sprintf("a%d@example.org", n)}, "password": {"short"}})
		}
		for n := range 10 {
			if w := guess("192.0.2.1:1", n); w.Code != want {
				t.Fatalf("%s: try %d: got %d", path, n+1, w.Code)
			}
		}
		wait := wantsTooOften(t, guess("192.0.2.1:2", 10))
		if w := guess("192.0.2.2:1", 11); w.Code != want {
			t.Errorf("%s: another address: got %d", path, w.Code)
		}
		s.clock.Advance(wait)
		if w := guess("192.0.2.1:3", 12); w.Code != want {
			t.Errorf("%s: after %s: got %d", path, wait, w.Code)
		}
		s.log.wants(t, "rate_limited")
	}
}

// TestAddressesOfOneNetwork counts the half of an IPv6 address that a client
// cannot choose, and knows an IPv4 address in disguise.
func TestAddressesOfOneNetwork(t *testing.T) {
	s := newSite(t, "database")
	guess := func(address string, n int) int {
		return s.try(address, "/sign-in/password", url.Values{"email": {fmt.Sprint(n, "@example.org")}}).Code
	}
	for n := range 10 {
		guess(fmt.Sprintf("[2001:db8::%x%%eth0]:1", n+1), n)
		guess(fmt.Sprintf("[::ffff:192.0.2.1]:%d", n+1), n+100)
	}
	for address, want := range map[string]int{"[2001:db8::ffff:1]:1": 429, "192.0.2.1:1": 429, "[2001:db8:0:1::1]:1": 401} {
		if got := guess(address, 1000); got != want {
			t.Errorf("%s: got %d, want %d", address, got, want)
		}
	}
}

// TestGuessingOneAccountIsSlow comes from many addresses. The owner, who has
// been there before, does not notice.
func TestGuessingOneAccountIsSlow(t *testing.T) {
	s := newSite(t, "database")
	owner := newBrowser(t, s).signUp("ada@example.org", adasPassword)
	owner.knock("ada@example.org", adasPassword)
	for _, email := range []string{"ada@example.org", "nobody@example.org"} {
		n := 0
		guess := func() *httptest.ResponseRecorder {
			n++
			return s.try(fmt.Sprintf("198.51.100.%d:1", n), "/sign-in/password", url.Values{"email": {email}, "password": {"wrong"}})
		}
		for range 5 {
			if w := guess(); w.Code != 401 {
				t.Fatalf("%s: got %d", email, w.Code)
			}
		}
		var waits []string
		for range 6 {
			wait := wantsTooOften(t, guess())
			waits = append(waits, wait.String())
			s.clock.Advance(wait)
			if w := guess(); w.Code != 401 {
				t.Fatalf("%s: after %s: got %d", email, wait, w.Code)
			}
		}
		if got := strings.Join(waits, " "); got != "1s 2s 4s 8s 15s 15s" {
			t.Errorf("%s: had to wait %s", email, got)
		}
	}
	owner.knock("ada@example.org", adasPassword)
	if owner.page.url.Path != "/dashboard" {
		t.Errorf("strangers locked the owner out: %d\n%s", owner.page.status, owner.text())
	}
}

// knock signs in again, whoever is signed in.
func (b *browser) knock(email, password string) *browser {
	b.Helper()
	return b.post("/sign-in/password", url.Values{"email": {email}, "password": {password}})
}

func TestStartsAndCallbacksAreLimited(t *testing.T) {
	s := newSite(t, "cookie")
	for path, limited := range map[string]func() *httptest.ResponseRecorder{
		"start": func() *httptest.ResponseRecorder { return s.try("192.0.2.1:1", "/sign-in/dev", nil) },
		"callback": func() *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, localURL+"/sign-in/dev/callback?state=x&code=y", nil)
			r.RemoteAddr = "192.0.2.1:1"
			return s.answer(r)
		},
		"token": func() *httptest.ResponseRecorder { return s.try("192.0.2.1:1", "/api/token", nil) },
	} {
		n := 0
		for w := limited(); w.Code != 429; w = limited() {
			if n++; n > 1000 {
				t.Fatalf("%s: 1,000 at once and nobody minds", path)
			}
		}
		if n < 300 {
			t.Errorf("%s: only %d, which an office would notice", path, n)
		}
		s.clock.Advance(wantsTooOften(t, limited()))
		if w := limited(); w.Code == 429 {
			t.Errorf("%s: still refused", path)
		}
	}
	newBrowser(t, s).signIn("ada") // from another address
}
