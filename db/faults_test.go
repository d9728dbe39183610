package db

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// writes are all the ways to write a row, by name.
func writes(d *DB, r auth.Row) map[string]func(context.Context) error {
	s, user := Sessions{d}, r.Session.User.ID
	other := r
	other.Hash += " again"
	return map[string]func(context.Context) error{
		"create": func(ctx context.Context) error { return s.Create(ctx, other, 20) },
		"slide": func(ctx context.Context) error {
			_, err := s.Slide(ctx, r.Realm, r.Hash, r.Session.EndsAt, start)
			return err
		},
		"end": func(ctx context.Context) error { return s.End(ctx, r.Realm, r.Hash, start) },
		"end all": func(ctx context.Context) error {
			_, err := s.EndAll(ctx, r.Realm, auth.Target{UserID: user, All: true}, start)
			return err
		},
		"sign in": func(ctx context.Context) error {
			_, err := d.SignIn(ctx, identity("new"))
			return err
		},
		"set role":     func(ctx context.Context) error { return d.SetRole(ctx, user, auth.RoleAdmin) },
		"disable":      func(ctx context.Context) error { return d.Disable(ctx, user, start) },
		"enable":       func(ctx context.Context) error { return d.Enable(ctx, user, start) },
		"delete realm": func(ctx context.Context) error { return d.DeleteRealm(ctx, "1") },
		"sweep": func(ctx context.Context) error {
			_, err := d.Sweep(ctx, start)
			return err
		},
	}
}

// reads are all the ways to read one.
func reads(d *DB, r auth.Row) map[string]func(context.Context) error {
	s := Sessions{d}
	return map[string]func(context.Context) error{
		"find": func(ctx context.Context) error {
			_, err := s.Find(ctx, r.Realm, r.Hash)
			return err
		},
		"list": func(ctx context.Context) error {
			_, err := s.List(ctx, r.Realm, r.Session.User.ID, start)
			return err
		},
		"user": func(ctx context.Context) error {
			_, err := d.User(ctx, r.Session.User.ID)
			return err
		},
		"sign in of somebody known": func(ctx context.Context) error {
			_, err := d.SignIn(ctx, identity("ada"))
			return err
		},
	}
}

// store returns a database with one user, Ada, and one session.
func store(t *testing.T, path string) (*DB, auth.Row) {
	d := openAt(t, path)
	r := session(signIn(t, d, "ada"), "laptop", 0)
	create(t, Sessions{d}, r)
	return d, r
}

func TestLocked(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "test.db")
	d, r := store(t, path)
	d.Wait = 50 * time.Millisecond
	release := lock(t, path)
	for name, write := range writes(d, r) {
		fault(t, name, write(ctx))
	}
	for name, read := range reads(d, r) {
		if err := read(ctx); err != nil {
			t.Errorf("%s: got %v, want an answer in spite of the lock", name, err)
		}
	}
	release()
	d.Wait = time.Minute
	if got, err := (Sessions{d}).Find(ctx, r.Realm, r.Hash); err != nil || got != r {
		t.Errorf("after failed writes: got %+v, %v; want %+v", got, err, r)
	}
	if n := count(t, d, "sessions") + count(t, d, "users"); n != 2 {
		t.Errorf("got %d rows, want 2: a failed write left something", n)
	}
	if err := d.SetRole(ctx, r.Session.User.ID, auth.RoleAdmin); err != nil {
		t.Errorf("after the lock: %v", err)
	}
}

func TestWriteWaitsForALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	d, r := store(t, path)
	d.Wait = time.Minute
	began := make(chan struct{}, 1)
	d.Observe = func(context.Context, string, string) func(error) {
		began <- struct{}{}
		return func(error) {}
	}
	release := lock(t, path)
	done := make(chan error)
	go func() { done <- Sessions{d}.End(context.Background(), r.Realm, r.Hash, start) }()
	<-began
	release()
	if err := <-done; err != nil {
		t.Errorf("got %v, want the write to wait", err)
	}
}

