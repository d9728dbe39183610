package labpages_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/handlers/handlerstest"
)

// Every page of compare mode shows at its foot what the request for it cost, and
// the header Server-Timing says the same.
func TestLabReceiptAtEachFoot(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare"))
	foot := func(b *handlerstest.Browser, path, verdict string) {
		t.Helper()
		b.Get(path)
		receipt := b.One("footer #receipt")
		if got := receipt.Find("dd").First().Text(); got != verdict {
			t.Errorf("%s: got the verdict %q, want %q", path, got, verdict)
		}
		said := regexp.MustCompile(`(\d+) reads?, (\d+) writes?`).FindStringSubmatch(receipt.Find("summary").Text())
		if said == nil {
			t.Fatalf("%s: %q counts no statements", path, receipt.Find("summary").Text())
		}
		for i, kind := range []string{"read", "write"} {
			n := "0"
			if m := regexp.MustCompile(`\b` + kind + `;dur=[\d.]+;desc="(\d+)"`).FindStringSubmatch(b.Page.Header.Get("Server-Timing")); m != nil {
				n = m[1]
			}
			listed := strconv.Itoa(strings.Count(receipt.Find(".steps").Text(), kind+" a row"))
			if n != said[i+1] || n != listed {
				t.Errorf("%s: %s %ss at the foot, %s in the header, %s among the steps", path, said[i+1], kind, n, listed)
			}
		}
	}
	for _, path := range []string{"/", "/sign-in", "/nothing"} {
		foot(ada, path, "not signed in: no cookie of database")
	}
	ada.SignIn("ada")
	for _, path := range []string{"/", "/dashboard", "/sessions", "/account", "/nothing"} {
		foot(ada, path, "signed in, under database")
	}
	foot(ada, "/compare", "none: this page loads no session itself")
	thief := handlerstest.NewBrowser(t, ada.Site).Steal(ada)
	ada.Press("#header-sign-out")
	foot(thief, "/", "refused by database: revoked")
}

// What the dashboard has no room for is a link away, and each link leads to what a
// script would bring.
func TestLabInsideLeadsOn(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	parts := ada.Page.Find("#inside [hx-get]")
	if n := parts.Length(); n != 12 { // three parts, and the cookies that are not the trusted one
		t.Errorf("got %d parts, want 12", n)
	}
	parts.Each(func(_ int, part *goquery.Selection) {
		href := part.Find("a").AttrOr("href", "")
		if href == "" || href != part.AttrOr("hx-get", "?") {
			t.Fatalf("a link to %q, a script asks %q", href, part.AttrOr("hx-get", "?"))
		}
		ada.Get(href)
		if ada.Page.Status != 200 || ada.Page.Find("main "+part.AttrOr("hx-select", "?")).Length() != 1 {
			t.Errorf("%s: got %d, without one %s", href, ada.Page.Status, part.AttrOr("hx-select", "?"))
		}
	})
	ada.Get("/workbench/cookies/session-cookie").At("/workbench/cookies/session-cookie", 200)
	if text := ada.Text(); !strings.Contains(text, "auth_time") || !strings.Contains(text, "Ada Lovelace") || strings.Contains(ada.Page.Body, ada.Value("session-cookie")) {
		t.Errorf("the cookie is not taken apart, or shown whole:\n%s", text)
	}
	ada.Wants("/workbench/cookies/nothing", 404)
	ada.Get("/dashboard")
	if n := len(ada.Page.Body); n > 31<<10 {
		t.Errorf("the dashboard has %d bytes, too many with styles and scripts", n)
	}
}
