package lab

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"sessionlab/auth"
)

// The ways in which an owner ends a session whose cookies were copied.
const (
	EndSignOut   = "sign-out"   // on the browser that was copied from
	EndRevokeAll = "revoke-all" // every device, from elsewhere
)

// Endings are they, in the order in which pages show them.
func Endings() []string { return []string{EndSignOut, EndRevokeAll} }

// An Exposure is how long copied cookies of one strategy worked after the session
// had been ended in one of these ways.
type Exposure struct {
	Strategy, Ending string
	Asking           Lasted // a copy that keeps asking, so that nothing idles
	Silent           Lasted // a copy that is shown once
}

// Lasted is how long a copy worked, to the second: one second earlier it was
// accepted, and refused then. For is 0 if the very next request was refused.
type Lasted struct {
	Known    bool // measured already
	For      time.Duration
	Reason   string        // of the refusal: "expired" if the ending never took effect
	Promised time.Duration // what the strategy promises: its window, else what is left of the session
}

// Ended says that the ending took effect, sooner or later. What it did not reach
// expired by itself.
func (l Lasted) Ended() bool { return l.Known && l.Reason != auth.Reason(auth.ErrExpired) }

// Kept says that the copy did not work for longer than was promised.
func (l Lasted) Kept() bool { return l.Known && l.For <= l.Promised }

// Exposed is what a run has found.
type Exposed struct {
	At       time.Time     // when it began, by the process clock
	Took     time.Duration // by the process clock
	Requests int           // that copies made
	Beat     time.Duration // how often at least the copy asks that keeps asking
	Rows     []Exposure    // by ending, then by strategy as [auth.Kinds] has them
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

// Expose finds out how long a copy of cookies works. For each probe somebody signs
// in on a bench aside, is robbed, and ends the session; then the clock of that
// bench, which stands still otherwise, is set to the moment of the question. Every
// answer is the site's.
//
// The silent copy is shown once in its life, so each age takes a new sign-in, theft
// and end. Which second is the first to be refused is found by halving what lies
// between an age that was accepted and one that was not.
//
// The copy that keeps asking is shown from the end on, at every beat. When it is
// refused, a new one asks at the same moments up to the last that was accepted, and
// from there in smaller steps; and so on down to steps of a second.
func (b *Bench) Expose(ctx context.Context, report func(done, of int, soFar Exposed)) error {
	x := &exposing{bench: b, report: report, life: b.parts.Auth.Life}
	x.steps = steps(x.life)
	x.found = Exposed{At: b.parts.Now(), Beat: x.steps[0]}
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

// askingWeight is how much longer a scene takes in which copies keep asking.
const askingWeight = 10

// steps are how often the copy asks that keeps asking, ever closer to its end. The
// first is short enough that a session slides each time it is due.
func steps(life auth.Lifetimes) []time.Duration {
	all := []time.Duration{12 * time.Hour, time.Hour, time.Minute, time.Second}
	slack := life.Idle - time.Duration(life.RefreshAt*float64(life.Idle))
	for len(all) > 1 && all[0] > slack {
		all = all[1:]
	}
	return all
}

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

// rungs are the ages between which the silent copy is looked for; by the last no
// session can be alive.
func (x *exposing) rungs() []time.Duration {
	rungs := []time.Duration{0}
	for _, age := range []time.Duration{time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
		if age < x.life.Max {
			rungs = append(rungs, age)
		}
	}
	return append(rungs, x.life.Max, x.life.Max+24*time.Hour)
}

// tell reports how far the run got. What it hands out is not changed afterwards.
func (x *exposing) tell() {
	x.found.Took = x.bench.parts.Now().Sub(x.found.At)
	soFar := x.found
	soFar.Rows = slices.Clone(soFar.Rows)
	x.report(min(x.done, x.of), x.of, soFar)
}

// row is where the results of a strategy go.
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
	if err := s.SignIn(ctx, you); err != nil {
		return err
	}
	s.copy = you.Wallet.steal()
	for _, m := range s.Managers() {
		if s.first[m.Name], err = s.ask(ctx, you.Wallet, m.Name); err != nil {
			return err
		}
	}
	end := map[string]func(context.Context, Visitor) error{EndSignOut: s.SignOut, EndRevokeAll: s.RevokeAll}[ending]
	if err := end(ctx, you); err != nil {
		return err
	}
	return ask(s)
}

// at shows the copy to the site, so long after the end.
func (x *exposing) at(ctx context.Context, s *scene, age time.Duration, strategy string) (Verdict, error) {
	if err := ctx.Err(); err != nil {
		return Verdict{}, err
	}
	runtime.Gosched() // visitors first
	s.now = s.ended.Add(age)
	x.found.Requests++
	v, err := s.ask(ctx, s.copy, strategy)
	if err == nil && v.Verdict != SignedIn && v.Verdict != Refused {
		err = fmt.Errorf("the site could not tell: %s", v.Reason)
	}
	if err != nil {
		return v, fmt.Errorf("ask under %s, %s after the end: %w", strategy, Span(age), err)
	}
	return v, nil
}

// lasted is a result, beside what was promised for it.
func (s *scene) lasted(strategy, ending string, asking bool, age time.Duration, v Verdict) Lasted {
	l := Lasted{Known: true, For: age, Reason: v.Reason, Promised: s.first[strategy].Until.Sub(s.ended)}
	if asking {
		l.Promised = s.first[strategy].EndsAt.Sub(s.ended)
	}
	strategyOf := s.Manager(strategy).Strategy
	_, lists := strategyOf.(auth.Lister) // who has a list can end one session of it
	if revoker, ok := strategyOf.(auth.Revoker); ok && (ending == EndRevokeAll || lists) {
		l.Promised = min(l.Promised, revoker.Window())
	}
	return l
}

// A search closes in on the first second at which a silent copy is refused.
type search struct {
	accepted, refused time.Duration // -1: at no age yet
	as                Lasted        // at refused
}

func (s *search) over() bool {
	return s.refused == 0 || s.accepted >= 0 && s.refused >= 0 && s.refused-s.accepted <= time.Second
}

// silent finds when copies that are shown once are refused.
func (x *exposing) silent(ctx context.Context, ending string) error {
	searches := map[string]*search{}
	for _, name := range x.names {
		searches[name] = &search{accepted: -1, refused: -1}
	}
	for _, rung := range x.rungs() {
		ages := map[string]time.Duration{}
		for _, name := range x.names {
			ages[name] = rung
		}
		if err := x.probe(ctx, ending, searches, ages); err != nil {
			return err
		}
	}
	for {
		ages := map[string]time.Duration{}
		for name, found := range searches {
			switch {
			case found.refused < 0:
				return fmt.Errorf("a silent copy under %s outlived its session", name)
			case !found.over():
				ages[name] = found.accepted + ((found.refused - found.accepted) / 2).Truncate(time.Second)
			}
		}
		if len(ages) == 0 {
			return nil
		}
		if err := x.probe(ctx, ending, searches, ages); err != nil {
			return err
		}
	}
}

// probe shows one copy of each strategy once, the youngest first.
func (x *exposing) probe(ctx context.Context, ending string, searches map[string]*search, ages map[string]time.Duration) error {
	order := slices.DeleteFunc(slices.Clone(x.names), func(name string) bool { _, asks := ages[name]; return !asks })
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(ages[a], ages[b]) })
	err := x.play(ctx, ending, func(s *scene) error {
		for _, name := range order {
			age, found := ages[name], searches[name]
			v, err := x.at(ctx, s, age, name)
			switch {
			case err != nil:
				return err
			case v.Verdict == SignedIn && found.refused >= 0 && age > found.refused:
				return fmt.Errorf("a silent copy under %s was refused at %s, and accepted at %s", name, Span(found.refused), Span(age))
			case v.Verdict == SignedIn:
				found.accepted = age
			case found.refused < 0 || age < found.refused:
				found.refused, found.as = age, s.lasted(name, ending, false, age, v)
			}
			if found.over() {
				x.row(name, ending).Silent = found.as
			}
		}
		return nil
	})
	x.done++
	x.tell()
	return err
}

