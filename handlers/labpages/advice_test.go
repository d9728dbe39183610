package labpages_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// measured is a site whose first run is over.
func measured(t *testing.T) (*handlerstest.Site, *handlerstest.Browser) {
	s := handlerstest.NewSite(t, "compare")
	b := handlerstest.NewBrowser(t, s).Get("/compare/exposure")
	s.Extension.(*labpages.Lab).Exposures.Wait()
	return s, b
}

// demands are what an answer asks of a strategy, computed without the page's code:
// by what the code of the strategy can do and says of itself.
func demands(s *handlerstest.Site, reads map[string]int) map[string]map[string]func(auth.Kind) bool {
	strategy := func(k auth.Kind) auth.Strategy { return s.Extension.(*labpages.Lab).Bench.Manager(k.Name).Strategy }
	lists := func(k auth.Kind) bool { _, ok := strategy(k).(auth.Lister); return ok }
	within := func(limit time.Duration, endings ...string) func(auth.Kind) bool {
		return func(k auth.Kind) bool {
			for _, ending := range endings {
				if d, _, _ := promise(s, k, handlerstest.Lifetimes, ending); d > limit {
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
	t.Run("page", func(t *testing.T) { advicePage(t, handlerstest.NewBrowser(t, s)) })
	reads := map[string]int{}
	signed := handlerstest.NewBrowser(t, s).SignIn("ada")
	for _, kind := range auth.Kinds() {
		receipt := signed.WantsAPI("GET", "/api/session?strategy="+kind.Name, 200, "")["receipt"].(map[string]any)
		reads[kind.Name] = int(receipt["reads"].(float64))
	}
	asked := demands(s, reads)
	picked, nothing, all := map[string]int{}, 0, 0
	for q := range combinations(t, ada.Get("/learn")) {
		all++
		ada.Get("/learn?"+q.Encode()).At("/learn", 200)
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
		pick := ada.Page.Find("#advice-pick").Text()
		if kind, ok := auth.KindOf(pick); ok && len(fails(kind)) > 0 {
			t.Errorf("%s: %s is recommended and fails %v", q.Encode(), pick, fails(kind))
		} else if picked[pick]++; !ok {
			nothing++
		}
		ruled := ada.Page.Find("#advice-ruled strong").Map(func(_ int, name *goquery.Selection) string { return name.Text() })
		fits := ada.Page.Find("#advice-fits strong").Length()
		for _, name := range ruled {
			if kind, _ := auth.KindOf(name); len(fails(kind)) == 0 {
				t.Errorf("%s: %s is ruled out, and fails nothing", q.Encode(), name)
			}
		}
		if got := len(ruled) + fits; pick != "" && got != 6 || pick == "" && (got != 7 || !ada.Has("#advice-none")) {
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
func combinations(t *testing.T, page *handlerstest.Browser) func(func(url.Values) bool) {
	t.Helper()
	all := []url.Values{{}}
	page.Page.Find(".questions li").Each(func(_ int, question *goquery.Selection) {
		id := strings.TrimPrefix(question.AttrOr("id", ""), "q-")
		var more []url.Values
		for _, before := range all {
			question.Find("nav a").Each(func(_ int, a *goquery.Selection) {
				to, err := url.Parse(a.AttrOr("href", ""))
				handlerstest.Must(t, err)
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
func advicePage(t *testing.T, ada *handlerstest.Browser) {
	t.Helper()
	if ada.Get("/learn"); ada.One("#advice-pick").Text() != "database" || !strings.Contains(ada.One(`nav [aria-current=page]`).Text(), "Learn") {
		t.Errorf("nothing said yet:\n%s", ada.Text())
	}
	ada.Follow(`#q-reads a[href*="reads=no"]`).Follow(`#q-copy a[href*="copy=15m0s"]`)
	if got := ada.Page.URL.RequestURI(); got != "/learn?copy=15m0s&reads=no" {
		t.Errorf("the address is %s", got)
	}
	if ada.One("#advice-pick").Text() != "hybrid" || !strings.Contains(ada.One("#advice-fits").Text(), "rotation 15-minute token + one-use refresh a copy works on for 15 min after a sign-out; under hybrid 5 min") {
		t.Errorf("no reads, and a short window:\n%s", ada.Text())
	}
	if got := ada.One("#advice-ruled li:nth-child(2)").Text(); !strings.Contains(got, "database the cookie is a ticket a request took 1 table read. May every request read the database? No") {
		t.Errorf("why database is out: %q", got)
	}
	shown := ada.One("#advice-record").Text()
	ada.Follow("#advice-download")
	if got := ada.Page.Header.Get("Content-Type"); got != "text/markdown; charset=utf-8" || !strings.HasPrefix(ada.Page.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("downloaded as %s, %s", got, ada.Page.Header.Get("Content-Disposition"))
	}
	if ada.Page.Body != shown {
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

	ada.Get("/learn?keeps=nothing&one=yes")
	if ada.Has("#advice-pick") || ada.Page.Find("#advice-ruled li").Length() != 7 {
		t.Errorf("nothing fits:\n%s", ada.Text())
	}
	if ada.Follow(`.rulings a[href="/learn?keeps=nothing"]`); ada.One("#advice-pick").Text() != "cookie" {
		t.Errorf("the way out:\n%s", ada.Text())
	}
	ada.Get("/learn?keeps=everything").Refused(400, "unknown_answer")
	ada.Get("/learn/decision.md?api=maybe").Refused(400, "unknown_answer")
}

// Without numbers there is no advice: it waits for them, or says where to get them.
func TestLabAdviceWaitsForNumbers(t *testing.T) {
	t.Parallel()
	s, l, _ := gated(t)
	ada := handlerstest.NewBrowser(t, s).Get("/learn?api=yes")
	if ada.Has("#advice-pick") || !ada.Has("[role=status]") || ada.One("#lab-advice").AttrOr("hx-get", "") != "/learn?api=yes" {
		t.Errorf("while it is measured:\n%s", ada.Text())
	}
	ada.Get("/learn/decision.md").Refused(503, "not_measured")
	l.Exposures.Cancel()
	if ada.Get("/learn"); ada.Has("[hx-trigger]") || !ada.Has(`.recommended a[href="/compare/exposure"]`) {
		t.Errorf("called off:\n%s", ada.Text())
	}
	handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database")).Wants("/learn", 404)
}
