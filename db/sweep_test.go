package db

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sessionlab/auth"
)

// fill stores n sessions of u, all from one sign-in time.
func fill(t testing.TB, d *DB, u auth.User, n int, after time.Duration) {
	t.Helper()
	err := d.transact(t.Context(), func(tx *tx) error {
		for i := range n {
			r := session(u, fmt.Sprintf("%v %d", after, i), after)
			var seq int
			err := tx.queryRow(t.Context(), insertSession, []any{
				r.Hash, r.Realm, r.Session.ID, u.ID, "",
				millis(r.Session.IssuedAt), millis(r.Session.ExpiresAt), millis(r.Session.EndsAt), 1, nil, u.Epoch,
			}, []any{&seq})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSweep(t *testing.T) {
	ctx := t.Context()
	d := open(t)
	ada := signIn(t, d, "ada")
	fill(t, d, ada, 2*sweepBatch+1, 0)
	fill(t, d, ada, 3, time.Millisecond)
	end := start.Add(24 * time.Hour)

	receipt := new(auth.Receipt)
	d.Observe = auth.Receipts(clock)
	for _, test := range []struct {
		now            time.Time
		deleted, after int
	}{
		{end.Add(-time.Millisecond), 0, 2*sweepBatch + 4},
		{end, 2*sweepBatch + 1, 3}, // at the very instant it is over
		{end, 0, 3},
	} {
		n, err := d.Sweep(auth.WithReceipt(ctx, receipt), test.now)
		if err != nil || n != test.deleted {
			t.Errorf("got %d, %v; want %d", n, err, test.deleted)
		}
		if n := count(t, d, "sessions"); n != test.after {
			t.Errorf("got %d rows left, want %d", n, test.after)
		}
	}
	if n := receipt.Count("write"); n != 4+6+4 { // one for each kind of row, and two more for the batches of sessions
		t.Errorf("got %d transactions, want 14: others must get their turn between batches", n)
	}

	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if n, err := d.Sweep(stopped, end.Add(time.Hour)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got %d, %v; want none deleted", n, err)
	}
}

func TestDeleteRealm(t *testing.T) {
	ctx := t.Context()
	d := open(t)
	s := Sessions{d}
	ada := signIn(t, d, "ada")
	realms := []string{"7", "7/cookie", "7/database", "7/database/x", "70/database", "7.", "7_/database", "%", "77", "6/database", "/x"}
	for _, name := range realms {
		r := session(ada, name, 0)
		r.Realm = name
		create(t, s, r)
	}
	for _, test := range []struct {
		prefix string
		left   int
	}{{"_", 11}, {"", 10}, {"%", 9}, {"7", 5}, {"7", 5}, {"7_", 4}} {
		if err := d.DeleteRealm(ctx, test.prefix); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "sessions"); n != test.left {
			t.Errorf("%q: got %d rows left, want %d", test.prefix, n, test.left)
		}
	}
	for _, name := range []string{"70/database", "7.", "77", "6/database"} {
		if _, err := s.Find(ctx, name, "hash of "+name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
