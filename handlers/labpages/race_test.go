package labpages_test

import (
	"sync/atomic"
	"testing"
	"time"

	"sessionlab/auth/lab"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// Two tabs renew at the same moment with the token that works once. Within the
// grace both are in with the same successor, and a copy that comes later is found
// out. Without it the second ends the first, and the browser is signed out. Without
// the guard two tokens grow out of one, and a thief who was quick is never found.
func TestTwoTabsAtOnce(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	bench := site.Extension.(*labpages.Lab).Bench
	type told struct {
		first, second, browser, thief string
		forked                        bool
	}
	want := map[string]told{
		"grace":    {"signed_in ", "signed_in ", "signed_in ", "refused reused", false},
		"no-grace": {"signed_in ", "refused reused", "refused no_session", "refused revoked", false},
		"no-guard": {"signed_in ", "signed_in ", "signed_in ", "signed_in ", true},
	}
	says := func(v lab.Verdict) string { return v.Verdict + " " + v.Reason }
	// By a clock that stands, and by one that goes on with each look at it.
	var looks atomic.Int64
	ticking, err := bench.Aside(t.Context(), func() time.Time {
		return site.Clock.Now().Add(time.Duration(looks.Add(1)) * 7 * time.Millisecond)
	})
	handlerstest.Must(t, err)
	before := site.Rows("users")
	for i := range 9 {
		if i == 3 {
			bench = ticking
		}
		for _, rules := range lab.Races() {
			v := bench.Browser()
			handlerstest.Must(t, bench.RaceTabs(t.Context(), v, rules))
			state, err := bench.Look(t.Context(), v)
			handlerstest.Must(t, err)
			r := state.Races[rules.Name]
			got := told{says(r.Tabs[0]), says(r.Tabs[1]), says(r.Browser), says(r.Thief), r.Forked}
			if got != want[rules.Name] {
				t.Errorf("%s: got %+v, want %+v", rules.Name, got, want[rules.Name])
			}
		}
	}
	if rows := site.Rows("sessions") + site.Rows("refresh_tokens") + site.Rows("users") - before; rows != 0 {
		t.Errorf("%d rows are left behind", rows)
	}
}

// An answer that comes after the sign-out brings renewed cookies. With the
// tombstone they are refused; without it they sign the browser in again, wherever
// the server does not remember that it has ended them.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	bench := site.Extension.(*labpages.Lab).Bench
	v := bench.Browser()
	handlerstest.Must(t, bench.LateAnswer(t.Context(), v))
	state, err := bench.Look(t.Context(), v)
	handlerstest.Must(t, err)
	want := map[bool]map[string]string{
		true: {
			"cookie": "refused signed_out", "database": "refused revoked", "epoch": "refused signed_out", "hybrid": "refused signed_out",
			"renew": "refused signed_out", "pair": "refused signed_out", "rotation": "refused signed_out",
		},
		false: {
			"cookie": "signed_in ", "database": "refused revoked", "epoch": "signed_in ", "hybrid": "signed_in ",
			"renew": "signed_in ", "pair": "signed_in ", "rotation": "signed_in ",
		},
	}
	if len(state.Lates) != 2 {
		t.Fatalf("got %d runs, want two", len(state.Lates))
	}
	for _, late := range state.Lates {
		got := map[string]string{}
		for strategy, v := range late.Answers {
			got[strategy] = v.Verdict + " " + v.Reason
		}
		handlerstest.Same(t, map[bool]string{true: "with the tombstone", false: "without"}[late.Tombstone], got, want[late.Tombstone])
	}
	if rows := site.Rows("sessions") + site.Rows("refresh_tokens") + site.Rows("users"); rows != 0 {
		t.Errorf("%d rows are left behind", rows)
	}
}
