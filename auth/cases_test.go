package auth_test

import (
	"errors"
	"strings"
	"sync"
	"time"

	"sessionlab/auth"
)

// The cases of the contract suite.

func recognised(s *stage) {
	issued, t := s.signIn(s.ada)
	got := s.accepted(&t)
	if got != issued {
		s.Errorf("got  %+v\nwant %+v", got, issued)
	}
	if got.User != s.ada || got.Device.Name != "Firefox on Linux" {
		s.Errorf("got user %+v on %q", got.User, got.Device.Name)
	}
	if want := s.clock.now; !got.IssuedAt.Equal(want) || !got.EndsAt.Equal(want.Add(life.Max)) {
		s.Errorf("got issued %v, ends %v; signed in %v", got.IssuedAt, got.EndsAt, want)
	}
	for _, value := range []string{t.Access.Value, t.Refresh.Value} {
		if strings.Contains(value, got.ID) {
			s.Error("the public id stands in a token")
		}
		if value != "" && len(value) < 26 {
			s.Errorf("a token has %d characters, want at least 26", len(value))
		}
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
	session, early := s.signIn(s.ada)
	_, late := s.signIn(s.ada)
	s.clock.now = session.ExpiresAt.Add(-time.Second)
	s.accepted(&early)
	s.clock.now = session.ExpiresAt
	s.refused(&late, auth.ErrExpired)
	if _, _, err := s.strategy.Renew(s.ctx, late); !auth.Refused(err) {
		s.Errorf("renewed after the end: %v", err)
	}
}

func slides(s *stage) {
	first, t := s.signIn(s.ada)
	s.clock.Advance(time.Duration(0.8 * float64(life.Idle)))
	second := s.accepted(&t)
	if second.ID != first.ID || !second.IssuedAt.Equal(first.IssuedAt) || !second.EndsAt.Equal(first.EndsAt) {
		s.Errorf("got %+v, want the same session as %+v", second, first)
	}
	want := s.clock.now.Add(life.Idle)
	if first.ExpiresAt.Equal(first.EndsAt) {
		want = first.EndsAt // idling does not end this one
	}
	if !second.ExpiresAt.Equal(want) {
		s.Errorf("got end %v, want %v", second.ExpiresAt, want)
	}
	if longest := later(t.Access.Expires, t.Refresh.Expires); !longest.Equal(want) {
		s.Errorf("the browser keeps a token until %v, want %v", longest, want)
	}
	if got := s.accepted(&t); got != second {
		s.Errorf("got %+v, want %+v", got, second)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func absoluteEnd(s *stage) {
	first, t := s.signIn(s.ada)
	renewals, before := 0, t
	for s.clock.Advance(24 * time.Hour); s.clock.now.Before(first.EndsAt); s.clock.Advance(24 * time.Hour) {
		session := s.accepted(&t)
		if !session.EndsAt.Equal(first.EndsAt) || session.ExpiresAt.After(first.EndsAt) {
			s.Fatalf("after %v: expires %v, ends %v, want %v at most", s.clock.now.Sub(first.IssuedAt), session.ExpiresAt, session.EndsAt, first.EndsAt)
		}
		if later(t.Access.Expires, t.Refresh.Expires).After(first.EndsAt) {
			s.Fatalf("a browser keeps a token beyond %v", first.EndsAt)
		}
		if t != before {
			renewals, before = renewals+1, t
		}
	}
	if s.kind.Name == "cookie" && renewals != 4 {
		s.Errorf("%d new cookies in a month of daily visits, want 4: it must stop near the end", renewals)
	}
	s.clock.now = first.EndsAt.Add(-time.Second)
	s.accepted(&t)
	s.clock.now = first.EndsAt
	s.refused(&t, auth.ErrExpired)
}

func firstCopy(s *stage) {
	first, t := s.signIn(s.ada)
	copied := t
	for range 6 {
		s.clock.Advance(24 * time.Hour)
		s.accepted(&t)
	}
	s.clock.now = first.IssuedAt.Add(life.Idle)
	if s.want.firstCopy != nil {
		s.refused(&copied, s.want.firstCopy)
	} else {
		s.accepted(&copied)
	}
	if s.want.firstCopy == auth.ErrReused {
		s.clock.Advance(access)
		s.refused(&t, auth.ErrRevoked) // a copy was about: the family is over
	} else {
		s.accepted(&t)
	}
}

func notRemembered(s *stage) {
	session, t, err := s.strategy.Issue(s.ctx, auth.SignIn{User: s.ada})
	if err != nil {
		s.Fatal(err)
	}
	check := func() {
		s.Helper()
		if !t.Access.Expires.IsZero() || !t.Refresh.Expires.IsZero() || session.Remember || session.EndsAt.Sub(session.IssuedAt) != 24*time.Hour {
			s.Errorf("tokens until %v and %v, %+v", t.Access.Expires, t.Refresh.Expires, session)
		}
	}
	check()
	s.clock.Advance(23 * time.Hour)
	session, t = s.renewed(t)
	check()
	s.clock.Advance(time.Hour)
	s.refused(&t, auth.ErrExpired)
}

func garbage(s *stage) {
	_, t := s.signIn(s.ada)
	for _, value := range []string{t.Access.Value, t.Refresh.Value + "."} {
		flipped := []byte(value)
		flipped[len(flipped)/2] ^= 1
		for _, bad := range []string{
			"x", ".", "..", "%", "\x00", strings.Repeat("A", 26), strings.Repeat("A", 8<<10),
			value[:len(value)-1] + "!", value[1:], value + "A", string(flipped), strings.ToUpper(value) + "=", value + "." + value,
		} {
			for _, tokens := range []auth.Tokens{
				{Access: auth.Token{Value: bad}},
				{Refresh: auth.Token{Value: bad}},
				{Access: auth.Token{Value: bad}, Refresh: auth.Token{Value: bad}},
			} {
				s.refused(&tokens, auth.ErrInvalid)
				if _, _, err := s.strategy.Renew(s.ctx, tokens); !auth.Refused(err) {
					s.Errorf("renew of %.20q: got %v, want a refusal", bad, err)
				}
				if err := s.strategy.End(s.ctx, tokens); err != nil {
					s.Errorf("end of %.20q: %v", bad, err)
				}
			}
		}
	}
	s.accepted(&t)
}

func foreign(s *stage) {
	_, t := s.signIn(s.ada)
	elsewhere := *s.vault
	elsewhere.Realm = "other"
	parts := s.parts
	parts.Realm, parts.Sealer, parts.Stored = "other", elsewhere.Sealer, elsewhere.Stored
	here := s.strategy
	s.strategy = s.build(parts)
	s.refused(&t, auth.ErrInvalid)
	for _, kind := range auth.Kinds() {
		if kind.Name == s.kind.Name {
			continue
		}
		other, err := kind.New(s.parts)
		if err != nil {
			s.Fatal(err)
		}
		s.strategy = other
		swapped := auth.Tokens{Access: t.Refresh, Refresh: t.Access}
		s.refused(&t, auth.ErrInvalid)
		s.refused(&swapped, auth.ErrInvalid)
	}
	s.strategy = here
	s.accepted(&t)
}

func signOut(s *stage) {
	_, t := s.signIn(s.ada)
	_, other := s.signIn(s.ada)
	if err := s.strategy.End(s.ctx, t); err != nil {
		s.Fatal(err)
	}
	s.from(s.want.signOutEndsCopies,
		func() { s.accepted(&t) },
		func() {
			s.refused(&t, auth.ErrRevoked)
			if _, _, err := s.strategy.Renew(s.ctx, t); !auth.Refused(err) {
				s.Errorf("a renewal brought it back: %v", err)
			}
			s.refused(&t, auth.ErrRevoked)
		})
	s.accepted(&other)
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
		if got, err := r.Revoke(s.ctx, target); err != nil || got != want {
			s.Fatalf("revoke %+v: got %d, %v, want %d", target, got, err, want)
		}
	}
	all := -1
	if s.want.revokesOne {
		all = 1
		revoke(auth.Target{UserID: "nobody", SessionID: phone.ID}, 0)
		revoke(auth.Target{UserID: s.ada.ID, SessionID: "unknown"}, 0)
		s.accepted(&phoneTokens)

		revoke(auth.Target{UserID: s.ada.ID, SessionID: phone.ID}, 1)
		revoke(auth.Target{UserID: s.ada.ID, SessionID: phone.ID}, 0)
		s.from(r.Window(), func() { s.accepted(&phoneTokens) }, func() { s.refused(&phoneTokens, auth.ErrRevoked) })
		s.accepted(&laptopTokens)

		revoke(auth.Target{UserID: s.ada.ID, Except: laptop.ID}, 1)
		s.clock.Advance(r.Window())
		s.refused(&tablet, auth.ErrRevoked)
		s.accepted(&laptopTokens)
	} else {
		for _, target := range []auth.Target{{UserID: s.ada.ID, SessionID: phone.ID}, {UserID: s.ada.ID, Except: phone.ID}} {
			if _, err := r.Revoke(s.ctx, target); !errors.Is(err, auth.ErrNotRevocable) {
				s.Errorf("revoke %+v: got %v, want %v", target, err, auth.ErrNotRevocable)
			}
		}
		s.accepted(&phoneTokens)
	}

	revoke(auth.Target{UserID: s.ada.ID, All: true}, all)
	s.from(r.Window(), func() { s.accepted(&laptopTokens) }, func() { s.refused(&laptopTokens, auth.ErrRevoked) })
	s.accepted(&grace)
	_, later := s.signIn(s.ada)
	s.accepted(&later)
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
	got := sessions[0]
	got.RenewAt = newest.RenewAt // of the tokens, which a list does not know
	if got != newest {
		s.Errorf("got  %+v first\nwant %+v", got, newest)
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
	role := func(want string) func() {
		return func() {
			s.Helper()
			if got := s.accepted(&t).User.Role; got != want {
				s.Errorf("got role %q, want %q", got, want)
			}
		}
	}
	s.from(s.want.noticesRole, role(auth.RoleMember), role(auth.RoleAdmin))
}

func accountDisabled(s *stage) {
	_, t := s.signIn(s.ada)
	if err := s.store.Disable(s.ctx, s.ada.ID, s.clock.now); err != nil {
		s.Fatal(err)
	}
	s.from(s.want.noticesDisabling, func() { s.accepted(&t) }, func() { s.refused(&t, auth.ErrDisabled) })
	if err := s.store.Enable(s.ctx, s.ada.ID, s.clock.now); err != nil {
		s.Fatal(err)
	}
	if s.want.enabledAgain != nil {
		s.refused(&t, s.want.enabledAgain)
	} else {
		s.accepted(&t)
	}
}

func versionRaised(s *stage) {
	_, t := s.signIn(s.ada)
	s.version++
	if s.want.versionEnds {
		s.refused(&t, auth.ErrVersion)
	} else {
		s.accepted(&t)
	}
	_, t = s.signIn(s.ada)
	s.accepted(&t)
}

func keyRetired(s *stage) {
	old, fresh := s.vault.Ring.Newest(), newRing(s).Newest()
	ring := func(keys ...*auth.Key) *auth.KeyRing {
		r, err := auth.NewKeyRing(keys...)
		if err != nil {
			s.Fatal(err)
		}
		return r
	}
	first, t := s.signIn(s.ada)
	s.vault.Ring = ring(fresh, old)
	s.accepted(&t)
	if first.RenewAt.Before(first.EndsAt) {
		s.clock.now = first.RenewAt
	}
	resealed := t
	if _, err := s.ask(&resealed); err != nil {
		s.Fatal(err)
	}
	s.vault.Ring = ring(fresh)
	if s.want.keyEnds {
		s.refused(&t, auth.ErrInvalid)
	} else {
		s.accepted(&t)
	}
	s.accepted(&resealed)
}

func storeUnreachable(s *stage) {
	_, t := s.signIn(s.ada)
	s.unplug()
	s.from(s.want.worksWithoutStore, func() { s.accepted(&t) }, func() {
		if _, err := s.ask(&t); err == nil || auth.Refused(err) {
			s.Errorf("got %v, want a fault: nothing was learned about the session", err)
		}
	})
	if err := s.strategy.End(s.ctx, t); err == nil && s.want.signOutEndsCopies != never {
		s.Error("a sign-out that did not happen was reported as one")
	}
}

func concurrentRenewals(s *stage) {
	session, t := s.signIn(s.ada)
	s.clock.now = session.RenewAt
	var wg sync.WaitGroup
	var mu sync.Mutex
	successors := map[string]bool{}
	for range 50 {
		wg.Go(func() {
			_, fresh, err := s.strategy.Renew(s.ctx, t)
			if err == nil {
				_, err = s.strategy.Authenticate(s.ctx, fresh)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.Error(err)
			}
			successors[fresh.Refresh.Value] = true
		})
	}
	wg.Wait()
	if s.kind.Name == "rotation" && len(successors) != 1 {
		s.Errorf("%d successors of one token, want exactly one", len(successors))
	}
}

func readsPerRequest(s *stage) {
	session, t := s.signIn(s.ada)
	reads := func() int {
		before := s.receipt.Count("read")
		s.accepted(&t)
		return s.receipt.Count("read") - before
	}
	if got, want := reads(), s.want.reads*s.reads; got != want {
		s.Errorf("a request read %d times, want %d", got, want)
	}
	s.clock.now = session.RenewAt
	if got, most := reads(), 2*s.reads-1; got > most { // what slides is read with its user
		s.Errorf("a request that renews read %d times, want %d at most", got, most)
	}
}
