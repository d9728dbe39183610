package labpages_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/handlers/handlerstest"
)

// A told demo is what each of its scenes must show: the verdicts by client, in the
// order of the columns, as people read them.
var demosTell = map[string][]map[string]string{
	"stolen-cookie": {
		{"you": "in, in", "thief": "not asked yet, not asked yet"},
		{"you": "in, in", "thief": "in, as you, in, as you"},
		{"you": "out, out", "thief": "STILL IN, out"},
		{"you": "out, out", "thief": "out, out"},
	},
	"revoked-phone": {
		{"you": "in, in, in", "phone": "not asked yet, not asked yet, not asked yet"},
		{"you": "in, in, in", "phone": "in, in, in"},
		{"you": "in, in, in", "phone": "STILL IN, out, STILL IN"},
		{"you": "in, in, in", "phone": "STILL IN, out, out"},
	},
	"stale-role": {
		{"you": "in, as admin, in, as admin, in, as admin"},
		{"you": "in, as admin, in, as member, in, as admin"},
		{"you": "in, as admin, in, as member, in, as member"},
	},
	"key-rotation": {
		{"you": "in, in"},
		{"you": "in, in"},
		{"you": "out, in"},
	},
	"refresh-race": {
		{"you": "in"},
		{"you": "in"},
		{
			"tab": "in, not asked yet, not asked yet; in, not asked yet, not asked yet", "you": "in, not asked yet, not asked yet", "thief": "out, not asked yet, not asked yet",
		},
		{"tab": "in, in, not asked yet; in, out, not asked yet", "you": "in, out, not asked yet", "thief": "out, out, not asked yet"},
		{"tab": "in, in, in; in, out, in", "you": "in, out, in", "thief": "out, out, STILL IN"},
	},
	"store-down": {
		{"you": "in, in, in"},
		{"you": "in, cannot tell, in"},
		{"you": "in, cannot tell, cannot tell"},
		{"you": "in, in, in"},
	},
}

func init() {
	for _, part := range []string{"stolen-cookie", "revoked-phone", "store-down"} {
		demosTell["playlist"] = append(demosTell["playlist"], demosTell[part]...)
	}
}

// scene returns what the page of a demo shows.
func scene(b *handlerstest.Browser) map[string]string {
	b.Helper()
	shown := map[string]string{}
	b.Page.Find("#lab .matrix .client").Each(func(_ int, row *goquery.Selection) {
		var words []string
		row.Find(".verdict .word").Each(func(_ int, word *goquery.Selection) { words = append(words, word.Text()) })
		client, _, _ := strings.Cut(strings.TrimPrefix(row.AttrOr("class", ""), "client "), " ")
		if shown[client] != "" {
			shown[client] += "; "
		}
		shown[client] += strings.Join(words, ", ")
	})
	return shown
}

// Each demo is played forwards, and backwards to its beginning: at each step it
// shows what it is to tell, whichever way one came.
func TestDemosTellTheirStories(t *testing.T) {
	t.Parallel()
	for name, scenes := range demosTell {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare"))
			b.Get("/compare?demo="+name).At("/compare", 200)
			if b.Has("#lab .matrix") || b.Has("#demo-back") {
				t.Errorf("before it begins it shows:\n%s", b.Text())
			}
			b.Press("#demo-next")
			handlerstest.Same(t, "0", scene(b), scenes[0])
			for at := 1; at < len(scenes); at++ {
				b.Press("#demo-next")
				handlerstest.Same(t, fmt.Sprint("on to ", at), scene(b), scenes[at])
			}
			if b.Has("#demo-next") || b.One("#demo-at").Text() != fmt.Sprintf("%d of %d", len(scenes)-1, len(scenes)-1) {
				t.Errorf("not over:\n%s", b.Text())
			}
			for at := len(scenes) - 2; at >= 0; at-- {
				b.Press("#demo-back")
				handlerstest.Same(t, fmt.Sprint("back to ", at), scene(b), scenes[at])
			}
			if b.Has("#demo-back") {
				t.Error("there is a way back from the beginning")
			}
		})
	}
}

// A press that comes twice is made once, and a demo that was left, or is another
// browser's, begins anew.
func TestDemoIsNotPressedTwice(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site)
	to := func(b *handlerstest.Browser, step int) {
		b.Helper()
		b.Post("/compare/demo", handlerstest.Form("name", "key-rotation", "step", strconv.Itoa(step))).At("/compare", 200)
	}
	keys := func() string { return ada.Get("/compare").One(".clock .soft").Text() }
	to(ada, 0)
	to(ada, 1)
	to(ada, 1)
	if got := keys(); !strings.Contains(got, "2 keys") {
		t.Errorf("the same press twice: %s", got)
	}
	ada.Post("/compare/rotate-key", nil) // freely
	if ada.Get("/compare?demo=key-rotation"); !ada.Has("#demo-next") || ada.Has("#demo-back") {
		t.Errorf("the demo is not over:\n%s", ada.Text())
	}
	to(ada, 1)
	if got := keys(); !strings.Contains(got, "2 keys") {
		t.Errorf("not played anew: %s", got)
	}
	to(ada, 1)
	other := handlerstest.NewBrowser(t, site)
	to(other, 2)
	handlerstest.Same(t, "another browser's", scene(other), demosTell["key-rotation"][2])
	if ada.Get("/compare?demo=key-rotation"); ada.Has("#demo-back") {
		t.Errorf("two browsers play one demo:\n%s", ada.Text())
	}
}

