package labpages

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"time"

	"sessionlab/auth"
	"sessionlab/auth/lab"
)

// A candidate is a strategy with its capabilities and its measurements.
type candidate struct {
	auth.Kind
	revokes, lists, bears bool
	reads                 int                      // of tables per request
	copied                map[string]time.Duration // how long a copy that keeps asking works, by ending
}

func (l *Lab) candidates(managers []*auth.Manager, found lab.Exposed) (all []candidate) {
	for _, m := range managers {
		kind, _ := auth.KindOf(m.Name)
		c := candidate{Kind: kind, copied: map[string]time.Duration{}}
		_, c.revokes = m.Strategy.(auth.Revoker)
		_, c.lists = m.Strategy.(auth.Lister)
		_, c.bears = m.Strategy.(auth.Bearer)
		for _, ending := range lab.Endings() {
			row := found.Of(m.Name, ending)
			c.copied[ending], c.reads = row.Asking.For, row.Reads
		}
		all = append(all, c)
	}
	return all
}

// A question has several answers. An answer's against returns why it rules out a
// strategy, or "" if it does not. The answer with an empty value rules out nothing.
type question struct {
	id, text, note string
	answers        []answer
}

type answer struct {
	value, label string
	against      func(candidate) string
}

// questions are the six that tell the strategies apart.
var questions = []question{
	{"keeps", "What may the server remember?", "With several instances, this is what all of them can look up. They share the keys in any case.", []answer{
		{"", "Whatever it takes", nil},
		{"users", "People, but no sessions", func(c candidate) string {
			return unless(!c.lists, "it keeps a row per session")
		}},
		{"nothing", "Nothing: no database", func(c candidate) string {
			return unless(!c.Database, "it needs a database")
		}},
	}},
	{"reads", "May every request read the database?", "Each page then waits for it, and does not answer without it.", []answer{
		{"", "Yes", nil},
		{"no", "No", func(c candidate) string {
			return unless(c.reads == 0, fmt.Sprintf("a request took %d table read", c.reads))
		}},
	}},
	{"one", "Must people be able to end one session from another?", "That of a lost phone, from the laptop.", []answer{
		{"", "No", nil},
		{"yes", "Yes", func(c candidate) string {
			return unless(c.revokes && c.lists, "it has no list, so it cannot end a session that it is not shown")
		}},
	}},
	{"copy", "All devices are signed out. How long may a stolen copy work on?", "", howLong("Until it expires", func(c candidate) time.Duration {
		return c.copied[lab.EndRevokeAll]
	})},
	{"role", "A role is taken away, or an account disabled. How soon must it hold?", "", howLong("At the next sign-in", func(c candidate) time.Duration {
		return max(c.copied[lab.EndRole], c.copied[lab.EndDisable])
	})},
	{"api", "Do programs without cookies call you?", "A mobile app, a script.", []answer{
		{"", "No", nil},
		{"yes", "Yes", func(c candidate) string {
			return unless(c.bears, "it has no access token to hand out")
		}},
	}},
}

// howLong returns the answers to "how long may a copy work?", with any as the label of
// the answer that rules nothing out.
func howLong(any string, measured func(candidate) time.Duration) []answer {
	all := []answer{{"", any, nil}}
	for _, limit := range []struct {
		d     time.Duration
		label string
	}{{15 * time.Minute, "15 minutes"}, {5 * time.Minute, "5 minutes"}, {0, "At once"}} {
		all = append(all, answer{limit.d.String(), limit.label, func(c candidate) string {
			return unless(measured(c) <= limit.d, "a copy worked on for "+exactly(measured(c)))
		}})
	}
	return all
}

func unless(fits bool, because string) string {
	if fits {
		return ""
	}
	return because
}

// answersOf returns the answers in a query by question id. A missing answer is the one
// that rules nothing out.
func answersOf(q url.Values) (map[string]answer, error) {
	given := map[string]answer{}
	for _, question := range questions {
		i := slices.IndexFunc(question.answers, func(a answer) bool { return a.value == q.Get(question.id) })
		if i < 0 {
			return nil, errUnknownAnswer
		}
		given[question.id] = question.answers[i]
	}
	return given, nil
}

// A ruling is a strategy that was ruled out, with the first answer that did so.
type ruling struct {
	candidate
	question question
	answer   answer
	because  string
}

// applyAnswers splits the strategies into those that fit, best first, and the others.
//
// The best is the one under which a stolen copy works for the shortest time, first of all
// after a sign-out, because that happens every day; then the one with the fewest reads.
func applyAnswers(all []candidate, given map[string]answer) (fit []candidate, out []ruling) {
	for _, c := range all {
		if r, ok := ruledOut(c, given); ok {
			out = append(out, r)
		} else {
			fit = append(fit, c)
		}
	}
	slices.SortStableFunc(fit, func(a, b candidate) int {
		order := 0
		for _, ending := range lab.Endings() {
			order = cmp.Or(order, cmp.Compare(a.copied[ending], b.copied[ending]))
		}
		return cmp.Or(order, cmp.Compare(a.reads, b.reads))
	})
	return fit, out
}

func ruledOut(c candidate, given map[string]answer) (ruling, bool) {
	for _, q := range questions {
		if a := given[q.id]; a.against != nil {
			if because := a.against(c); because != "" {
				return ruling{c, q, a, because}, true
			}
		}
	}
	return ruling{}, false
}

// A wayOut is an answer to remove when no strategy fits, and the best strategy that fits
// without it.
type wayOut struct {
	question question
	answer   answer
	then     candidate
}

func waysOut(all []candidate, given map[string]answer) (ways []wayOut) {
	for _, q := range questions {
		taken := given[q.id]
		if taken.against == nil {
			continue
		}
		given[q.id] = q.answers[0]
		if fit, _ := applyAnswers(all, given); len(fit) > 0 {
			ways = append(ways, wayOut{q, taken, fit[0]})
		}
		given[q.id] = taken
	}
	return ways
}
