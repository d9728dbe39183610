package labpages

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/views/labviews"
)

// nextAction returns the action that continues the story, as a single button, and
// the question before it.
func nextAction(s lab.State) (a labviews.Action, ask string) {
	you, thief := tally(s, lab.You), tally(s, lab.Thief)
	switch {
	case s.User.ID == "":
		return labviews.Action{Label: "Sign in", Href: "/sign-in?next=/compare"}, ""
	case s.Bench.Unplugged:
		return button("store-up", "Plug in the database", ""), "The database is back. Who has to sign in again?"
	case s.User.Disabled:
		return button("enable", "Enable my account", ""), "The account is enabled again. Who is in again?"
	case you.in == 0 && thief.of == 0:
		return button("sign-in-all", "Sign in", ""), ""
	case thief.of == 0:
		return button("steal", "Steal cookies", ""), "Somebody copies your cookies. Who can tell the copy?"
	case you.in > 0:
		return button("sign-out", "Sign out", ""), "You sign out. Where does the copy still get in?"
	case thief.in > 0:
		return nextWait(s), "The copy keeps asking. Where does it still get in after that?"
	}
	return button("reset", "Start over", ""), ""
}

// nextWait returns the button that advances the clock to the next server check of a
// thief's session, or by 30 days if none is due within 15 minutes.
func nextWait(s lab.State) labviews.Action {
	soonest := 48 * time.Hour
	for _, name := range s.Order {
		v := s.Clients[lab.Thief][name]
		if _, ends := s.Windows[name]; ends && v.Verdict == lab.SignedIn {
			soonest = min(soonest, v.CheckAt.Sub(s.Now))
		}
	}
	id := "advance-30d-daily"
	switch {
	case soonest <= 5*time.Minute:
		id = "advance-5m"
	case soonest <= 15*time.Minute:
		id = "advance-15m"
	}
	waits := times(s).Actions
	return waits[slices.IndexFunc(waits, func(a labviews.Action) bool { return a.ID == id })]
}

// presentation returns the lab's view for a projector.
func presentation(s lab.State, shown string) labviews.Demo {
	m := labviews.Demo{Present: true, LeaveHref: "/compare?show=" + shown}
	s.Order = columns(s.Order, shown)
	m.Headline, _ = headline(s)
	m.Announce = m.Headline
	clients := []string{lab.You, lab.Thief}
	if s.Clients[lab.Phone] != nil {
		clients = []string{lab.You, lab.Phone, lab.Thief}
	}
	m.Matrix = withoutCosts(matrix(s, clients))
	a, ask := nextAction(s)
	if a.Href != "" {
		a.Href = "/sign-in?next=/compare%3Fpresent%3D1"
	}
	m.Ask, m.Next = ask, &labviews.Press{
		Label: a.Label, Action: a.Action, Href: a.Href,
		Fields: append(a.Fields, labviews.Field{Name: "show", Value: shown}, labviews.Field{Name: "present", Value: "1"}),
	}
	return m
}

// withoutCosts returns a matrix without costs and receipts.
func withoutCosts(m labviews.Matrix) labviews.Matrix {
	m.Costs = nil
	for _, row := range m.Rows {
		for i := range row.Cells {
			row.Cells[i].Receipt = nil
		}
	}
	return m
}

// columns are the strategies of a set.
func columns(order []string, shown string) []string {
	var groups []string
	for _, set := range columnSets {
		if set.name == shown {
			groups = set.groups
		}
	}
	return slices.DeleteFunc(slices.Clone(order), func(name string) bool {
		kind, _ := auth.KindOf(name)
		return !slices.Contains(groups, kind.Group)
	})
}

const showCookie = "show"

// remembered returns the column set to show: the one in the query, which it stores in a
// cookie, else the stored one.
func remembered(c echo.Context) string {
	jar := auth.NewJar(c.Response(), c.Request())
	last, err := jar.Get(showCookie)
	if err != nil {
		last = ""
	}
	wanted := c.QueryParam("show")
	if wanted == "" {
		return chosenSet(last)
	}
	if wanted == chosenSet(wanted) && wanted != last && c.Request().Method == http.MethodGet {
		jar.Set(showCookie, wanted, maxRememberChoice) // a word, which fits
	}
	return chosenSet(wanted)
}
