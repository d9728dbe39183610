package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sessionlab/db/dbtest"
	"sessionlab/handlers/handlerstest"
)

// publicSite is a site that answers other machines.
func publicSite(t testing.TB, strategy string) *handlerstest.Site {
	return handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: strategy, BaseURL: "https://app.example"})
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
		s := publicSite(t, "database")
		guess := func(address string, n int) *httptest.ResponseRecorder {
			return s.Try(address, path, url.Values{"email": {fmt.Sprintf("a%d@example.org", n)}, "password": {"short"}})
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
		s.Clock.Advance(wait)
		if w := guess("192.0.2.1:3", 12); w.Code != want {
			t.Errorf("%s: after %s: got %d", path, wait, w.Code)
		}
		s.Journal.Wants(t, "rate_limited")
	}
}

// TestAddressesOfOneNetwork counts the half of an IPv6 address that a client
// cannot choose, and knows an IPv4 address in disguise.
func TestAddressesOfOneNetwork(t *testing.T) {
	s := publicSite(t, "database")
	guess := func(address string, n int) int {
		return s.Try(address, "/sign-in/password", url.Values{"email": {fmt.Sprint(n, "@example.org")}}).Code
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

// TestGuessingOneAccountIsSlow guesses from one address. The owner, at another, does not
// notice.
func TestGuessingOneAccountIsSlow(t *testing.T) {
	s := publicSite(t, "database")
	owner := handlerstest.NewBrowser(t, s).SignUp("ada@example.org", handlerstest.AdasPassword)
	for i, email := range []string{"ada@example.org", "nobody@example.org"} {
		guess := func() *httptest.ResponseRecorder {
			return s.Try(fmt.Sprintf("198.51.100.%d:1", i), "/sign-in/password", url.Values{"email": {email}, "password": {"wrong"}})
		}
		for range 5 {
			if w := guess(); w.Code != 401 {
				t.Fatalf("%s: got %d", email, w.Code)
			}
		}
		var waits []string
		for range 3 {
			wait := wantsTooOften(t, guess())
			waits = append(waits, wait.String())
			s.Clock.Advance(wait)
			if w := guess(); w.Code != 401 {
				t.Fatalf("%s: after %s: got %d", email, wait, w.Code)
			}
		}
		if got := strings.Join(waits, " "); got != "1s 2s 4s" {
			t.Errorf("%s: had to wait %s", email, got)
		}
	}
	owner.Knock("ada@example.org", handlerstest.AdasPassword)
	if owner.Page.URL.Path != "/dashboard" {
		t.Errorf("strangers locked the owner out: %d\n%s", owner.Page.Status, owner.Text())
	}
}

// TestLockoutWeapon guesses for an hour, four times a second, from a thousand addresses.
// The owner comes from an address that nobody has seen, each minute from another, and
// gets in.
func TestLockoutWeapon(t *testing.T) {
	s := publicSite(t, "database")
	const email = "ada@example.org"
	handlerstest.NewBrowser(t, s).SignUp(email, handlerstest.AdasPassword).At("/dashboard", 200)
	shell := dbtest.Shell(t, s.File)
	cheap := handlerstest.CheapHash(handlerstest.AdasPassword)
	signIn := func(address, password string) int {
		return s.Try(address, "/sign-in/password", url.Values{"email": {email}, "password": {password}}).Code
	}
	verified := 0
	for second := range 60 * 60 {
		for n := range 4 {
			guess := (4*second + n) % 1000
			switch code := signIn(fmt.Sprintf("[2001:db8:1:%x::1]:1", guess), "not the right one"); code {
			case 401:
				verified++
			case 429:
			default:
				t.Fatalf("a guess: got %d", code)
			}
			s.Clock.Advance(time.Second / 4)
		}
		if second%60 != 0 {
			continue
		}
		address := fmt.Sprintf("[2001:db8:2:%x::1]:1", second)
		if second == 30*60 { // a slip of the finger
			if code := signIn(address, "not quite right"); code != 401 {
				t.Errorf("minute %d: a typo: got %d, want 401", second/60, code)
			}
			s.Clock.Advance(time.Minute)
		}
		if code := signIn(address, handlerstest.AdasPassword); code != 303 {
			t.Fatalf("minute %d: the owner got %d, want 303", second/60, code)
		}
		_, err := shell.Exec("UPDATE users SET password_hash = $1", cheap) // or this takes minutes
		handlerstest.Must(t, err)
	}
	t.Logf("of %d guesses in an hour, from 1,000 addresses, %d were looked at", 4*60*60, verified)
	if verified > 7000 {
		t.Errorf("%d guesses were looked at in an hour, want 7 for each address at most", verified)
	}
}

// TestFloodOfPasswords has ten addresses ask for more than can be hashed or wait. Who
// comes then from another address is served.
func TestFloodOfPasswords(t *testing.T) {
	if testing.Short() {
		t.Skip("under the race detector a hash takes too long for the owner to wait for six")
	}
	s := publicSite(t, "database")
	handlerstest.NewBrowser(t, s).SignUp("ada@example.org", handlerstest.AdasPassword).At("/dashboard", 200)
	codes := make(chan int, 100)
	var arrived sync.WaitGroup // all of them, before one is hashed
	arrived.Add(100)
	var begun atomic.Int32
	s.Passwords.Observe = func(context.Context, string, string) func(error) {
		if begun.Add(1) <= 100 {
			arrived.Done()
			arrived.Wait()
		}
		return func(error) {}
	}
	for n := range 100 {
		go func() {
			form := url.Values{"email": {fmt.Sprintf("a%d@example.org", n)}, "password": {"not the right one"}}
			codes <- s.Try(fmt.Sprintf("192.0.2.%d:1", n%10), "/sign-in/password", form).Code
		}()
	}
	answered := 0
	for code := 0; code != 503; answered++ {
		code = <-codes
	}
	form := url.Values{"email": {"ada@example.org"}, "password": {handlerstest.AdasPassword}}
	if w := s.Try("198.51.100.1:1", "/sign-in/password", form); w.Code != 303 {
		t.Errorf("the owner, with a flood waiting: got %d, want 303", w.Code)
	}
	for ; answered < 100; answered++ {
		if code := <-codes; code != 401 && code != 503 {
			t.Errorf("one of the flood: got %d", code)
		}
	}
}

// TestGuessesAtChangesCount guesses the current password of a session: it is as slow.
func TestGuessesAtChangesCount(t *testing.T) {
	s := publicSite(t, "database")
	thief := handlerstest.NewBrowser(t, s).SignUp("ada@example.org", handlerstest.AdasPassword)
	change := func(current string) int {
		thief.Post("/account/password", url.Values{"current": {current}, "password": {handlerstest.NewPassword}})
		return thief.Page.Status
	}
	for n := range 5 {
		if got := change("wrong"); got != 403 {
			t.Fatalf("guess %d: got %d, want 403", n+1, got)
		}
	}
	if got := change(handlerstest.AdasPassword); got != 429 {
		t.Errorf("a sixth guess: got %d, want 429", got)
	}
	s.Clock.Advance(time.Second)
	if got := change(handlerstest.AdasPassword); got != 200 {
		t.Errorf("after the wait: got %d, want 200", got)
	}
}

func TestStartsAndCallbacksAreLimited(t *testing.T) {
	s := publicSite(t, handlerstest.Any)
	for path, limited := range map[string]func() *httptest.ResponseRecorder{
		"start": func() *httptest.ResponseRecorder { return s.Try("192.0.2.1:1", "/sign-in/dev", nil) },
		"callback": func() *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, s.BaseURL.String()+"/sign-in/dev/callback?state=x&code=y", nil)
			r.RemoteAddr = "192.0.2.1:1"
			return s.Answer(r)
		},
		"token": func() *httptest.ResponseRecorder { return s.Try("192.0.2.1:1", "/api/token", nil) },
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
		s.Clock.Advance(wantsTooOften(t, limited()))
		if w := limited(); w.Code == 429 {
			t.Errorf("%s: still refused", path)
		}
	}
	handlerstest.NewBrowser(t, s).SignIn("ada") // from another address
}
