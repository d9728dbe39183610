package db

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// recalling opens a database that remembers, and counts its reads of tables.
func recalling(t testing.TB, path string) (d *DB, reads *atomic.Int64) {
	t.Helper()
	dbtest.SQLiteOnly(t)
	d, reads = openAt(t, path), &atomic.Int64{}
	if err := d.Recall(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Observe = func(_ context.Context, _, step string) func(error) {
		if strings.Contains(step, "SELECT") {
			reads.Add(1)
		}
		return func(error) {}
	}
	return d, reads
}

// view is all that can be recalled.
type view struct {
	row    auth.Row
	user   auth.User
	joined time.Time
	errs   [3]string
}

func look(t testing.TB, d *DB, r auth.Row) (v view) {
	ctx := t.Context()
	var errs [3]error
	v.row, errs[0] = Sessions{d}.Find(ctx, r.Realm, r.Hash)
	v.user, errs[1] = d.User(ctx, r.Session.User.ID)
	_, v.joined, errs[2] = d.Member(ctx, r.Session.User.ID)
	for i, err := range errs {
		v.errs[i] = fmt.Sprint(err)
	}
	return v
}

// Whatever is written, by this process or by another, the next read knows it. What
// is read again without a change reads no table.
func TestRecall(t *testing.T) {
	dbtest.SQLiteOnly(t)
	for name := range writes(openAt(t, filepath.Join(t.TempDir(), "names.db")), auth.Row{}) {
		for _, by := range []string{"this process", "another"} {
			path := filepath.Join(t.TempDir(), "test.db")
			other, r := store(t, path)
			d, reads := recalling(t, path)
			before := look(t, d, r)
			if got := look(t, d, r); got != before || reads.Load() != 3 {
				t.Fatalf("nothing changed: got %+v after %d reads, want %+v after 3", got, reads.Load(), before)
			}
			writer := map[string]*DB{"this process": d, "another": other}[by]
			writes(writer, r)[name](t.Context()) // or fails, and then nothing has changed
			if got, want := look(t, d, r), look(t, other, r); got != want {
				t.Errorf("%s by %s:\ngot  %+v\nwant %+v", name, by, got, want)
			}
		}
	}
}

// A colleague with a shell deletes the row.
func TestRecallAfterADelete(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	other, r := store(t, path)
	d, _ := recalling(t, path)
	for range 3 {
		look(t, d, r)
	}
	if _, err := other.write.Exec("DELETE FROM sessions"); err != nil {
		t.Fatal(err)
	}
	if _, err := (Sessions{d}).Find(t.Context(), r.Realm, r.Hash); err == nil {
		t.Error("a deleted session was found")
	}
}

// The row changes after it was read and before it is remembered, and somebody else
// has noticed.
func TestRecallForgetsWhatChangedMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	other, r := store(t, path)
	d, _ := recalling(t, path)
	find := func() bool {
		got, err := Sessions{d}.Find(context.Background(), r.Realm, r.Hash)
		if err != nil {
			t.Error(err)
		}
		return got.EndedAt.IsZero()
	}
	reads := 0
	d.Observe = func(_ context.Context, _, step string) func(error) {
		return func(error) {
			if step != statements[findSession].text {
				return
			}
			if reads++; reads > 1 {
				return
			}
			if err := (Sessions{other}).End(context.Background(), r.Realm, r.Hash, start); err != nil || find() {
				t.Errorf("it was ended: %v", err)
			}
		}
	}
	if !find() {
		t.Error("it was read before its end")
	}
	if find() {
		t.Error("it has ended since, and was found alive")
	}
}

// While a question is being put nobody can join it any more: they may know of a
// change that it misses.
func TestRecallClosesAQuestionBeforeItIsPut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	_, r := store(t, path)
	d, _ := recalling(t, path)
	asked, put := 0, d.memory.version
	d.memory.version = func(ctx context.Context) (int64, error) {
		d.memory.mu.Lock()
		defer d.memory.mu.Unlock()
		if asked++; d.memory.next != nil {
			t.Error("others can still join")
		}
		return put(ctx)
	}
	if look(t, d, r); asked != 3 {
		t.Errorf("asked %d times, want once per lookup", asked)
	}
}

// Many read while two processes end one session after the other. Who begins to
// read after an end was answered finds it ended.
func TestRecallUnderFire(t *testing.T) {
	const sessions, readers = 150, 8
	path := filepath.Join(t.TempDir(), "test.db")
	other, r := store(t, path)
	d, reads := recalling(t, path)
	rows, ended := make([]auth.Row, sessions), make([]atomic.Bool, sessions)
	for i := range rows {
		rows[i] = session(r.Session.User, fmt.Sprint(i), 0)
	}
	for _, row := range rows {
		if err := (Sessions{other}).Create(t.Context(), row, sessions+1); err != nil {
			t.Fatal(err)
		}
	}
	var done atomic.Bool
	var lookups atomic.Int64
	var all sync.WaitGroup
	for seed := range readers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(seed), 0))
			for !done.Load() {
				i := random.IntN(sessions)
				over := ended[i].Load()
				got, err := (Sessions{d}).Find(t.Context(), realm, rows[i].Hash)
				if err != nil || over && got.EndedAt.IsZero() {
					t.Errorf("session %d, which has ended before: got %+v, %v", i, got, err)
					return
				}
				lookups.Add(1)
			}
		})
	}
	for i, row := range rows {
		writer := []*DB{d, other}[i%2]
		if err := (Sessions{writer}).End(t.Context(), realm, row.Hash, start); err != nil {
			t.Error(err)
		}
		ended[i].Store(true)
	}
	done.Store(true)
	all.Wait()
	t.Logf("%d lookups, %d reads of the table", lookups.Load(), reads.Load())
}

// A file that cannot be asked is a fault, and never what was remembered.
func TestRecallWithoutTheDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	_, r := store(t, path)
	d, _ := recalling(t, path)
	look(t, d, r)
	d.Close()
	_, err := Sessions{d}.Find(t.Context(), r.Realm, r.Hash)
	fault(t, "find", err)
}

// The rows that are remembered are bounded.
func TestRecallIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	store(t, path)
	d, _ := recalling(t, path)
	for i := range maxRecalled + 100 {
		_, err := recall(t.Context(), d, recalled{findUser, fmt.Sprint(i), ""}, func() (auth.User, error) { return auth.User{}, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := d.memory.shelf.Len(); n != maxRecalled {
		t.Errorf("got %d rows, want %d", n, maxRecalled)
	}
}
