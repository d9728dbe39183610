package db

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
)

// However often somebody signs in, and however their sessions end, their rows stay few.
func TestRowsOfAUserAreBounded(t *testing.T) {
	const keep, times = 20, 150
	for _, test := range []struct {
		name string
		idle time.Duration // of a session; the next one is created an hour later
		end  func(*testing.T, Sessions, auth.Row)
		last int // sessions that are alive after the last one was created
	}{
		{"evicted", 10 * 24 * time.Hour, func(*testing.T, Sessions, auth.Row) {}, keep},
		{"signed out", 10 * 24 * time.Hour, func(t *testing.T, s Sessions, r auth.Row) {
			if err := s.EndFamily(t.Context(), r.Realm, r.Hash, r.Session.IssuedAt); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"revoked", 10 * 24 * time.Hour, func(t *testing.T, s Sessions, r auth.Row) {
			target := auth.Target{UserID: r.Session.User.ID, All: true}
			if n, err := s.EndAll(t.Context(), r.Realm, target, r.Session.IssuedAt); n == 0 || err != nil {
				t.Fatal(n, err)
			}
		}, 1},
		{"expired", time.Minute, func(*testing.T, Sessions, auth.Row) {}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := open(t)
			s := Sessions{d}
			ada, grace := signIn(t, d, "ada"), signIn(t, d, "grace")
			if err := s.CreateFamily(t.Context(), session(grace, "hers", 0), keep); err != nil {
				t.Fatal(err)
			}
			var rows []auth.Row
			for i := range times {
				r := session(ada, fmt.Sprint("s", i), time.Duration(i)*time.Hour)
				r.Session.ExpiresAt, r.Session.EndsAt = r.Session.IssuedAt.Add(test.idle), r.Session.IssuedAt.Add(30*24*time.Hour)
				if i > 0 {
					test.end(t, s, rows[i-1])
				}
				if err := s.CreateFamily(t.Context(), r, keep); err != nil {
					t.Fatal(err)
				}
				spend := auth.Spend{
					Realm: realm, Hash: r.Hash, Next: r.Hash + " next", Sealed: "sealed",
					Expires: r.Session.ExpiresAt, Now: r.Session.IssuedAt,
				}
				if _, err := s.Spend(t.Context(), spend); err != nil {
					t.Fatal(err)
				}
				rows = append(rows, r)
			}
			most := keep + maxEnded
			if n := count(t, d, "sessions") - 1; n != most {
				t.Errorf("got %d sessions, want %d", n, most)
			}
			if n := count(t, d, "refresh_tokens") - 1; n != 2*most {
				t.Errorf("got %d refresh tokens, want %d", n, 2*most)
			}
			for _, i := range []int{0, times - most - 1} {
				if _, err := s.Find(t.Context(), realm, rows[i].Hash); !errors.Is(err, auth.ErrNotFound) {
					t.Errorf("session %d: got %v, want ErrNotFound", i, err)
				}
			}
			if _, err := s.Find(t.Context(), realm, rows[times-most].Hash); err != nil {
				t.Errorf("session %d: %v", times-most, err)
			}
			list, err := s.List(t.Context(), realm, ada.ID, rows[times-1].Session.IssuedAt)
			if err != nil || len(list) != test.last {
				t.Errorf("got %d sessions alive, %v; want %d", len(list), err, test.last)
			}
		})
	}
}

// A session that is alive is not dropped, however many others have come and gone.
func TestBoundSparesTheLiving(t *testing.T) {
	d := open(t)
	s := Sessions{d}
	ada := signIn(t, d, "ada")
	laptop := session(ada, "laptop", 0)
	create(t, s, laptop)
	for i := range 300 {
		r := session(ada, fmt.Sprint("s", i), 0)
		if i%2 == 0 {
			r.Session.ExpiresAt = start // has expired already
		}
		create(t, s, r)
		if i%2 == 1 {
			if err := s.End(t.Context(), realm, r.Hash, start); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := live(t, s, realm, ada, start); got != "laptop" {
		t.Errorf("alive: got %q, want laptop", got)
	}
	if n, want := count(t, d, "sessions"), 20+maxEnded+1; n != want { // besides the laptop, 120 that expired later
		t.Errorf("got %d rows, want %d", n, want)
	}
}

// signInByABadClock fills a user's sessions while the clock is ahead, then signs in three
// times by a clock that is right. Those three must count as the newest.
func signInByABadClock(t *testing.T, s auth.SessionStore, row func(name string, after time.Duration) auth.Row) {
	t.Helper()
	for i := range 20 {
		create(t, s, row(fmt.Sprint("ahead", i), 30*time.Minute+time.Duration(i)*time.Second))
	}
	names := []string{"laptop", "phone", "tablet"}
	for i, name := range names {
		create(t, s, row(name, time.Duration(i)*time.Second))
	}
	r := row("", 0)
	got := live(t, s, r.Realm, r.Session.User, start.Add(time.Minute))
	if n := len(strings.Fields(got)); n != 20 {
		t.Errorf("got %d sessions, want 20", n)
	}
	for i, name := range names {
		if !strings.Contains(got, name) {
			t.Errorf("%s was evicted: %s", name, got)
		}
		if gone := fmt.Sprint("ahead", i); strings.Contains(got+" ", gone+" ") {
			t.Errorf("%s, which is among the oldest, was not evicted: %s", gone, got)
		}
	}
}

func TestEvictionByABadClock(t *testing.T) {
	d := open(t)
	ada := signIn(t, d, "ada")
	signInByABadClock(t, Sessions{d}, func(name string, after time.Duration) auth.Row { return session(ada, name, after) })
}

// Sessions that seem to have expired, by a clock that is ahead, are not evicted; and
// when it has been put right, the oldest are.
func TestEvictionAfterABadClock(t *testing.T) {
	d := open(t)
	s := Sessions{d}
	ada := signIn(t, d, "ada")
	for i := range 20 {
		create(t, s, session(ada, fmt.Sprint("old", i), time.Duration(i)*time.Second))
	}
	create(t, s, session(ada, "ahead", 8*24*time.Hour))
	if got := live(t, s, realm, ada, start.Add(time.Minute)); len(strings.Fields(got)) != 21 {
		t.Errorf("got %s, want all 21", got)
	}
	create(t, s, session(ada, "new", time.Minute))
	got := live(t, s, realm, ada, start.Add(time.Minute))
	if len(strings.Fields(got)) != 20 || !strings.Contains(got, "ahead") || !strings.Contains(got, "new") || strings.Contains(got+" ", "old1 ") {
		t.Errorf("got %s, want the newest 20 without old0 and old1", got)
	}
}

// Rows from before there was an order are the oldest, in the order of their times.
func TestEvictionOfRowsFromBefore(t *testing.T) {
	path := t.TempDir() + "/before.db"
	d := openBefore(t, path, 8)
	ada := plantUser(t, d, identity("ada").User(), nil, identity("ada"))
	for i := range 20 {
		plantSession(t, d, session(ada, fmt.Sprint("old", i), 30*time.Minute+time.Duration(i)*time.Second))
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = openAt(t, path)
	s := Sessions{d}
	create(t, s, session(ada, "laptop", 0), session(ada, "phone", time.Second))
	got := live(t, s, realm, ada, start.Add(time.Minute))
	if len(strings.Fields(got)) != 20 || !strings.HasSuffix(got, "old2 phone laptop") {
		t.Errorf("got %s, want the newest 20 without old0 and old1", got)
	}
}
