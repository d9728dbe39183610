package db

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// A redisStage has users in SQLite and sessions in a realm of its own in Redis.
type redisStage struct {
	*testing.T
	RedisSessions
	db    *DB
	realm string
	ada   auth.User
}

func openRedis(t *testing.T, url string) *Redis {
	t.Helper()
	r, err := OpenRedis(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func newRedisStage(t *testing.T, url string) *redisStage {
	t.Helper()
	d := open(t)
	s := &redisStage{T: t, RedisSessions: RedisSessions{Redis: openRedis(t, url), Users: d}, db: d, realm: "test " + rand.Text()}
	s.ada = signIn(t, d, "ada")
	t.Cleanup(func() {
		again := RedisSessions{Redis: openRedis(t, url)}
		if err := again.DeleteRealm(context.Background(), s.realm); err != nil {
			t.Error(err)
		}
	})
	return s
}

// onRedis runs a test over one server and over a cluster.
func onRedis(t *testing.T, run func(*redisStage)) {
	for name, variable := range map[string]string{"redis": "TEST_REDIS_URL", "cluster": "TEST_REDIS_CLUSTER_URL"} {
		t.Run(name, func(t *testing.T) { run(newRedisStage(t, dbtest.Server(t, variable))) })
	}
}

// session is one of u in the realm of the stage.
func (s *redisStage) session(u auth.User, name string, after time.Duration) auth.Row {
	r := session(u, name, after)
	r.Realm = s.realm
	return r
}

func (s *redisStage) wants(r auth.Row, what string) {
	s.Helper()
	if got, err := s.Find(s.Context(), r.Realm, r.Hash); err != nil || got != r {
		s.Errorf("%s: got  %+v, %v\nwant %+v", what, got, err, r)
	}
}

func (s *redisStage) gone(r auth.Row, what string) {
	s.Helper()
	if got, err := s.Find(s.Context(), r.Realm, r.Hash); !errors.Is(err, auth.ErrNotFound) {
		s.Errorf("%s: got %+v, %v, want ErrNotFound", what, got, err)
	}
}

func (s *redisStage) ended(r auth.Row, at time.Time, what string) {
	s.Helper()
	if got, err := s.Find(s.Context(), r.Realm, r.Hash); err != nil || !got.EndedAt.Equal(at) {
		s.Errorf("%s: got %+v, %v, want it ended at %s", what, got, err, at)
	}
}

func TestRedisFind(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx := s.Context()
		want := s.session(s.ada, "laptop", 0)
		create(s, s, want)
		s.wants(want, "as it was stored")
		for _, key := range [][2]string{{"2/database", want.Hash}, {s.realm, "hash of phone"}, {s.realm, ""}, {"", want.Hash}, {s.realm, "'\x00\xff%*{}"}} {
			if _, err := s.Find(ctx, key[0], key[1]); !errors.Is(err, auth.ErrNotFound) {
				s.Errorf("%q: got %v, want ErrNotFound", key, err)
			}
		}
		fault(s.T, "the same hash twice", s.Create(ctx, want, 20))

		// The user is read live.
		if err := errors.Join(s.db.SetRole(ctx, s.ada.ID, auth.RoleAdmin), s.db.Disable(ctx, s.ada.ID, start)); err != nil {
			s.Fatal(err)
		}
		want.Session.User.Role, want.Session.User.Epoch, want.Session.User.Disabled = auth.RoleAdmin, 1, true
		s.wants(want, "demoted")

		// What was ended says when. The first time stays.
		for _, at := range []time.Duration{time.Minute, time.Hour} {
			if err := s.End(ctx, s.realm, want.Hash, start.Add(at)); err != nil {
				s.Fatal(err)
			}
		}
		s.ended(want, start.Add(time.Minute), "ended twice")
		if err := s.End(ctx, s.realm, "unknown", start); err != nil {
			s.Errorf("ending an unknown session: %v", err)
		}
		s.gone(auth.Row{Realm: s.realm, Hash: "unknown"}, "unknown, and ended")

		phone := s.session(signIn(s.T, s.db, "grace"), "phone", 0)
		create(s, s, phone)
		if err := s.db.DeleteUser(ctx, auth.Standing{UserID: phone.Session.User.ID}); err != nil {
			s.Fatal(err)
		}
		s.gone(phone, "of a user who was deleted")
		if got := live(s.T, s, s.realm, phone.Session.User, start); got != "" {
			s.Errorf("a user who was deleted has %s", got)
		}
	})
}

