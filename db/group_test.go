package db

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// gather holds the lock while writers queue up, and lets them go together. It
// returns what became of each. The first must be more than a statement, which would
// be run alone.
func gather(t *testing.T, d *DB, writers ...func() error) []error {
	t.Helper()
	results := make([]error, len(writers))
	done := make(chan int)
	release := lock(t, d.engine.(*file).absolute)
	for i, w := range writers {
		go func() {
			results[i] = w()
			done <- i
		}()
		queued(t, d, i+1)
	}
	release()
	for range writers {
		<-done
	}
	return results
}

// queued waits until so many writers are in the queue.
func queued(t *testing.T, d *DB, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if time.Now().After(deadline) {
			t.Fatalf("never were there %d in the queue", n)
		}
		d.group.mu.Lock()
		waiting := len(d.group.waiting)
		d.group.mu.Unlock()
		if waiting == n {
			return
		}
		runtime.Gosched()
	}
}

// TestWritersShareACommit: what waits together is one transaction, and what fails
// in it is undone alone.
func TestWritersShareACommit(t *testing.T) {
	dbtest.SQLiteOnly(t)
	ctx := t.Context()
	d, seen := openCounted(t)
	ada := signIn(t, d, "ada")
	first := session(ada, "first", 0)
	create(t, Sessions{d}, first)
	seen.transactions = 0
	half := errors.New("half of it was done")
	sessions := Sessions{d}
	got := gather(t, d,
		func() error { return sessions.Create(ctx, session(ada, "laptop", 0), 20) },
		func() error { return sessions.End(ctx, realm, first.Hash, start) },
		func() error {
			return d.transact(ctx, func(tx *tx) error {
				if _, err := tx.exec(ctx, setRole, ada.ID, auth.RoleAdmin, 0); err != nil {
					return err
				}
				return half
			})
		},
		func() error { return sessions.Create(ctx, first, 20) }, // whose hash is taken
		func() error { return d.SetRole(ctx, "nobody", auth.RoleAdmin) },
		func() error { return sessions.Create(ctx, session(ada, "phone", time.Second), 20) },
	)
	if seen.transactions != 1 {
		t.Errorf("got %d transactions, want 1", seen.transactions)
	}
	for i, want := range []error{nil, nil, half, errors.ErrUnsupported, auth.ErrNotFound, nil} {
		if i == 3 {
			fault(t, "the same hash twice", got[3])
		} else if !errors.Is(got[i], want) {
			t.Errorf("writer %d: got %v, want %v", i, got[i], want)
		}
	}
	if got := live(t, sessions, realm, ada, start.Add(time.Second)); got != "phone laptop" {
		t.Errorf("got sessions %s, want phone laptop", got)
	}
	if u, err := d.User(ctx, ada.ID); err != nil || u.Role != auth.RoleMember {
		t.Errorf("got %+v, %v; want the role undone", u, err)
	}
}

// TestBrokenDatabaseFailsTheGroup: an error after which nobody knows what SQLite
// undid is everybody's.
func TestBrokenDatabaseFailsTheGroup(t *testing.T) {
	dbtest.SQLiteOnly(t)
	ctx := t.Context()
	d := open(t)
	ada := signIn(t, d, "ada")
	// A full disk: there may be no page more than there are, and a few.
	if _, err := d.write.Exec("PRAGMA max_page_count = 60"); err != nil {
		t.Fatal(err)
	}
	big := session(ada, "big", 0)
	big.Session.Device.Name = strings.Repeat("x", 1<<20)
	got := gather(t, d,
		func() error { return (Sessions{d}).Create(ctx, session(ada, "laptop", 0), 20) },
		func() error { return d.SetRole(ctx, ada.ID, auth.RoleAdmin) },
		func() error { return (Sessions{d}).Create(ctx, big, 20) },
		func() error { return (Sessions{d}).End(ctx, realm, "unknown", start) },
	)
	for i, err := range got {
		fault(t, fmt.Sprint("writer ", i), err)
	}
	if u, err := d.User(ctx, ada.ID); err != nil || u.Role != auth.RoleMember {
		t.Errorf("got %+v, %v; want nothing done", u, err)
	}
	if err := d.SetRole(ctx, ada.ID, auth.RoleAdmin); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestWriterLeavesTheQueue: who has waited long enough is told so and nothing of it
// is done later; those behind go on.
func TestWriterLeavesTheQueue(t *testing.T) {
	dbtest.SQLiteOnly(t)
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "test.db")
	d := openAt(t, path)
	ada, grace := signIn(t, d, "ada"), signIn(t, d, "grace")
	release := lock(t, path)
	patient, impatient := make(chan error, 1), make(chan error, 2)
	d.Wait = 50 * time.Millisecond
	for _, u := range []auth.User{ada, grace} {
		go func() { impatient <- d.SetRole(ctx, u.ID, auth.RoleAdmin) }()
	}
	fault(t, "the leader", <-impatient)
	fault(t, "who waits behind", <-impatient)
	d.Wait = time.Minute
	go func() { patient <- (Sessions{d}).Create(ctx, session(ada, "laptop", 0), 20) }()
	queued(t, d, 1)
	release()
	if err := <-patient; err != nil {
		t.Error(err)
	}
	if n := count(t, d, "users WHERE role = 'admin'"); n != 0 {
		t.Errorf("%d writes were done after they had failed", n)
	}
}

// TestPanicOfAWriter must not leave the others waiting.
func TestPanicOfAWriter(t *testing.T) {
	dbtest.SQLiteOnly(t)
	ctx := t.Context()
	d := open(t)
	ada := signIn(t, d, "ada")
	panics := func() (err error) {
		defer func() { err = fmt.Errorf("panicked: %v", recover()) }()
		return d.transact(ctx, func(*tx) error { panic("a mistake") })
	}
	for i, err := range gather(t, d, panics, func() error { return d.SetRole(ctx, ada.ID, auth.RoleAdmin) }) {
		fault(t, fmt.Sprint("writer ", i), err)
	}
	if err := d.SetRole(context.Background(), ada.ID, auth.RoleAdmin); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