// A series is when one copy that keeps asking was accepted.
type series struct {
	ages []time.Duration
	n    int // how many of them were repeated in this scene
}

// next is when it asks: as before, and then at every step.
func (s *series) next(step time.Duration) time.Duration {
	switch {
	case s.n < len(s.ages):
		return s.ages[s.n]
	case s.n == 0:
		return 0
	}
	return s.ages[s.n-1] + step
}

// asking finds when copies that keep asking are refused.
func (x *exposing) asking(ctx context.Context, ending string) error {
	all := map[string]*series{}
	for _, name := range x.names {
		all[name] = &series{}
	}
	for _, step := range x.steps {
		err := x.play(ctx, ending, func(s *scene) error {
			for in := slices.Sorted(maps.Keys(all)); len(in) > 0; {
				name := slices.MinFunc(in, func(a, b string) int { return cmp.Compare(all[a].next(step), all[b].next(step)) })
				mine := all[name]
				age, repeats := mine.next(step), mine.n < len(mine.ages)
				v, err := x.at(ctx, s, age, name)
				switch {
				case err != nil:
					return err
				case v.Verdict == SignedIn && len(mine.ages) == maxAsked:
					return fmt.Errorf("a copy under %s is still in after %d questions", name, maxAsked)
				case v.Verdict == SignedIn:
					if mine.n++; !repeats {
						mine.ages = append(mine.ages, age)
					}
				case repeats:
					return fmt.Errorf("a copy under %s was refused at %s, and had been accepted then", name, Span(age))
				default:
					in = slices.DeleteFunc(in, func(other string) bool { return other == name })
					if age == 0 || step == time.Second {
						x.row(name, ending).Asking = s.lasted(name, ending, true, age, v)
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for name, mine := range all {
			if mine.n = 0; len(mine.ages) == 0 {
				delete(all, name) // at once: there is nothing to be more exact about
			}
		}
		x.done += askingWeight
		x.tell()
	}
	return nil
}
