package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/auth/lab"
	"sessionlab/handlers"
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
func gated(t *testing.T) (*site, *handlers.Lab, *gate) {
	s := newSite(t, "compare")
	l := s.Extension.(*handlers.Lab)
	g := &gate{s.Site, make(chan struct{})}
	l.Bench.Site = g
	t.Cleanup(l.Stop)
	return s, l, g
}

// rowsOf is what the chart says, by strategy.
func (b *browser) rowsOf(class string) map[string]string {
	b.Helper()
	rows := map[string]string{}
	b.page.Find(".exposure tbody tr").Each(func(_ int, row *goquery.Selection) {
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
	ada, grace := newBrowser(t, s), newBrowser(t, s)
	ada.get("/compare/exposure").at("/compare/exposure", 200)
	if !ada.has("progress") || !ada.has("#exposure-press.cancel") || ada.has("#exposure-press.run") || len(ada.rowsOf("unknown")) != 7 {
		t.Errorf("the first look:\n%s", ada.text())
	}
	grace.get("/compare/exposure?end=revoke-all")
	if !grace.has("progress") || grace.has("#exposure-press.cancel") {
		t.Errorf("somebody else's run:\n%s", grace.text())
	}
	if grace.post("/compare/exposure/run", form("end", "disable")); !grace.has("progress") || grace.page.url.RawQuery != "end=disable" {
		t.Errorf("a second run: got %d at %s:\n%s", grace.page.status, grace.page.url, grace.text())
	}
	grace.post("/compare/exposure/cancel", nil).refused(403, "not_yours")
	ada.follow("#exposure-refresh").press("#exposure-press.cancel").at("/compare/exposure", 200)
	if !strings.Contains(ada.text(), "called off") || ada.has("progress") || len(ada.rowsOf("unknown")) != 7 {
		t.Errorf("called off:\n%s", ada.text())
	}
	if grace.get("/compare/exposure"); grace.has("progress") {
		t.Error("what was called off begins again by itself")
	}

	close(gate.open)
	grace.press("#exposure-press.run")
	l.Exposures.Wait()
	grace.get("/compare/exposure")
	same(t, "signed out, heard of", grace.rowsOf("reached"), map[string]string{"database": "0 s", "hybrid": "5 min", "rotation": "15 min"})
	same(t, "signed out, never heard of", grace.rowsOf("expired"), map[string]string{"cookie": "30 d", "epoch": "30 d", "renew": "30 d", "pair": "30 d"})
	if got, want := grace.one("h1").Text(), "You signed out. Under 4 of 7 a stolen copy works on, for up to 30 days."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	grace.follow(`.segments a[href$="end=revoke-all"]`)
	same(t, "all devices, heard of", grace.rowsOf("reached"), map[string]string{"database": "0 s", "epoch": "0 s", "hybrid": "5 min", "rotation": "15 min"})
	grace.get("/compare/exposure?end=set-role")
	same(t, "role, never heard of", grace.rowsOf("expired"), map[string]string{"cookie": "30 d"})
	if grace.has(".broken") || !strings.Contains(grace.text(), "5700") {
		t.Errorf("measured:\n%s", grace.text())
	}
	chart, err := goquery.OuterHtml(grace.get("/compare/exposure").one("#lab-exposure"))
	must(t, err)
	grace.page.body = chart // the frame around it has golden pages of its own
	golden(grace, "exposure")
}

// What was found stays while it is measured again, and when that fails.
func TestLabExposureAgain(t *testing.T) {
	t.Parallel()
	s, l, g := gated(t)
	close(g.open)
	ada := newBrowser(t, s).get("/compare/exposure")
	l.Exposures.Wait()
	l.Bench.Site = &gate{s.Site, make(chan struct{})}
	if ada.get("/compare/exposure").press("#exposure-press.run"); !ada.has("progress") || ada.rowsOf("reached")["hybrid"] != "5 min" {
		t.Errorf("while it is measured again:\n%s", ada.text())
	}
	if ada.press("#exposure-press.cancel"); !strings.Contains(ada.text(), "from the run before") || ada.rowsOf("reached")["hybrid"] != "5 min" {
		t.Errorf("called off:\n%s", ada.text())
	}
}

func TestLabExposureBadInput(t *testing.T) {
	t.Parallel()
	s, _, _ := gated(t)
	ada := newBrowser(t, s)
	ada.get("/compare/exposure?end=tomorrow").refused(400, "unknown_ending")
	ada.post("/compare/exposure/run", form("end", "tomorrow")).refused(400, "unknown_ending")
	for range 20 {
		if ada.post("/compare/exposure/run", nil); ada.page.status != 200 {
			break
		}
	}
	ada.refused(429, "rate_limited")
	ada.get("/compare/exposure").at("/compare/exposure", 200)
	newBrowser(t, newSite(t, "database")).wants("/compare/exposure", 404)
}

// In a public lab each visitor has a bench, and all share one run, which touches
// none of the benches.
func TestLabExposureInPublic(t *testing.T) {
	t.Parallel()
	s := newPublicSite(t)
	l := s.Extension.(*handlers.Lab)
	g := &gate{s.Site, make(chan struct{})}
	l.Benches.Site = g
	t.Cleanup(l.Stop)
	ada, grace := newBrowser(t, s), newBrowser(t, s)
	if ada.get("/compare/exposure"); !ada.has("progress") || ada.has("#exposure-press") {
		t.Errorf("a run that began because a passer-by looked belongs to nobody:\n%s", ada.text())
	}
	l.Exposures.Cancel()
	if ada.post("/compare/exposure/run", nil); !ada.has("#exposure-press.cancel") {
		t.Errorf("one's own run:\n%s", ada.text())
	}
	if grace.get("/compare/exposure"); !grace.has("progress") || grace.has("#exposure-press") {
		t.Errorf("somebody else's run:\n%s", grace.text())
	}
	grace.post("/compare/exposure/cancel", nil).refused(403, "not_yours")
	users := s.rows("users")
	close(g.open)
	l.Exposures.Wait()
	same(t, "measured", grace.get("/compare/exposure").rowsOf("reached"), map[string]string{"database": "0 s", "hybrid": "5 min", "rotation": "15 min"})
	if n := s.rows("users"); n > users {
		t.Errorf("%d people were left behind", n-users)
	}
	if strings.Contains(ada.get("/compare").text(), "ahead") || ada.page.Find("#story li").Length() != 0 {
		t.Errorf("the run was seen on a bench:\n%s", ada.text())
	}
}
