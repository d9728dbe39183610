package handlers

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
	"sessionlab/views"
)

// runPath is where the first page's button leads. It is no page of the lab's: it
// loads the visitor's session, and leaves their bench alone.
const runPath = "/lab/run"

// newRuns lets an address run it thirty times at once, and once more every two
// seconds: each is a sign-in under every strategy.
func newRuns(now func() time.Time) *auth.Limiter {
	return &auth.Limiter{Burst: 30, Every: 2 * time.Second, Now: now}
}

// run plays the first demonstration for somebody who has no account, and shows on
// the first page what the site answered.
func (l *Lab) run(c echo.Context) error {
	if _, err := formOf(c); err != nil {
		return err
	}
	r, began := c.Request(), l.site.Now()
	state, requests, err := stolenAside(r.Context(), l.bench(r), l.site.Now)
	if err != nil {
		return unavailable(err)
	}
	m := l.landing(c)
	fill(&m, state)
	m.MiniNote = fmt.Sprintf("%d requests in %d ms, on a bench that is gone again.", requests, l.site.Now().Sub(began).Milliseconds())
	return render(c.Response(), http.StatusOK, views.LabLandingPage(l.site.page(r, landingTitle), m))
}

// stolenAside signs somebody in, steals the cookies, signs out, and asks before and
// after who is in, on a bench beside b that is gone afterwards.
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

// fill fills the miniature with what the site said.
func fill(m *views.LabLanding, s lab.State) {
	s.Order = nil
	for _, column := range m.Mini.Columns {
		s.Order = append(s.Order, column.Name)
	}
	m.Mini.Rows = []views.ClientRow{row(s, lab.You, "You", "signed out"), row(s, lab.Thief, "THIEF", "has your cookies")}
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
		{lab.SignedIn, "no: the copy still works."}, {lab.Refused, "yes: the copy is worthless."}, {lab.Fault, "nobody can tell."},
	} {
		var names []string
		for _, name := range s.Order {
			if s.Clients[lab.Thief][name].Verdict == is.verdict {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			answer = append(answer, "Under "+listed(names)+", "+is.words)
		}
	}
	return strings.Join(answer, " ")
}
