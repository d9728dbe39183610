package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"sessionlab/auth"
)

// Benches holds the benches of a public lab: one per visitor, recognized by
// [Visitors]. They are bounded in number and in the time that one may lie unused, and each in
// its size; the least recently used one is deleted first, with its sessions and its
// people. No two share anything: every row and every key is of a realm of one bench, and
// every user belongs to one, see [People].
//
// They live in one process. What a restart must not lose is read from the store
// when a visitor comes back. Set the fields before the first use.
type Benches struct {
	Site http.Handler // as of a [Bench]
	Host string
	Max  int           // how many there may be, in memory and in the store
	Idle time.Duration // a bench that was unused for this long is deleted

	parts Parts
	mu    sync.Mutex // guards what follows, and is never held while the store is asked
	seats map[string]*seat
}

// A seat is the place of a visitor's bench.
type seat struct {
	id      string
	used    time.Time
	holders int  // requests that use it now; while there are any it stays
	leaving bool // it is being cleared, and nobody gets it any more

	load  sync.Mutex // held by the request that reads the bench from the store
	bench *Bench     // nil until then
}

// What a public lab allows.
const (
	MaxBenches = 1000
	MaxIdle    = 7 * 24 * time.Hour
)

// NewBenches returns the benches that there are.
func NewBenches(ctx context.Context, p Parts) (*Benches, error) {
	bs := &Benches{Max: MaxBenches, Idle: MaxIdle, parts: p, seats: map[string]*seat{}}
	if err := p.tidy(ctx); err != nil {
		return nil, err
	}
	return bs, bs.recall(ctx)
}

// Visitors returns the visitors of the lab's site.
func (bs *Benches) Visitors() Visitors { return bs.parts.Visitors() }

// People are the lab's users.
func (bs *Benches) People() People { return People{bs.parts.Store} }

// Passing returns a temporary bench for somebody who has none and has nothing to keep on
// one. It is forgotten with the request.
func (bs *Benches) Passing() *Bench {
	b := bs.build("")
	if err := b.begin(context.Background()); err != nil {
		panic(err) // it is not saved, so nothing can fail
	}
	return b
}

// Take returns a visitor's bench, which stays until release is called;
// [auth.ErrNotFound] if the visitor has none, or none any more.
func (bs *Benches) Take(ctx context.Context, id string) (b *Bench, release func(), err error) {
	if id == "" || id == local {
		return nil, nil, auth.ErrNotFound
	}
	s := bs.sit(id)
	if s == nil {
		return nil, nil, auth.ErrNotFound
	}
	if err := bs.read(ctx, s); err != nil {
		bs.leave(s)
		return nil, nil, err
	}
	return s.bench, func() { bs.leave(s) }, nil
}

// Make returns a new bench, as Take does, and clears others away for it if there
// are as many as there may be.
func (bs *Benches) Make(ctx context.Context) (b *Bench, release func(), err error) {
	b = bs.build(bs.parts.Auth.Text())
	s := &seat{id: b.id, bench: b, used: bs.parts.Now(), holders: 1}
	bs.mu.Lock()
	bs.seats[s.id] = s
	bs.mu.Unlock()
	err = bs.trim(ctx, false)
	if err == nil {
		err = b.begin(ctx)
	}
	if err != nil {
		bs.forget(s)
		return nil, nil, fmt.Errorf("make a bench: %w", err)
	}
	return b, func() { bs.leave(s) }, nil
}

// Visitor is the id of the visitor whose bench it is; empty if it is nobody's.
func (b *Bench) Visitor() string {
	if b.own {
		return b.id
	}
	return ""
}

func (bs *Benches) build(id string) *Bench {
	return &Bench{Site: bs.Site, Host: bs.Host, id: id, own: id != "", parts: bs.parts, progress: newProgress(auth.User{})}
}

// sit takes a seat; nil if it is being cleared. One that is not known may be in the
// store.
func (bs *Benches) sit(id string) *seat {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	s := bs.seats[id]
	if s == nil {
		s = &seat{id: id}
		bs.seats[id] = s
	}
	if s.leaving {
		return nil
	}
	s.holders++
	s.used = bs.parts.Now()
	return s
}

// leave gives a seat back. One on which nobody found a bench is not kept.
func (bs *Benches) leave(s *seat) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	s.holders--
	s.used = bs.parts.Now()
	if s.holders == 0 && s.bench == nil {
		delete(bs.seats, s.id)
	}
}

func (bs *Benches) forget(s *seat) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	delete(bs.seats, s.id)
}

// read restores the bench of a seat, once. A saved bench that cannot be restored counts
// as deleted.
func (bs *Benches) read(ctx context.Context, s *seat) error {
	s.load.Lock()
	defer s.load.Unlock()
	if s.bench != nil {
		return nil
	}
	data, err := bs.parts.Store.Bench(ctx, s.id)
	if err != nil {
		return err
	}
	b := bs.build(s.id)
	restored, err := b.restore(ctx, data)
	if err != nil {
		return err
	}
	if !restored {
		return errors.Join(auth.ErrNotFound, bs.delete(ctx, s.id))
	}
	bs.mu.Lock()
	defer bs.mu.Unlock()
	s.bench = b
	return nil
}

// Sweep deletes the benches that were unused for too long, at every tick until ctx is
// done. It deletes none before the first: a machine's clock may be wrong at the start.
func (bs *Benches) Sweep(ctx context.Context, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		err := bs.recall(ctx)
		if err == nil {
			err = bs.trim(ctx, true)
		}
		if err != nil && ctx.Err() == nil {
			bs.parts.Log.WarnContext(ctx, "benches not swept", "error", err)
		}
	}
}

// recall learns which benches lie in the store.
func (bs *Benches) recall(ctx context.Context) error {
	saved, err := bs.parts.Store.Benches(ctx)
	if err != nil {
		return err
	}
	bs.mu.Lock()
	defer bs.mu.Unlock()
	for id, at := range saved {
		if id != local && bs.seats[id] == nil {
			bs.seats[id] = &seat{id: id, used: at}
		}
	}
	return nil
}

// trim deletes benches until there are at most Max. With idle it also deletes those that
// were unused for too long.
func (bs *Benches) trim(ctx context.Context, idle bool) error {
	for s := bs.surplus(idle); s != nil; s = bs.surplus(idle) {
		err := bs.delete(ctx, s.id)
		bs.mu.Lock()
		if s.leaving = false; err == nil {
			delete(bs.seats, s.id)
		}
		bs.mu.Unlock()
		if err != nil {
			return err
		}
		bs.parts.Log.InfoContext(ctx, "bench_cleared", "used", s.used)
	}
	return nil
}

// delete deletes a bench with its space, wherever its strategies keep rows.
func (bs *Benches) delete(ctx context.Context, id string) error {
	return errors.Join(bs.parts.deleteBehind(ctx, id), bs.parts.Store.DeleteBench(ctx, id))
}

// surplus returns the bench to delete next: the one that was unused longest, if there are
// too many benches or, with idle, if that was too long. It returns nil if none is to be
// deleted. Nobody can take the returned bench any more.
func (bs *Benches) surplus(idle bool) (oldest *seat) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	n := 0
	for _, s := range bs.seats {
		if s.leaving {
			continue
		}
		n++
		if s.holders == 0 && (oldest == nil || s.used.Before(oldest.used)) {
			oldest = s
		}
	}
	if oldest == nil || n <= bs.Max && (!idle || bs.parts.Now().Before(oldest.used.Add(bs.Idle))) {
		return nil
	}
	oldest.leaving = true
	return oldest
}
