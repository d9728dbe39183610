package db

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sessionlab/auth"
)

// lose loses the list of Ada's sessions, as a failover or an eviction does.
func (s *redisStage) lose() {
	s.Helper()
	if n, err := s.Redis.client.Del(s.Context(), indexKey(s.realm, s.ada.ID)).Result(); n != 1 || err != nil {
		s.Fatal("losing the list:", n, err)
	}
}

// over wants a session to be refused as one that was ended.
func (s *redisStage) over(r auth.Row, what string) {
	s.Helper()
	if got, err := s.Find(s.Context(), r.Realm, r.Hash); err != nil || got.EndedAt.IsZero() {
		s.Errorf("%s: got %+v, %v, want it ended", what, got, err)
	}
	if _, err := s.Slide(s.Context(), r.Realm, r.Hash, start.Add(2*time.Hour), start); !errors.Is(err, auth.ErrNotFound) {
		s.Errorf("%s, and slid: got %v, want ErrNotFound", what, err)
	}
}

// targets are all ways to end another session than that of known.
func (s *redisStage) targets(known, other string) []auth.Target {
	return []auth.Target{
		{UserID: s.ada.ID, Except: known}, {UserID: s.ada.ID, All: true, Known: known},
		{UserID: s.ada.ID, All: true}, {UserID: s.ada.ID, SessionID: other},
	}
}

// A slide does not make up for a list that was lost: nobody knows what else was in it.
func TestRedisSlideFillsNoLostList(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx, laptop, thief := s.Context(), s.session(s.ada, "laptop", 0), s.session(s.ada, "thief", time.Second)
		create(s, s, laptop, thief)
		s.lose()
		slid, err := s.Slide(ctx, s.realm, laptop.Hash, start.Add(2*time.Hour), start.Add(time.Minute))
		if err != nil {
			s.Fatal(err)
		}
		for _, target := range s.targets("laptop", "thief") {
			_, err := s.EndAll(ctx, s.realm, target, start.Add(time.Minute))
			fault(s.T, fmt.Sprintf("%+v", target), err)
		}
		_, err = s.List(ctx, s.realm, s.ada.ID, start)
		fault(s.T, "list", err)
		s.wants(slid, "nobody ended it")
		s.wants(thief, "nobody ended it")
	})
}

// A sign-in that finds no list begins one, and no session is in that it does not name.
func TestRedisSignInAfterALostList(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx, grace := s.Context(), signIn(s.T, s.db, "grace")
		laptop, thief, hers := s.session(s.ada, "laptop", 0), s.session(s.ada, "thief", time.Second), s.session(grace, "hers", 0)
		elsewhere := s.session(s.ada, "elsewhere", 0)
		elsewhere.Realm += "/elsewhere"
		create(s, s, laptop, thief, hers, elsewhere)
		s.lose()
		fresh, phone := s.session(s.ada, "fresh", time.Minute), s.session(s.ada, "phone", 2*time.Minute)
		create(s, s, fresh, phone)
		s.over(laptop, "of the list that was lost")
		s.over(thief, "of the list that was lost")
		for _, r := range []auth.Row{fresh, phone, hers, elsewhere} {
			s.wants(r, "of another list")
		}
		// A slide that had read of the old list before it was lost.
		if _, err := s.index(ctx, laptop, start, unlimited, "", false); err != nil {
			s.Fatal(err)
		}
		if got := live(s.T, s, s.realm, s.ada, start); got != "phone fresh" {
			s.Errorf("listed: %s, want phone fresh", got)
		}
		if n, err := s.EndAll(ctx, s.realm, auth.Target{UserID: s.ada.ID, SessionID: "thief"}, start.Add(time.Hour)); n != 0 || err != nil {
			s.Errorf("ending one that is over: got %d, %v; want none", n, err)
		}
		if n, err := s.EndAll(ctx, s.realm, auth.Target{UserID: s.ada.ID, Except: "fresh"}, start.Add(time.Hour)); n != 1 || err != nil {
			s.Errorf("ending the others: got %d, %v; want 1", n, err)
		}
		s.wants(fresh, "all others were ended")
		s.ended(phone, start.Add(time.Hour), "as one of the others")
	})
}

