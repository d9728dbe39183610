package handlers_test

import (
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/handlers"
)

// newCostSite is a site whose process clock moves whenever somebody looks at it,
// so that runs end. The sessions of its pages are on the clock that stands still.
func newCostSite(t *testing.T) *site {
	return newSiteWith(t, settings{Strategy: "compare", Change: func(s *handlers.Site) {
		still, ticks := s.Now, &clock{}
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
	ada := newBrowser(t, s).signIn("ada")
	sessions, users := s.rows("sessions"), s.rows("users")
	ada.get("/cost").at("/cost", 200)
	if ada.has("#cost table") {
		t.Errorf("numbers before anything was measured:\n%s", ada.text())
	}
	ada.post("/cost/run", form("each", "20ms")).at("/cost", 200)
	s.Extension.(*handlers.Lab).WaitForCosts()
	ada.get("/cost").at("/cost", 200)
	if ada.has("[hx-trigger]") || ada.has("#cost-cancel") {
		t.Errorf("it is over, and the page does not know:\n%s", ada.text())
	}

	reads := map[string]string{"nothing": "0", "database": "1", "epoch": "1"}
	rows := []string{"nothing"}
	for _, kind := range auth.Kinds() {
		rows = append(rows, kind.Name)
	}
	for _, name := range rows {
		cells := map[string]string{}
		for i := range ada.one("#cost-of-" + name).Find("td.value").Length() {
			cell := ada.page.Find("#cost-of-" + name).Find("td.value").Eq(i)
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
	if n := strings.Count(ada.one("#cost-markdown").Text(), "\n| "); n != len(rows) {
		t.Errorf("the markdown has %d rows, want %d", n, len(rows))
	}
	if a, b := s.rows("sessions"), s.rows("users"); a != sessions || b != users {
		t.Errorf("%d sessions and %d users are left, before it were %d and %d", a, b, sessions, users)
	}
}

// One run at a time: who comes meanwhile is told at once whose it is and how far,
// and every page answers.
func TestCostBusy(t *testing.T) {
	t.Parallel()
	s := newCostSite(t)
	ada, grace := newBrowser(t, s).signIn("ada"), newBrowser(t, s).signIn("grace")
	ada.post("/cost/run", form("each", "5s")).at("/cost", 200)
	if !ada.has("#cost-cancel") || !ada.has("[hx-trigger]") {
		t.Fatalf("a run of one's own:\n%s", ada.text())
	}
	for _, b := range []*browser{grace, ada} {
		if b.post("/cost/run", nil); b.page.status != 409 || !strings.Contains(b.text(), "busy") {
			t.Errorf("a second run: got %d:\n%s", b.page.status, b.text())
		}
	}
	for _, path := range []string{"/", "/dashboard", "/compare", "/cost", "/api/session"} {
		grace.wants(path, 200)
	}
	grace.get("/cost")
	if grace.has("#cost-cancel") || !strings.Contains(grace.text(), "Another browser's run") {
		t.Errorf("somebody else's run:\n%s", grace.text())
	}
	grace.post("/cost/cancel", nil)
	if grace.page.status != 403 || !strings.Contains(grace.text(), "not_yours") {
		t.Errorf("calling it off: got %d:\n%s", grace.page.status, grace.text())
	}

	ada.press("#cost-cancel").at("/cost", 200)
	if !strings.Contains(ada.text(), "called off") || ada.has("[hx-trigger]") {
		t.Errorf("called off:\n%s", ada.text())
	}
	ada.post("/cost/cancel", nil).at("/cost", 200) // nothing runs any more
	grace.get("/cost").press("#cost-run-1s").at("/cost", 200).press("#cost-cancel").at("/cost", 200)
	if n := s.rows("users"); n != 2 {
		t.Errorf("%d users are left, want 2", n)
	}
}

func TestCostBadLength(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, newCostSite(t))
	for _, each := range []string{"0", "-1s", "5.1s", "1ms", "x", "1", "9999999h"} {
		if b.post("/cost/run", form("each", each)); b.page.status != 400 || !strings.Contains(b.text(), "bad_duration") {
			t.Errorf("each=%q: got %d:\n%s", each, b.page.status, b.text())
		}
	}
	b.wants("/cost/run", 405)
	newBrowser(t, newSite(t, "database")).wants("/cost", 404)
}
