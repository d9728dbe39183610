package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/db/dbtest"
)

// growth is how many sessions the large table of these benchmarks has, which take
// minutes and gigabytes. Without it they are skipped.
//
//	GROWTH=1000000 go test ./db -run '^$' -bench 'Growth|SweepMany' -benchtime 1x -timeout 1h
//
// and the same with TEST_STORE=postgres, and TEST_DATABASE_URL for a server.
var growth, _ = strconv.Atoi(os.Getenv("GROWTH"))

// planted is what hash and id of session i are: in no order, as real ones.
func planted(i int) (hash, id string) {
	sum := sha256.Sum256(fmt.Appendf(nil, "session %d", i))
	hash = hex.EncodeToString(sum[:])
	return hash, hash[7:33]
}

// plantedUser is the id of user i, in no order either.
func plantedUser(i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "user %d", i))
	return hex.EncodeToString(sum[:])[:26]
}

// plant stores n sessions of n/10 users, all of which end at one time, and returns
// how many bytes each takes.
func plant(b *testing.B, d *DB, n int, end time.Time) (bytes float64) {
	b.Helper()
	d.Wait = time.Hour
	defer func() { d.Wait = defaultWait }()
	users := max(n/10, 1)
	before := 0.0
	if dbtest.Postgres() {
		plantPostgres(b, d, n, users, end)
		return sizeOf(b, d) / float64(n)
	}
	run := func(text string) {
		if _, err := d.write.Exec(text); err != nil {
			b.Fatal(err)
		}
	}
	batches := func(n int, do func(*tx, int) error) {
		for from := 0; from < n; from += 50_000 {
			err := d.transact(b.Context(), func(t *tx) error {
				for i := from; i < min(n, from+50_000); i++ {
					if err := do(t, i); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	run("PRAGMA synchronous = OFF")
	run("PRAGMA cache_size = -500000")
	batches(users, func(t *tx, i int) error {
		_, err := t.exec(b.Context(), insertUser, plantedUser(i), "ada@mail.test", 1, "Ada", "", "member", 0, nil)
		return err
	})
	before = sizeOf(b, d)
	order := make([]int, n)
	hashes := make([]string, n)
	for i := range order {
		order[i] = i
		hashes[i], _ = planted(i)
	}
	var indexes []string
	if n > 1_000_000 {
		// In the order of the hashes, and the other indexes afterwards: there in a
		// tenth of the time, and a little smaller.
		slices.SortFunc(order, func(i, j int) int { return strings.Compare(hashes[i], hashes[j]) })
		const all = "FROM sqlite_master WHERE type = 'index' AND tbl_name = 'sessions' AND sql IS NOT NULL"
		indexes = column(b, d.write, 0, "SELECT sql "+all)
		for _, name := range column(b, d.write, 0, "SELECT name "+all) {
			run("DROP INDEX " + name)
		}
	}
	batches(n, func(t *tx, at int) error {
		i := order[at]
		_, id := planted(i)
		_, err := t.ExecContext(t.bounded, "INSERT INTO sessions VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
			hashes[i], realm, id, plantedUser(i%users), "Firefox on Linux",
			millis(start), millis(end.Add(-time.Hour)), millis(end), 1, nil, i/users+1)
		return err
	})
	for _, text := range indexes {
		run(text)
	}
	run("PRAGMA wal_checkpoint(TRUNCATE)")
	run("PRAGMA synchronous = FULL")
	run("PRAGMA cache_size = -2000")
	return (sizeOf(b, d) - before) / float64(n)
}

func plantPostgres(b *testing.B, d *DB, n, users int, end time.Time) {
	b.Helper()
	c, err := d.write.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for _, text := range []string{
		"SET statement_timeout = 0",
		fmt.Sprintf(`INSERT INTO users SELECT substr(encode(sha256(('user ' || i)::bytea), 'hex'), 1, 26), 'ada@mail.test', 1, 'Ada', '', 'member', 0, NULL, NULL, 0, 0
			FROM generate_series(0, %d) AS i`, users-1),
		fmt.Sprintf(`INSERT INTO sessions SELECT hash, '%s', substr(hash, 8, 26), substr(encode(sha256(('user ' || i %% %d)::bytea), 'hex'), 1, 26), 'Firefox on Linux', %d, %d, %d, 1, NULL, i / %d + 1
			FROM (SELECT i, encode(sha256(('session ' || i)::bytea), 'hex') AS hash FROM generate_series(0, %d) AS i) AS s`,
			realm, users, millis(start), millis(end.Add(-time.Hour)), millis(end), users, n-1),
		"VACUUM ANALYZE sessions",
		"RESET statement_timeout",
	} {
		if _, err := c.ExecContext(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
}

// sizeOf is what a database takes of the disk: under SQLite all of it, under
// Postgres the sessions.
func sizeOf(b testing.TB, d *DB) (bytes float64) {
	b.Helper()
	query := "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
	if dbtest.Postgres() {
		query = "SELECT pg_total_relation_size('sessions')"
	}
	if err := d.write.QueryRow(query).Scan(&bytes); err != nil {
		b.Fatal(err)
	}
	return bytes
}

// BenchmarkGrowth looks sessions up, by turns in a table of a thousand and in the
// large one, so that whatever else the machine does slows both. It reports the
// median of both, and their ratio; and what a session takes of the disk.
func BenchmarkGrowth(b *testing.B) {
	if growth == 0 {
		b.Skip("set GROWTH to a number of sessions, such as 1000000")
	}
	sizes := []int{1000, growth}
	var tables [2]Sessions
	var bytes float64
	for i, n := range sizes {
		d := open(b)
		tables[i] = Sessions{d}
		bytes = plant(b, d, n, start.Add(24*time.Hour))
	}
	var took [2][]time.Duration
	b.ResetTimer()
	for range b.N {
		for round := range 80_000 {
			i := round / 100 % 2
			hash, _ := planted(round % 40_000 * 7919 % sizes[i])
			began := time.Now()
			if _, err := tables[i].Find(context.Background(), realm, hash); err != nil {
				b.Fatal(err)
			}
			if round >= 40_000 { // the first time the disk is read
				took[i] = append(took[i], time.Since(began))
			}
		}
	}
	var medians [2]float64
	for i := range took {
		slices.Sort(took[i])
		medians[i] = float64(took[i][len(took[i])/2].Nanoseconds()) / 1000
		b.ReportMetric(medians[i], fmt.Sprintf("µs/find-in-%d", sizes[i]))
	}
	b.ReportMetric(medians[1]/medians[0], "ratio")
	b.ReportMetric(bytes, "bytes/session")
}

// BenchmarkSweepMany sweeps a table in which everything is over, while visitors
// read, slide and sign in, and reports the longest that one of them waited: before,
// as a measure of the machine, and during the sweep.
func BenchmarkSweepMany(b *testing.B) {
	if growth == 0 {
		b.Skip("set GROWTH to a number of sessions, such as 1000000")
	}
	d := open(b)
	end := start.Add(24 * time.Hour)
	plant(b, d, growth, end)
	s := Sessions{d}
	visitors := func(tag string, while func()) (longest time.Duration) {
		var over sync.WaitGroup
		var mu sync.Mutex
		done := make(chan struct{})
		for n := range 8 {
			u := signIn(b, d, fmt.Sprint("visitor ", n))
			over.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-done:
						return
					default:
					}
					r := session(u, fmt.Sprint(tag, n, " ", i), 24*time.Hour+time.Duration(i)*time.Millisecond)
					ctx := context.Background()
					for _, request := range []func() error{
						func() error { return s.Create(ctx, r, 20) },
						func() error { _, err := s.Find(ctx, realm, r.Hash); return err },
						func() error {
							_, err := s.Slide(ctx, realm, r.Hash, r.Session.EndsAt, r.Session.IssuedAt)
							return err
						},
					} {
						began := time.Now()
						if err := request(); err != nil {
							b.Error(err)
							return
						}
						took := time.Since(began)
						mu.Lock()
						longest = max(longest, took)
						mu.Unlock()
					}
				}
			})
		}
		while()
		close(done)
		over.Wait()
		return longest
	}
	b.ResetTimer()
	for range b.N {
		before := visitors("before", func() { <-time.After(10 * time.Second) })
		began := time.Now()
		during := visitors("during", func() {
			if n, err := d.Sweep(context.Background(), end); err != nil || n < growth {
				b.Errorf("swept %d, %v; want %d", n, err, growth)
			}
		})
		b.ReportMetric(time.Since(began).Seconds(), "s/sweep")
		b.ReportMetric(float64(before.Milliseconds()), "ms-longest-before")
		b.ReportMetric(float64(during.Milliseconds()), "ms-longest-during")
	}
}