// An earlier version of the program, beside this one, fills a lost list again.
func TestRedisListWithoutAGeneration(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx, laptop, thief := s.Context(), s.session(s.ada, "laptop", 0), s.session(s.ada, "thief", time.Second)
		create(s, s, laptop, thief)
		s.lose()
		unlisted := s.session(s.ada, "unlisted", 0)
		s.plantBefore(unlisted)
		s.lose()
		if err := s.Redis.client.ZAdd(ctx, indexKey(s.realm, s.ada.ID), redis.Z{Score: float64(millis(start)), Member: laptop.Hash}).Err(); err != nil {
			s.Fatal(err)
		}
		for _, target := range s.targets("laptop", "thief") {
			_, err := s.EndAll(ctx, s.realm, target, start)
			fault(s.T, fmt.Sprintf("%+v", target), err)
		}
		create(s, s, s.session(s.ada, "fresh", time.Minute))
		for _, r := range []auth.Row{laptop, thief, unlisted} {
			s.over(r, "of a list that was lost")
		}
		if got := live(s.T, s, s.realm, s.ada, start); got != "fresh" {
			s.Errorf("listed: %s, want fresh", got)
		}
	})
}

// plantBefore stores sessions and a list as the program did before lists had generations.
func (s *redisStage) plantBefore(rows ...auth.Row) {
	s.Helper()
	for _, r := range rows {
		v := r.Session
		err := errors.Join(
			s.Redis.client.HSet(s.Context(), sessionKey(r.Realm, r.Hash), "id", v.ID, "user", v.User.ID, "device", v.Device.Name,
				"issued", millis(v.IssuedAt), "expires", millis(v.ExpiresAt), "ends", millis(v.EndsAt), "remember", 1).Err(),
			s.Redis.client.ZAdd(s.Context(), indexKey(r.Realm, v.User.ID), redis.Z{Score: float64(millis(v.IssuedAt)), Member: r.Hash}).Err(),
		)
		if err != nil {
			s.Fatal(err)
		}
	}
}

// Sessions of before there were generations stay in, are listed and can be ended.
func TestRedisSessionsFromBefore(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx := s.Context()
		var old []auth.Row
		for i := range 19 {
			old = append(old, s.session(s.ada, fmt.Sprint("old", i), time.Duration(i)*time.Second))
		}
		s.plantBefore(old...)
		s.wants(old[0], "from before")
		if r, err := s.Slide(ctx, s.realm, old[0].Hash, old[0].Session.ExpiresAt, start); err != nil || r != old[0] {
			s.Errorf("sliding: got %+v, %v", r, err)
		}
		fresh, phone := s.session(s.ada, "fresh", -time.Hour/2), s.session(s.ada, "phone", -time.Hour/2)
		create(s, s, fresh, phone)
		s.wants(fresh, "beside those from before")
		s.ended(old[0], phone.Session.IssuedAt, "the oldest of 21")
		if n, err := s.EndAll(ctx, s.realm, auth.Target{UserID: s.ada.ID, SessionID: "old1"}, start); n != 1 || err != nil {
			s.Errorf("ending one: got %d, %v; want 1", n, err)
		}
		if n, err := s.EndAll(ctx, s.realm, auth.Target{UserID: s.ada.ID, Except: "old2"}, start); n != 18 || err != nil {
			s.Errorf("ending the others: got %d, %v; want 18", n, err)
		}
		s.wants(old[2], "all others were ended")
		s.lose()
		_, err := s.EndAll(ctx, s.realm, auth.Target{UserID: s.ada.ID, Except: "old2"}, start)
		fault(s.T, "lost", err)
		create(s, s, s.session(s.ada, "last", 0))
		s.over(old[2], "of the list that was lost")
	})
}

