package labpages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/auth/lab"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// A gate holds up what the lab asks in process, until it is opened.
type gate struct {
	http.Handler
	open chan struct{}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if lab.From(r.Context()) != nil {
		select {
		case <-g.open:
		case <-r.Context().Done():
		}
	}
	g.Handler.ServeHTTP(w, r)
}

// gated is a site whose runs wait at a gate.
func gated(t *testing.T) (*handlerstest.Site, *labpages.Lab, *gate) {
	s := handlerstest.NewSite(t, "compare")
	l := s.Extension.(*labpages.Lab)
	g := &gate{s.Site, make(chan struct{})}
	l.Bench.Site = g
	t.Cleanup(l.Stop)
	return s, l, g
}

// rowsOf returns the rows of the chart, by strategy.
func rowsOf(b *handlerstest.Browser, class string) map[string]string {
	b.Helper()
	rows := map[string]string{}
	b.Page.Find(".exposure tbody tr").Each(func(_ int, row *goquery.Selection) {
		if row.HasClass(class) {
			rows[row.Find("th .value").Text()] = row.Find("td.number").First().Text()
		}
	})
	for name, text := range rows {
		rows[name] = strings.TrimSpace(text)
	}
	return rows
}

// The page from the first look to the numbers: who looks first starts the run, one
// can call off one's own, and a second visitor watches.
func TestLabExposurePage(t *testing.T) {
	t.Parallel()
	s, l, gate := gated(t)
	ada, grace := handlerstest.NewBrowser(t, s), handlerstest.NewBrowser(t, s)
	ada.Get("/compare/exposure").At("/compare/exposure", 200)
	if !ada.Has("progress") || !ada.Has("#exposure-press.cancel") || ada.Has("#exposure-press.run") || len(rowsOf(ada, "unknown")) != 7 {
		t.Errorf("the first look:\n%s", ada.Text())
	}
	grace.Get("/compare/exposure?end=revoke-all")
	if !grace.Has("progress") || grace.Has("#exposure-press.cancel") {
		t.Errorf("somebody else's run:\n%s", grace.Text())
	}
	if grace.Post("/compare/exposure/run", handlerstest.Form("end", "disable")); !grace.Has("progress") || grace.Page.URL.RawQuery != "end=disable" {
		t.Errorf("a second run: got %d at %s:\n%s", grace.Page.Status, grace.Page.URL, grace.Text())
	}
	grace.Post("/compare/exposure/cancel", nil).Refused(403, "not_yours")
	ada.Follow("#exposure-refresh").Press("#exposure-press.cancel").At("/compare/exposure", 200)
	if !strings.Contains(ada.Text(), "called off") || ada.Has("progress") || len(rowsOf(ada, "unknown")) != 7 {
		t.Errorf("called off:\n%s", ada.Text())
	}
	if grace.Get("/compare/exposure"); grace.Has("progress") {
		t.Error("what was called off begins again by itself")
	}

	close(gate.open)
	grace.Press("#exposure-press.run")
	l.Exposures.Wait()
	grace.Get("/compare/exposure")
	handlerstest.Same(t, "signed out, heard of", rowsOf(grace, "reached"), map[string]string{"database": "0 s", "hybrid": "5 min", "rotation": "15 min"})
	handlerstest.Same(t, "signed out, never heard of", rowsOf(grace, "expired"), map[string]string{"cookie": "30 d", "epoch": "30 d", "renew": "30 d", "pair": "30 d"})
	if got, want := grace.One("h1").Text(), "You signed out. Under 4 of 7 a stolen copy works on, for up to 30 days."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	grace.Follow(`.segments a[href$="end=revoke-all"]`)
	handlerstest.Same(t, "all devices, heard of", rowsOf(grace, "reached"), map[string]string{"database": "0 s", "epoch": "0 s", "hybrid": "5 min", "rotation": "15 min"})
	grace.Get("/compare/exposure?end=set-role")
	handlerstest.Same(t, "role, never heard of", rowsOf(grace, "expired"), map[string]string{"cookie": "30 d"})
	if grace.Has(".broken") || !strings.Contains(grace.Text(), "5700") {
		t.Errorf("measured:\n%s", grace.Text())
	}
	chart, err := goquery.OuterHtml(grace.Get("/compare/exposure").One("#lab-exposure"))
	handlerstest.Must(t, err)
	grace.Page.Body = chart // the frame around it has golden pages of its own
	handlerstest.Golden(grace, "exposure")
}

