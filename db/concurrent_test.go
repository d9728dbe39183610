package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sessionlab/auth"
)

// atOnce runs do n times, all at the same moment, and counts what came of it.
func atOnce(n int, do func(i int) error) (results map[string]int) {
	var ready, all sync.WaitGroup
	var mu sync.Mutex
	results = map[string]int{}
	begin := make(chan struct{})
	ready.Add(n)
	for i := range n {
		all.Go(func() {
			ready.Done()
			<-begin
			result := "nil"
			if err := do(i); err != nil {
				result = root(err).Error()
			}
			mu.Lock()
			defer mu.Unlock()
			results[result]++
		})
	}
	ready.Wait()
	close(begin)
	all.Wait()
	return results
}

// root is the error that others were wrapped around.
func root(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

func wantResults(t *testing.T, what string, got map[string]int, want map[string]int) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

const rounds, clients = 10, 8

// two are two programs on one database.
func two(t *testing.T) [2]*DB {
	path := t.TempDir() + "/test.db"
	return [2]*DB{openAt(t, path), openAt(t, path)}
}

// TestSpendAtOnce: of many that show the same refresh token one gets a successor
// of its own, and all are told the same one.
func TestSpendAtOnce(t *testing.T) {
	ctx, d := t.Context(), two(t)
	ada := signIn(t, d[0], "ada")
	for round := range rounds {
		family := session(ada, fmt.Sprint("family ", round), 0)
		if err := (Sessions{d[0]}).CreateFamily(ctx, family, 100); err != nil {
			t.Fatal(err)
		}
		var sealed sync.Map
		got := atOnce(clients, func(i int) error {
			spent, err := Sessions{d[i%2]}.Spend(ctx, auth.Spend{
				Realm: realm, Hash: family.Hash, Next: fmt.Sprintf("next %d %d", round, i), Sealed: fmt.Sprintf("sealed %d %d", round, i),
				Expires: start.Add(2 * time.Hour), Now: start.Add(time.Minute), Grace: 10 * time.Second,
			})
			sealed.Store(spent.Sealed, true)
			if err == nil && spent.Reused {
				err = auth.ErrReused
			}
			return err
		})
		wantResults(t, "spend", got, map[string]int{"nil": clients})
		successors := 0
		sealed.Range(func(any, any) bool { successors++; return true })
		if successors != 1 {
			t.Errorf("got %d successors, want 1", successors)
		}
	}
	if n := count(t, d[0], "refresh_tokens"); n != 2*rounds {
		t.Errorf("got %d tokens, want %d: one spent and one successor of each family", n, 2*rounds)
	}
}

// TestSpendAndEndAtOnce: whatever comes first, the family is over in the end.
func TestSpendAndEndAtOnce(t *testing.T) {
	ctx, d := t.Context(), two(t)
	ada := signIn(t, d[0], "ada")
	for round := range rounds {
		family := session(ada, fmt.Sprint("family ", round), 0)
		if err := (Sessions{d[0]}).CreateFamily(ctx, family, 100); err != nil {
			t.Fatal(err)
		}
		next := fmt.Sprint("next ", round)
		atOnce(2, func(i int) error {
			if i == 0 {
				return Sessions{d[0]}.EndFamily(ctx, realm, family.Hash, start.Add(time.Minute))
			}
			_, err := Sessions{d[1]}.Spend(ctx, auth.Spend{
				Realm: realm, Hash: family.Hash, Next: next, Sealed: "sealed",
				Expires: start.Add(2 * time.Hour), Now: start.Add(time.Minute),
			})
			return err
		})
		spent, err := Sessions{d[0]}.Spend(ctx, auth.Spend{Realm: realm, Hash: next, Next: next + "'", Now: start.Add(time.Minute), Expires: start.Add(time.Hour)})
		if !errors.Is(err, auth.ErrNotFound) && spent.Row.EndedAt.IsZero() {
			t.Errorf("the successor lives on: %+v, %v", spent, err)
		}
	}
}

// TestFirstSignInAtOnce: whoever comes for the first time in two windows is one
// person.
func TestFirstSignInAtOnce(t *testing.T) {
	ctx, d := t.Context(), two(t)
	for round := range rounds {
		var ids sync.Map
		got := atOnce(clients, func(i int) error {
			u, err := d[i%2].SignIn(ctx, identity(fmt.Sprint("ada ", round)))
			ids.Store(u.ID, true)
			return err
		})
		wantResults(t, "sign in", got, map[string]int{"nil": clients})
		n := 0
		ids.Range(func(any, any) bool { n++; return true })
		if n != 1 {
			t.Errorf("got %d users, want one", n)
		}
	}
	if n := count(t, d[0], "users"); n != rounds {
		t.Errorf("got %d users, want %d", n, rounds)
	}
}

// TestComeBackAtOnce is a first sign-in whose derived id is in use.
func TestComeBackAtOnce(t *testing.T) {
	ctx, d := t.Context(), two(t)
	for round := range rounds {
		one := at("one", fmt.Sprint("ada ", round))
		ada := signInAs(t, d[0], one)
		link(t, d[0], ada.ID, at("two", fmt.Sprint("ada ", round)), nil)
		unlink(t, d[0], ada.ID, "one", nil)
		got := atOnce(clients, func(i int) error {
			_, err := d[i%2].SignIn(ctx, one)
			return err
		})
		wantResults(t, "sign in", got, map[string]int{"nil": clients})
	}
	if n := count(t, d[0], "users"); n != 2*rounds {
		t.Errorf("got %d users, want %d", n, 2*rounds)
	}
}

func TestSignUpAtOnce(t *testing.T) {
	ctx, d := t.Context(), two(t)
	for round := range rounds {
		id, _ := auth.PasswordIdentity(fmt.Sprintf("ada%d@mail.test", round), "Ada")
		got := atOnce(clients, func(i int) error {
			u := id.User()
			u.ID = fmt.Sprintf("random %d %d", round, i)
			_, err := d[i%2].SignUp(ctx, u, id, "hash")
			return err
		})
		wantResults(t, "sign up", got, map[string]int{"nil": 1, auth.ErrTaken.Error(): clients - 1})
	}
	if n := count(t, d[0], "users"); n != rounds {
		t.Errorf("got %d users, want %d: the others must leave nothing", n, rounds)
	}
}

func TestLinkAtOnce(t *testing.T) {
	ctx, d := t.Context(), two(t)
	for round := range rounds {
		var users [clients]auth.User
		for i := range users {
			users[i] = signInAs(t, d[0], at("one", fmt.Sprintf("%d of %d", i, round)))
		}
		wanted := at("two", fmt.Sprint("wanted ", round))
		got := atOnce(clients, func(i int) error { return d[i%2].Link(ctx, auth.Standing{UserID: users[i].ID}, wanted) })
		wantResults(t, "link one account to many users", got, map[string]int{"nil": 1, auth.ErrTaken.Error(): clients - 1})

		got = atOnce(clients, func(i int) error {
			return d[i%2].Link(ctx, auth.Standing{UserID: users[0].ID}, at("three", fmt.Sprint("the same ", round)))
		})
		wantResults(t, "link one account to one user", got, map[string]int{"nil": clients})

		got = atOnce(clients, func(i int) error {
			return d[i%2].Link(ctx, auth.Standing{UserID: users[1].ID}, at(fmt.Sprint("provider ", i), fmt.Sprint("many ", round)))
		})
		wantResults(t, "link many accounts to one user", got, map[string]int{"nil": clients})
	}
	const alike = `accounts AS one JOIN accounts AS other ON one.user_id = other.user_id AND one.place = other.place AND one.provider < other.provider`
	if n := count(t, d[0], alike); n != 0 {
		t.Errorf("%d accounts stand in one place with another", n)
	}
}

// TestEvictionAtOnce: however many sign in at the same moment, no more than those
// to be kept stay.
func TestEvictionAtOnce(t *testing.T) {
	const keep = 3
	ctx, d := t.Context(), two(t)
	for round := range rounds {
		ada := signIn(t, d[0], fmt.Sprint("ada ", round))
		got := atOnce(clients, func(i int) error {
			return Sessions{d[i%2]}.Create(ctx, session(ada, fmt.Sprintf("%d of %d", i, round), 0), keep)
		})
		wantResults(t, "create", got, map[string]int{"nil": clients})
		if list, err := (Sessions{d[0]}).List(ctx, realm, ada.ID, start); err != nil || len(list) != keep {
			t.Errorf("got %d sessions, %v; want %d", len(list), err, keep)
		}
	}
}

// TestDeletedIdIsNotGivenAtOnce: somebody comes back while their account, which
// leads elsewhere by now, is being deleted.
func TestDeletedIdIsNotGivenAtOnce(t *testing.T) {
	ctx, d := t.Context(), two(t)
	for round := range 3 * rounds {
		one := at("one", fmt.Sprint("ada ", round))
		ada := signInAs(t, d[0], one)
		link(t, d[0], ada.ID, at("two", fmt.Sprint("ada ", round)), nil)
		unlink(t, d[0], ada.ID, "one", nil)
		var back auth.User
		got := atOnce(2, func(i int) (err error) {
			if i == 0 {
				return d[0].DeleteUser(ctx, auth.Standing{UserID: ada.ID})
			}
			back, err = d[1].SignIn(ctx, one)
			return err
		})
		wantResults(t, "delete and come back", got, map[string]int{"nil": 2})
		if back.ID == ada.ID {
			t.Error("the id of a deleted user was given again")
		}
	}
}

// TestManyChangesAtOnce: what changes several rows, in whatever order, meets with
// itself and with the sweep, and nobody is told of it.
func TestManyChangesAtOnce(t *testing.T) {
	ctx, d := t.Context(), two(t)
	ada := signIn(t, d[0], "ada")
	var n atomic.Int64
	var stop atomic.Bool
	busy := func(do func(ctx context.Context, s Sessions, i int64) error) func(int) error {
		return func(i int) error {
			for !stop.Load() {
				step := n.Add(1)
				if err := do(ctx, Sessions{d[i%2]}, step); err != nil {
					return err
				}
				if step > 2000 {
					stop.Store(true)
				}
			}
			return nil
		}
	}
	work := []func(int) error{
		busy(func(ctx context.Context, s Sessions, i int64) error {
			return s.CreateFamily(ctx, session(ada, fmt.Sprint(i), time.Duration(i%7)*time.Second), 10)
		}),
		busy(func(ctx context.Context, s Sessions, i int64) error {
			_, err := s.EndAll(ctx, realm, auth.Target{UserID: ada.ID, Except: fmt.Sprint(i - 1)}, start.Add(time.Second))
			return err
		}),
		busy(func(ctx context.Context, s Sessions, i int64) error { return s.DB.DeleteRealm(ctx, realm) }),
		busy(func(ctx context.Context, s Sessions, i int64) error {
			_, err := s.DB.Sweep(ctx, start.Add(24*time.Hour+time.Duration(i%7)*time.Second))
			return err
		}),
	}
	got := atOnce(2*len(work), func(i int) error { return work[i/2](i) })
	wantResults(t, "all of it", got, map[string]int{"nil": 2 * len(work)})
}