// Many first sign-ins at the same moment begin one list.
func TestRedisFirstSignInsAtOnce(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		for round := range rounds {
			ada := signIn(s.T, s.db, fmt.Sprint("ada ", round))
			got := atOnce(clients, func(i int) error {
				return s.Create(s.Context(), s.session(ada, fmt.Sprintf("%d of %d", i, round), 0), 20)
			})
			wantResults(s.T, "create", got, map[string]int{"nil": clients})
			list, err := s.List(s.Context(), s.realm, ada.ID, start)
			if err != nil || len(list) != clients {
				s.Errorf("got %d sessions, %v; want %d", len(list), err, clients)
			}
		}
	})
}

// Sign-ins while the list is being lost: whatever comes of them, no session is in that
// ending all of them leaves in.
func TestRedisListIsLostAtOnce(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx, rows := s.Context(), make(chan auth.Row, 4*clients*rounds)
		for round := range rounds {
			got := atOnce(clients, func(i int) error {
				if i == 0 {
					return s.Redis.client.Del(ctx, indexKey(s.realm, s.ada.ID)).Err()
				}
				r := s.session(s.ada, fmt.Sprintf("%d of %d", i, round), 0)
				rows <- r
				return s.Create(ctx, r, 20)
			})
			if got["nil"]+got[errLostList.Error()] != clients {
				s.Errorf("sign-ins: got %v", got)
			}
			_, err := s.EndAll(ctx, s.realm, auth.Target{UserID: s.ada.ID, All: true}, start)
			if err != nil && !errors.Is(err, errLostList) {
				s.Error(err)
			}
			if err != nil {
				last := s.session(s.ada, fmt.Sprint("last of ", round), 0)
				rows <- last
				create(s, s, last)
				if n, err := s.EndAll(ctx, s.realm, auth.Target{UserID: s.ada.ID, All: true}, start); n == 0 || err != nil {
					s.Errorf("ending all: got %d, %v", n, err)
				}
			}
			for len(rows) > 0 {
				if r, err := s.Find(ctx, s.realm, (<-rows).Hash); err == nil && r.EndedAt.IsZero() {
					s.Errorf("%s is in", r.Session.ID)
				}
			}
		}
	})
}

// A sign-in that began a list and got no further. The next one goes on with it.
func TestRedisListBegunAndLeft(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx, laptop := s.Context(), s.session(s.ada, "laptop", 0)
		create(s, s, laptop)
		s.lose()
		half := s.session(s.ada, "half", time.Minute)
		if l, err := s.index(ctx, half, start, 20, "half", false); err != nil || l.generation != "half" {
			s.Fatal(l, err)
		}
		s.wants(laptop, "nobody has signed in since")
		_, err := s.EndAll(ctx, s.realm, auth.Target{UserID: s.ada.ID, All: true}, start)
		fault(s.T, "of a list that does not count", err)
		phone := s.session(s.ada, "phone", 2*time.Minute)
		create(s, s, phone)
		s.over(laptop, "of the list that was lost")
		s.wants(phone, "in the list that was begun")
		if got := live(s.T, s, s.realm, s.ada, start); got != "phone" {
			s.Errorf("listed: %s, want phone", got)
		}
	})
}

// The list is lost after a session was listed and before it is confirmed, and somebody
// else signs in meanwhile.
func TestRedisListIsLostDuringASignIn(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx := s.Context()
		before, laptop, phone := s.session(s.ada, "before", 0), s.session(s.ada, "laptop", 0), s.session(s.ada, "phone", 0)
		create(s, s, before)
		once := false
		s.Redis.Observe = func(_ context.Context, _, step string) func(error) {
			return func(error) {
				if step == indexScript.name && !once {
					once = true
					s.lose()
					create(s, s, phone)
				}
			}
		}
		create(s, s, laptop)
		s.Redis.Observe = nil
		s.over(before, "its list was lost")
		s.wants(laptop, "listed again")
		s.wants(phone, "which began the list")
		if n, err := s.EndAll(ctx, s.realm, auth.Target{UserID: s.ada.ID, All: true}, start); n != 2 || err != nil {
			s.Errorf("ending all: got %d, %v; want 2", n, err)
		}
	})
}

