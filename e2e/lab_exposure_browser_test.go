package e2e

import (
	"strings"
	"testing"
)

// TestBrowserExposure: the first look starts the measurement; with scripts the page
// follows it by itself, without them by a link. Then the advice has its numbers.
func TestBrowserExposure(t *testing.T) {
	scripts(t, func(t *testing.T, on bool) {
		b := browseWith(t, start(t, t.TempDir()), on)
		b.visit("/compare/exposure", "/compare/exposure")
		b.eventually("the numbers", func() bool {
			if !on && b.textOf("#exposure-refresh") != "" {
				b.click("#exposure-refresh", "/compare/exposure")
			}
			return strings.HasPrefix(b.textOf("h1"), "You signed out. Under 4 of 7")
		})
		for row, want := range map[string]string{"cookie": "30 d", "database": "0 s", "hybrid": "5 min", "rotation": "15 min"} {
			if got := b.textOf("#exposure-" + row + " td.number"); got != want {
				t.Errorf("%s: got %q, want %q", row, got, want)
			}
		}
		if on {
			first := b.begun()
			b.press("#exposure-press.run")
			b.eventually("the end of a second run", func() bool {
				return b.textOf("#exposure-press.run") == "Measure again" && b.begun() != first
			})
		} else {
			b.click("#exposure-press.run", "/compare/exposure")
		}
		b.click(`.segments a[href$="end=set-role"]`, "/compare/exposure")
		b.shows("then a member")
		b.click(`.exposure-next a`, "/learn")
		b.click(`#q-one a[href*="one=yes"]`, "/learn")
		b.click(`#q-api a[href*="api=yes"]`, "/learn")
		if got := b.textOf("#advice-pick"); got != "rotation" {
			t.Errorf("one session, and programs: got %q", got)
		}
	})
}

// begun returns the start time of the run shown on the page.
func (b *tab) begun() string {
	b.Helper()
	return b.evaluate("document.querySelector('#lab-exposure time')?.dateTime ?? ''")
}
