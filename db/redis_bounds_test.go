package db

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
)

func TestRedisEvictionByABadClock(t *testing.T) {
	onRedis(t, func(s *redisStage) {
		signInByABadClock(s.T, s, func(name string, after time.Duration) auth.Row { return s.session(s.ada, name, after) })
	})
}

// However often somebody signs in, and however their sessions end, their keys stay few.
func TestRedisKeysOfAUserAreBounded(t *testing.T) {
	for _, test := range []struct {
		name string
		idle time.Duration
		end  func(*redisStage, auth.Row) error
	}{
		{"evicted", 10 * 24 * time.Hour, func(*redisStage, auth.Row) error { return nil }},
		{"signed out", 10 * 24 * time.Hour, func(s *redisStage, r auth.Row) error {
			return s.End(s.Context(), s.realm, r.Hash, r.Session.IssuedAt)
		}},
		{"revoked", 10 * 24 * time.Hour, func(s *redisStage, r auth.Row) error {
			_, err := s.EndAll(s.Context(), s.realm, auth.Target{UserID: s.ada.ID, SessionID: r.Session.ID}, r.Session.IssuedAt)
			return err
		}},
		{"expired", time.Minute, func(*redisStage, auth.Row) error { return nil }},
		{"deleted", time.Hour, func(s *redisStage, r auth.Row) error {
			return s.Redis.client.Del(s.Context(), sessionKey(s.realm, r.Hash)).Err()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			onRedis(t, func(s *redisStage) {
				laptop := s.session(s.ada, "laptop", 0)
				laptop.Session.ExpiresAt, laptop.Session.EndsAt = start.Add(1000*time.Hour), start.Add(1000*time.Hour)
				create(s, s, laptop)
				var hashes []string
				for i := range 300 {
					r := s.session(s.ada, fmt.Sprint("s", i), time.Duration(i)*time.Hour)
					r.Session.ExpiresAt, r.Session.EndsAt = r.Session.IssuedAt.Add(test.idle), start.Add(1000*time.Hour)
					hashes = append(hashes, r.Hash)
					create(s, s, r)
					if err := test.end(s, r); err != nil {
						s.Fatal(err)
					}
				}
				const most = 2*20 + 2*maxEnded
				keys := 0
				for _, hash := range hashes {
					keys += int(s.Redis.client.Exists(s.Context(), sessionKey(s.realm, hash)).Val())
				}
				listed, err := s.Redis.client.ZRange(s.Context(), indexKey(s.realm, s.ada.ID), 0, -1).Result()
				if keys > most || len(listed) > most || err != nil {
					s.Errorf("got %d keys and %d listed, %v; want at most %d", keys, len(listed), err, most)
				}
				got := live(s.T, s, s.realm, s.ada, start.Add(301*time.Hour))
				if test.name != "evicted" && !slices.Contains(strings.Fields(got), "laptop") {
					s.Errorf("alive: got %q, want the laptop among them", got)
				}
			})
		})
	}
}
