package auth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db"
)

// The contract suite: every strategy, under every seal, over every store, through
// the same cases on a virtual clock. A new strategy is one row in expectations.

// expectations is what STRATEGIES.md's table says, as far as a strategy may
// differ from the next.
var expectations = map[string]struct {
	signOutEndsCopies bool // a copy of the tokens dies with the sign-out
	sealedVersionEnds bool // raising the session version ends it
	retiredKeyEnds    bool // dropping the key ends it
	roleIsLive        bool // a role change shows at the next request
	disablingEnds     bool // disabling the account is noticed at the next request
	readsPerRequest   int
}{
	"cookie":   {sealedVersionEnds: true, retiredKeyEnds: true},
	"database": {signOutEndsCopies: true, roleIsLive: true, disablingEnds: true, readsPerRequest: 1},
}

var life = auth.Lifetimes{Idle: 7 * 24 * time.Hour, Max: 30 * 24 * time.Hour, RefreshAt: 0.8}

// stage is one strategy with its seal, store and clock.
type stage struct {
	*testing.T
	kind     auth.Kind
	strategy auth.Strategy
	parts    auth.Parts
	vault    *auth.Vault
	store    *db.DB
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

func openSQLite(t testing.TB) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func newStage(t *testing.T, kind auth.Kind, seal string) *stage {
	s := &stage{T: t, kind: kind, version: 1, clock: &clock{now: time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC)}}
	ticks := time.Unix(0, 0)
	observe := auth.Receipts(func() time.Time { return ticks })
	s.store = openSQLite(t)
	s.store.Observe = observe
	s.vault = &auth.Vault{
		Format: seal, Ring: newRing(t), Realm: "test",
		Version: func() int64 { return s.version }, Observe: observe,
	}
	s.receipt = &auth.Receipt{}
	s.ctx = auth.WithReceipt(context.Background(), s.receipt)
	s.parts = auth.Parts{
		Sealer: s.vault.Sealer, Sessions: db.Sessions{DB: s.store}, Realm: "test",
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

func (s *stage) signIn(u auth.User) (auth.Session, auth.Tokens) {
	s.Helper()
	session, t, err := s.strategy.Issue(s.ctx, auth.SignIn{User: u, Device: auth.Device{Name: "Firefox on Linux"}, Remember: true})
	if err != nil {
		s.Fatalf("issue: %v", err)
	}
	return session, t
}

func (s *stage) accepted(t auth.Tokens) auth.Session {
	s.Helper()
	session, err := s.strategy.Authenticate(s.ctx, t)
	if err != nil {
		s.Fatalf("got %v, want the session accepted", err)
	}
	return session
}

func (s *stage) refused(t auth.Tokens, want error) {
	s.Helper()
	if _, err := s.strategy.Authenticate(s.ctx, t); !errors.Is(err, want) || !auth.Refused(err) {
		s.Fatalf("got %v, want %v", err, want)
	}
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
	for _, kind := range auth.Kinds() {
		for _, seal := range auth.Formats() {
			t.Run(kind.Name+"/"+seal+"/sqlite", func(t *testing.T) {
				if _, ok := expectations[kind.Name]; !ok {
					t.Fatalf("no expectations for %s", kind.Name)
				}
				for _, c := range cases {
					t.Run(c.name, func(t *testing.T) { c.run(newStage(t, kind, seal)) })
				}
			})
		}
	}
}

func recognised(s *stage) {
	issued, t := s.signIn(s.ada)
	got := s.accepted(t)
	if got != issued {
		s.Errorf("got  %+v\nwant %+v", got, issued)
	}
	if got.User != s.ada || got.Device.Name != "Firefox on Linux" {
		s.Errorf("got user %+v on %q", got.User, got.Device.Name)
	}
	if want := s.clock.now; !got.IssuedAt.Equal(want) || !got.EndsAt.Equal(want.Add(life.Max)) {
		s.Errorf("got issued %v, ends %v; signed in %v", got.IssuedAt, got.EndsAt, want)
	}
	if strings.Contains(t.Access.Value, got.ID) {
		s.Error("the public id stands in the token")
	}
	if got := len(t.Access.Value); got < 26 {
		s.Errorf("token has %d characters, want at least 26", got)
	}
}

func newSessionEachTime(s *stage) {
	first, t1 := s.signIn(s.ada)
	second, t2 := s.signIn(s.ada)
	if first.ID == second.ID || t1.Access.Value == t2.Access.Value {
		s.Error("two sign-ins share an id or a token")
	}
}

func idleEnd(s *stage) {
	session, t := s.signIn(s.ada)
	s.clock.now = session.ExpiresAt.Add(-time.Second)
	s.accepted(t)
	s.clock.now = session.ExpiresAt
	s.refused(t, auth.ErrExpired)
	if _, _, err := s.strategy.Renew(s.ctx, t); !auth.Refused(err) {
		s.Errorf("renewed after the end: %v", err)
	}
}

func slides(s *stage) {
	first, t := s.signIn(s.ada)
	if got, want := first.RenewAt.Sub(first.IssuedAt), time.Duration(0.8*float64(life.Idle)); got != want {
		s.Errorf("due after %v, want %v", got, want)
	}
	s.clock.now = first.RenewAt
	second, fresh := s.renewed(t)
	if second.ID != first.ID || !second.IssuedAt.Equal(first.IssuedAt) || !second.EndsAt.Equal(first.EndsAt) {
		s.Errorf("got %+v, want the same session as %+v", second, first)
	}
	if want := s.clock.now.Add(life.Idle); !second.ExpiresAt.Equal(want) || !fresh.Access.Expires.Equal(want) {
		s.Errorf("got end %v and token until %v, want %v", second.ExpiresAt, fresh.Access.Expires, want)
	}
	if got := s.accepted(fresh); got != second {
		s.Errorf("got %+v, want %+v", got, second)
	}
}

func absoluteEnd(s *stage) {
	first, t := s.signIn(s.ada)
	renewals := 0
	for session := first; session.RenewAt.Before(session.EndsAt); renewals++ {
		s.clock.now = session.RenewAt
		session, t = s.renewed(t)
		if !session.EndsAt.Equal(first.EndsAt) || session.ExpiresAt.After(first.EndsAt) {
			s.Fatalf("after %d renewals: expires %v, ends %v, want %v at most", renewals+1, session.ExpiresAt, session.EndsAt, first.EndsAt)
		}
	}
	if renewals < 3 || renewals > 6 {
		s.Errorf("%d renewals in a month, want one each 5.6 days", renewals)
	}
	s.clock.now = first.EndsAt.Add(-time.Second)
	s.accepted(t)
	s.clock.now = first.EndsAt
	s.refused(t, auth.ErrExpired)
}

func firstCopy(s *stage) {
	first, t := s.signIn(s.ada)
	s.clock.now = first.RenewAt
	_, fresh := s.renewed(t)
	if fresh.Access.Value == t.Access.Value {
		s.Skip("the token is a ticket: it stays the same and lives as long as its row")
	}
	s.clock.now = first.ExpiresAt
	s.refused(t, auth.ErrExpired)
	s.accepted(fresh)
}

func notRemembered(s *stage) {
	session, t, err := s.strategy.Issue(s.ctx, auth.SignIn{User: s.ada})
	if err != nil {
		s.Fatal(err)
	}
	if !t.Access.Expires.IsZero() || session.EndsAt.Sub(session.IssuedAt) != 24*time.Hour {
		s.Errorf("token until %v, session for %v", t.Access.Expires, session.EndsAt.Sub(session.IssuedAt))
	}
	s.clock.Advance(23 * time.Hour)
	session, t = s.renewed(t)
	if !t.Access.Expires.IsZero() || session.Remember || session.EndsAt.Sub(session.IssuedAt) != 24*time.Hour {
		s.Errorf("a renewal made it last: token until %v, %+v", t.Access.Expires, session)
	}
	s.clock.Advance(time.Hour)
	s.refused(t, auth.ErrExpired)
}

func garbage(s *stage) {
	_, t := s.signIn(s.ada)
	value := t.Access.Value
	flipped := []byte(value)
	flipped[len(flipped)/2] ^= 1
	for _, bad := range []string{
		"x", ".", "..", "%", "\x00", strings.Repeat("A", 26), strings.Repeat("A", 8<<10),
		value[:len(value)-1], value[1:], value + "A", string(flipped), strings.ToUpper(value) + "=", value + "." + value,
	} {
		s.refused(auth.Tokens{Access: auth.Token{Value: bad}}, auth.ErrInvalid)
		if _, _, err := s.strategy.Renew(s.ctx, auth.Tokens{Access: auth.Token{Value: bad}}); !auth.Refused(err) {
			s.Errorf("renew of %.20q: got %v, want a refusal", bad, err)
		}
		if err := s.strategy.End(s.ctx, auth.Tokens{Access: auth.Token{Value: bad}}); err != nil {
			s.Errorf("end of %.20q: %v", bad, err)
		}
	}
	s.accepted(t)
}

func foreign(s *stage) {
	_, t := s.signIn(s.ada)
	elsewhere := *s.vault
	elsewhere.Realm = "other"
	parts := s.parts
	parts.Realm, parts.Sealer = "other", elsewhere.Sealer
	if _, err := s.build(parts).Authenticate(s.ctx, t); !errors.Is(err, auth.ErrInvalid) {
		s.Errorf("another realm: got %v, want %v", err, auth.ErrInvalid)
	}
	for _, kind := range auth.Kinds() {
		if kind.Name == s.kind.Name {
			continue
		}
		other, err := kind.New(s.parts)
		if err != nil {
			s.Fatal(err)
		}
		if _, err := other.Authenticate(s.ctx, t); !errors.Is(err, auth.ErrInvalid) {
			s.Errorf("as a %s token: got %v, want %v", kind.Name, err, auth.ErrInvalid)
		}
	}
}

func signOut(s *stage) {
	_, t := s.signIn(s.ada)
	_, other := s.signIn(s.ada)
	if err := s.strategy.End(s.ctx, t); err != nil {
		s.Fatal(err)
	}
	if expectations[s.kind.Name].signOutEndsCopies {
		s.refused(t, auth.ErrRevoked)
		if _, _, err := s.strategy.Renew(s.ctx, t); !auth.Refused(err) {
			s.Errorf("a renewal brought it back: %v", err)
		}
		s.refused(t, auth.ErrRevoked)
	} else {
		s.accepted(t)
	}
	s.accepted(other)
}

func revoking(s *stage) {
	r, ok := s.strategy.(auth.Revoker)
	if !ok {
		s.Skip("no Revoker: that is the lesson")
	}
	phone, phoneTokens := s.signIn(s.ada)
	laptop, laptopTokens := s.signIn(s.ada)
	_, tablet := s.signIn(s.ada)
	_, grace := s.signIn(s.user("grace"))

	revoke := func(target auth.Target, want int) {
		s.Helper()
		got, err := r.Revoke(s.ctx, target)
		if err != nil || got != want {
			s.Fatalf("revoke %+v: got %d, %v, want %d", target, got, err, want)
		}
	}
	revoke(auth.Target{UserID: "nobody", SessionID: phone.ID}, 0)
	revoke(auth.Target{UserID: s.ada.ID, SessionID: "unknown"}, 0)
	s.accepted(phoneTokens)

	revoke(auth.Target{UserID: s.ada.ID, SessionID: phone.ID}, 1)
	revoke(auth.Target{UserID: s.ada.ID, SessionID: phone.ID}, 0)
	if window := r.Window(); window > 0 {
		s.clock.Advance(window - time.Second)
		s.accepted(phoneTokens)
		s.clock.Advance(time.Second)
	}
	s.refused(phoneTokens, auth.ErrRevoked)
	s.accepted(laptopTokens)

	revoke(auth.Target{UserID: s.ada.ID, Except: laptop.ID}, 1)
	s.clock.Advance(r.Window())
	s.refused(tablet, auth.ErrRevoked)
	s.accepted(laptopTokens)

	revoke(auth.Target{UserID: s.ada.ID}, 1)
	s.clock.Advance(r.Window())
	s.refused(laptopTokens, auth.ErrRevoked)
	s.accepted(grace)

	_, later := s.signIn(s.ada)
	s.accepted(later)
}

func listing(s *stage) {
	l, ok := s.strategy.(auth.Lister)
	if !ok {
		s.Skip("no Lister: it keeps no list")
	}
	var newest auth.Session
	for range 22 {
		newest, _ = s.signIn(s.ada)
		s.clock.Advance(time.Minute)
	}
	sessions, err := l.Sessions(s.ctx, s.ada.ID)
	if err != nil {
		s.Fatal(err)
	}
	if len(sessions) != 20 {
		s.Fatalf("got %d sessions, want 20: the oldest make room", len(sessions))
	}
	if sessions[0] != newest {
		s.Errorf("got  %+v first\nwant %+v", sessions[0], newest)
	}
	s.clock.now = newest.ExpiresAt
	if sessions, err := l.Sessions(s.ctx, s.ada.ID); err != nil || len(sessions) != 0 {
		s.Errorf("got %d sessions, %v; want none after their end", len(sessions), err)
	}
}

func roleChanged(s *stage) {
	_, t := s.signIn(s.ada)
	if err := s.store.SetRole(s.ctx, s.ada.ID, auth.RoleAdmin); err != nil {
		s.Fatal(err)
	}
	want := auth.RoleMember
	if expectations[s.kind.Name].roleIsLive {
		want = auth.RoleAdmin
	}
	if got := s.accepted(t).User.Role; got != want {
		s.Errorf("got role %q, want %q", got, want)
	}
}

func accountDisabled(s *stage) {
	_, t := s.signIn(s.ada)
	if err := s.store.Disable(s.ctx, s.ada.ID, s.clock.now); err != nil {
		s.Fatal(err)
	}
	if !expectations[s.kind.Name].disablingEnds {
		s.accepted(t)
		return
	}
	s.refused(t, auth.ErrDisabled)
	if err := s.store.Enable(s.ctx, s.ada.ID, s.clock.now); err != nil {
		s.Fatal(err)
	}
	s.accepted(t)
}

func versionRaised(s *stage) {
	_, t := s.signIn(s.ada)
	s.version++
	if expectations[s.kind.Name].sealedVersionEnds {
		s.refused(t, auth.ErrVersion)
	} else {
		s.accepted(t)
	}
	_, t = s.signIn(s.ada)
	s.accepted(t)
}

func keyRetired(s *stage) {
	old := s.vault.Ring.Newest()
	fresh := newRing(s).Newest()
	ring := func(keys ...*auth.Key) *auth.KeyRing {
		r, err := auth.NewKeyRing(keys...)
		if err != nil {
			s.Fatal(err)
		}
		return r
	}
	first, t := s.signIn(s.ada)
	s.vault.Ring = ring(fresh, old)
	s.accepted(t)
	s.clock.now = first.RenewAt
	_, resealed := s.renewed(t)

	s.vault.Ring = ring(fresh)
	if expectations[s.kind.Name].retiredKeyEnds {
		s.refused(t, auth.ErrInvalid)
	} else {
		s.accepted(t)
	}
	s.accepted(resealed)
}

func storeUnreachable(s *stage) {
	_, t := s.signIn(s.ada)
	s.store.Close()
	_, err := s.strategy.Authenticate(s.ctx, t)
	if s.kind.Database {
		if err == nil || auth.Refused(err) {
			s.Errorf("got %v, want a fault: nothing was learned about the session", err)
		}
		if _, _, err := s.strategy.Renew(s.ctx, t); err == nil || auth.Refused(err) {
			s.Errorf("renew: got %v, want a fault", err)
		}
		if err := s.strategy.End(s.ctx, t); err == nil {
			s.Error("a sign-out that did not happen was reported as one")
		}
	} else if err != nil {
		s.Errorf("got %v, want accepted without the store", err)
	}
}

func concurrentRenewals(s *stage) {
	session, t := s.signIn(s.ada)
	s.clock.now = session.RenewAt
	var wg sync.WaitGroup
	errs := make(chan error, 50)
	for range 50 {
		wg.Go(func() {
			_, fresh, err := s.strategy.Renew(s.ctx, t)
			if err == nil {
				_, err = s.strategy.Authenticate(s.ctx, fresh)
			}
			if err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		s.Error(err)
	}
}

func readsPerRequest(s *stage) {
	session, t := s.signIn(s.ada)
	want := expectations[s.kind.Name].readsPerRequest
	before := s.receipt.Count("read")
	s.accepted(t)
	if got := s.receipt.Count("read") - before; got != want {
		s.Errorf("authenticate read %d times, want %d", got, want)
	}
	s.clock.now = session.RenewAt
	before = s.receipt.Count("read")
	s.renewed(t)
	if got := s.receipt.Count("read") - before; got > 0 {
		s.Errorf("renew read %d times on top, want 0", got)
	}
	if got := fmt.Sprint(want); got != s.kind.Reads {
		s.Errorf("the table promises %s reads, the suite expects %s", s.kind.Reads, got)
	}
}
