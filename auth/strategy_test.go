package auth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db"
	"sessionlab/db/dbtest"
)

// The contract suite: every strategy, under every seal, over every store, through
// the same cases on a virtual clock. A new strategy is one row in expectations.

// never is longer than any session lives.
const never = 1000 * time.Hour * 24

// expected holds what the README's tables say about a strategy, as far as one may
// differ from the next.
type expected struct {
	signOutEndsCopies time.Duration // after this long; never, if a copy of the tokens survives
	revokesOne        bool          // can single sessions out
	firstCopy         error         // what becomes of a copy of the first tokens at their own end
	noticesRole       time.Duration // a role change shows after this long
	noticesDisabling  time.Duration // a disabled account is refused after this long
	enabledAgain      error         // what then becomes of the session
	versionEnds       bool          // raising the session version ends it
	keyEnds           bool          // retiring the key ends it
	worksWithoutStore time.Duration // for this long
	reads             int           // table reads per request while its tokens are fresh
}

const (
	snapshot = 5 * time.Minute
	renewing = 10 * time.Minute
	access   = 15 * time.Minute
)

var expectations = map[string]expected{
	"cookie": {
		signOutEndsCopies: never, firstCopy: auth.ErrExpired, noticesRole: never, noticesDisabling: never,
		versionEnds: true, keyEnds: true, worksWithoutStore: never,
	},
	"database": {revokesOne: true, reads: 1},
	"epoch": {
		signOutEndsCopies: never, firstCopy: auth.ErrExpired, enabledAgain: auth.ErrRevoked,
		versionEnds: true, keyEnds: true, reads: 1,
	},
	"hybrid": {
		signOutEndsCopies: snapshot, revokesOne: true, noticesRole: snapshot, noticesDisabling: snapshot,
		worksWithoutStore: snapshot,
	},
	"renew": {
		signOutEndsCopies: never, noticesRole: renewing, noticesDisabling: renewing,
		versionEnds: true, keyEnds: true, worksWithoutStore: renewing,
	},
	"pair": {
		signOutEndsCopies: never, firstCopy: auth.ErrExpired, noticesRole: access, noticesDisabling: access,
		versionEnds: true, keyEnds: true, worksWithoutStore: access,
	},
	"rotation": {
		signOutEndsCopies: access, revokesOne: true, firstCopy: auth.ErrReused, noticesRole: access, noticesDisabling: access,
		worksWithoutStore: access,
	},
}

var life = auth.Lifetimes{
	Idle: 7 * 24 * time.Hour, Max: 30 * 24 * time.Hour, RefreshAt: 0.8,
	Hybrid: snapshot, Access: access, Renew: renewing, Grace: 30 * time.Second,
}

// stage is one strategy with its seal, store and clock.
type stage struct {
	testing.TB
	kind     auth.Kind
	want     expected
	strategy auth.Strategy
	parts    auth.Parts
	vault    *auth.Vault
	store    *db.DB
	unplug   func() // makes the store of the sessions unreachable
	reads    int    // that finding a stored session takes
	clock    *clock
	version  int64
	ada      auth.User
	receipt  *auth.Receipt
	ctx      context.Context
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) Advance(d time.Duration) { c.now = c.now.Add(d) }

func newRing(t testing.TB) *auth.KeyRing {
	t.Helper()
	k, err := auth.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := auth.NewKeyRing(k)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func openDatabase(t testing.TB) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), dbtest.Name(t, filepath.Join(t.TempDir(), "test.db")), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func newStage(t testing.TB, kind auth.Kind, seal string) *stage {
	s := &stage{TB: t, kind: kind, want: expectations[kind.Name], version: 1, reads: 1, clock: &clock{now: time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC)}}
	ticks := time.Unix(0, 0)
	observe := auth.Receipts(func() time.Time { return ticks })
	s.store = openDatabase(t)
	s.store.Observe = observe
	s.unplug = func() { s.store.Close() }
	s.vault = &auth.Vault{
		Format: seal, Ring: newRing(t), Realm: "test",
		Version: func() int64 { return s.version }, Memo: auth.NewMemo(100), Observe: observe,
	}
	s.receipt = &auth.Receipt{}
	s.ctx = auth.WithReceipt(context.Background(), s.receipt)
	s.parts = auth.Parts{
		Sealer: s.vault.Sealer, Stored: s.vault.Stored, Users: s.store, Sessions: db.Sessions{DB: s.store}, Refresh: db.Sessions{DB: s.store}, Realm: "test",
		Life: life, Now: s.clock.Now, Text: rand.Text,
	}
	s.strategy = s.build(s.parts)
	s.ada = s.user("ada")
	return s
}

