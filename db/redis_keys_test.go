package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sessionlab/auth"
)

// What stands in Redis, as an operator sees it.

// Whatever an operator deletes is out at once, and stays out.
func TestRedisDelete(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx := s.Context()
		laptop, phone := s.session(s.ada, "laptop", 0), s.session(s.ada, "phone", time.Minute)
		create(s, s, laptop, phone)
		if err := s.Redis.client.Del(ctx, sessionKey(s.realm, laptop.Hash)).Err(); err != nil {
			s.Fatal(err)
		}
		s.gone(laptop, "deleted")
		if _, err := s.Slide(ctx, s.realm, laptop.Hash, start.Add(2*time.Hour), start); !errors.Is(err, auth.ErrNotFound) {
			s.Errorf("sliding it: got %v, want ErrNotFound", err)
		}
		s.gone(laptop, "deleted, and slid")
		if got := live(s.T, s, s.realm, s.ada, start); got != "phone" {
			s.Errorf("listed: %s, want phone", got)
		}
		if n, err := s.EndAll(ctx, s.realm, auth.Target{UserID: s.ada.ID, SessionID: "laptop"}, start.Add(time.Minute)); n != 0 || err != nil {
			s.Errorf("ending it again: got %d, %v, want none", n, err)
		}
		listed, err := s.Redis.client.ZRange(ctx, indexKey(s.realm, s.ada.ID), 0, -1).Result()
		if err != nil || !slices.Equal(listed, []string{laptop.Hash, "laptop", phone.Hash}) {
			s.Errorf("the list was not repaired: %q, %v; want the one that is over before the generation", listed, err)
		}
	})
}

// A failover may lose that a session was listed, and keep the list. A slide lists the
// session again.
func TestRedisListComesBack(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx := s.Context()
		laptop := s.session(s.ada, "laptop", 0)
		create(s, s, laptop, s.session(s.ada, "phone", time.Minute))
		if n, err := s.Redis.client.ZRem(ctx, indexKey(s.realm, s.ada.ID), laptop.Hash).Result(); n != 1 || err != nil {
			s.Fatal(n, err)
		}
		s.wants(laptop, "it is not listed")
		if _, err := s.Slide(ctx, s.realm, laptop.Hash, start.Add(2*time.Hour), start.Add(time.Minute)); err != nil {
			s.Fatal(err)
		}
		if got := live(s.T, s, s.realm, s.ada, start); got != "phone laptop" {
			s.Errorf("listed: %q, want phone laptop", got)
		}
		if left := s.Redis.client.PTTL(ctx, indexKey(s.realm, s.ada.ID)).Val(); left < 23*time.Hour || left > 25*time.Hour {
			s.Errorf("the list is kept for %s, want as long as the session", left)
		}
	})
}

// Nothing stays for good. The time to live is cleaning, so it is never shorter
// than the session, whatever time it is on the strategy's clock.
func TestRedisCleansUp(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		ctx := s.Context()
		laptop := s.session(s.ada, "laptop", -24*365*10*time.Hour) // long ago, by that clock
		create(s, s, laptop)
		if err := s.End(ctx, s.realm, laptop.Hash, start); err != nil {
			s.Fatal(err)
		}
		phone := s.session(s.ada, "phone", 0)
		create(s, s, phone)
		for _, key := range []string{sessionKey(s.realm, laptop.Hash), sessionKey(s.realm, phone.Hash), indexKey(s.realm, s.ada.ID)} {
			if left := s.Redis.client.PTTL(ctx, key).Val(); left < 24*time.Hour || left > 24*time.Hour+linger {
				s.Errorf("%s is kept for %s, want the session's day", key, left)
			}
		}
	})
}

func TestRedisDeleteRealm(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		within := func(realm string) auth.Row {
			r := s.session(s.ada, "in "+realm, 0)
			r.Realm = s.realm + realm
			return r
		}
		create(s, s, within(""), within("/hybrid"), within("0/hybrid"), within("."))
		if err := s.DeleteRealm(s.Context(), s.realm); err != nil {
			s.Fatal(err)
		}
		s.gone(within(""), "the realm")
		s.gone(within("/hybrid"), "within it")
		s.wants(within("0/hybrid"), "beside it")
		s.wants(within("."), "beside it")
		if n := s.Redis.client.Exists(s.Context(), indexKey(s.realm, s.ada.ID)).Val(); n != 0 {
			s.Error("the list is still there")
		}
		for _, other := range []string{s.realm + "0", s.realm + "."} {
			if err := s.DeleteRealm(s.Context(), other); err != nil {
				s.Error(err)
			}
		}
	})
}

// What stands in Redis signs nobody in.
func TestRedisHoldsNoSecret(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		drawn := 0
		strategy := &auth.Database{
			Store: s, Realm: s.realm, Now: clock, Life: auth.Lifetimes{Idle: time.Hour, Max: 2 * time.Hour, RefreshAt: 0.8},
			Text: func() string { drawn++; return fmt.Sprintf("random-text-%d-of-twenty-six", drawn) },
		}
		v, tokens, err := strategy.Issue(s.Context(), auth.SignIn{User: s.ada, Remember: true})
		if err != nil {
			s.Fatal(err)
		}
		all := &strings.Builder{}
		each := func(ctx context.Context, node *redis.Client) error {
			keys := node.Scan(ctx, 0, "session*"+s.realm+"*", 1000).Iterator()
			for keys.Next(ctx) {
				fmt.Fprintln(all, keys.Val(), node.HGetAll(ctx, keys.Val()).Val(), node.ZRange(ctx, keys.Val(), 0, -1).Val())
			}
			return keys.Err()
		}
		if cluster, ok := s.Redis.client.(*redis.ClusterClient); ok {
			var one sync.Mutex
			err = cluster.ForEachMaster(s.Context(), func(ctx context.Context, node *redis.Client) error {
				one.Lock()
				defer one.Unlock()
				return each(ctx, node)
			})
		} else {
			err = each(s.Context(), s.Redis.client.(*redis.Client))
		}
		if err != nil {
			s.Fatal(err)
		}
		if strings.Contains(all.String(), tokens.Access.Value) {
			s.Errorf("the secret is in Redis:\n%s", all)
		}
		if !strings.Contains(all.String(), v.ID) {
			s.Error("the public id is not there: this test looks in the wrong place")
		}
	})
}
