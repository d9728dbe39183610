package db

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// A bench goes with its rows and its people, and takes nothing of its neighbours'
// along, however alike their names are.
func TestDeleteBench(t *testing.T) {
	d, ctx := openBenches(t), t.Context()
	s := Sessions{d.DB}
	people := map[string]auth.User{}
	for i, id := range []string{"7", "70", "7.", "%"} {
		if err := d.SaveBench(ctx, id, []byte(`{}`), start.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
		people[id] = signInAs(t, d.DB, auth.Identity{Provider: "dev", Issuer: id, Subject: "https://idp.test ada", Name: "Ada"})
		r := session(people[id], "of "+id, 0)
		r.Realm = id + "/realm/database"
		create(t, s, r)
	}
	outside := signInAs(t, d.DB, auth.Identity{Provider: "dev", Issuer: "https://idp.test", Subject: "ada", Name: "Ada"})

	saved, err := d.Benches(ctx)
	if err != nil || len(saved) != 4 || !saved["7."].Equal(start.Add(2*time.Hour)) {
		t.Errorf("got %v, %v", saved, err)
	}
	for range 2 { // the second finds nothing
		if err := d.DeleteBench(ctx, "7"); err != nil {
			t.Fatal(err)
		}
		for table, want := range map[string]int{"benches": 3, "sessions": 3, "users": 4, "accounts": 4} {
			if n := count(t, d.DB, table); n != want {
				t.Errorf("%s: %d rows are left, want %d", table, n, want)
			}
		}
	}
	for _, u := range []auth.User{people["70"], people["7."], people["%"], outside} {
		if _, err := d.User(ctx, u.ID); err != nil {
			t.Errorf("%s: %v", u.ID, err)
		}
	}
	if again := signInAs(t, d.DB, auth.Identity{Provider: "dev", Issuer: "7", Subject: "https://idp.test ada", Name: "Ada"}); again != people["7"] {
		t.Errorf("got %+v, want the same person, new: %+v", again, people["7"])
	}
}

func openBenches(t *testing.T) Benches {
	t.Helper()
	b, err := OpenBenches(t.Context(), open(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The table is made once, whoever opens the database, and another's lock hides no bench.
func TestOpenBenchesAgain(t *testing.T) {
	dbtest.SQLiteOnly(t) // a lock of Postgres that bars writers from a table bars whoever prepares, too
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "test.db")
	first, err := OpenBenches(ctx, openAt(t, path))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.SaveBench(ctx, "0", []byte("{}"), start); err != nil {
		t.Fatal(err)
	}
	d := openAt(t, path)
	release := lock(t, path)
	defer release()
	again, err := OpenBenches(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Bench(ctx, "0"); err != nil || string(got) != "{}" {
		t.Errorf("got %s, %v", got, err)
	}
	again.Wait = 50 * time.Millisecond
	fault(t, "save bench", again.SaveBench(ctx, "1", []byte("{}"), start))
	fault(t, "delete bench", again.DeleteBench(ctx, "1"))
}

func TestBench(t *testing.T) {
	ctx := t.Context()
	d := openBenches(t)
	if _, err := d.Bench(ctx, "1"); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	for _, want := range []string{`{"clock":1}`, `{"name":"O'Hara \u0000 ü"}`, ``} {
		if err := d.SaveBench(ctx, "1", []byte(want), start); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Bench(ctx, "1"); err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
	if n := count(t, d.DB, "benches"); n != 1 {
		t.Errorf("got %d benches, want 1", n)
	}
}
