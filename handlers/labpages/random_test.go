package labpages_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

// A move is one action of the lab, and what it does to the model: it returns the
// status of the answer.
type move struct {
	weight int
	do     func(*model, *rand.Rand) (fields url.Values, status int)
}

var moves = map[string]move{
	"sign-in-all": {12, func(m *model, _ *rand.Rand) (url.Values, int) {
		return nil, m.may(func() { m.signIn(m.people["you"]) })
	}},
	"add-phone": {7, func(m *model, _ *rand.Rand) (url.Values, int) {
		return nil, m.may(func() {
			if m.people["phone"] == nil {
				m.people["phone"] = &person{stubborn: true}
			}
			m.signIn(m.people["phone"])
		})
	}},
	"steal": {9, func(m *model, _ *rand.Rand) (url.Values, int) {
		if !m.steal() {
			return nil, 409
		}
		return nil, 303
	}},
	"sign-out": {5, func(m *model, _ *rand.Rand) (url.Values, int) {
		you := m.people["you"]
		if !m.down {
			m.end(you)
		}
		you.holds = map[string]held{}
		return nil, 303
	}},
	"revoke-phone": {4, func(m *model, _ *rand.Rand) (url.Values, int) {
		switch phone := m.people["phone"]; {
		case phone == nil:
			return nil, 409
		case m.down:
			return nil, 503
		default:
			m.end(phone)
			return nil, 303
		}
	}},
	"revoke-all": {3, func(m *model, _ *rand.Rand) (url.Values, int) {
		return nil, m.inTable(func() {
			m.epoch++
			for _, p := range m.people {
				m.end(p)
			}
		})
	}},
	"set-role": {6, func(m *model, r *rand.Rand) (url.Values, int) {
		role := []string{"admin", "member"}[r.IntN(2)]
		return handlerstest.Form("role", role), m.inTable(func() { m.role = role })
	}},
	"disable": {3, func(m *model, _ *rand.Rand) (url.Values, int) {
		return nil, m.inTable(func() { m.disabled, m.epoch = true, m.epoch+1 })
	}},
	"enable":        {8, func(m *model, _ *rand.Rand) (url.Values, int) { return nil, m.inTable(func() { m.disabled = false }) }},
	"raise-version": {2, func(m *model, _ *rand.Rand) (url.Values, int) { m.version++; return nil, 303 }},
	"rotate-key":    {4, func(m *model, _ *rand.Rand) (url.Values, int) { m.newest++; return nil, 303 }},
	"retire-key":    {3, func(m *model, _ *rand.Rand) (url.Values, int) { m.oldest = m.newest; return nil, 303 }},
	"store-down":    {3, func(m *model, _ *rand.Rand) (url.Values, int) { m.down = true; return nil, 303 }},
	"store-up":      {8, func(m *model, _ *rand.Rand) (url.Values, int) { m.down = false; return nil, 303 }},
	"reset":         {1, func(m *model, _ *rand.Rand) (url.Values, int) { m.reset(); return nil, 303 }},
	"advance": {30, func(m *model, r *rand.Rand) (url.Values, int) {
		waits := []string{"1s", "9s", "10s", "1m", "4m59s", "5m", "9m", "10m", "15m", "15m", "1h", "24h", "24h", "34h", "60h", "144h", "168h", "720h"}
		fields := handlerstest.Form("duration", waits[r.IntN(len(waits))])
		d, _ := time.ParseDuration(fields.Get("duration"))
		daily := r.IntN(4) == 0
		if daily {
			fields.Set("asking", "daily")
		}
		m.advance(d, daily)
		return fields, 303
	}},
}

// may reports whether somebody can sign in now.
func (m *model) may(do func()) int {
	switch {
	case m.down:
		return 503
	case !m.disabled:
		do()
	}
	return 303 // to the sign-in page, for who is disabled
}

// inTable does something that needs the database.
func (m *model) inTable(do func()) int {
	if m.down {
		return 503
	}
	do()
	return 303
}

func draw(r *rand.Rand) string {
	total := 0
	for _, m := range moves {
		total += m.weight
	}
	n := r.IntN(total)
	for _, name := range slices.Sorted(maps.Keys(moves)) {
		if n -= moves[name].weight; n < 0 {
			return name
		}
	}
	panic("not reached")
}

// TestLabAgreesWithTheTable plays every action in random order, and after each
// compares every verdict of every client under every strategy with the model.
func TestLabAgreesWithTheTable(t *testing.T) {
	t.Parallel()
	const seed, steps = 18, 2000
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	r, m := rand.New(rand.NewPCG(seed, seed)), newModel(site.Clock.Now())
	ada.Request(http.MethodPost, "/compare/reset", nil, "same-origin")
	var played []string
	times := map[string]int{}
	for step := range steps {
		name := draw(r)
		times[name]++
		fields, want := moves[name].do(m, r)
		played = append(played, strings.TrimSpace(name+" "+fields.Encode()))
		if got := ada.Request(http.MethodPost, "/compare/"+name, fields, "same-origin").Code; got != want {
			t.Fatalf("step %d, seed %d: %s answered %d, want %d; before: %s", step, seed, name, got, want, last(played, 12))
		}
		m.round()
		if diff := m.differs(ada); diff != "" {
			t.Fatalf("step %d, seed %d:\n%safter %s", step, seed, diff, last(played, 25))
		}
	}
	for name := range moves {
		if times[name] < 5 {
			t.Errorf("%s was played %d times", name, times[name])
		}
	}
}

func last(played []string, n int) string {
	return strings.Join(played[max(0, len(played)-n):], " · ")
}

// differs says where the lab's answers are not the model's.
func (m *model) differs(b *handlerstest.Browser) string {
	w := b.Request(http.MethodGet, "/compare/state", nil, "same-origin")
	var state struct {
		Now     time.Time
		Clients map[string]map[string]struct{ Verdict, Reason, Role string }
	}
	handlerstest.Must(b, json.Unmarshal(w.Body.Bytes(), &state))
	var diff strings.Builder
	if !state.Now.Equal(m.now) {
		fmt.Fprintf(&diff, "the clock shows %v, want %v\n", state.Now, m.now)
	}
	if got := slices.Sorted(maps.Keys(state.Clients)); !slices.Equal(got, m.clients()) {
		fmt.Fprintf(&diff, "clients %v, want %v\n", got, m.clients())
	}
	for name, p := range m.people {
		for _, strategy := range strategies {
			answer := state.Clients[name][strategy]
			if got := (told{answer.Verdict, answer.Reason, answer.Role}); got != p.told[strategy] {
				fmt.Fprintf(&diff, "%s under %s: got %v, want %v\n", name, strategy, got, p.told[strategy])
			}
		}
	}
	return diff.String()
}
