package handlers_test

import (
	"testing"
	"time"

	"sessionlab/auth/lab"
	"sessionlab/handlers"
)

// A bench aside plays a story through the same site, and neither meets the bench of
// the page nor leaves anything behind.
func TestLabAside(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada").act("add-phone")
	sessions, users := site.rows("sessions"), site.rows("users")

	aside, err := site.Extension.(*handlers.Lab).Bench.Aside(t.Context(), site.clock.Now)
	must(t, err)
	you := aside.Browser()
	must(t, aside.SignIn(t.Context(), you))
	must(t, aside.Steal(t.Context(), you))
	must(t, aside.SignOut(t.Context(), you))
	must(t, aside.Advance(t.Context(), you, time.Hour, false))
	state, err := aside.Look(t.Context(), you)
	must(t, err)
	for strategy, want := range map[string]string{"cookie": lab.SignedIn, "database": lab.Refused, "hybrid": lab.Refused, "rotation": lab.Refused} {
		if got := state.Clients[lab.Thief][strategy]; got.Verdict != want {
			t.Errorf("the thief under %s: got %s %s, want %s", strategy, got.Verdict, got.Reason, want)
		}
	}
	must(t, aside.Close(t.Context()))

	if s, u := site.rows("sessions"), site.rows("users"); s != sessions || u != users {
		t.Errorf("%d sessions and %d users, before it were %d and %d", s, u, sessions, users)
	}
	same(t, "beside it", ada.of("you"), inUnder())
	if _, state := ada.api("GET", "/compare/state"); state["now"] != "2026-05-04T12:00:00Z" {
		t.Errorf("the clock of the page moved to %v", state["now"])
	}
}

// A run that was cut off leaves a person behind, whom the next start forgets.
func TestLabForgetsThePeopleOfRunsThatWereCutOff(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	newBrowser(t, site).signIn("ada")
	_, err := site.Extension.(*handlers.Lab).Bench.Aside(t.Context(), site.clock.Now)
	must(t, err)
	if users := site.rows("users"); users != 2 {
		t.Errorf("%d users during a run, want Ada and one who is made up", users)
	}
	if again := newSiteWith(t, settings{Strategy: "compare", File: site.file}); again.rows("users") != 1 {
		t.Errorf("%d users after a restart, want Ada", again.rows("users"))
	}
}