// The same after its list was made to count.
func TestRedisListIsLostAtTheEndOfASignIn(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		laptop, phone := s.session(s.ada, "laptop", 0), s.session(s.ada, "phone", 0)
		once := false
		s.db.Observe = func(_ context.Context, _, step string) func(error) {
			return func(error) {
				if step == statements[replaceList].text && !once {
					once = true
					s.lose()
					create(s, s, phone)
				}
			}
		}
		fault(s.T, "a sign-in whose list was lost", s.Create(s.Context(), laptop, 20))
		s.db.Observe = nil
		s.over(laptop, "its list was lost")
		s.wants(phone, "which began the list that counts")
	})
}

// Of two that replace a list, one does.
func TestListIsReplacedOnce(t *testing.T) {
	d := open(t)
	ada := signIn(t, d, "ada")
	for _, step := range []struct{ old, generation, want string }{
		{"", "a", "a"}, {"", "b", "a"}, {"a", "c", "c"}, {"a", "d", "c"}, {"c", "e", "e"},
	} {
		if err := d.replaceList(t.Context(), realm, ada.ID, step.old, step.generation); err != nil {
			t.Fatal(err)
		}
		if u, got, err := d.listed(t.Context(), realm, ada.ID); err != nil || u != ada || got != step.want {
			t.Errorf("%+v: got %+v, %q, %v", step, u, got, err)
		}
	}
	if _, got, err := d.listed(t.Context(), "2/database", ada.ID); err != nil || got != "" {
		t.Errorf("in another realm: got %q, %v, want none", got, err)
	}
	if err := d.replaceList(t.Context(), realm, "nobody", "", "a"); err != nil {
		t.Error(err)
	}
	if err := d.DeleteRealm(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, d, "session_lists"); n != 0 {
		t.Errorf("after the realm was deleted: got %d rows, want none", n)
	}
}

// Nothing takes the place of a session whose list was lost.
func TestRedisReissueAfterALostList(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		laptop := s.session(s.ada, "laptop", 0)
		create(s, s, laptop)
		s.lose()
		row := s.session(s.ada, "reissued", time.Second)
		row.Replaces = &auth.Standing{UserID: s.ada.ID, Confirm: func(context.Context) error { return nil }}
		fault(s.T, "reissue", s.Create(s.Context(), row, 20))
		s.wants(laptop, "nobody has signed in since")
		if n := s.Redis.client.Exists(s.Context(), indexKey(s.realm, s.ada.ID)).Val(); n != 0 {
			s.Error("a list was begun")
		}
	})
}

// Sessions of a user who was deleted need no ending.
func TestRedisEndAllOfADeletedUser(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		laptop := s.session(s.ada, "laptop", 0)
		create(s, s, laptop)
		if err := s.db.DeleteUser(s.Context(), auth.Standing{UserID: s.ada.ID}); err != nil {
			s.Fatal(err)
		}
		if n := count(s.T, s.db, "session_lists"); n != 0 {
			s.Errorf("got %d generations, want none", n)
		}
		if n, err := s.EndAll(s.Context(), s.realm, auth.Target{UserID: s.ada.ID, All: true}, start); n != 0 || err != nil {
			s.Errorf("got %d, %v; want none", n, err)
		}
		s.gone(laptop, "of a user who was deleted")
	})
}

// The session of whoever asks may end after the others were ended.
func TestRedisAskerEndsDuringAnEnd(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		create(s, s, s.session(s.ada, "laptop", 0), s.session(s.ada, "phone", time.Second))
		once := false
		s.Redis.Observe = func(_ context.Context, _, step string) func(error) {
			return func(error) {
				if step != endScript.name || once {
					return
				}
				once = true
				if _, err := s.EndAll(s.Context(), s.realm, auth.Target{UserID: s.ada.ID, SessionID: "laptop"}, start); err != nil {
					s.Error(err)
				}
			}
		}
		n, err := s.EndAll(s.Context(), s.realm, auth.Target{UserID: s.ada.ID, Except: "laptop"}, start)
		s.Redis.Observe = nil
		if err != nil || n != 1 {
			s.Errorf("got %d, %v; want 1", n, err)
		}
	})
}
