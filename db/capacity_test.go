package db

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// TestBytesPerSession measures what docs/scale.md says. It takes
// minutes, and a Redis in which nothing else happens:
//
//	SESSIONS=1000000 go test ./db -run TestBytesPerSession -v
//	SESSIONS=1000000 TEST_STORE=postgres TEST_DATABASE_URL=… go test ./db -run TestBytesPerSession -v
func TestBytesPerSession(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("SESSIONS"))
	if n == 0 {
		t.Skip("SESSIONS says for how many")
	}
	rows := func(i int) auth.Row {
		u := auth.User{ID: fmt.Sprintf("user%022d", i)} // as long as they are
		r := session(u, fmt.Sprintf("%026d", i), time.Duration(i)*time.Millisecond)
		r.Realm, r.Hash, r.Session.Device.Name = "site/database", fmt.Sprintf("%064x", uint64(i)*0x9e3779b97f4a7c15), "Firefox on Linux"
		return r
	}
	t.Run("sql", func(t *testing.T) { bytesInTable(t, n, rows) })
	t.Run("redis", func(t *testing.T) {
		if dbtest.Postgres() {
			t.Skip("measured once")
		}
		bytesInRedis(t, n, rows)
	})
}

// batch is the number of rows in a transaction.
const batch = 1000

// plantUsers stores the users of n sessions.
func plantUsers(t *testing.T, d *DB, n int, row func(int) auth.Row) {
	t.Helper()
	for from := 0; from < n; from += batch {
		err := d.transact(t.Context(), func(tx *tx) error {
			for i := from; i < min(from+batch, n); i++ {
				_, err := tx.ExecContext(t.Context(), `INSERT INTO users (id, email, email_verified, name, picture, role, epoch, created_at, updated_at)
					VALUES ($1, '', 0, '', '', 'member', 0, 0, 0)`, row(i).Session.User.ID)
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
}

func bytesInTable(t *testing.T, n int, row func(int) auth.Row) {
	d := open(t)
	plantUsers(t, d, n, row)
	before := sizeOf(t, d)
	for from := 0; from < n; from += batch {
		err := d.transact(t.Context(), func(tx *tx) error {
			for i := from; i < min(from+batch, n); i++ {
				if err := tx.createSession(t.Context(), row(i), 20); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	grown := int64(sizeOf(t, d) - before)
	t.Logf("%d sessions, %d bytes each in the table and its indexes", n, grown/int64(n))
	if grown < int64(n)*100 {
		t.Errorf("%d bytes cannot be all", grown)
	}
}

func bytesInRedis(t *testing.T, n int, row func(int) auth.Row) {
	r := openRedis(t, dbtest.Server(t, "TEST_REDIS_URL"))
	d := open(t)
	plantUsers(t, d, n, row)
	s := RedisSessions{Redis: r, Users: d}
	t.Cleanup(func() {
		again := RedisSessions{Redis: openRedis(t, dbtest.Server(t, "TEST_REDIS_URL"))}
		if err := again.DeleteRealm(context.Background(), "site/database"); err != nil {
			t.Error(err)
		}
	})
	used := func() int64 {
		t.Helper()
		info, err := r.client.(*redis.Client).InfoMap(t.Context(), "memory").Result()
		if err != nil {
			t.Fatal(err)
		}
		bytes, err := strconv.ParseInt(info["Memory"]["used_memory"], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	before := used()
	var workers sync.WaitGroup
	for w := range 16 {
		workers.Go(func() {
			for i := w; i < n; i += 16 {
				if err := s.Create(t.Context(), row(i), 20); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
	full := used()
	ctx := t.Context()
	key := r.client.MemoryUsage(ctx, sessionKey("site/database", row(0).Hash)).Val()
	list := r.client.MemoryUsage(ctx, indexKey("site/database", row(0).Session.User.ID)).Val()
	t.Logf("redis: %d sessions, %d bytes each: %d the session and %d the list of its user, of which each has one, and the rest Redis's own tables",
		n, (full-before)/int64(n), key, list)
	for i := range n / 10 {
		if err := s.End(ctx, "site/database", row(i).Hash, row(i).Session.IssuedAt); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("redis: a mark of one that was ended: %d bytes", r.client.MemoryUsage(ctx, sessionKey("site/database", row(0).Hash)).Val())
}
