package db

import (
	"testing"
	"time"

	"sessionlab/auth"
)

// A bench goes with its rows and its people, and takes nothing of its neighbours'
// along, however alike their names are.
func TestDeleteBench(t *testing.T) {
	d, ctx := open(t), t.Context()
	s := Sessions{d}
	people := map[string]auth.User{}
	for i, id := range []string{"7", "70", "7.", "%"} {
		if err := d.SaveBench(ctx, id, []byte(`{}`), start.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
		people[id] = signInAs(t, d, auth.Identity{Provider: "dev", Issuer: id, Subject: "https://idp.test ada", Name: "Ada"})
		r := session(people[id], "of "+id, 0)
		r.Realm = id + "/realm/database"
		create(t, s, r)
	}
	outside := signInAs(t, d, auth.Identity{Provider: "dev", Issuer: "https://idp.test", Subject: "ada", Name: "Ada"})

	saved, err := d.Benches(ctx)
	if err != nil || len(saved) != 4 || !saved["7."].Equal(start.Add(2*time.Hour)) {
		t.Errorf("got %v, %v", saved, err)
	}
	for range 2 { // the second finds nothing
		if err := d.DeleteBench(ctx, "7"); err != nil {
			t.Fatal(err)
		}
		for table, want := range map[string]int{"benches": 3, "sessions": 3, "users": 4, "accounts": 4} {
			if n := count(t, d, table); n != want {
				t.Errorf("%s: %d rows are left, want %d", table, n, want)
			}
		}
	}
	for _, u := range []auth.User{people["70"], people["7."], people["%"], outside} {
		if _, err := d.User(ctx, u.ID); err != nil {
			t.Errorf("%s: %v", u.ID, err)
		}
	}
	if again := signInAs(t, d, auth.Identity{Provider: "dev", Issuer: "7", Subject: "https://idp.test ada", Name: "Ada"}); again != people["7"] {
		t.Errorf("got %+v, want the same person, new: %+v", again, people["7"])
	}
}
