package lab

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sessionlab/auth"
)

// A Race is what happens when two requests of one browser come at the same moment
// and both bring the refresh token that works once, as two tabs do that wake up
// together. It is run on a bench aside, with real requests: both have come to the
// store before either gets to spend the token.
type Race struct {
	Rules
	Tabs    [2]Verdict // the answers; the first is one that was accepted
	Forked  bool       // the token has two live successors
	Browser Verdict    // to its next request, when it has obeyed both answers in this order
	Thief   Verdict    // if the second tab had been a thief: to his next request, after the browser has renewed twice more
}

// Rules are the conditions of a race.
type Rules struct {
	Name, Label string
	Grace       time.Duration
	Guarded     bool // a token is spent by one guarded statement
}

// Races are the rules worth comparing.
func Races() []Rules {
	const grace = 30 * time.Second
	return []Rules{{"grace", "30 s of grace", grace, true}, {"no-grace", "no grace", 0, true}, {"no-guard", "no guard", grace, false}}
}

// RaceTabs runs a race and keeps it for the page to show.
func (b *Bench) RaceTabs(ctx context.Context, v Visitor, rules Rules) error {
	race, err := b.race(ctx, rules)
	if err != nil {
		return fmt.Errorf("race two tabs: %w", err)
	}
	for _, told := range []*Verdict{&race.Tabs[0], &race.Tabs[1], &race.Browser, &race.Thief} {
		*told = b.brief(*told)
	}
	b.mu.Lock()
	b.races[rules.Name] = race
	b.mu.Unlock()
	b.tell(v, "Two tabs brought one refresh token at the same moment, with %s. %s", rules.Label, race.Tells())
	return nil
}

// brief is the part of a verdict that a bench keeps when it will not ask again. On a
// public lab it drops the steps, which take the most memory.
func (b *Bench) brief(v Verdict) Verdict {
	if v.User = (auth.User{}); b.own {
		v.Receipt.Steps = nil
	}
	return v
}

// Tells says in two sentences what came of it.
func (r Race) Tells() string {
	text := "Both tabs are out"
	switch in, browser := r.Tabs[0].Verdict == SignedIn, r.Browser.Verdict == SignedIn; {
	case in && r.Tabs[1].Verdict == SignedIn && r.Forked:
		text = "Both tabs are in, each with a token of its own"
	case in && r.Tabs[1].Verdict == SignedIn:
		text = "Both tabs are in, with the same new token"
	case in && browser:
		text = "One tab is in and the other out, and the browser stays in"
	case in:
		text = "One tab is in and the other out, and then the browser is out"
	}
	if r.Thief.StillIn {
		return text + ". A thief in place of the second is still in."
	}
	return text + ". A thief in place of the second is out."
}

func (b *Bench) race(ctx context.Context, rules Rules) (race Race, err error) {
	gate := &gate{}
	aside, err := b.Aside(ctx, b.parts.Now, func(p *Parts) {
		p.Auth.Life.Grace = rules.Grace
		if rules.Guarded {
			p.Auth.Refresh = &guarded{p.Auth.Refresh, gate}
		} else {
			p.Auth.Refresh = newUnguarded(p.Auth.Refresh, gate)
		}
	})
	if err != nil {
		return race, err
	}
	defer func() { err = errors.Join(err, aside.Close(context.WithoutCancel(ctx))) }()
	const strategy = "rotation"
	race.Rules = rules
	you, access := aside.Browser(), b.parts.Auth.Life.Access
	if err := errors.Join(aside.SignIn(ctx, you), aside.Advance(ctx, you, access, false)); err != nil {
		return race, err
	}

	tabs, errs := [2]*Wallet{you.Wallet.clone(), you.Wallet.clone()}, [2]error{}
	gate.expect(len(tabs))
	var both sync.WaitGroup
	for i, tab := range tabs {
		both.Go(func() {
			defer gate.open() // for one that never came to the store
			race.Tabs[i], errs[i] = aside.ask(ctx, tab, strategy)
		})
	}
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return race, err
	}
	if race.Tabs[0].Verdict != SignedIn {
		race.Tabs[0], race.Tabs[1], tabs[0], tabs[1] = race.Tabs[1], race.Tabs[0], tabs[1], tabs[0]
	}
	first, second := tabs[0].refreshToken(strategy), tabs[1].refreshToken(strategy)
	race.Forked = second != "" && first != second

	if race.Browser, err = aside.ask(ctx, after(you.Wallet, tabs[:]...), strategy); err != nil {
		return race, err
	}

	// The same two answers, but the second went to a thief.
	thief := &Wallet{cookies: after(you.Wallet, tabs[1]).cookies, ignoresDeletes: true}
	if race.Tabs[1].Verdict != SignedIn {
		thief.cookies = you.Wallet.cookies // who was refused still has the copy
	}
	you.Wallet = after(you.Wallet, tabs[0])
	for range 2 { // once would leave a successor that nobody has spent
		if err := aside.Advance(ctx, you, access, false); err != nil {
			return race, err
		}
		if _, err := aside.ask(ctx, you.Wallet, strategy); err != nil {
			return race, err
		}
	}
	if err := aside.Advance(ctx, you, rules.Grace+time.Second, false); err != nil {
		return race, err
	}
	race.Thief, err = aside.ask(ctx, thief, strategy)
	race.Thief.StillIn = race.Thief.Verdict == SignedIn
	return race, err
}

