package labviews

import (
	"github.com/a-h/templ"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/views"
	"sessionlab/views/viewstest"
)

var (
	soon = views.Time{Text: "in 6 days", ISO: "2026-11-29T14:05:00Z", Exact: "29 November 2026, 14:05 UTC"}
	ada  = views.Page{Title: "Test", CSS: "/static/app.1.css", JS: "/static/app.1.js", Icon: "/static/icon.1.svg",
		User: &views.UserChip{Name: "Ada", Initials: "A"}, Notice: &views.Notice{Kind: "done", Text: "Done."}}
	nobody = views.Page{Title: "Test", CSS: "/static/app.1.css", JS: "/static/app.1.js", Icon: "/static/icon.1.svg", Theme: "dark"}

	stolen = Matrix{
		Caption: "Who is signed in",
		Columns: []Column{{Name: "cookie", Gloss: "the session"}, {Name: "database", Gloss: "a ticket"}},
		Rows: []ClientRow{
			{Client: "you", Label: "You", Cells: []Cell{{ID: "you-cookie", Verdict: "none"}, {ID: "you-database", Verdict: "fault"}}},
			{Client: "thief", Label: "THIEF", Cells: []Cell{
				{ID: "thief-cookie", Verdict: "in", StillIn: true, Until: "7 d", Receipt: &Receipt{Reads: 1, Steps: []Step{{Name: "open seal"}}}},
				{ID: "thief-database", Verdict: "out", Word: "out at once", Reason: "revoked", Changed: true, Was: "in"},
			}},
		},
		Costs: []string{"0", "1"},
	}
	inside = LookInside(Inside{
		Cookies:  []CookieFact{{Name: "__Host-session-cookie", Attributes: []string{"HttpOnly", "Secure"}, Bytes: 612, Limit: 4096, Opaque: "Opaque."}},
		Timeline: &Timeline{Now: 1, Refresh: 5, Idle: 7, Absolute: 30, NowLabel: "now", IdleLabel: "ends if unused", AbsoluteLabel: "ends"},
		Sides:    &Sides{Columns: []SideColumn{{Name: "cookie", Verdict: Cell{Verdict: "in"}}}, Rows: []SideRow{{Label: "Id", Cells: []views.Fact{{Value: "x"}}}}},
		Guards:   []Guard{{Name: "RequireLiveRole", Cell: Cell{Verdict: "in"}}},
		Receipt:  &Receipt{Reads: 1},
	})
	compare = Compare{
		Headline: "The thief is still in under 1 of 2.",
		Announce: "You signed out.",
		Matrix:   stolen,
		Groups: []ActionGroup{
			{Label: "Act", Actions: []Action{{ID: "steal", Label: "Steal cookies", Action: "/compare/steal"}, {ID: "sign-in", Label: "Sign in", Href: "/sign-in?next=/compare"}}},
			{Label: "Time", Folded: true, Actions: []Action{{ID: "day", Label: "+1 d", Action: "/compare/advance", Fields: []Field{{Name: "duration", Value: "24h"}}}}, Honest: "The clock only moves forward."},
		},
		Story: []StoryLine{{Time: soon, Text: "You signed out."}},
	}
)

// pages holds the lab's pages; the other tests of this package add theirs.
var pages = map[string]templ.Component{}

func TestPagesKeepTheRules(t *testing.T) { viewstest.CheckRules(t, pages) }

func init() {
	lab := ada
	lab.Wide = true
	lab.Toggle = StrategyToggle(Toggle{Next: "/dashboard", Options: []ToggleOption{{Name: "cookie"}, {Name: "database", Current: true}}})
	pages["lab landing"] = LabLandingPage(nobody, LabLanding{RunAction: "/lab/run", SignInHref: "/sign-in?next=/compare", LabHref: "/compare", Mini: stolen, Commands: []string{"go run ."}})
	pages["lab landing, after a run"] = LabLandingPage(lab, LabLanding{SignedIn: true, RunAction: "/lab/run", Mini: stolen, Answer: "Under cookie, no.", MiniNote: "5 requests."})
	pages["look inside"] = views.DashboardPage(lab, views.Dashboard{Inside: inside})
	pages["compare"] = ComparePage(lab, compare)
	pages["compare, nothing yet"] = ComparePage(nobody, Compare{Headline: "Nobody is signed in."})
}

func TestMatrixSaysItInWords(t *testing.T) {
	doc := viewstest.Draw(t, pages["compare"])
	for id, want := range map[string]string{
		"you-cookie": "· not asked yet", "you-database": "! cannot tell",
		"thief-cookie": "● STILL IN", "thief-database": "✕ out at once",
	} {
		verdict := doc.Find("#cell-" + id + " .verdict")
		if got := verdict.Find(".glyph").Text() + " " + verdict.Find(".word").Text(); got != want {
			t.Errorf("%s: got %q, want %q", id, got, want)
		}
	}
	if got := doc.Find(".still").Length(); got != 1 {
		t.Errorf("got %d cells in red, want the thief's only", got)
	}
	if got := doc.Find(".changed .was").Text(); got != "was in" {
		t.Errorf("changed cell: got %q, want words", got)
	}
	doc.Find(".matrix tr").Each(func(i int, s *goquery.Selection) {
		if got := s.Find("[role=cell], [role=columnheader], [role=rowheader]").Length(); got != 3 {
			t.Errorf("row %d: got %d cells with a role, want 3", i, got)
		}
	})
}

// An action works as a plain form, and with htmx swaps the lab alone.
func TestActionsSwapTheLab(t *testing.T) {
	doc := viewstest.Draw(t, pages["compare"])
	forms := doc.Find("#lab form")
	if forms.Length() != 2 {
		t.Fatalf("got %d forms, want 2", forms.Length())
	}
	forms.Each(func(_ int, s *goquery.Selection) {
		if s.AttrOr("hx-post", "") != s.AttrOr("action", "?") || s.AttrOr("hx-select", "") != "#lab" || s.AttrOr("hx-target", "") != "#lab" {
			t.Errorf("the form to %q does not swap the lab", s.AttrOr("action", ""))
		}
		if !strings.HasPrefix(s.Find("button").AttrOr("id", ""), "do-") {
			t.Errorf("the button of %q has no id to give the focus back to", s.AttrOr("action", ""))
		}
	})
	if got := doc.Find("#lab").AttrOr("data-announce", ""); got != "You signed out." {
		t.Errorf("announcement: got %q", got)
	}
	if doc.Find("#lab #announce").Length() != 0 {
		t.Error("the live region lies inside what is swapped")
	}
}

func TestPercentStaysOnThePage(t *testing.T) {
	for _, c := range []struct {
		n, whole int
		want     string
	}{{0, 10, "0%"}, {-1, 10, "0%"}, {5, 0, "0%"}, {1, 3, "33.33%"}, {20, 10, "100.00%"}} {
		if got := percent(c.n, c.whole); got != c.want {
			t.Errorf("%d of %d: got %q, want %q", c.n, c.whole, got, c.want)
		}
	}
}