func TestRedisEvictsTheOldest(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		grace := signIn(s.T, s.db, "grace")
		create(s, s, s.session(grace, "hers", 0), s.session(s.ada, "expired", -3*time.Hour))
		var want []string
		for i := range 25 {
			create(s, s, s.session(s.ada, fmt.Sprint(i), time.Duration(i)*time.Second))
			if i >= 5 {
				want = append([]string{fmt.Sprint(i)}, want...)
			}
		}
		now := start.Add(25 * time.Second)
		if got := live(s.T, s, s.realm, s.ada, now); got != strings.Join(want, " ") {
			s.Errorf("got %s, want %s", got, strings.Join(want, " "))
		}
		s.ended(s.session(s.ada, "4", 0), start.Add(24*time.Second), "evicted")
		s.wants(s.session(s.ada, "expired", -3*time.Hour), "expired, which makes no room")
		s.wants(s.session(grace, "hers", 0), "of somebody else")

		// The new one stays, although its clock says that it is the oldest.
		create(s, s, s.session(s.ada, "late", -time.Minute))
		if got := live(s.T, s, s.realm, s.ada, now); !strings.HasSuffix(got, " late") || strings.Count(got, " ") != 19 {
			s.Errorf("got %s, want 20 with the new one", got)
		}
		if err := s.Create(s.Context(), s.session(s.ada, "only", time.Minute), 0); err != nil {
			s.Fatal(err)
		}
		if got := live(s.T, s, s.realm, s.ada, start.Add(time.Minute)); got != "only" {
			s.Errorf("keeping none: got %s, want the new one", got)
		}
	})
}

func TestRedisSlide(t *testing.T) {
	const hour = time.Hour
	onRedis(t, func(s *redisStage) {
		for _, test := range []struct {
			name                string
			now, expires, reads time.Duration
			ended, found        bool
		}{
			{name: "alive", now: hour / 2, expires: 2 * hour, reads: 2 * hour, found: true},
			{name: "last moment", now: hour - time.Millisecond, expires: 2 * hour, reads: 2 * hour, found: true},
			{name: "past the absolute end", now: hour / 2, expires: 48 * hour, reads: 24 * hour, found: true},
			{name: "at the idle end", now: hour, expires: 2 * hour},
			{name: "ended", now: hour / 2, expires: 2 * hour, ended: true},
		} {
			want := s.session(s.ada, test.name, 0)
			create(s, s, want)
			if test.ended {
				if err := s.End(s.Context(), s.realm, want.Hash, start); err != nil {
					s.Fatal(err)
				}
			}
			got, err := s.Slide(s.Context(), s.realm, want.Hash, start.Add(test.expires), start.Add(test.now))
			if test.found {
				want.Session.ExpiresAt = start.Add(test.reads)
				if err != nil || got != want {
					s.Errorf("%s: got  %+v, %v\nwant %+v", test.name, got, err, want)
				}
			} else if !errors.Is(err, auth.ErrNotFound) {
				s.Errorf("%s: got %+v, %v; want ErrNotFound", test.name, got, err)
			}
			if test.ended {
				s.ended(want, start, test.name)
			} else {
				s.wants(want, test.name)
			}
		}
		if _, err := s.Slide(s.Context(), "elsewhere", "hash of alive", start.Add(3*hour), start); !errors.Is(err, auth.ErrNotFound) {
			s.Errorf("in another realm: got %v, want ErrNotFound", err)
		}
	})
}

func TestNoSlideBringsAnEndedSessionBackInRedis(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		r := s.session(s.ada, "laptop", 0)
		create(s, s, r)
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				for j := range 20 {
					expires := start.Add(time.Hour + time.Duration(20*i+j)*time.Second)
					if _, err := s.Slide(s.Context(), s.realm, r.Hash, expires, start); err != nil && !errors.Is(err, auth.ErrNotFound) {
						s.Error(err)
					}
					if i == 0 && j == 10 {
						if err := s.End(s.Context(), s.realm, r.Hash, start); err != nil {
							s.Error(err)
						}
					}
				}
			})
		}
		all.Wait()
		s.ended(r, start, "after the race")
	})
}

func TestRedisEndAll(t *testing.T) {
	tests := []struct {
		name   string
		target auth.Target
		n      int
		left   string
	}{
		{"all", auth.Target{All: true}, 4, ""},
		{"one", auth.Target{SessionID: "phone"}, 1, "later laptop"},
		{"all but one", auth.Target{Except: "laptop"}, 3, "laptop"},
		{"unknown", auth.Target{SessionID: "unknown"}, 0, "later phone laptop"},
		{"of somebody else", auth.Target{SessionID: "hers"}, 0, "later phone laptop"},
		{"of a clock that was ahead", auth.Target{SessionID: "later"}, 1, "phone laptop"},
		{"ended", auth.Target{SessionID: "ended"}, 0, "later phone laptop"},
		{"expired", auth.Target{SessionID: "expired"}, 1, "later phone laptop"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onRedis(t, func(s *redisStage) {
				grace := signIn(s.T, s.db, "grace")
				create(s, s, s.session(s.ada, "expired", -2*time.Hour), s.session(s.ada, "ended", 0), s.session(s.ada, "laptop", 0),
					s.session(s.ada, "phone", time.Minute), s.session(s.ada, "later", 2*time.Minute), s.session(grace, "hers", 0))
				if err := s.End(s.Context(), s.realm, "hash of ended", start); err != nil {
					s.Fatal(err)
				}
				now := start.Add(time.Minute) // the very time of the phone's sign-in
				test.target.UserID = s.ada.ID
				if n, err := s.EndAll(s.Context(), s.realm, test.target, now); err != nil || n != test.n {
					s.Errorf("got %d, %v; want %d", n, err, test.n)
				}
				if got := live(s.T, s, s.realm, s.ada, now); got != test.left {
					s.Errorf("left: %s, want %s", got, test.left)
				}
				if got := live(s.T, s, s.realm, grace, now); got != "hers" {
					s.Errorf("others lost sessions: %s", got)
				}
				_, err := s.EndAll(s.Context(), s.realm, auth.Target{SessionID: "laptop"}, start)
				fault(s.T, "no user", err)
			})
		})
	}
}

