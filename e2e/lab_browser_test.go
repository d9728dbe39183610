package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserToggle: one sign-in, two sessions, and the page's choice between them.
func TestBrowserToggle(t *testing.T) {
	p := start(t, t.TempDir())
	scripts(t, func(t *testing.T, on bool) {
		b := browseWith(t, p, on)
		b.visit("/", "/")
		b.click(`main a[href^="/sign-in"]`, "/sign-in")
		b.click("#sign-in-dev", "/idp/authorize")
		b.click(`button[value="ada"]`, "/compare")
		b.visit("/dashboard", "/dashboard")
		b.shows("remembered by database")
		b.click("#trust-cookie", "/dashboard")
		b.shows("remembered by cookie", "cannot end a session it is not shown")
		b.do(chromedp.Click(chromedp.CSS("#inside summary")))
		b.has("#inside[open]")
		b.shows("__Host-session-cookie", "__Host-session-database")
		b.click(`main a[href="/sessions"]`, "/sessions")
		b.shows("A copy taken before keeps working until it ends.")
		b.click("#trust-database", "/sessions")
		b.shows("Ending one takes effect at once")
		b.click("#header-sign-out", "/sign-in")
		b.has(`[data-reason="signed_out"]`)
	})
}

// TestBrowserTwo: what one browser can end of another's depends on the strategy,
// and the page says until when.
func TestBrowserTwo(t *testing.T) {
	p := start(t, t.TempDir())
	laptop, phone, tablet := browse(t, p), browse(t, p), browse(t, p)
	laptop.signIn("ada")
	for _, other := range []*tab{phone, tablet} {
		other.signIn("ada")
		other.click("#trust-cookie", "/dashboard")
	}
	laptop.visit("/sessions", "/sessions")
	laptop.click("#revoke-others", "/sessions")
	laptop.shows("All other sessions were ended")
	phone.click("#trust-database", "/sign-in")
	phone.has(`[data-reason="revoked"]`)
	tablet.visit("/dashboard", "/dashboard")
	tablet.shows("Ada Lovelace", "remembered by cookie", "This one ends by")
}

// TestBrowserCompare is the demonstration: steal, sign out, and see who is in.
func TestBrowserCompare(t *testing.T) {
	scripts(t, func(t *testing.T, on bool) {
		b := browseWith(t, start(t, t.TempDir()), on)
		b.visit("/compare", "/compare")
		b.shows("Nobody is signed in.")
		b.click("#do-sign-in-all", "/sign-in")
		b.click("#sign-in-dev", "/idp/authorize")
		b.click(`button[value="ada"]`, "/compare")
		b.cells("you", "in", "in")
		b.act(on, "steal", "A thief can use both sessions, with a copy of your cookies.")
		b.cells("thief", "in, as you", "in, as you")
		b.act(on, "sign-out", "You signed out. The thief is still in under 1 of 2.")
		b.cells("you", "out", "out")
		b.cells("thief", "STILL IN", "out")
		if got := b.cookies(); got["__Host-session-cookie"] != "" || got["__Host-session-database"] != "" {
			t.Errorf("cookies left after sign-out: %v", got)
		}
		b.visit("/compare", "/compare") // nothing depends on having pressed a button
		b.cells("thief", "STILL IN", "out")
		b.act(on, "reset", "Nobody is signed in.")
		b.cells("thief", "not asked yet", "not asked yet")
	})
}

// act presses a button of the lab: with scripts the page stays and a part of it
// is swapped.
func (b *tab) act(scripts bool, name, headline string) {
	b.Helper()
	if scripts {
		b.do(chromedp.Click(chromedp.CSS("#do-" + name)))
	} else {
		b.click("#do-"+name, "/compare")
	}
	b.eventually("the headline "+headline, func() bool { return b.textOf("#headline") == headline })
}

// cells checks a client's verdicts, in the order of the strategies.
func (b *tab) cells(client string, want ...string) {
	b.Helper()
	for i, strategy := range []string{"cookie", "database"} {
		if got := b.textOf("#cell-" + client + "-" + strategy + " .word"); got != want[i] {
			b.Errorf("%s under %s: got %q, want %q", client, strategy, got, want[i])
		}
	}
}

// press waits for an element and clicks it in the same step of the page, so that it cannot
// move in between.
func (b *tab) press(selector string) {
	b.Helper()
	script := fmt.Sprintf("(e => e ? (e.click(), 'pressed') : '')(document.querySelector(%q))", selector)
	b.eventually(selector, func() bool { return b.evaluate(script) != "" })
}
