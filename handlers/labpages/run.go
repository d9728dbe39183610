package labpages

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/handlers"
	"sessionlab/views/labviews"
)

// runPath is the address of the first page's button. Unlike the lab's pages it loads the
// visitor's session, and it does not touch the visitor's bench.
const runPath = "/lab/run"

// newRuns returns a limiter that allows an address bursts of 30 runs and one more every
// two seconds: each is a sign-in under every strategy.
func newRuns(now func() time.Time) *auth.Limiter {
	return &auth.Limiter{Burst: 30, Every: 2 * time.Second, Now: now}
}

// run plays the first demonstration for somebody who has no account, and shows on
// the first page what the site answered.
func (l *Lab) run(c echo.Context) error {
	if _, err := handlers.Form(c); err != nil {
		return err
	}
	r, began := c.Request(), l.site.Now()
	state, requests, err := stolenAside(r.Context(), l.bench(r), l.site.Now)
	if err != nil {
		return handlers.Unavailable(err)
	}
	m := l.landing(c)
	fill(&m, state)
	m.MiniNote = fmt.Sprintf("%d requests in %d ms, in a temporary sandbox.", requests, l.site.Now().Sub(began).Milliseconds())
	return handlers.Render(c.Response(), http.StatusOK, labviews.LabLandingPage(l.site.Page(r, handlers.LandingTitle), m))
}

// stolenAside signs somebody in, steals the cookies, signs out, and checks before and
// after who is signed in, on a temporary bench next to b.
func stolenAside(ctx context.Context, b *lab.Bench, now func() time.Time) (state lab.State, requests int, err error) {
	aside, err := b.Aside(ctx, now)
	if err != nil {
		return state, 0, err
	}
	defer func() { err = errors.Join(err, aside.Close(context.WithoutCancel(ctx))) }()
	you := aside.Browser()
	look := func(ctx context.Context, v lab.Visitor) (err error) {
		state, err = aside.Look(ctx, v)
		for _, answers := range state.Clients {
			requests += len(answers)
		}
		return err
	}
	signOut := func(ctx context.Context, v lab.Visitor) error {
		requests++
		return aside.SignOut(ctx, v)
	}
	for _, step := range []func(context.Context, lab.Visitor) error{aside.SignIn, aside.Steal, look, signOut, look} {
		if err := step(ctx, you); err != nil {
			return state, 0, err
		}
	}
	return state, requests, nil
}

// fill fills in the landing page's small matrix with the results.
func fill(m *labviews.LabLanding, s lab.State) {
	s.Order = nil
	for _, column := range m.Mini.Columns {
		s.Order = append(s.Order, column.Name)
	}
	m.Mini.Rows = []labviews.ClientRow{row(s, lab.You, "You", "signed out"), row(s, lab.Thief, "THIEF", "has your cookies")}
	for _, r := range m.Mini.Rows {
		for i := range r.Cells {
			r.Cells[i].ID = "mini-" + r.Cells[i].ID
		}
	}
	m.Answer = didTheThief(s)
}

// didTheThief answers the question of the page.
func didTheThief(s lab.State) string {
	var answer []string
	for _, is := range []struct{ verdict, words string }{
		{lab.SignedIn, "the thief is still in."}, {lab.Refused, "the thief is out."}, {lab.Fault, "unknown (503)."},
	} {
		var names []string
		for _, name := range s.Order {
			if s.Clients[lab.Thief][name].Verdict == is.verdict {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			answer = append(answer, lab.List(names)+": "+is.words)
		}
	}
	return strings.Join(answer, " ")
}
