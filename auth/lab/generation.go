package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"sessionlab/auth"
)

// A generation is what changes as a whole: every key is derived, and every row
// filed, under its realm. A new key or version makes a new one of the same realm,
// clock and plug; a request that has begun ends with the one it began with.
type generation struct {
	setup
	clock    *clock
	plug     *plug
	vault    *auth.Vault
	managers []*auth.Manager
}

// A setup is what a generation is made from.
type setup struct {
	Realm  string `json:"realm"`
	Root   string `json:"root"`   // id of the site's key that the bench's are derived from
	Oldest int    `json:"oldest"` // number of the oldest key that still opens
	Newest int    `json:"newest"` // number of the key that seals; the first is 1
	Raised int64  `json:"raised"` // how often the session version was raised
}

// A clock is ahead of the process clock by an offset, which only grows.
type clock struct {
	process func() time.Time
	ahead   atomic.Int64 // nanoseconds
}

// Now is the time on the bench.
func (c *clock) Now() time.Time { return c.process().Add(time.Duration(c.ahead.Load())) }

// saved is the part of a bench that survives a restart. It holds no key and no cookie.
type saved struct {
	setup
	Ahead    time.Duration `json:"ahead"` // nanoseconds
	User     string        `json:"user,omitempty"`
	Touched  []string      `json:"touched,omitempty"`
	HadStory bool          `json:"played,omitempty"` // there was something to lose
}

// begin starts a new realm with the first key, the first version and the clock as
// the process has it.
func (b *Bench) begin(ctx context.Context) error {
	g := &generation{
		setup: setup{Realm: b.realm(), Root: b.parts.Vault.Ring.Newest().ID, Oldest: 1, Newest: 1},
		clock: &clock{process: b.parts.Now}, plug: &plug{},
	}
	return b.adopt(ctx, g)
}

// adopt saves g and then makes it the generation of the bench. If saving fails, nothing
// has changed.
func (b *Bench) adopt(ctx context.Context, g *generation) error {
	if err := b.wire(g); err != nil {
		return err
	}
	if err := b.saveAs(ctx, g, time.Duration(g.clock.ahead.Load())); err != nil {
		return err
	}
	b.stage.Store(g)
	return nil
}

// restore wires what was saved. It returns false if the saved bench cannot be used, for
// example because the site key its keys derive from is gone.
func (b *Bench) restore(ctx context.Context, data []byte) (bool, error) {
	var s saved
	if json.Unmarshal(data, &s) != nil || s.Realm == "" || s.Oldest < 1 || s.Newest < s.Oldest || s.Newest-s.Oldest >= maxKeys ||
		b.parts.Vault.Ring.Find(s.Root) == nil {
		return false, nil
	}
	g := &generation{setup: s.setup, clock: &clock{process: b.parts.Now}, plug: &plug{}}
	g.clock.ahead.Store(int64(s.Ahead))
	if s.User != "" {
		u, err := b.parts.Auth.Users.User(ctx, s.User)
		if err != nil && !errors.Is(err, auth.ErrNotFound) {
			return false, fmt.Errorf("load bench: %w", err)
		}
		b.user = u
	}
	for _, id := range s.Touched {
		b.touched[id] = true
	}
	b.lost = s.HadStory
	if err := b.wire(g); err != nil {
		return false, err
	}
	b.stage.Store(g)
	return true, nil
}

// save stores what a restart must not lose, if it has changed and the bench is one
// to be kept.
func (b *Bench) save(ctx context.Context) error {
	g := b.stage.Load()
	return b.saveAs(ctx, g, time.Duration(g.clock.ahead.Load()))
}

// did adds a line to the story and saves the bench.
func (b *Bench) did(ctx context.Context, v Visitor, format string, args ...any) {
	b.tell(v, format, args...)
	b.keep(ctx)
}

// keep saves the bench after something was done. That cannot be taken back, so a
// failure to save is logged and not answered.
func (b *Bench) keep(ctx context.Context) {
	if err := b.save(ctx); err != nil {
		b.parts.Log.WarnContext(ctx, "bench not saved", "error", err)
	}
}

