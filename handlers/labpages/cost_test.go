package labpages_test

import (
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// newCostSite is a site whose process clock moves whenever somebody looks at it,
// so that runs end. The sessions of its pages are on the clock that stands still.
func newCostSite(t *testing.T) *handlerstest.Site {
	return handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", Change: func(s *handlers.Site) {
		still, ticks := s.Now, &handlerstest.Clock{}
		s.Now = func() time.Time {
			ticks.Advance(10 * time.Microsecond)
			return still().Add(ticks.Now().Sub(time.Time{}))
		}
	}})
}

// A run measures every strategy, beside the bench of the page and leaving nothing.
func TestCost(t *testing.T) {
	t.Parallel()
	s := newCostSite(t)
	ada := handlerstest.NewBrowser(t, s).SignIn("ada")
	sessions, users := s.Rows("sessions"), s.Rows("users")
	ada.Get("/cost").At("/cost", 200)
	if ada.Has("#cost table") {
		t.Errorf("numbers before anything was measured:\n%s", ada.Text())
	}
	ada.Post("/cost/run", handlerstest.Form("each", "20ms")).At("/cost", 200)
	s.Extension.(*labpages.Lab).WaitForCosts()
	ada.Get("/cost").At("/cost", 200)
	if ada.Has("[hx-trigger]") || ada.Has("#cost-cancel") {
		t.Errorf("it is over, and the page does not know:\n%s", ada.Text())
	}

	reads := map[string]string{"nothing": "0", "database": "1", "epoch": "1"}
	rows := []string{"nothing"}
	for _, kind := range auth.Kinds() {
		rows = append(rows, kind.Name)
	}
	for _, name := range rows {
		cells := map[string]string{}
		for i := range ada.One("#cost-of-" + name).Find("td.value").Length() {
			cell := ada.Page.Find("#cost-of-" + name).Find("td.value").Eq(i)
			cells[cell.AttrOr("data-label", "")] = cell.Text()
		}
		for label, cell := range cells {
			if cell == "" || cell == "–" || cell == "0" && !strings.Contains("Reads Writes", label) && name != "nothing" {
				t.Errorf("%s under %s: got %q", label, name, cell)
			}
		}
		want := reads[name]
		if want == "" {
			want = "0"
		}
		if len(cells) != 8 || cells["Reads"] != want || cells["Writes"] != "0" {
			t.Errorf("%s: got %v, want eight cells, %s reads and no write", name, cells, want)
		}
	}
	if n := strings.Count(ada.One("#cost-markdown").Text(), "\n| "); n != len(rows) {
		t.Errorf("the markdown has %d rows, want %d", n, len(rows))
	}
	if a, b := s.Rows("sessions"), s.Rows("users"); a != sessions || b != users {
		t.Errorf("%d sessions and %d users are left, before it were %d and %d", a, b, sessions, users)
	}
}

// One run at a time: who comes meanwhile is told at once whose it is and how far,
// and every page answers.
func TestCostBusy(t *testing.T) {
	t.Parallel()
	s := newCostSite(t)
	ada, grace := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s).SignIn("grace")
	ada.Post("/cost/run", handlerstest.Form("each", "5s")).At("/cost", 200)
	if !ada.Has("#cost-cancel") || !ada.Has("[hx-trigger]") {
		t.Fatalf("a run of one's own:\n%s", ada.Text())
	}
	for _, b := range []*handlerstest.Browser{grace, ada} {
		if b.Post("/cost/run", nil); b.Page.Status != 409 || !strings.Contains(b.Text(), "busy") {
			t.Errorf("a second run: got %d:\n%s", b.Page.Status, b.Text())
		}
	}
	for _, path := range []string{"/", "/dashboard", "/compare", "/cost", "/api/session"} {
		grace.Wants(path, 200)
	}
	grace.Get("/cost")
	if grace.Has("#cost-cancel") || !strings.Contains(grace.Text(), "Another browser's run") {
		t.Errorf("somebody else's run:\n%s", grace.Text())
	}
	grace.Post("/cost/cancel", nil)
	if grace.Page.Status != 403 || !strings.Contains(grace.Text(), "not_yours") {
		t.Errorf("calling it off: got %d:\n%s", grace.Page.Status, grace.Text())
	}

	ada.Press("#cost-cancel").At("/cost", 200)
	if !strings.Contains(ada.Text(), "called off") || ada.Has("[hx-trigger]") {
		t.Errorf("called off:\n%s", ada.Text())
	}
	ada.Post("/cost/cancel", nil).At("/cost", 200) // nothing runs any more
	grace.Get("/cost").Press("#cost-run-1s").At("/cost", 200).Press("#cost-cancel").At("/cost", 200)
	if n := s.Rows("users"); n != 2 {
		t.Errorf("%d users are left, want 2", n)
	}
}

func TestCostBadLength(t *testing.T) {
	t.Parallel()
	b := handlerstest.NewBrowser(t, newCostSite(t))
	for _, each := range []string{"0", "-1s", "5.1s", "1ms", "x", "1", "9999999h"} {
		if b.Post("/cost/run", handlerstest.Form("each", each)); b.Page.Status != 400 || !strings.Contains(b.Text(), "bad_duration") {
			t.Errorf("each=%q: got %d:\n%s", each, b.Page.Status, b.Text())
		}
	}
	b.Wants("/cost/run", 405)
	handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database")).Wants("/cost", 404)
}
