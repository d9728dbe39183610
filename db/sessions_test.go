package db

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

const realm = "1/database"

// session is a row of u that starts after so long, lasts an hour unused and a
// day at most. Hash and id are made from its name.
func session(u auth.User, name string, after time.Duration) auth.Row {
	began := start.Add(after)
	return auth.Row{Realm: realm, Hash: "hash of " + name, Session: auth.Session{
		ID: name, User: u, Device: auth.Device{Name: "Firefox on " + name},
		IssuedAt: began, ExpiresAt: began.Add(time.Hour), EndsAt: began.Add(24 * time.Hour), Remember: true,
	}}
}

func create(t testing.TB, s auth.SessionStore, rows ...auth.Row) {
	t.Helper()
	for _, r := range rows {
		if err := s.Create(t.Context(), r, 20); err != nil {
			t.Fatal(err)
		}
	}
}

// live names the sessions that List returns, in its order.
func live(t *testing.T, s auth.SessionStore, realm string, u auth.User, now time.Time) string {
	t.Helper()
	list, err := s.List(t.Context(), realm, u.ID, now)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range list {
		names = append(names, v.ID)
	}
	return strings.Join(names, " ")
}

func TestFind(t *testing.T) {
	ctx := t.Context()
	d := open(t)
	s := Sessions{d}
	ada := signIn(t, d, "ada")
	want := session(ada, "laptop", 0)
	create(t, s, want)
	if got, err := s.Find(ctx, realm, want.Hash); err != nil || got != want {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	for _, key := range [][2]string{{"2/database", want.Hash}, {realm, "hash of phone"}, {realm, ""}, {realm, "abc"}, {"", want.Hash}, {realm, "'\x00\xff%"}} {
		if _, err := s.Find(ctx, key[0], key[1]); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%q: got %v, want ErrNotFound", key, err)
		}
	}

	// The user is read live.
	if err := errors.Join(d.SetRole(ctx, ada.ID, auth.RoleAdmin), d.Disable(ctx, ada.ID, start)); err != nil {
		t.Fatal(err)
	}
	want.Session.User.Role, want.Session.User.Epoch, want.Session.User.Disabled = auth.RoleAdmin, 1, true
	if got, err := s.Find(ctx, realm, want.Hash); err != nil || got != want {
		t.Errorf("demoted: got %+v, %v\nwant %+v", got, err, want)
	}

	// Ended and expired rows are found too: the first end stays.
	want.EndedAt = start.Add(time.Minute)
	for _, at := range []time.Duration{time.Minute, time.Hour} {
		if err := s.End(ctx, realm, want.Hash, start.Add(at)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Find(ctx, realm, want.Hash); err != nil || got != want {
		t.Errorf("ended: got %+v, %v\nwant %+v", got, err, want)
	}
	if err := s.End(ctx, realm, "unknown", start); err != nil {
		t.Errorf("ending an unknown row: %v", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	d := open(t)
	s := Sessions{d}
	laptop := session(signIn(t, d, "ada"), "laptop", 0)
	create(t, s, laptop)
	fault(t, "the same hash twice", s.Create(t.Context(), laptop, 20))
	ada, grace := laptop.Session.User, signIn(t, d, "grace")
	if err := d.Disable(t.Context(), grace.ID, start); err != nil {
		t.Fatal(err)
	}
	if err := s.End(t.Context(), realm, laptop.Hash, start); err != nil {
		t.Fatal(err)
	}
	raised := ada
	raised.Epoch++
	resting := session(ada, "phone", 0)
	resting.Replaces = &auth.Standing{UserID: ada.ID, Realm: realm, SessionID: laptop.Session.ID}
	for what, row := range map[string]auth.Row{
		"an unknown user": session(auth.User{ID: "nobody"}, "phone", 0), "a user of another epoch": session(raised, "phone", 0),
		"in place of a session that has ended": resting,
	} {
		if err := s.Create(t.Context(), row, 20); !errors.Is(err, auth.ErrRevoked) {
			t.Errorf("%s: got %v, want ErrRevoked", what, err)
		}
	}
	if err := s.Create(t.Context(), session(grace, "phone", 0), 20); !errors.Is(err, auth.ErrDisabled) {
		t.Errorf("a disabled user: got %v, want ErrDisabled", err)
	}
	if n := count(t, d, "sessions"); n != 1 {
		t.Errorf("got %d rows, want 1", n)
	}
}

func TestCreateEvictsTheOldest(t *testing.T) {
	d := open(t)
	s := Sessions{d}
	ada, grace := signIn(t, d, "ada"), signIn(t, d, "grace")
	elsewhere := session(ada, "elsewhere", 0)
	elsewhere.Realm = "2/database"
	create(t, s, session(grace, "hers", 0), elsewhere)
	for i := range 25 {
		create(t, s, session(ada, fmt.Sprint(i), time.Duration(i)*time.Second))
	}
	now := start.Add(25 * time.Second)
	var want []string
	for i := 24; i >= 5; i-- {
		want = append(want, fmt.Sprint(i))
	}
	if got := live(t, s, realm, ada, now); got != strings.Join(want, " ") {
		t.Errorf("got %s, want %s", got, want)
	}
	if r, err := s.Find(t.Context(), realm, "hash of 4"); err != nil || !r.EndedAt.Equal(start.Add(24*time.Second)) {
		t.Errorf("evicted: got %+v, %v; want it marked when the last one came", r, err)
	}
	if got := live(t, s, realm, grace, now) + live(t, s, "2/database", ada, now); got != "herselsewhere" {
		t.Errorf("others lost sessions: %s", got)
	}

	// The new one stays, although its clock says that it is the oldest.
	create(t, s, session(ada, "late", -time.Minute))
	if got := live(t, s, realm, ada, now); !strings.HasSuffix(got, " late") || strings.Count(got, " ") != 19 {
		t.Errorf("got %s, want 20 with the new one", got)
	}
	if err := s.Create(t.Context(), session(ada, "only", time.Minute), 0); err != nil {
		t.Fatal(err)
	}
	if got := live(t, s, realm, ada, start.Add(time.Minute)); got != "only" {
		t.Errorf("keeping none: got %s, want the new one", got)
	}
}

func TestEvictionCountsTheLivingOnly(t *testing.T) {
	d := open(t)
	s := Sessions{d}
	ada := signIn(t, d, "ada")
	old, ended := session(ada, "old", 0), session(ada, "ended", 90*time.Minute)
	create(t, s, old, ended)
	if err := s.End(t.Context(), realm, ended.Hash, ended.Session.IssuedAt); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := s.Create(t.Context(), session(ada, name, 2*time.Hour), 2); err != nil {
			t.Fatal(err)
		}
	}
	if got := live(t, s, realm, ada, start.Add(2*time.Hour)); got != "a b" {
		t.Errorf("got %s, want a b", got)
	}
	if r, err := s.Find(t.Context(), realm, old.Hash); err != nil || !r.EndedAt.IsZero() {
		t.Errorf("an expired session was marked as ended: %+v, %v", r, err)
	}
}

func TestSlide(t *testing.T) {
	const hour = time.Hour
	for _, test := range []struct {
		name                string
		realm               string
		now, expires, reads time.Duration
		ended, found        bool
	}{
		{name: "alive", realm: realm, now: hour / 2, expires: 2 * hour, reads: 2 * hour, found: true},
		{name: "last moment", realm: realm, now: hour - time.Millisecond, expires: 2 * hour, reads: 2 * hour, found: true},
		{name: "past the absolute end", realm: realm, now: hour / 2, expires: 48 * hour, reads: 24 * hour, found: true},
		{name: "at the idle end", realm: realm, now: hour, expires: 2 * hour},
		{name: "ended", realm: realm, now: hour / 2, expires: 2 * hour, ended: true},
		{name: "another realm", realm: "2/database", now: hour / 2, expires: 2 * hour},
		{name: "realm within", realm: "1", now: hour / 2, expires: 2 * hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := t.Context()
			d := open(t)
			s := Sessions{d}
			want := session(signIn(t, d, "ada"), "laptop", 0)
			create(t, s, want)
			if test.ended {
				want.EndedAt = start
				if err := s.End(ctx, realm, want.Hash, start); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.Slide(ctx, test.realm, want.Hash, start.Add(test.expires), start.Add(test.now))
			if test.found {
				want.Session.ExpiresAt = start.Add(test.reads)
				if err != nil || got != want {
					t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
				}
			} else if !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("got %+v, %v; want ErrNotFound", got, err)
			}
			if got, err := s.Find(ctx, realm, want.Hash); err != nil || got != want {
				t.Errorf("stored: %+v, %v\nwant    %+v", got, err, want)
			}
		})
	}
}

func TestSlideAtTheAbsoluteEnd(t *testing.T) {
	d := open(t)
	s := Sessions{d}
	r := session(signIn(t, d, "ada"), "laptop", 0)
	r.Session.ExpiresAt = r.Session.EndsAt.Add(time.Hour) // no strategy writes this
	create(t, s, r)
	_, err := s.Slide(t.Context(), realm, r.Hash, r.Session.EndsAt.Add(time.Hour), r.Session.EndsAt)
	if !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestNoSlideBringsAnEndedSessionBack(t *testing.T) {
	ctx := t.Context()
	d := open(t)
	s := Sessions{d}
	r := session(signIn(t, d, "ada"), "laptop", 0)
	create(t, s, r)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := range 20 {
				expires := start.Add(time.Hour + time.Duration(20*i+j)*time.Second)
				if _, err := s.Slide(ctx, realm, r.Hash, expires, start); err != nil && !errors.Is(err, auth.ErrNotFound) {
					t.Error(err)
				}
				if i == 0 && j == 10 {
					if err := s.End(ctx, realm, r.Hash, start); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if got, err := s.Find(ctx, realm, r.Hash); err != nil || !got.EndedAt.Equal(start) {
		t.Errorf("got %+v, %v; want it ended", got, err)
	}
}

func TestEndAll(t *testing.T) {
	for _, test := range []struct {
		name   string
		target auth.Target
		n      int
		left   string // of Ada's in this realm
	}{
		{"all", auth.Target{All: true}, 4, ""},
		{"one", auth.Target{SessionID: "phone"}, 1, "later laptop"},
		{"all but one", auth.Target{Except: "laptop"}, 3, "laptop"},
		{"all but one of somebody else", auth.Target{Except: "hers"}, 4, ""},
		{"unknown", auth.Target{SessionID: "unknown"}, 0, "later phone laptop"},
		{"no text", auth.Target{SessionID: "\x00\xff"}, 0, "later phone laptop"},
		{"of somebody else", auth.Target{SessionID: "hers"}, 0, "later phone laptop"},
		{"of another realm", auth.Target{SessionID: "elsewhere"}, 0, "later phone laptop"},
		{"of a clock that was ahead", auth.Target{SessionID: "later"}, 1, "phone laptop"},
		{"ended", auth.Target{SessionID: "ended"}, 0, "later phone laptop"},
		{"expired", auth.Target{SessionID: "expired"}, 1, "later phone laptop"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := t.Context()
			d := open(t)
			s := Sessions{d}
			ada, grace := signIn(t, d, "ada"), signIn(t, d, "grace")
			elsewhere := session(ada, "elsewhere", 0)
			elsewhere.Realm = "2/database"
			create(t, s, session(ada, "expired", -2*time.Hour), session(ada, "ended", 0), session(ada, "laptop", 0),
				session(ada, "phone", time.Minute), session(ada, "later", 2*time.Minute), session(grace, "hers", 0), elsewhere)
			if err := s.End(ctx, realm, "hash of ended", start); err != nil {
				t.Fatal(err)
			}
			now := start.Add(time.Minute) // the very time of the phone's sign-in
			test.target.UserID = ada.ID
			if n, err := s.EndAll(ctx, realm, test.target, now); err != nil || n != test.n {
				t.Errorf("got %d, %v; want %d", n, err, test.n)
			}
			if got := live(t, s, realm, ada, now); got != test.left {
				t.Errorf("left: %s, want %s", got, test.left)
			}
			if got := live(t, s, realm, grace, now) + live(t, s, "2/database", ada, now); got != "herselsewhere" {
				t.Errorf("others lost sessions: %s", got)
			}
		})
	}
}

func TestEndAllNeedsAUser(t *testing.T) {
	d := open(t)
	s := Sessions{d}
	create(t, s, session(signIn(t, d, "ada"), "laptop", 0))
	_, err := s.EndAll(t.Context(), realm, auth.Target{SessionID: "laptop"}, start)
	fault(t, "no user", err)
}

func TestList(t *testing.T) {
	d := open(t)
	s := Sessions{d}
	ada := signIn(t, d, "ada")
	laptop := session(ada, "laptop", 0)
	create(t, s, laptop, session(ada, "phone", time.Minute), session(ada, "tablet", time.Minute))
	list, err := s.List(t.Context(), realm, ada.ID, start)
	if err != nil || len(list) != 3 || !slices.Contains(list, laptop.Session) {
		t.Errorf("got %+v, %v; want the laptop among three", list, err)
	}
	for after, want := range map[time.Duration]string{
		0: "phone tablet laptop", time.Hour: "phone tablet", time.Hour + time.Minute: "",
	} {
		if got := live(t, s, realm, ada, start.Add(after)); got != want {
			t.Errorf("after %s: got %s, want %s", after, got, want)
		}
	}
	if got := live(t, s, realm, auth.User{ID: "nobody"}, start); got != "" {
		t.Errorf("nobody has %s", got)
	}
}

// TestDatabaseHoldsNoSecret reads every byte that was written.
func TestDatabaseHoldsNoSecret(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	d := openAt(t, filepath.Join(dir, "test.db"))
	drawn := 0
	strategy := &auth.Database{
		Store: Sessions{d}, Realm: realm, Now: clock,
		Life: auth.Lifetimes{Idle: time.Hour, Max: 2 * time.Hour, RefreshAt: 0.8},
		Text: func() string { drawn++; return fmt.Sprintf("random-text-%d-of-twenty-six", drawn) },
	}
	v, tokens, err := strategy.Issue(ctx, auth.SignIn{User: signIn(t, d, "ada"), Remember: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, tokens, err = strategy.Renew(ctx, tokens); err != nil {
		t.Fatal(err)
	}
	if err := strategy.End(ctx, tokens); err != nil {
		t.Fatal(err)
	}
	all := written(t, d, dir)
	if strings.Contains(all, tokens.Access.Value) {
		t.Error("the secret is in the database")
	}
	if !strings.Contains(all, v.ID) {
		t.Error("the public id is not in the database: this test looks in the wrong place")
	}
}

// written is every byte of the files, or every column of a server's tables.
func written(t *testing.T, d *DB, dir string) string {
	t.Helper()
	var all strings.Builder
	if dbtest.Postgres() {
		for _, table := range []string{"users", "accounts", "sessions", "refresh_tokens", "departed"} {
			var rows string
			err := d.read.QueryRow("SELECT COALESCE(string_agg(r::text, ' '), '') FROM " + table + " AS r").Scan(&rows)
			if err != nil {
				t.Fatal(err)
			}
			all.WriteString(rows)
		}
		return all.String()
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("got %v, %v; want the file and its log", files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
