package labpages_test

import (
	"testing"
	"time"

	"sessionlab/auth/lab"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// A bench aside plays a story through the same site, and neither meets the bench of
// the page nor leaves anything behind.
func TestLabAside(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := act(handlerstest.NewBrowser(t, site).SignIn("ada"), "add-phone")
	sessions, users := site.Rows("sessions"), site.Rows("users")

	aside, err := site.Extension.(*labpages.Lab).Bench.Aside(t.Context(), site.Clock.Now)
	handlerstest.Must(t, err)
	you := aside.Browser()
	handlerstest.Must(t, aside.SignIn(t.Context(), you))
	handlerstest.Must(t, aside.Steal(t.Context(), you))
	handlerstest.Must(t, aside.SignOut(t.Context(), you))
	handlerstest.Must(t, aside.Advance(t.Context(), you, time.Hour, false))
	state, err := aside.Look(t.Context(), you)
	handlerstest.Must(t, err)
	for strategy, want := range map[string]string{"cookie": lab.SignedIn, "database": lab.Refused, "hybrid": lab.Refused, "rotation": lab.Refused} {
		if got := state.Clients[lab.Thief][strategy]; got.Verdict != want {
			t.Errorf("the thief under %s: got %s %s, want %s", strategy, got.Verdict, got.Reason, want)
		}
	}
	handlerstest.Must(t, aside.Close(t.Context()))

	if s, u := site.Rows("sessions"), site.Rows("users"); s != sessions || u != users {
		t.Errorf("%d sessions and %d users, before it were %d and %d", s, u, sessions, users)
	}
	handlerstest.Same(t, "beside it", of(ada, "you"), inUnder())
	if _, state := ada.API("GET", "/compare/state"); state["now"] != "2026-05-04T12:00:00Z" {
		t.Errorf("the clock of the page moved to %v", state["now"])
	}
}

// A run that was cut off leaves a person behind, whom the next start forgets.
func TestLabForgetsThePeopleOfRunsThatWereCutOff(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	handlerstest.NewBrowser(t, site).SignIn("ada")
	_, err := site.Extension.(*labpages.Lab).Bench.Aside(t.Context(), site.Clock.Now)
	handlerstest.Must(t, err)
	if users := site.Rows("users"); users != 2 {
		t.Errorf("%d users during a run, want Ada and one who is made up", users)
	}
	if again := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", File: site.File}); again.Rows("users") != 1 {
		t.Errorf("%d users after a restart, want Ada", again.Rows("users"))
	}
}