// Ada of a demo is the Ada of the embedded provider.
func TestDemoIsAboutTheProvidersAda(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	b := handlerstest.NewBrowser(t, site)
	b.Post("/compare/demo", handlerstest.Form("name", "store-down", "step", "0")).At("/compare", 200)
	played := b.WantsAPI("GET", "/api/user", 200, "")
	again := handlerstest.NewBrowser(t, site).SignIn("ada").WantsAPI("GET", "/api/user", 200, "")
	for _, field := range []string{"id", "email", "name", "picture", "role"} {
		if played[field] != again[field] {
			t.Errorf("%s: got %v, the provider's is %v", field, played[field], again[field])
		}
	}
	if n := site.Rows("users"); n != 1 {
		t.Errorf("there are %d users, want one Ada", n)
	}
}

// A demo asks and notes what was said, and what cannot be is refused.
func TestDemoGuesses(t *testing.T) {
	t.Parallel()
	b := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare"))
	b.Post("/compare/demo", handlerstest.Form("name", "stolen-cookie", "step", "1")).At("/compare", 200)
	if !b.Has(`input[name=guess][value="cookie"]`) {
		t.Fatalf("no question:\n%s", b.Text())
	}
	b.Post("/compare/demo", handlerstest.Form("name", "stolen-cookie", "step", "2", "guess", "both"))
	if !strings.Contains(b.Text(), "You said: both.") {
		t.Errorf("not noted:\n%s", b.Text())
	}
	for _, bad := range []struct {
		fields []string
		status int
		code   string
	}{
		{[]string{"name", "nonsense", "step", "0"}, 404, "unknown_demo"},
		{[]string{"step", "0"}, 404, "unknown_demo"},
		{[]string{"name", "stolen-cookie"}, 400, "bad_step"},
		{[]string{"name", "stolen-cookie", "step", "-1"}, 400, "bad_step"},
		{[]string{"name", "stolen-cookie", "step", "4"}, 400, "bad_step"},
		{[]string{"name", "stolen-cookie", "step", "1e0"}, 400, "bad_step"},
		{[]string{"name", "stolen-cookie", "step", "2", "guess", "<b>"}, 400, "bad_guess"},
		{[]string{"name", "stolen-cookie", "step", "1", "guess", "both"}, 400, "bad_guess"},
	} {
		b.Post("/compare/demo", handlerstest.Form(bad.fields...))
		if b.Page.Status != bad.status || !strings.Contains(b.Text(), bad.code) {
			t.Errorf("%v: got %d, want %d %s:\n%s", bad.fields, b.Page.Status, bad.status, bad.code, b.Text())
		}
	}
	b.Get("/compare?demo=stolen-cookie")
	handlerstest.Same(t, "after all that", scene(b), demosTell["stolen-cookie"][2])
	if w := b.Request(http.MethodGet, "/compare?demo=nonsense", nil, "none"); w.Code != 404 {
		t.Errorf("got %d, want 404", w.Code)
	}
}

// The list for a talk ends at the chart.
func TestPlaylistEndsAtTheChart(t *testing.T) {
	t.Parallel()
	b := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare"))
	last := len(demosTell["playlist"]) - 1
	b.Post("/compare/demo", handlerstest.Form("name", "playlist", "step", strconv.Itoa(last))).At("/compare", 200)
	handlerstest.Same(t, "the last scene", scene(b), demosTell["playlist"][last])
	b.Follow(".ask a.primary").At("/compare/exposure", 200)
}

// Two visitors of a public lab play at the same time, and neither sees the other's
// presses.
func TestPublicVisitorsPlayApart(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	ada, eve := handlerstest.NewBrowser(t, site), handlerstest.NewBrowser(t, site)
	for at := range demosTell["revoked-phone"] {
		ada.Post("/compare/demo", handlerstest.Form("name", "revoked-phone", "step", strconv.Itoa(at))).At("/compare", 200)
		eve.Post("/compare/demo", handlerstest.Form("name", "store-down", "step", strconv.Itoa(at))).At("/compare", 200)
		handlerstest.Same(t, fmt.Sprint("ada at ", at), scene(ada), demosTell["revoked-phone"][at])
		handlerstest.Same(t, fmt.Sprint("eve at ", at), scene(eve), demosTell["store-down"][at])
	}
	for b, foreign := range map[*handlerstest.Browser]string{ada: "unplugged", eve: "phone"} {
		if b.Get("/compare"); strings.Contains(b.Page.Find("#story").Text(), foreign) {
			t.Errorf("a story tells of another visitor's %s:\n%s", foreign, b.Page.Find("#story").Text())
		}
	}
	var both sync.WaitGroup
	for b, action := range map[*handlerstest.Browser]string{ada: "race-tabs", eve: "late-answer"} {
		both.Go(func() { act(b, action) })
	}
	both.Wait()
	if ada.Get("/compare"); !ada.Has("#trial-tabs .matrix") || ada.Has("#trial-late .matrix") {
		t.Error("an experiment of another visitor is shown")
	}
}
