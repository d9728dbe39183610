package db

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// blocked waits until some transaction waits for another's lock, in the schema of d.
func blocked(t *testing.T, d *DB) {
	t.Helper()
	for t.Context().Err() == nil {
		var n int
		err := d.read.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_locks AS l WHERE NOT granted AND EXISTS (
			SELECT 1 FROM pg_locks AS held JOIN pg_class AS c ON c.oid = held.relation
			WHERE held.pid = l.pid AND c.relnamespace = current_schema()::regnamespace)`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
	}
}

// TestIdOfADeletedUserIsNotGiven comes back at the very moment in which the user of
// the derived id is being deleted.
func TestIdOfADeletedUserIsNotGiven(t *testing.T) {
	dbtest.PostgresOnly(t) // under SQLite writers take turns
	ctx, d := t.Context(), openAt(t, filepath.Join(t.TempDir(), "test.db"))
	ada := signInAs(t, d, at("one", "ada"))
	link(t, d, ada.ID, at("two", "ada"), nil)
	unlink(t, d, ada.ID, "one", nil)
	back := make(chan string)
	err := d.transact(ctx, func(tx *tx) error {
		if _, err := tx.exec(ctx, deleteUser, ada.ID); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, insertDeparted, ada.ID, millis(start.Add(longestSession))); err != nil {
			return err
		}
		go func() {
			u, err := d.SignIn(ctx, at("one", "ada"))
			if err != nil {
				t.Error(err)
			}
			back <- u.ID
		}()
		blocked(t, d)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if id := <-back; id == ada.ID {
		t.Error("the id of a deleted user was given again")
	}
}

// TestDeadlockIsTriedAgain crosses the way of a statement that changes two rows.
// The server undoes one of the two; nobody is told.
func TestDeadlockIsTriedAgain(t *testing.T) {
	dbtest.PostgresOnly(t)
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "test.db")
	// Whoever looks for a deadlock first is undone.
	d, err := Open(ctx, dbtest.Name(t, path)+"&deadlock_timeout=2s", clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	ada := signIn(t, d, "ada")
	create(t, Sessions{d}, session(ada, "laptop", 0), session(ada, "phone", time.Second))
	other, err := openAt(t, path).write.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec("SET LOCAL deadlock_timeout = '1min'"); err != nil {
		t.Fatal(err)
	}
	const touch = "UPDATE sessions SET device = 'touched' WHERE id = $1"
	if _, err := other.Exec(touch, "phone"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan int)
	go func() {
		n, err := Sessions{d}.EndAll(ctx, realm, auth.Target{UserID: ada.ID, All: true}, start.Add(time.Minute))
		if err != nil {
			t.Error(err)
		}
		ended <- n
	}()
	blocked(t, d)
	if _, err := other.Exec(touch, "laptop"); err != nil {
		t.Fatal(err)
	}
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := <-ended; n != 2 {
		t.Errorf("got %d sessions ended, want 2", n)
	}
}

// far is a database with Ada and one session of hers, behind a relay.
func far(t *testing.T) (*DB, *relay, auth.Row) {
	t.Helper()
	dbtest.PostgresOnly(t)
	r, name := through(t, dbtest.Name(t, filepath.Join(t.TempDir(), "test.db")))
	d, err := Open(t.Context(), name+"&application_name=far", clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	row := session(signIn(t, d, "ada"), "laptop", 0)
	create(t, Sessions{d}, row)
	return d, r, row
}

// TestStalledServer: a server that does not answer is a fault, in bounded time, and
// none any more when it does again.
func TestStalledServer(t *testing.T) {
	ctx := t.Context()
	d, r, row := far(t)
	wait, readWait := d.Wait, d.readWait
	d.Wait, d.readWait = 50*time.Millisecond, 50*time.Millisecond
	r.stall()
	for name, read := range reads(d, row) {
		fault(t, name, read(ctx))
	}
	for name, write := range writes(d, row) {
		fault(t, name, write(ctx))
	}
	fault(t, "ready", d.Ready(ctx))
	r.flow()
	d.Wait, d.readWait = wait, readWait
	recovers(t, "ready", d.Ready)
	if got, err := (Sessions{d}).Find(ctx, row.Realm, row.Hash); err != nil {
		t.Errorf("got %+v, %v; want the row", got, err)
	}
}

// TestLostConnections: every connection breaks, as when the server is started anew.
// Who reads does not notice; who writes is told, because it may have been done.
func TestLostConnections(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, r *relay){
		"cut": func(t *testing.T, r *relay) { r.cut() },
		"ended by the server": func(t *testing.T, r *relay) {
			dbtest.Admin(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'far'")
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			d, r, row := far(t)
			find := func(context.Context) error {
				got, err := Sessions{d}.Find(ctx, row.Realm, row.Hash)
				if err == nil && got != row {
					t.Errorf("got %+v, want %+v", got, row)
				}
				return err
			}
			for round := range 5 {
				many := atOnce(connections, func(int) error { return find(ctx) }) // so that there are as many to lose
				wantResults(t, "find", many, map[string]int{"nil": connections})
				lose(t, r)
				if round%2 == 0 {
					if err := find(ctx); err != nil {
						t.Errorf("find: %v", err)
					}
				}
				recovers(t, "end", func(ctx context.Context) error { return Sessions{d}.End(ctx, "another", row.Hash, start) })
			}
		})
	}
}

// TestServerGone: without a server everything is a fault, at once; when it is back
// the same program goes on.
func TestServerGone(t *testing.T) {
	ctx := t.Context()
	d, r, row := far(t)
	r.shut(true)
	r.cut()
	for name, read := range reads(d, row) {
		fault(t, name, read(ctx))
	}
	for name, write := range writes(d, row) {
		fault(t, name, write(ctx))
	}
	fault(t, "ready", d.Ready(ctx))
	r.shut(false)
	recovers(t, "ready", d.Ready)
	if got, err := (Sessions{d}).Find(ctx, row.Realm, row.Hash); err != nil || got != row {
		t.Errorf("got %+v, %v; want %+v", got, err, row)
	}
	create(t, Sessions{d}, session(row.Session.User, "phone", time.Minute))
}