// A sign-in that fails on the way leaves nothing that signs in, is listed, or
// pushes a good session out.
func TestRedisHalfASignInCountsForNothing(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx := s.Context()
		good := make([]auth.Row, 20)
		for i := range good {
			good[i] = s.session(s.ada, fmt.Sprint("good", i), time.Duration(i)*time.Second)
			create(s, s, good[i])
		}
		// 30 sign-ins whose last command never came.
		for i := range 30 {
			r := s.session(s.ada, fmt.Sprint("half", i), time.Minute)
			if _, err := s.Redis.run(ctx, createScript, sessionKey(s.realm, r.Hash), pendingLife.Milliseconds(), "id", r.Session.ID,
				"user", s.ada.ID, "device", "", "issued", millis(r.Session.IssuedAt), "expires", millis(r.Session.ExpiresAt),
				"ends", millis(r.Session.EndsAt), "remember", 1); err != nil {
				s.Fatal(err)
			}
			if _, err := s.index(ctx, r, r.Session.IssuedAt, 20, "", false); err != nil {
				s.Fatal(err)
			}
			s.gone(r, "before it was confirmed")
			if left := s.Redis.client.PTTL(ctx, sessionKey(s.realm, r.Hash)).Val(); left > pendingLife {
				s.Errorf("half a session stays for %s, want %s at most", left, pendingLife)
			}
		}
		if err := s.Create(ctx, s.session(s.ada, "new", 2*time.Minute), 20); err != nil {
			s.Fatal(err)
		}
		list, err := s.List(ctx, s.realm, s.ada.ID, start)
		if err != nil || len(list) != 20 {
			s.Errorf("got %d sessions, %v; want 20", len(list), err)
		}
		s.wants(good[1], "the second oldest")
	})
}

// Ending the sessions of a user ends those that are about to begin.
func TestRedisEndsWhatIsPending(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx, r := s.Context(), s.session(s.ada, "laptop", 0)
		create(s, s, s.session(s.ada, "phone", 0))
		listed := false
		s.Redis.Observe = func(_ context.Context, _, step string) func(error) {
			return func(error) {
				if step == indexScript.name && !listed {
					listed = true // and is not confirmed
					if n, err := s.EndAll(ctx, s.realm, auth.Target{UserID: s.ada.ID, All: true}, start); n != 2 || err != nil {
						s.Errorf("ended %d, %v; want 2", n, err)
					}
				}
			}
		}
		if err := s.Create(ctx, r, 20); !errors.Is(err, auth.ErrRevoked) {
			s.Errorf("got %v, want %v", err, auth.ErrRevoked)
		}
		s.ended(r, start, "though it was pending")
	})
}

// Who asks is listed. If not, the list was lost, and others may be missing.
func TestRedisLostListEndsNothing(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx := s.Context()
		laptop, phone := s.session(s.ada, "laptop", 0), s.session(s.ada, "phone", time.Minute)
		create(s, s, laptop, phone)
		if err := s.Redis.client.Del(ctx, indexKey(s.realm, s.ada.ID)).Err(); err != nil {
			s.Fatal(err)
		}
		for _, target := range []auth.Target{{UserID: s.ada.ID, Except: "laptop"}, {UserID: s.ada.ID, All: true, Known: "laptop"}} {
			_, err := s.EndAll(ctx, s.realm, target, start)
			fault(s.T, "lost", err)
		}
		s.wants(phone, "it could not be found")
	})
}

// The same where the two stores share no transaction: the list is read, a session
// takes the place of one that is listed, and then the listed one ends.
func TestRedisReissueDuringAnEnd(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		create(s, s, s.session(s.ada, "thief", 0))
		row := s.session(s.ada, "reissued", time.Second)
		row.Replaces = &auth.Standing{UserID: s.ada.ID, Confirm: func(ctx context.Context) error {
			old, err := s.Find(ctx, s.realm, "hash of thief")
			if err == nil && !old.EndedAt.IsZero() {
				err = auth.ErrRevoked
			}
			return err
		}}
		var made error
		once := false
		s.Redis.Observe = func(_ context.Context, _, step string) func(error) {
			return func(error) {
				if step == readIndex && !once {
					once = true
					made = s.Create(s.Context(), row, 20)
				}
			}
		}
		n, err := s.EndAll(s.Context(), s.realm, auth.Target{UserID: s.ada.ID, All: true}, start.Add(time.Minute))
		s.Redis.Observe = nil
		if got := live(s.T, s, s.realm, s.ada, start.Add(time.Minute)); got != "" {
			s.Errorf("made: %v; ended: %d, %v; left: %s", made, n, err, got)
		}
	})
}
