package lab

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"net/http"
	"runtime"
	"slices"
	"time"

	"sessionlab/auth"
)

// A Cost is what "who am I" costs under one strategy, measured by asking again and again
// with a valid session. It is measured in one process, without network, so it excludes
// the round trip to a remote database.
type Cost struct {
	Strategy string // [Idle] for the baseline
	Requests int    // that were timed
	Took     time.Duration
	P50, P99 time.Duration
	Allocs   float64 // heap objects per request
	Reads    int     // statements per request
	Writes   int
	CookieIn int // bytes of the request's cookies
}

// Idle names the baseline: a request that passes the same outer layers and has
// nothing to do. What one costs beyond it is the strategy's, and the route's.
const Idle = "idle"

// PerSecond is the number of requests that fit into a second of one core; 0 if the
// clock did not move.
func (c Cost) PerSecond() float64 {
	if c.Took <= 0 {
		return 0
	}
	return float64(c.Requests) / c.Took.Seconds()
}

const (
	costRounds = 20               // in which all take turns, so that a noisy moment falls on all
	costLeast  = time.Microsecond // no request is quicker; this bounds their number when the clock stands still
	warmUps    = 50               // requests before anything is measured
	allocBatch = 50               // requests between two looks at the heap
	allocLooks = 5                // of which the least counts: others allocate at the same time
)

// Costs measures the baseline and every strategy on a bench aside, each for the given
// time, and reports after every round what is known so far. now is the process clock.
//
// It runs on one goroutine and yields to other requests between two of its own. Their
// time is not counted.
func (b *Bench) Costs(ctx context.Context, now func() time.Time, each time.Duration, report func(done, of int, soFar []Cost)) (err error) {
	aside, err := b.Aside(ctx, now)
	if err != nil {
		return err
	}
	defer func() {
		if closed := aside.Close(context.WithoutCancel(ctx)); err == nil {
			err = closed
		}
	}()
	you := aside.Browser()
	if err := aside.SignIn(ctx, you); err != nil {
		return fmt.Errorf("sign in to measure: %w", err)
	}
	meters := []*meter{{bench: aside, wallet: &Wallet{}, path: "/healthz", cost: Cost{Strategy: Idle}}}
	for _, m := range aside.Managers() {
		meters = append(meters, &meter{
			bench: aside, wallet: you.Wallet.only(m.Name), path: "/api/user?strategy=" + m.Name, cost: Cost{Strategy: m.Name},
		})
	}
	for _, m := range meters {
		if err := m.prepare(ctx); err != nil {
			return err
		}
	}
	soFar := make([]Cost, len(meters))
	for round := range costRounds {
		for i, m := range meters {
			if err := m.run(ctx, each/costRounds); err != nil {
				return err
			}
			soFar[i] = m.cost
		}
		report(round+1, costRounds, slices.Clone(soFar))
	}
	return nil
}

// only is the wallet of a browser that has a session under one strategy alone.
func (w *Wallet) only(strategy string) *Wallet {
	one := &Wallet{cookies: map[string]string{}}
	for name, value := range w.cookies {
		switch base(name) {
		case "__Host-" + auth.SessionCookie(strategy), "__Host-" + auth.RefreshCookie(strategy):
			one.cookies[name] = value
		}
	}
	return one
}

// A meter asks one question again and again.
type meter struct {
	bench   *Bench
	wallet  *Wallet
	path    string
	request *http.Request
	answer  answer
	cost    Cost
	spread  spread
}

// prepare warms up, and measures what needs no clock: separately, so that it adds nothing
// to the requests that are timed.
func (m *meter) prepare(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // a run is called off between requests, never during one
	a, err := m.bench.request(ctx, m.wallet, http.MethodGet, m.path)
	if err != nil {
		return err
	}
	m.cost.Reads, m.cost.Writes, m.cost.CookieIn = a.receipt.Reads, a.receipt.Writes, a.receipt.CookieIn

	if m.request, err = http.NewRequestWithContext(m.bench.within(ctx), http.MethodGet, m.path, http.NoBody); err != nil {
		return err
	}
	m.request.Host, m.request.RequestURI, m.request.RemoteAddr = m.bench.Host, m.path, "127.0.0.1:0"
	m.answer.header = http.Header{}
	m.setCookies()
	if err := m.times(warmUps); err != nil {
		return err
	}
	for look := range allocLooks {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := m.times(allocBatch)
		runtime.ReadMemStats(&after)
		if err != nil {
			return err
		}
		if allocs := float64(after.Mallocs-before.Mallocs) / allocBatch; look == 0 || allocs < m.cost.Allocs {
			m.cost.Allocs = allocs
		}
	}
	return nil
}

// setCookies puts the wallet's cookies on the request.
func (m *meter) setCookies() {
	if cookies := m.wallet.header(); cookies != "" {
		m.request.Header.Set("Cookie", cookies)
	}
}

func (m *meter) times(n int) error {
	for range n {
		m.ask()
		if err := m.check(); err != nil {
			return err
		}
	}
	return nil
}

// run times requests until their times add up to long.
func (m *meter) run(ctx context.Context, long time.Duration) error {
	now := m.bench.parts.Now
	var took time.Duration
	for n := 0; took < long && n < int(long/costLeast); n++ {
		runtime.Gosched() // whoever waits goes first
		if ctx.Err() != nil {
			return ctx.Err()
		}
		began := now()
		m.ask()
		one := now().Sub(began)
		if err := m.check(); err != nil {
			return err
		}
		m.spread.add(one)
		took += one
	}
	m.cost.Took += took
	m.cost.Requests, m.cost.P50, m.cost.P99 = m.spread.n, m.spread.percentile(50), m.spread.percentile(99)
	return nil
}

// ask makes the request. It is like any other, except that all answers reuse the same
// memory.
func (m *meter) ask() {
	clear(m.answer.header)
	m.answer.body.Reset()
	m.answer.status = http.StatusOK
	m.bench.Site.ServeHTTP(&m.answer, m.request)
}

// check returns an error unless the answer was 200, and keeps the cookies that it set.
func (m *meter) check() error {
	if m.answer.status != http.StatusOK {
		return fmt.Errorf("measure %s: the site answered %d: %s", m.cost.Strategy, m.answer.status, bytes.TrimSpace(m.answer.body.Bytes()))
	}
	if len(m.answer.header["Set-Cookie"]) > 0 {
		m.wallet.take(m.answer.header)
		m.setCookies()
	}
	return nil
}

// A spread counts times in steps of at most 1.6 %, in the same memory however many
// there are.
type spread struct {
	n      int
	counts [64 * 64]int
}

func (s *spread) add(d time.Duration) {
	ns := uint64(max(d, 0))
	shift := max(bits.Len64(ns)-7, 0) // leaves seven bits
	s.counts[shift<<6+int(ns>>shift)]++
	s.n++
}

// percentile is the time that p of a hundred did not exceed, 0 if there are none.
func (s *spread) percentile(p int) time.Duration {
	left := (s.n*p + 99) / 100
	for i, n := range s.counts {
		if left -= n; left <= 0 {
			shift := max(i>>6-1, 0)
			return time.Duration((i-shift<<6+1)<<shift - 1)
		}
	}
	return 0
}