// after returns the cookies of a browser whose tabs were answered in this order.
func after(w *Wallet, tabs ...*Wallet) *Wallet {
	w = w.clone()
	for _, tab := range tabs {
		for _, c := range tab.changes {
			if c.MaxAge < 0 {
				delete(w.cookies, c.Name)
			} else {
				w.cookies[c.Name] = c.Value
			}
		}
	}
	return w
}

// A gate holds its callers until as many have come as are expected, and then lets them
// all pass at one moment, the latest of theirs. A gate that expects nobody is open.
type gate struct {
	mu      sync.Mutex
	missing int
	there   chan struct{}
	moment  time.Time
}

func (g *gate) expect(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.missing, g.there, g.moment = n, make(chan struct{}), time.Time{}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.missing > 0 {
		g.missing = 0
		close(g.there)
	}
}

// pass waits until the gate is open and returns the moment at which a caller that came at
// now passes.
func (g *gate) pass(ctx context.Context, now time.Time) (time.Time, error) {
	g.mu.Lock()
	there := g.there
	held := g.missing > 0
	if held {
		if now.After(g.moment) {
			g.moment = now
		}
		if g.missing--; g.missing == 0 {
			close(there)
		}
	}
	g.mu.Unlock()
	if !held {
		return now, nil
	}
	select {
	case <-there:
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.moment, nil
	case <-ctx.Done():
		return now, ctx.Err()
	}
}

// guarded is the store itself, behind a gate that both tabs reach before either spends.
type guarded struct {
	auth.RefreshStore
	gate *gate
}

func (s *guarded) Spend(ctx context.Context, sp auth.Spend) (auth.Spent, error) {
	var err error
	if sp.Now, err = s.gate.pass(ctx, sp.Now); err != nil {
		return auth.Spent{}, err
	}
	return s.RefreshStore.Spend(ctx, sp)
}

// unguarded spends a token as a program does that reads whether it was spent, and
// then writes that it is. Families stay in the store; tokens lie here.
type unguarded struct {
	auth.RefreshStore
	gate *gate

	mu    sync.Mutex
	spent map[string]bool
	first map[string]string // the first token of the family, which the store knows
}

func newUnguarded(s auth.RefreshStore, g *gate) *unguarded {
	return &unguarded{RefreshStore: s, gate: g, spent: map[string]bool{}, first: map[string]string{}}
}

// read reports whether a token was spent, and by which token the store knows it.
func (s *unguarded) read(hash string) (first string, spent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first = s.first[hash]; first == "" {
		first = hash
	}
	return first, s.spent[hash]
}

func (s *unguarded) Spend(ctx context.Context, sp auth.Spend) (auth.Spent, error) {
	first, spent := s.read(sp.Hash)
	family, err := s.RefreshStore.Family(ctx, sp.Realm, first)
	if err != nil || !family.Row.EndedAt.IsZero() {
		return family, err
	}
	if spent {
		return auth.Spent{Row: family.Row, Reused: true}, s.RefreshStore.EndFamily(ctx, sp.Realm, first, sp.Now)
	}
	// Here, between reading and writing, is where the guard would be.
	if _, err := s.gate.pass(ctx, sp.Now); err != nil {
		return auth.Spent{}, err
	}
	s.mu.Lock()
	s.spent[sp.Hash], s.first[sp.Next] = true, first
	s.mu.Unlock()
	return auth.Spent{Row: family.Row, Sealed: sp.Sealed}, nil
}

func (s *unguarded) Family(ctx context.Context, realm, hash string) (auth.Spent, error) {
	first, _ := s.read(hash)
	return s.RefreshStore.Family(ctx, realm, first)
}

func (s *unguarded) EndFamily(ctx context.Context, realm, hash string, now time.Time) error {
	first, _ := s.read(hash)
	return s.RefreshStore.EndFamily(ctx, realm, first, now)
}