// saveAs saves the bench as it will be with g and the clock that far ahead.
func (b *Bench) saveAs(ctx context.Context, g *generation, ahead time.Duration) error {
	if b.id == "" {
		return nil
	}
	b.saving.Lock()
	defer b.saving.Unlock()
	s := saved{setup: g.setup, Ahead: ahead}
	b.mu.Lock()
	s.User, s.Touched, s.HadStory = b.user.ID, sorted(b.touched), len(b.story) > 0 || b.lost
	b.mu.Unlock()
	data, err := json.Marshal(s)
	if err != nil || string(data) == b.last {
		return err
	}
	if err := b.parts.Store.SaveBench(ctx, b.id, data, b.parts.Now()); err != nil {
		return fmt.Errorf("save bench: %w", err)
	}
	b.last = string(data)
	return nil
}

// change makes a new generation of the same realm.
func (b *Bench) change(ctx context.Context, how func(*setup)) error {
	next := *b.stage.Load()
	how(&next.setup)
	return b.adopt(ctx, &next)
}

// profile bounds the bytes of name and picture that each of a browser's sealed values may
// carry on a bench, where seven or eight lie side by side.
const profile = 128

// wire makes the strategies of g, as main makes those of a site.
func (b *Bench) wire(g *generation) error {
	ring, err := b.ring(g.setup)
	if err != nil {
		return fmt.Errorf("wire bench: %w", err)
	}
	vault := b.parts.Vault
	vault.Realm, vault.Ring = g.Realm, ring
	vault.Profile = profile
	raised := g.Raised
	vault.Version = func() int64 { return b.parts.Vault.Version() + raised }
	parts := b.parts.Auth
	parts.Realm, parts.Sealer, parts.Stored, parts.Now = g.Realm, vault.Sealer, vault.Stored, g.clock.Now
	parts.Users = users{parts.Users, g.plug.check}
	parts.Sessions = sessions{parts.Sessions, g.plug.check}
	if parts.Behind != nil {
		parts.Behind = sessions{parts.Behind, g.plug.check}
	}
	parts.Refresh = refresh{sessions{parts.Refresh, g.plug.check}, parts.Refresh}
	signOuts := vault.Sealer(auth.SignOutPurpose)
	if b.parts.NoTombstone {
		signOuts = noTombstone{}
	}
	g.vault, g.managers = &vault, nil
	for _, kind := range auth.Kinds() {
		strategy, err := kind.New(parts)
		if err != nil {
			return fmt.Errorf("wire bench: %w", err)
		}
		g.managers = append(g.managers, &auth.Manager{
			Name: kind.Name, Strategy: strategy, SignOuts: signOuts,
			Now: g.clock.Now, Observe: b.parts.Observe, Log: b.parts.Log,
		})
	}
	return nil
}

// deleteRealm deletes the rows of a realm, wherever strategies keep them.
func (b *Bench) deleteRealm(ctx context.Context, realm string) error {
	return errors.Join(b.parts.Store.DeleteRealm(ctx, realm), b.parts.deleteBehind(ctx, realm))
}

// deleteBehind deletes the realm's rows in the separate session store.
func (p Parts) deleteBehind(ctx context.Context, realm string) error {
	behind, ok := p.Auth.Behind.(interface {
		DeleteRealm(ctx context.Context, realm string) error
	})
	if !ok {
		return nil
	}
	return behind.DeleteRealm(ctx, realm)
}

// maxKeys bounds the ring.
const maxKeys = 32

// ring derives the keys of a setup from the site's key, newest first. None is
// stored: a stolen database opens nothing.
func (b *Bench) ring(s setup) (*auth.KeyRing, error) {
	root := b.parts.Vault.Ring.Find(s.Root)
	if root == nil {
		return nil, errors.New("the site's key is gone")
	}
	var keys []*auth.Key
	for n := s.Newest; n >= s.Oldest; n-- {
		k, err := root.Derive(fmt.Sprintf("bench %s %d", s.Realm, n))
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return auth.NewKeyRing(keys...)
}
