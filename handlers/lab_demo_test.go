package handlers_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/PuerkitoBio/goquery"
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

// scene is what the page of a demo shows.
func (b *browser) scene() map[string]string {
	b.Helper()
	shown := map[string]string{}
	b.page.Find("#lab .matrix .client").Each(func(_ int, row *goquery.Selection) {
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
			b := newBrowser(t, newSite(t, "compare"))
			b.get("/compare?demo="+name).at("/compare", 200)
			if b.has("#lab .matrix") || b.has("#demo-back") {
				t.Errorf("before it begins it shows:\n%s", b.text())
			}
			b.press("#demo-next")
			same(t, "0", b.scene(), scenes[0])
			for at := 1; at < len(scenes); at++ {
				b.press("#demo-next")
				same(t, fmt.Sprint("on to ", at), b.scene(), scenes[at])
			}
			if b.has("#demo-next") || b.one("#demo-at").Text() != fmt.Sprintf("%d of %d", len(scenes)-1, len(scenes)-1) {
				t.Errorf("not over:\n%s", b.text())
			}
			for at := len(scenes) - 2; at >= 0; at-- {
				b.press("#demo-back")
				same(t, fmt.Sprint("back to ", at), b.scene(), scenes[at])
			}
			if b.has("#demo-back") {
				t.Error("there is a way back from the beginning")
			}
		})
	}
}

// A press that comes twice is made once, and a demo that was left, or is another
// browser's, begins anew.
func TestDemoIsNotPressedTwice(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site)
	to := func(b *browser, step int) {
		b.Helper()
		b.post("/compare/demo", form("name", "key-rotation", "step", strconv.Itoa(step))).at("/compare", 200)
	}
	keys := func() string { return ada.get("/compare").one(".clock .soft").Text() }
	to(ada, 0)
	to(ada, 1)
	to(ada, 1)
	if got := keys(); !strings.Contains(got, "2 keys") {
		t.Errorf("the same press twice: %s", got)
	}
	ada.post("/compare/rotate-key", nil) // freely
	if ada.get("/compare?demo=key-rotation"); !ada.has("#demo-next") || ada.has("#demo-back") {
		t.Errorf("the demo is not over:\n%s", ada.text())
	}
	to(ada, 1)
	if got := keys(); !strings.Contains(got, "2 keys") {
		t.Errorf("not played anew: %s", got)
	}
	to(ada, 1)
	other := newBrowser(t, site)
	to(other, 2)
	same(t, "another browser's", other.scene(), demosTell["key-rotation"][2])
	if ada.get("/compare?demo=key-rotation"); ada.has("#demo-back") {
		t.Errorf("two browsers play one demo:\n%s", ada.text())
	}
}

// Ada of a demo is the Ada of the embedded provider.
func TestDemoIsAboutTheProvidersAda(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	b := newBrowser(t, site)
	b.post("/compare/demo", form("name", "store-down", "step", "0")).at("/compare", 200)
	played := b.wantsAPI("GET", "/api/user", 200, "")
	again := newBrowser(t, site).signIn("ada").wantsAPI("GET", "/api/user", 200, "")
	for _, field := range []string{"id", "email", "name", "picture", "role"} {
		if played[field] != again[field] {
			t.Errorf("%s: got %v, the provider's is %v", field, played[field], again[field])
		}
	}
	if n := site.rows("users"); n != 1 {
		t.Errorf("there are %d users, want one Ada", n)
	}
}

// A demo asks and notes what was said, and what cannot be is refused.
func TestDemoGuesses(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, newSite(t, "compare"))
	b.post("/compare/demo", form("name", "stolen-cookie", "step", "1")).at("/compare", 200)
	if !b.has(`input[name=guess][value="cookie"]`) {
		t.Fatalf("no question:\n%s", b.text())
	}
	b.post("/compare/demo", form("name", "stolen-cookie", "step", "2", "guess", "both"))
	if !strings.Contains(b.text(), "You said: both.") {
		t.Errorf("not noted:\n%s", b.text())
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
		b.post("/compare/demo", form(bad.fields...))
		if b.page.status != bad.status || !strings.Contains(b.text(), bad.code) {
			t.Errorf("%v: got %d, want %d %s:\n%s", bad.fields, b.page.status, bad.status, bad.code, b.text())
		}
	}
	b.get("/compare?demo=stolen-cookie")
	same(t, "after all that", b.scene(), demosTell["stolen-cookie"][2])
	if w := b.request(http.MethodGet, "/compare?demo=nonsense", nil, "none"); w.Code != 404 {
		t.Errorf("got %d, want 404", w.Code)
	}
}

// The list for a talk ends at the chart.
func TestPlaylistEndsAtTheChart(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, newSite(t, "compare"))
	last := len(demosTell["playlist"]) - 1
	b.post("/compare/demo", form("name", "playlist", "step", strconv.Itoa(last))).at("/compare", 200)
	same(t, "the last scene", b.scene(), demosTell["playlist"][last])
	b.follow(".ask a.primary").at("/compare/exposure", 200)
}

// Two visitors of a public lab play at the same time, and neither sees the other's
// presses.
func TestPublicVisitorsPlayApart(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	ada, eve := newBrowser(t, site), newBrowser(t, site)
	for at := range demosTell["revoked-phone"] {
		ada.post("/compare/demo", form("name", "revoked-phone", "step", strconv.Itoa(at))).at("/compare", 200)
		eve.post("/compare/demo", form("name", "store-down", "step", strconv.Itoa(at))).at("/compare", 200)
		same(t, fmt.Sprint("ada at ", at), ada.scene(), demosTell["revoked-phone"][at])
		same(t, fmt.Sprint("eve at ", at), eve.scene(), demosTell["store-down"][at])
	}
	for b, foreign := range map[*browser]string{ada: "unplugged", eve: "phone"} {
		if b.get("/compare"); strings.Contains(b.page.Find("#story").Text(), foreign) {
			t.Errorf("a story tells of another visitor's %s:\n%s", foreign, b.page.Find("#story").Text())
		}
	}
	var both sync.WaitGroup
	for b, action := range map[*browser]string{ada: "race-tabs", eve: "late-answer"} {
		both.Go(func() { b.act(action) })
	}
	both.Wait()
	if ada.get("/compare"); !ada.has("#trial-tabs .matrix") || ada.has("#trial-late .matrix") {
		t.Error("an experiment of another visitor is shown")
	}
}
