package lab

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"sessionlab/auth"
)

// rungs returns the ages at which the search first probes silent copies; at the last,
// every session has ended.
func (x *exposing) rungs() []time.Duration {
	rungs := []time.Duration{0}
	for _, age := range []time.Duration{time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
		if age < x.life.Max {
			rungs = append(rungs, age)
		}
	}
	return append(rungs, x.life.Max, x.life.Max+24*time.Hour)
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
			works, reason, err := x.at(ctx, s, age, name)
			switch {
			case err != nil:
				return err
			case works && found.refused >= 0 && age > found.refused:
				return fmt.Errorf("a silent copy under %s was refused at %s, and accepted at %s", name, Span(found.refused), Span(age))
			case works:
				found.accepted = age
			case found.refused < 0 || age < found.refused:
				found.refused, found.as = age, s.lasted(name, ending, false, age, reason)
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

// steps returns the intervals between the requests of a copy that keeps asking. They get
// shorter towards its end. The first is short enough that a session slides each time it is
// due.
func steps(life auth.Lifetimes) []time.Duration {
	all := []time.Duration{12 * time.Hour, time.Hour, time.Minute, time.Second}
	slack := life.Idle - time.Duration(life.RefreshAt*float64(life.Idle))
	for len(all) > 1 && all[0] > slack {
		all = all[1:]
	}
	return all
}

// A series holds the ages at which one copy that keeps asking was accepted.
type series struct {
	ages []time.Duration
	n    int // how many of them the present copy has reached
}

// next returns when it asks: as before, and then at every step.
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
				works, reason, err := x.at(ctx, s, age, name)
				switch {
				case err != nil:
					return err
				case works && len(mine.ages) == maxAsked:
					return fmt.Errorf("a copy under %s is still in after %d questions", name, maxAsked)
				case works:
					if mine.n++; !repeats {
						mine.ages = append(mine.ages, age)
					}
				case repeats:
					return fmt.Errorf("a copy under %s was refused at %s, although it was accepted at that age before", name, Span(age))
				default:
					in = slices.DeleteFunc(in, func(other string) bool { return other == name })
					if age == 0 || step == time.Second {
						x.row(name, ending).Asking = s.lasted(name, ending, true, age, reason)
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
