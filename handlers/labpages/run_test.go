package labpages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

// The first page's button, for somebody without an account: the miniature is filled
// with what the site answered, and nothing else has changed anywhere.
func TestRunWithoutAccount(t *testing.T) {
	t.Parallel()
	for name, public := range map[string]bool{"local": false, "public": true} {
		t.Run(name, func(t *testing.T) {
			site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", LabPublic: public})
			ada, nobody := act(handlerstest.NewBrowser(t, site).SignIn("ada"), "add-phone"), handlerstest.NewBrowser(t, site)
			tables := []string{"users", "accounts", "sessions", "refresh_tokens", "benches", "departed"}
			before := map[string]int{}
			for _, table := range tables {
				before[table] = site.Rows(table)
			}
			nobody.Get("/")
			if n := nobody.Page.Find("#mini .is-none").Length(); n != 4 || !strings.Contains(nobody.Text(), "Nobody has been asked yet") {
				t.Errorf("%d cells are not asked yet:\n%s", n, nobody.Text())
			}
			nobody.Press("#run").At("/lab/run", 200)
			handlerstest.Same(t, "the miniature", mini(nobody), map[string]string{
				"you cookie": "is-out", "you database": "is-out", "thief cookie": "still", "thief database": "is-out",
			})
			if text := nobody.Text(); !strings.Contains(text, "cookie: the thief is still in. database: the thief is out.") ||
				!strings.Contains(text, "29 requests") { // twice both under seven strategies, and the sign-out
				t.Errorf("the page says:\n%s", text)
			}
			if !nobody.Has("#cell-mini-thief-database .receipt") || len(nobody.Cookies) > 0 {
				t.Errorf("an answer without its receipt, or cookies: %v", nobody.Cookies)
			}
			for _, table := range tables {
				if n := site.Rows(table); n != before[table] {
					t.Errorf("%s: %d rows, before it were %d", table, n, before[table])
				}
			}
			handlerstest.Same(t, "Ada", of(ada, "you"), inUnder())
			handlerstest.Same(t, "her phone", of(ada, "phone"), inUnder())
			ada.Get("/").Press("#run").At("/lab/run", 200)
			if !ada.Has("#header-sign-out") || ada.Has("a[href='/sign-in?next=/compare']") {
				t.Error("who is signed in is not, after a run")
			}
			handlerstest.Same(t, "Ada, after her run", of(ada, "you"), inUnder())
			nobody.Get("/lab/run").At("/", 200)
		})
	}
}

// mini returns the cells of the miniature on the first page.
func mini(b *handlerstest.Browser) map[string]string {
	b.Helper()
	told := map[string]string{}
	for _, client := range []string{"you", "thief"} {
		for _, strategy := range []string{"cookie", "database"} {
			for class := range strings.FieldsSeq(b.One("#cell-mini-"+client+"-"+strategy).AttrOr("class", "")) {
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
	site := handlerstest.NewSite(t, "compare")
	nobody := handlerstest.NewBrowser(t, site)
	ran := 0
	for range 40 {
		w := nobody.Request(http.MethodPost, "/lab/run", nil, "same-origin")
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
	site.Clock.Advance(2 * time.Second)
	if w := nobody.Request(http.MethodPost, "/lab/run", nil, "same-origin"); w.Code != 200 {
		t.Errorf("two seconds later: got %d", w.Code)
	}
	site.Clock.Advance(time.Minute)
	if w := nobody.Request(http.MethodPost, "/lab/run", nil, "cross-site"); w.Code != 403 {
		t.Errorf("from another site: got %d", w.Code)
	}
	handlerstest.Must(t, site.DB.Close())
	if w := nobody.Request(http.MethodPost, "/lab/run", nil, "same-origin"); w.Code != 503 || !strings.Contains(nobody.Text(), "store_unavailable") {
		t.Errorf("without a database: got %d:\n%s", w.Code, nobody.Text())
	}
}
