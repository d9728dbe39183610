package labpages_test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// Every way to tamper, under every strategy and seal, ends as the rules have it,
// and the visitor's own session and rows are as before.
func TestLabWorkbench(t *testing.T) {
	t.Parallel()
	for _, seal := range auth.Formats() {
		t.Run(seal, func(t *testing.T) {
			t.Parallel()
			site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", Seal: seal})
			ada := handlerstest.NewBrowser(t, site).SignIn("ada")
			before, sessions, users := maps.Clone(ada.Cookies), site.Rows("sessions"), site.Rows("users")
			for _, tamper := range lab.Tampers {
				ada.Get("/workbench").Press("#tamper-"+tamper.Name).At("/workbench", 200)
				rows := ada.Page.Find("#workbench tbody tr")
				if rows.Length() != len(auth.Kinds()) {
					t.Fatalf("%s: got %d strategies, want %d", tamper.Name, rows.Length(), len(auth.Kinds()))
				}
				rows.Each(func(_ int, tr *goquery.Selection) {
					wants, got := tr.Find("td").Eq(0).Find(".verdict"), tr.Find("td").Eq(1).Find(".verdict")
					strategy := tr.Find("th").Text()
					said := func(s *goquery.Selection) string { return s.Text() + " " + s.Parent().Find(".why").First().Text() }
					if said(wants) != said(got) || tr.Find(".as-expected").Length() != 1 || tr.Find(".unexpected").Length() != 0 {
						t.Errorf("%s under %s: wants %q, got %q", tamper.Name, strategy, said(wants), said(got))
					}
				})
			}
			if !maps.Equal(before, ada.Cookies) {
				t.Error("the workbench changed the visitor's own cookies")
			}
			if s, u := site.Rows("sessions"), site.Rows("users"); s != sessions || u != users {
				t.Errorf("%d sessions and %d users, before it were %d and %d", s, u, sessions, users)
			}
			// Past the grace a token that had been spent would end its family.
			site.Clock.Advance(20 * time.Minute)
			for _, kind := range auth.Kinds() {
				ada.WantsAPI("GET", "/api/session?strategy="+kind.Name, 200, "")
			}
		})
	}
}

// What is shown as expected are the rules as written, spot-checked here in their
// own words.
func TestLabWorkbenchRules(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	for tamper, out := range map[string]string{
		"nothing":       "",
		"flip":          "cookie database epoch renew",
		"flip-refresh":  "hybrid",
		"cut":           "cookie database epoch renew",
		"throw":         "cookie database epoch renew",
		"throw-refresh": "hybrid",
		"swap":          "cookie database epoch hybrid renew pair rotation",
		"move":          "cookie database epoch hybrid renew pair rotation",
		"spread":        "",
		"drop-chunk":    "cookie database epoch renew",
		"old-key":       "",
		"retired-key":   "cookie epoch renew pair",
	} {
		ada.Get("/workbench").Press("#tamper-" + tamper)
		var refused []string
		ada.Page.Find("#workbench tbody tr").Each(func(_ int, tr *goquery.Selection) {
			if tr.Find("td").Eq(1).Is(".is-out") {
				refused = append(refused, tr.Find("th").Text())
			}
		})
		if got := strings.Join(refused, " "); got != out {
			t.Errorf("%s: refused by %q, want %q", tamper, got, out)
		}
	}
	ada.Post("/workbench", handlerstest.Form("tamper", "hammer"))
	if ada.Page.Status != 400 || !strings.Contains(ada.Page.Body, "Nothing of that name") {
		t.Errorf("an unknown way: got %d", ada.Page.Status)
	}
	stranger := handlerstest.NewBrowser(t, ada.Site)
	for _, path := range []string{"/workbench", "/workbench/sizes?bytes=1"} {
		stranger.Wants(path, 303)
	}
	single := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database")).SignIn("ada")
	single.Wants("/workbench", 404)
}

// The sizes are those of sessions that were sealed: they grow with the claim, and
// never break what browsers keep.
func TestLabSizes(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	number := func(row *goquery.Selection, i int) int {
		text := strings.TrimSpace(row.Find("td").Eq(i).Text())
		if text == "–" {
			return 0 // it does not fit
		}
		n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
		handlerstest.Must(t, err)
		return n
	}
	last := map[string]int{}
	for _, claim := range []int{0, 1, 2048, 4096, 8192, 12288} {
		ada.Get(fmt.Sprintf("/workbench/sizes?bytes=%d", claim)).At("/workbench/sizes", 200)
		rows := ada.Page.Find("#sizes tbody tr:not(.what-of-it)")
		if rows.Length() != 3 {
			t.Fatalf("got %d seals, want 3", rows.Length())
		}
		rows.Each(func(_ int, row *goquery.Selection) {
			seal := row.Find("th").Text()
			json, sealed, lines, header := number(row, 0), number(row, 1), number(row, 2), number(row, 3)
			fits := sealed <= 3*3950 // in three cookies
			if json < claim || sealed <= json || fits != (lines > sealed) || fits != (header > sealed) || sealed <= last[seal] {
				t.Errorf("%s with %d: got %d, %d, %d, %d; they do not grow", seal, claim, json, sealed, lines, header)
			}
			last[seal] = sealed
		})
		small, large := ada.Page.Find("#sizes").Text(), claim == 8192 // beyond it nothing fits
		if strings.Contains(small, "nginx") != large {
			t.Errorf("with %d bytes: nginx is named %v, want %v", claim, !large, large)
		}
	}
	sizes, err := site.Extension.(*labpages.Lab).Bench.Size(t.Context(), auth.User{Name: "Ada"}, lab.MaxClaim)
	handlerstest.Must(t, err)
	for _, s := range sizes {
		for _, n := range s.Cookies {
			if n > 4096 {
				t.Errorf("%s: a cookie of %d bytes", s.Seal, n)
			}
		}
	}
	ada.Get("/workbench/sizes").At("/workbench/sizes", 200)
	for _, bad := range []string{"", "x", "-1", "12289", "1e3"} {
		ada.Wants("/workbench/sizes?bytes="+bad, 400)
	}
}
