package lab

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"sessionlab/auth"
)

// The events that can end the use of copied cookies.
const (
	EndSignOut   = "sign-out"   // the owner, on the browser that was copied from
	EndRevokeAll = "revoke-all" // the owner, on every device, from elsewhere
	EndDisable   = "disable"    // an administrator closes the account
	EndRole      = "set-role"   // an administrator takes the admin role away, and nothing else
)

// Endings lists the events in display order.
func Endings() []string { return []string{EndSignOut, EndRevokeAll, EndDisable, EndRole} }

// An Exposure is how long copied cookies of one strategy worked after one of these
// endings. They work while the site takes them for their owner, in the role in which
// they were stolen.
type Exposure struct {
	Strategy, Ending string
	Reads            int    // of tables, for a request before the end
	Asking           Lasted // a copy that keeps asking, so that nothing idles
	Silent           Lasted // a copy that is shown once
}

// Lasted is the time for which a copy worked, to the second.
// For is 0 if it no longer did at the very next request.
type Lasted struct {
	Known    bool // measured already
	For      time.Duration
	Reason   string        // why it no longer did: "expired" if the ending never took effect
	Promised time.Duration // what the strategy promises: its window, else what is left of the session
}

// roleGone is the reason when the copy is let in, but in another role.
const roleGone = "role"

// Ended reports whether the event ended the copy, rather than the session's own expiry.
func (l Lasted) Ended() bool { return l.Known && l.Reason != auth.Reason(auth.ErrExpired) }

// Kept reports whether the copy stopped working within Promised.
func (l Lasted) Kept() bool { return l.Known && l.For <= l.Promised }

// Exposed is the result of a run.
type Exposed struct {
	By       string        // who wanted to know
	At       time.Time     // when it began, by the process clock
	Took     time.Duration // by the process clock
	Requests int           // that copies made
	Interval time.Duration // the longest time between requests of the copy that keeps asking
	Life     auth.Lifetimes
	Rows     []Exposure // by ending, then by strategy as [auth.Kinds] has them
}

// Of returns the row of a strategy and an ending.
func (e Exposed) Of(strategy, ending string) Exposure {
	for _, row := range e.Rows {
		if row.Strategy == strategy && row.Ending == ending {
			return row
		}
	}
	return Exposure{Strategy: strategy, Ending: ending}
}

// maxAsked bounds the questions of one copy, so that a run ends under any
// lifetimes.
const maxAsked = 20_000

// Expose finds out how long a copy of cookies works. For each probe a user signs in on a
// temporary bench, their cookies are copied, and one of the events happens; then the
// clock of that bench, which stands still otherwise, is set to the moment of the
// question. Every answer is the site's.
//
// The silent copy is shown once in its life, so each age takes a new sign-in, theft
// and end. Which second is the first to be refused is found by halving what lies
// between an age that was accepted and one that was not.
//
// The copy that keeps asking is shown from the end on, at every interval. When it is
// refused, a new one asks at the same moments up to the last that was accepted, and
// from there in smaller steps; and so on down to steps of a second.
func (b *Bench) Expose(ctx context.Context, report func(done, of int, soFar Exposed)) error {
	x := &exposing{bench: b, report: report, life: b.parts.Auth.Life}
	x.steps = steps(x.life)
	x.found = Exposed{At: b.parts.Now(), Interval: x.steps[0], Life: x.life}
	for _, m := range b.Managers() {
		x.names = append(x.names, m.Name)
	}
	for _, ending := range Endings() {
		for _, name := range x.names {
			x.found.Rows = append(x.found.Rows, Exposure{Strategy: name, Ending: ending})
		}
	}
	halvings := 0
	for gap := time.Second; gap < x.life.Max; gap *= 2 {
		halvings++
	}
	x.of = len(Endings()) * (len(x.rungs()) + halvings + len(x.steps)*askingWeight)
	for _, ending := range Endings() {
		for _, find := range []func(context.Context, string) error{x.silent, x.asking} {
			if err := find(ctx, ending); err != nil {
				return err
			}
		}
	}
	x.done = x.of
	x.tell()
	return nil
}

// askingWeight is the factor by which a scene takes longer when copies keep asking.
const askingWeight = 10

// exposing is one run.
type exposing struct {
	bench    *Bench
	report   func(int, int, Exposed)
	life     auth.Lifetimes
	names    []string // of the strategies
	steps    []time.Duration
	done, of int // scenes
	found    Exposed
}