// What was found stays while it is measured again, and when that fails.
func TestLabExposureAgain(t *testing.T) {
	t.Parallel()
	s, l, g := gated(t)
	close(g.open)
	ada := handlerstest.NewBrowser(t, s).Get("/compare/exposure")
	l.Exposures.Wait()
	l.Bench.Site = &gate{s.Site, make(chan struct{})}
	if ada.Get("/compare/exposure").Press("#exposure-press.run"); !ada.Has("progress") || rowsOf(ada, "reached")["hybrid"] != "5 min" {
		t.Errorf("while it is measured again:\n%s", ada.Text())
	}
	if ada.Press("#exposure-press.cancel"); !strings.Contains(ada.Text(), "from the run before") || rowsOf(ada, "reached")["hybrid"] != "5 min" {
		t.Errorf("called off:\n%s", ada.Text())
	}
}

func TestLabExposureBadInput(t *testing.T) {
	t.Parallel()
	s, _, _ := gated(t)
	ada := handlerstest.NewBrowser(t, s)
	ada.Get("/compare/exposure?end=tomorrow").Refused(400, "unknown_ending")
	ada.Post("/compare/exposure/run", handlerstest.Form("end", "tomorrow")).Refused(400, "unknown_ending")
	for range 20 {
		if ada.Post("/compare/exposure/run", nil); ada.Page.Status != 200 {
			break
		}
	}
	ada.Refused(429, "rate_limited")
	ada.Get("/compare/exposure").At("/compare/exposure", 200)
	handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database")).Wants("/compare/exposure", 404)
}

// In a public lab each visitor has a bench, and all share one run, which touches
// none of the benches.
func TestLabExposureInPublic(t *testing.T) {
	t.Parallel()
	s := newPublicSite(t)
	l := s.Extension.(*labpages.Lab)
	g := &gate{s.Site, make(chan struct{})}
	l.Benches.Site = g
	t.Cleanup(l.Stop)
	ada, grace := handlerstest.NewBrowser(t, s), handlerstest.NewBrowser(t, s)
	if ada.Get("/compare/exposure"); !ada.Has("progress") || ada.Has("#exposure-press") {
		t.Errorf("a run that began because a passer-by looked belongs to nobody:\n%s", ada.Text())
	}
	l.Exposures.Cancel()
	if ada.Post("/compare/exposure/run", nil); !ada.Has("#exposure-press.cancel") {
		t.Errorf("one's own run:\n%s", ada.Text())
	}
	if grace.Get("/compare/exposure"); !grace.Has("progress") || grace.Has("#exposure-press") {
		t.Errorf("somebody else's run:\n%s", grace.Text())
	}
	grace.Post("/compare/exposure/cancel", nil).Refused(403, "not_yours")
	users := s.Rows("users")
	close(g.open)
	l.Exposures.Wait()
	handlerstest.Same(t, "measured", rowsOf(grace.Get("/compare/exposure"), "reached"), map[string]string{"database": "0 s", "hybrid": "5 min", "rotation": "15 min"})
	if n := s.Rows("users"); n > users {
		t.Errorf("%d people were left behind", n-users)
	}
	if strings.Contains(ada.Get("/compare").Text(), "ahead") || ada.Page.Find("#story li").Length() != 0 {
		t.Errorf("the run was seen on a bench:\n%s", ada.Text())
	}
}