func (s *stage) build(p auth.Parts) auth.Strategy {
	s.Helper()
	strategy, err := s.kind.New(p)
	if err != nil {
		s.Fatal(err)
	}
	return strategy
}

func (s *stage) user(name string) auth.User {
	s.Helper()
	id := auth.Identity{Provider: "dev", Issuer: "https://idp.example", Subject: name, Name: name, Email: name + "@example.com"}
	u, err := s.store.SignIn(s.ctx, id)
	if err != nil {
		s.Fatal(err)
	}
	return u
}

// signIn signs a user in, as they are by now.
func (s *stage) signIn(u auth.User) (auth.Session, auth.Tokens) {
	s.Helper()
	if now, err := s.store.User(s.ctx, u.ID); err == nil {
		u = now
	}
	session, t, err := s.strategy.Issue(s.ctx, auth.SignIn{User: u, Device: auth.Device{Name: "Firefox on Linux"}, Remember: true})
	if err != nil {
		s.Fatalf("issue: %v", err)
	}
	return session, t
}

// ask does what a Manager does: it authenticates, and renews what is stale or due.
// The client keeps the tokens it is given.
func (s *stage) ask(t *auth.Tokens) (auth.Session, error) {
	session, err := s.strategy.Authenticate(s.ctx, *t)
	due := err == nil && !s.clock.now.Before(session.RenewAt) && session.RenewAt.Before(session.EndsAt)
	if !due && !errors.Is(err, auth.ErrStale) {
		return session, err
	}
	session, fresh, err := s.strategy.Renew(s.ctx, *t)
	if err == nil {
		*t = fresh
	}
	return session, err
}

func (s *stage) accepted(t *auth.Tokens) auth.Session {
	s.Helper()
	session, err := s.ask(t)
	if err != nil {
		s.Fatalf("got %v, want the session accepted", err)
	}
	return session
}

func (s *stage) refused(t *auth.Tokens, want error) {
	s.Helper()
	if _, err := s.ask(t); !errors.Is(err, want) || !auth.Refused(err) {
		s.Fatalf("got %v, want %v", err, want)
	}
}

// from waits until what happened just now must show: not a second earlier, and at
// the very instant. With never, it waits a month's worth of daily visits in vain.
func (s *stage) from(d time.Duration, before, then func()) {
	s.Helper()
	if d > 0 {
		s.clock.Advance(min(d, 6*24*time.Hour) - time.Second)
		before()
		s.clock.Advance(time.Second)
	}
	if d == never {
		before()
		return
	}
	then()
}

func (s *stage) renewed(t auth.Tokens) (auth.Session, auth.Tokens) {
	s.Helper()
	session, tokens, err := s.strategy.Renew(s.ctx, t)
	if err != nil {
		s.Fatalf("renew: %v", err)
	}
	return session, tokens
}

func TestStrategies(t *testing.T) {
	for _, kind := range auth.Kinds() {
		for _, seal := range auth.Formats() {
			t.Run(kind.Name+"/"+seal+"/sqlite", func(t *testing.T) {
				contract(t, func(t testing.TB) *stage { return newStage(t, kind, seal) })
			})
		}
	}
}

// contract runs the cases, each on a stage of its own.
func contract(t *testing.T, newStage func(testing.TB) *stage) {
	cases := []struct {
		name string
		run  func(*stage)
	}{
		{"a sign-in is recognised", recognised},
		{"every sign-in is a new session", newSessionEachTime},
		{"over at the very instant of the idle end", idleEnd},
		{"slides in the last fifth, and only the idle end moves", slides},
		{"nothing moves the absolute end", absoluteEnd},
		{"a copy of the first tokens dies at its own end", firstCopy},
		{"not remembered: a day at most, for the browser session", notRemembered},
		{"what was never ours is refused, never a fault", garbage},
		{"a token of one realm or kind is refused by another", foreign},
		{"sign-out", signOut},
		{"revoking", revoking},
		{"listing", listing},
		{"role changed", roleChanged},
		{"account disabled", accountDisabled},
		{"version raised", versionRaised},
		{"key rotated and retired", keyRetired},
		{"store unreachable", storeUnreachable},
		{"fifty requests renew at once", concurrentRenewals},
		{"reads per request", readsPerRequest},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			if _, ok := expectations[s.kind.Name]; !ok {
				t.Fatalf("no expectations for %s", s.kind.Name)
			}
			c.run(s)
		})
	}
}
