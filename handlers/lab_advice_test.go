package handlers_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/handlers"
)

// measured is a site whose first run is over.
func measured(t *testing.T) (*site, *browser) {
	s := newSite(t, "compare")
	b := newBrowser(t, s).get("/compare/exposure")
	s.Extension.(*handlers.Lab).Exposures.Wait()
	return s, b
}

// demands are what an answer asks of a strategy, told apart from how the page does:
// by what the code of the strategy can do and says of itself.
func demands(s *site, reads map[string]int) map[string]map[string]func(auth.Kind) bool {
	strategy := func(k auth.Kind) auth.Strategy { return s.Extension.(*handlers.Lab).Bench.Manager(k.Name).Strategy }
	lists := func(k auth.Kind) bool { _, ok := strategy(k).(auth.Lister); return ok }
	within := func(limit time.Duration, endings ...string) func(auth.Kind) bool {
		return func(k auth.Kind) bool {
			for _, ending := range endings {
				if d, _, _ := promise(s, k, lifetimes, ending); d > limit {
					return false
				}
			}
			return true
		}
	}
	return map[string]map[string]func(auth.Kind) bool{
		"keeps": {"users": func(k auth.Kind) bool { return !lists(k) }, "nothing": func(k auth.Kind) bool { return !k.Database }},
		"reads": {"no": func(k auth.Kind) bool { return reads[k.Name] == 0 }},
		"one":   {"yes": lists},
		"copy":  {"0s": within(0, lab.EndRevokeAll), "5m0s": within(5*time.Minute, lab.EndRevokeAll), "15m0s": within(15*time.Minute, lab.EndRevokeAll)},
		"role":  {"0s": within(0, lab.EndRole, lab.EndDisable), "5m0s": within(5*time.Minute, lab.EndRole, lab.EndDisable), "15m0s": within(15*time.Minute, lab.EndRole, lab.EndDisable)},
		"api":   {"yes": func(k auth.Kind) bool { _, ok := strategy(k).(auth.Bearer); return ok }},
	}
}

// Whatever is answered, what is recommended keeps to it, what is ruled out fails the
// answer that is named, and where nothing fits that is so.
func TestLabAdvice(t *testing.T) {
	t.Parallel()
	s, ada := measured(t)
	t.Run("page", func(t *testing.T) { advicePage(t, newBrowser(t, s)) })
	reads := map[string]int{}
	signed := newBrowser(t, s).signIn("ada")
	for _, kind := range auth.Kinds() {
		receipt := signed.wantsAPI("GET", "/api/session?strategy="+kind.Name, 200, "")["receipt"].(map[string]any)
		reads[kind.Name] = int(receipt["reads"].(float64))
	}
	asked := demands(s, reads)
	picked, nothing, all := map[string]int{}, 0, 0
	for q := range combinations(t, ada.get("/learn")) {
		all++
		ada.get("/learn?"+q.Encode()).at("/learn", 200)
		fails := func(kind auth.Kind) (failed []string) {
			for id, value := range q {
				if demand := asked[id][value[0]]; value[0] != "" && demand == nil {
					t.Fatalf("%s=%s: an answer that this test does not know", id, value[0])
				} else if value[0] != "" && !demand(kind) {
					failed = append(failed, id)
				}
			}
			return failed
		}
		pick := ada.page.Find("#advice-pick").Text()
		if kind, ok := auth.KindOf(pick); ok && len(fails(kind)) > 0 {
			t.Errorf("%s: %s is recommended and fails %v", q.Encode(), pick, fails(kind))
		} else if picked[pick]++; !ok {
			nothing++
		}
		ruled := ada.page.Find("#advice-ruled strong").Map(func(_ int, name *goquery.Selection) string { return name.Text() })
		fits := ada.page.Find("#advice-fits strong").Length()
		for _, name := range ruled {
			if kind, _ := auth.KindOf(name); len(fails(kind)) == 0 {
				t.Errorf("%s: %s is ruled out, and fails nothing", q.Encode(), name)
			}
		}
		if got := len(ruled) + fits; pick != "" && got != 6 || pick == "" && (got != 7 || !ada.has("#advice-none")) {
			t.Errorf("%s: %q, %d others fit and %v do not", q.Encode(), pick, fits, ruled)
		}
	}
	if all != 384 || nothing == 0 {
		t.Errorf("%d combinations were tried, nothing fits %d of them", all, nothing)
	}
	for _, kind := range auth.Kinds() {
		if picked[kind.Name] == 0 {
			t.Errorf("%s is never recommended: %v", kind.Name, picked)
		}
	}
	t.Logf("recommended %v", picked)
}

