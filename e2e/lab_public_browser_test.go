package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserRun: the first page's button needs no account, and fills the miniature
// where it stands, or on a page of its own where no script runs.
func TestBrowserRun(t *testing.T) {
	p := start(t, t.TempDir())
	scripts(t, func(t *testing.T, on bool) {
		b := browseWith(t, p, on)
		b.visit("/", "/")
		b.cells("mini-thief", "not asked yet", "not asked yet")
		if on {
			b.do(chromedp.Click(chromedp.CSS("#run")))
			b.eventually("an answer", func() bool { return b.textOf("#announce") != "" })
		} else {
			b.click("#run", "/lab/run")
		}
		b.cells("mini-you", "out", "out")
		b.cells("mini-thief", "STILL IN", "out")
		b.shows("cookie: the thief is still in.", "Sign in yourself")
		if got := b.cookies(); len(got) > 0 {
			t.Errorf("cookies: %v", got)
		}
	})
}

// TestBrowserVisitors: two browsers are two devices of one Ada on this machine, and
// two people on a public lab.
func TestBrowserVisitors(t *testing.T) {
	for name, c := range map[string]struct {
		vars []string
		meet bool
	}{"local": {nil, true}, "public": {[]string{"LAB_PUBLIC=1"}, false}} {
		t.Run(name, func(t *testing.T) {
			p := start(t, t.TempDir(), c.vars...)
			laptop, phone := browse(t, p), browse(t, p)
			laptop.signIn("ada")
			phone.signIn("ada")
			phone.visit("/compare", "/compare")
			laptop.visit("/compare", "/compare")
			laptop.act(true, "steal", "A thief can use both sessions, with a copy of your cookies.")
			if got := laptop.count("tr.client.other") > 0; got != c.meet {
				t.Errorf("the lab shows the other browser: %t, want %t", got, c.meet)
			}
			devices := map[bool]int{true: 2, false: 1}[c.meet]
			laptop.visit("/sessions", "/sessions")
			if got := laptop.count(".devices li"); got != devices {
				t.Errorf("%d devices, want %d", got, devices)
			}
			laptop.visit("/compare", "/compare")
			laptop.do(chromedp.Click(chromedp.CSS("#do-revoke-all")))
			laptop.eventually("the end of the sessions", func() bool { return laptop.textOf("#cell-you-database .word") == "out" })
			if c.meet {
				phone.visit("/dashboard", "/sign-in")
				phone.has(`[data-reason="revoked"]`)
				return
			}
			phone.visit("/dashboard", "/dashboard")
			phone.visit("/compare", "/compare")
			phone.shows("You are signed in two ways.")
			if phone.count("tr.client.thief .still, #story li") > 0 {
				t.Error("one visitor's thief or story is on the other's page")
			}
		})
	}
}

// count is how many elements there are.
func (b *tab) count(selector string) int {
	b.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	n, err := chromedp.Run(ctx, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", selector)))
	if err != nil {
		b.Fatal(err)
	}
	return n
}
