package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// The first page's button, for somebody without an account: the miniature is filled
// with what the site answered, and nothing else has changed anywhere.
func TestRunWithoutAccount(t *testing.T) {
	t.Parallel()
	for name, public := range map[string]bool{"local": false, "public": true} {
		t.Run(name, func(t *testing.T) {
			site := newSiteWith(t, settings{Strategy: "compare", Public: public})
			ada, nobody := newBrowser(t, site).signIn("ada").act("add-phone"), newBrowser(t, site)
			tables := []string{"users", "accounts", "sessions", "refresh_tokens", "benches", "departed"}
			before := map[string]int{}
			for _, table := range tables {
				before[table] = site.rows(table)
			}
			nobody.get("/")
			if n := nobody.page.Find("#mini .is-none").Length(); n != 4 || !strings.Contains(nobody.text(), "Nobody has been asked yet") {
				t.Errorf("%d cells are not asked yet:\n%s", n, nobody.text())
			}
			nobody.press("#run").at("/lab/run", 200)
			same(t, "the miniature", nobody.mini(), map[string]string{
				"you cookie": "is-out", "you database": "is-out", "thief cookie": "still", "thief database": "is-out",
			})
			if text := nobody.text(); !strings.Contains(text, "Under cookie, no: the copy still works. Under database, yes: the copy is worthless.") ||
				!strings.Contains(text, "29 requests") { // twice both under seven strategies, and the sign-out
				t.Errorf("the page says:\n%s", text)
			}
			if !nobody.has("#cell-mini-thief-database .receipt") || len(nobody.cookies) > 0 {
				t.Errorf("an answer without its receipt, or cookies: %v", nobody.cookies)
			}
			for _, table := range tables {
				if n := site.rows(table); n != before[table] {
					t.Errorf("%s: %d rows, before it were %d", table, n, before[table])
				}
			}
			same(t, "Ada", ada.of("you"), inUnder())
			same(t, "her phone", ada.of("phone"), inUnder())
			ada.get("/").press("#run").at("/lab/run", 200)
			if !ada.has("#header-sign-out") || ada.has("a[href='/sign-in?next=/compare']") {
				t.Error("who is signed in is not, after a run")
			}
			same(t, "Ada, after her run", ada.of("you"), inUnder())
			nobody.get("/lab/run").at("/", 200)
		})
	}
}

// mini is what the miniature of the first page shows, as [browser.cells].
func (b *browser) mini() map[string]string {
	b.Helper()
	told := map[string]string{}
	for _, client := range []string{"you", "thief"} {
		for _, strategy := range []string{"cookie", "database"} {
			for class := range strings.FieldsSeq(b.one("#cell-mini-"+client+"-"+strategy).AttrOr("class", "")) {
				if class == "still" || strings.HasPrefix(class, "is-") {
					told[client+" "+strategy] = class
				}
			}
		}
	}
	return told
}

// Running is not for flooding, and where the database is gone it says so.
func TestRunHasLimits(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	nobody := newBrowser(t, site)
	ran := 0
	for range 40 {
		w := nobody.request(http.MethodPost, "/lab/run", nil, "same-origin")
		if w.Code == http.StatusTooManyRequests {
			if w.Header().Get("Retry-After") != "2" {
				t.Errorf("Retry-After: got %q", w.Header().Get("Retry-After"))
			}
			break
		}
		ran++
	}
	if ran != 30 {
		t.Errorf("it ran %d times at once, want 30", ran)
	}
	site.clock.Advance(2 * time.Second)
	if w := nobody.request(http.MethodPost, "/lab/run", nil, "same-origin"); w.Code != 200 {
		t.Errorf("two seconds later: got %d", w.Code)
	}
	site.clock.Advance(time.Minute)
	if w := nobody.request(http.MethodPost, "/lab/run", nil, "cross-site"); w.Code != 403 {
		t.Errorf("from another site: got %d", w.Code)
	}
	must(t, site.db.Close())
	if w := nobody.request(http.MethodPost, "/lab/run", nil, "same-origin"); w.Code != 503 || !strings.Contains(nobody.text(), "store_unavailable") {
		t.Errorf("without a database: got %d:\n%s", w.Code, nobody.text())
	}
}
