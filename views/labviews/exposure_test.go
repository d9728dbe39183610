package labviews

import (
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/views"
	"sessionlab/views/viewstest"
)

func exposure() Exposure {
	return Exposure{
		Headline: "You signed out.", Lead: "Refused.", Ended: "sign-out", Whole: 100, Action: "/compare/exposure/run",
		Endings: []Choice{{Label: "Sign out", Href: "/compare/exposure?end=sign-out", Current: true}},
		Ticks:   []Tick{{At: 15, Label: "1 s", Minor: true}, {At: 100, Label: "30 d"}},
		Rows: []ExposureRow{
			{Name: "cookie", Known: true, Until: 100, Silent: 90, Measured: "30 d", Promised: "none", Note: "expired", SilentNote: "7 d if it stays silent"},
			{Name: "database", Known: true, AtOnce: true, Reached: true, Measured: "0 s", Promised: "at once", Note: "refused at the next request"},
			{Name: "hybrid", Known: true, Reached: true, Until: 50, Measured: "6 min", Promised: "5 min", Note: "then refused", Broken: true},
			{Name: "pair"},
		},
		Announce: "You signed out.",
	}
}

func init() {
	running, called := exposure(), exposure()
	running.Run = &ExposureRun{Done: 3, Of: 10, Yours: true, Cancel: "/compare/exposure/cancel", Refresh: "/compare/exposure?end=sign-out"}
	called.Again, called.Notice = true, &views.Notice{Kind: "info", Text: "The run was called off."}
	called.Facts = []views.Fact{{Label: "Took", Value: "1.2 s"}}
	pages["exposure"] = ExposurePage(nobody, exposure())
	pages["exposure, measuring"] = ExposurePage(ada, running)
	pages["exposure, called off"] = ExposurePage(ada, called)
}

// What the bars show is said in words too, and solid, hatched, notch and cross are
// where they belong.
func TestExposureChart(t *testing.T) {
	doc := viewstest.Draw(t, pages["exposure"])
	for name, want := range map[string]struct{ class, text, bar, notch, cross string }{
		"cookie":   {"expired", "expired; 7 d if it stays silent|30 d|none", "100.00%", "90.00%", ""},
		"database": {"reached", "✕refused at the next request|0 s|at once", "", "", "✕"},
		"hybrid":   {"reached", "then refused|6 min|5 min broken", "50.00%", "", ""},
		"pair":     {"unknown", "not measured yet|…|", "", "", ""},
	} {
		row := doc.Find("#exposure-" + name)
		cells := row.Find("td").Map(func(_ int, cell *goquery.Selection) string { return strings.Join(strings.Fields(cell.Text()), " ") })
		if got := strings.Join(cells, "|"); !row.HasClass(want.class) || got != want.text {
			t.Errorf("%s: got %q as %s, want %q as %s", name, got, row.AttrOr("class", ""), want.text, want.class)
		}
		if got := row.Find(".over").AttrOr("x2", ""); got != want.bar {
			t.Errorf("%s: the bar ends at %q, want %q", name, got, want.bar)
		}
		if got := row.Find(".notch").AttrOr("x1", ""); got != want.notch {
			t.Errorf("%s: the notch is at %q, want %q", name, got, want.notch)
		}
		if got := row.Find(".cross").Text(); got != want.cross {
			t.Errorf("%s: got the mark %q, want %q", name, got, want.cross)
		}
	}
	if svgs := doc.Find("table svg:not([aria-hidden=true])").Length(); svgs != 0 {
		t.Errorf("%d pictures are read aloud beside their words", svgs)
	}
}

// While a run is under way the page asks for itself, and can call it off.
func TestExposureProgress(t *testing.T) {
	doc := viewstest.Draw(t, pages["exposure, measuring"])
	if got := doc.Find("#lab-exposure").AttrOr("hx-get", ""); got != doc.Find("#exposure-refresh").AttrOr("href", "-") {
		t.Errorf("the page asks for %q", got)
	}
	if p := doc.Find("progress"); p.AttrOr("value", "") != "3" || p.AttrOr("max", "") != "10" || doc.Find("#exposure-press.cancel").Length() != 1 {
		t.Error("no progress, or no way to call it off")
	}
	if done := viewstest.Draw(t, pages["exposure"]); done.Find("[hx-trigger]").Length() != 0 || done.Find("#exposure-press.run").Length() != 1 {
		t.Error("a page without a run asks on, or cannot start one")
	}
}