// combinations are all ways to answer the questions of the page.
func combinations(t *testing.T, page *browser) func(func(url.Values) bool) {
	t.Helper()
	all := []url.Values{{}}
	page.page.Find(".questions li").Each(func(_ int, question *goquery.Selection) {
		id := strings.TrimPrefix(question.AttrOr("id", ""), "q-")
		var more []url.Values
		for _, before := range all {
			question.Find("nav a").Each(func(_ int, a *goquery.Selection) {
				to, err := url.Parse(a.AttrOr("href", ""))
				must(t, err)
				with := url.Values{id: {to.Query().Get(id)}}
				for name, value := range before {
					with[name] = value
				}
				more = append(more, with)
			})
		}
		all = more
	})
	return func(yield func(url.Values) bool) {
		for _, q := range all {
			if !yield(q) {
				return
			}
		}
	}
}

// The answers are links, the address keeps them, and the record can be taken home.
func advicePage(t *testing.T, ada *browser) {
	t.Helper()
	if ada.get("/learn"); ada.one("#advice-pick").Text() != "database" || !strings.Contains(ada.one(`nav [aria-current=page]`).Text(), "Learn") {
		t.Errorf("nothing said yet:\n%s", ada.text())
	}
	ada.follow(`#q-reads a[href*="reads=no"]`).follow(`#q-copy a[href*="copy=15m0s"]`)
	if got := ada.page.url.RequestURI(); got != "/learn?copy=15m0s&reads=no" {
		t.Errorf("the address is %s", got)
	}
	if ada.one("#advice-pick").Text() != "hybrid" || !strings.Contains(ada.one("#advice-fits").Text(), "rotation 15-minute token + one-use refresh a copy works on for 15 min after a sign-out; under hybrid 5 min") {
		t.Errorf("no reads, and a short window:\n%s", ada.text())
	}
	if got := ada.one("#advice-ruled li:nth-child(2)").Text(); !strings.Contains(got, "database the cookie is a ticket a request took 1 table read. May every request read the database? No") {
		t.Errorf("why database is out: %q", got)
	}
	shown := ada.one("#advice-record").Text()
	ada.follow("#advice-download")
	if got := ada.page.header.Get("Content-Type"); got != "text/markdown; charset=utf-8" || !strings.HasPrefix(ada.page.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("downloaded as %s, %s", got, ada.page.header.Get("Content-Disposition"))
	}
	if ada.page.body != shown {
		t.Error("the file is not what the page shows")
	}
	for _, want := range []string{
		"# Sessions: `hybrid`\n", "4 May 2026. Measured by sessionlab with 5700 requests, with sessions that end after 7 d unused and 30 d in all.",
		"- May every request read the database? **No.**\n", "    SESSION_STRATEGY=hybrid\n",
		"- All devices are signed out: it works on for **5 min**.\n", "- `cookie`: a copy worked on for 30 d. (All devices are signed out. How long may a stolen copy work on? 15 minutes.)\n",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the record lacks %q:\n%s", want, shown)
		}
	}

	ada.get("/learn?keeps=nothing&one=yes")
	if ada.has("#advice-pick") || ada.page.Find("#advice-ruled li").Length() != 7 {
		t.Errorf("nothing fits:\n%s", ada.text())
	}
	if ada.follow(`.rulings a[href="/learn?keeps=nothing"]`); ada.one("#advice-pick").Text() != "cookie" {
		t.Errorf("the way out:\n%s", ada.text())
	}
	ada.get("/learn?keeps=everything").refused(400, "unknown_answer")
	ada.get("/learn/decision.md?api=maybe").refused(400, "unknown_answer")
}

// Without numbers there is no advice: it waits for them, or says where to get them.
func TestLabAdviceWaitsForNumbers(t *testing.T) {
	t.Parallel()
	s, l, _ := gated(t)
	ada := newBrowser(t, s).get("/learn?api=yes")
	if ada.has("#advice-pick") || !ada.has("[role=status]") || ada.one("#lab-advice").AttrOr("hx-get", "") != "/learn?api=yes" {
		t.Errorf("while it is measured:\n%s", ada.text())
	}
	ada.get("/learn/decision.md").refused(503, "not_measured")
	l.Exposures.Cancel()
	if ada.get("/learn"); ada.has("[hx-trigger]") || !ada.has(`.recommended a[href="/compare/exposure"]`) {
		t.Errorf("called off:\n%s", ada.text())
	}
	newBrowser(t, newSite(t, "database")).wants("/learn", 404)
}