func TestWriteOutlivesItsRequest(t *testing.T) {
	d, r := store(t, filepath.Join(t.TempDir(), "test.db"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (Sessions{d}).End(ctx, r.Realm, r.Hash, start); err != nil {
		t.Fatal(err)
	}
	if got, err := (Sessions{d}).Find(ctx, r.Realm, r.Hash); err != nil || got.EndedAt.IsZero() {
		t.Errorf("got %+v, %v; want it ended", got, err)
	}
}

func TestClosedGivesFaults(t *testing.T) {
	ctx := t.Context()
	d, r := store(t, filepath.Join(t.TempDir(), "test.db"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for name, write := range writes(d, r) {
		fault(t, name, write(ctx))
	}
	for name, read := range reads(d, r) {
		fault(t, name, read(ctx))
	}
	fault(t, "ready", d.Ready(ctx))
}

func TestManySignInsAtOnce(t *testing.T) {
	const people, times = 16, 20
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "test.db")
	handles := []*DB{openAt(t, path), openAt(t, path)} // as two processes have
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			d := handles[i%2]
			for j := range times {
				u, err := d.SignIn(ctx, identity(fmt.Sprint(i/2))) // two of them are one person
				if err != nil {
					t.Error(err)
					return
				}
				r := session(u, fmt.Sprintf("%d of %d", j, i), time.Duration(j)*time.Second)
				if err := (Sessions{d}).Create(ctx, r, 2*times); err != nil {
					t.Error(err)
				}
				if got, err := (Sessions{d}).Find(ctx, realm, r.Hash); err != nil || got != r {
					t.Errorf("got %+v, %v; want %+v", got, err, r)
				}
			}
		})
	}
	all.Wait()
	if n := count(t, handles[0], "users"); n != people/2 {
		t.Errorf("got %d users, want %d", n, people/2)
	}
	if n := count(t, handles[0], "sessions WHERE ended_at IS NULL"); n != people*times {
		t.Errorf("got %d sessions, want %d", n, people*times)
	}
}

func TestReceipts(t *testing.T) {
	d, r := store(t, filepath.Join(t.TempDir(), "test.db"))
	d.Observe = auth.Receipts(clock)
	s := Sessions{d}
	other := session(r.Session.User, "phone", time.Minute)
	stranger := identity("stranger")
	renamed := identity("ada")
	renamed.Name = "Ada King"
	turns := 0 // that the transactions of a user take, where there is no other lock
	if dbtest.Postgres() {
		turns = 1
	}
	for _, test := range []struct {
		name          string
		do            func(context.Context) error
		reads, writes int
	}{
		{"find", reads(d, r)["find"], 1, 0},
		{"find nothing", func(ctx context.Context) error { _, err := s.Find(ctx, realm, "?"); return err }, 1, 0},
		{"list", reads(d, r)["list"], 1, 0},
		{"user", reads(d, r)["user"], 1, 0},
		{"create", func(ctx context.Context) error { return s.Create(ctx, other, 20) }, turns, 2},
		{"slide", writes(d, r)["slide"], 0, 1},
		{"end all", writes(d, r)["end all"], turns, 1},
		{"slide nothing", writes(d, r)["slide"], 0, 1},
		{"first sign-in", func(ctx context.Context) error { _, err := d.SignIn(ctx, stranger); return err }, 2 + turns, 2},
		{"next sign-in", func(ctx context.Context) error { _, err := d.SignIn(ctx, stranger); return err }, 1, 0},
		{"changed profile", func(ctx context.Context) error { _, err := d.SignIn(ctx, renamed); return err }, 1, 2},
	} {
		var receipt auth.Receipt
		if err := test.do(auth.WithReceipt(t.Context(), &receipt)); err != nil && !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%s: %v", test.name, err)
		}
		if r, w := receipt.Count("read"), receipt.Count("write"); r != test.reads || w != test.writes {
			t.Errorf("%s: got %d reads, %d writes; want %d, %d", test.name, r, w, test.reads, test.writes)
		}
		for _, step := range receipt.Steps() {
			if step.Err != "" {
				t.Errorf("%s: %s: %s", test.name, step.Name, step.Err)
			}
		}
	}
}