// tell reports how far the run got. What it hands out is not changed afterwards.
func (x *exposing) tell() {
	x.found.Took = x.bench.parts.Now().Sub(x.found.At)
	soFar := x.found
	soFar.Rows = slices.Clone(soFar.Rows)
	x.report(min(x.done, x.of), x.of, soFar)
}

// row returns the row for a strategy's results.
func (x *exposing) row(strategy, ending string) *Exposure {
	i := slices.IndexFunc(x.found.Rows, func(r Exposure) bool { return r.Strategy == strategy && r.Ending == ending })
	return &x.found.Rows[i]
}

// A scene is one new start: a sign-in, a theft and an end, on a bench of its own.
type scene struct {
	*Bench
	ended time.Time // when, and where the clock stood until then
	now   time.Time // of the clock, which only the scene moves
	copy  *Wallet
	first map[string]Verdict // how the owner was answered before the end
}

// play sets a scene and lets ask put questions to it.
func (x *exposing) play(ctx context.Context, ending string, ask func(*scene) error) (err error) {
	start := x.found.At.UTC().Truncate(time.Second)
	s := &scene{ended: start, now: start, first: map[string]Verdict{}}
	s.Bench, err = x.bench.Aside(ctx, func() time.Time { return s.now })
	if err != nil {
		return err
	}
	defer func() {
		if gone := s.Close(context.WithoutCancel(ctx)); err == nil {
			err = gone
		}
	}()
	you := s.Browser()
	if err := errors.Join(s.SetRole(ctx, you, auth.RoleAdmin), s.SignIn(ctx, you)); err != nil {
		return err
	}
	s.copy = you.Wallet.steal()
	for _, name := range x.names {
		v, err := s.ask(ctx, you.Wallet, name)
		if err != nil {
			return err
		}
		s.first[name], x.row(name, ending).Reads = v, v.Receipt.Reads
	}
	if err := s.end(ctx, you, ending); err != nil {
		return err
	}
	return ask(s)
}

func (s *scene) end(ctx context.Context, you Visitor, ending string) error {
	switch ending {
	case EndSignOut:
		return s.SignOut(ctx, you)
	case EndRevokeAll:
		return s.RevokeAll(ctx, you)
	case EndDisable:
		return s.Disable(ctx, you)
	default:
		return s.SetRole(ctx, you, auth.RoleMember)
	}
}

// at shows the copy to the site, so long after the end, and reports whether it still
// works or why it does not.
func (x *exposing) at(ctx context.Context, s *scene, age time.Duration, strategy string) (works bool, reason string, err error) {
	if err := ctx.Err(); err != nil {
		return false, "", err
	}
	runtime.Gosched() // visitors first
	s.now = s.ended.Add(age)
	x.found.Requests++
	v, err := s.ask(ctx, s.copy, strategy)
	if err == nil && v.Verdict != SignedIn && v.Verdict != Refused {
		err = fmt.Errorf("the site could not tell: %s", v.Reason)
	}
	if err != nil {
		return false, "", fmt.Errorf("ask under %s, %s after the end: %w", strategy, Span(age), err)
	}
	if v.Verdict == SignedIn {
		v.Reason = roleGone
	}
	return v.Verdict == SignedIn && v.Role == s.first[strategy].Role, v.Reason, nil
}

// lasted is a result, beside what was promised for it.
func (s *scene) lasted(strategy, ending string, asking bool, age time.Duration, reason string) Lasted {
	l := Lasted{Known: true, For: age, Reason: reason, Promised: s.first[strategy].Until.Sub(s.ended)}
	if asking {
		l.Promised = s.first[strategy].EndsAt.Sub(s.ended)
	}
	if window, ok := window(s.Manager(strategy).Strategy, ending); ok {
		l.Promised = min(l.Promised, window)
	}
	return l
}

// window returns the time within which a strategy promises that an ending takes effect,
// or false if it promises none.
func window(s auth.Strategy, ending string) (time.Duration, bool) {
	revoker, revokes := s.(auth.Revoker)
	switch _, lists := s.(auth.Lister); {
	case ending == EndSignOut && !lists:
		return 0, false // no list to strike one session from
	case revokes:
		return revoker.Window(), true // what it reads by then includes the user
	case ending == EndRevokeAll:
		return 0, false
	}
	switch s := s.(type) { // no revoker, but one that looks at the user
	case auth.Bearer:
		return s.AccessTTL(), true
	case *auth.Renew:
		return s.TTL, true
	}
	return 0, false
}
