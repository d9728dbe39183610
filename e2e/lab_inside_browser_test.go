package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserPressedAtOnce checks that content swapped into a page works immediately: a
// click uses the script and does not submit the form and leave the page.
func TestBrowserPressedAtOnce(t *testing.T) {
	b := browse(t, start(t, t.TempDir()))
	b.signIn("ada")
	b.visit("/dashboard", "/dashboard")
	b.evaluate(`(new MutationObserver((_, o) => {
		const flip = document.querySelector('#inside #tamper-flip')
		if (flip) { o.disconnect(); flip.click() }
	}).observe(document.body, {childList: true, subtree: true}), '')`)
	b.do(chromedp.Click(chromedp.CSS("#inside > summary")), chromedp.Click(chromedp.CSS("#tampering > summary")))
	b.do(chromedp.WaitVisible(chromedp.CSS("#trial-hybrid")))
	if at := b.evaluate("location.pathname"); at != "/dashboard" {
		t.Errorf("got to %s, want to stay on /dashboard", at)
	}
}

// TestBrowserInside: what is folded away unfolds in place where scripts run, and is a
// link away where they do not.
func TestBrowserInside(t *testing.T) {
	p := start(t, t.TempDir())
	scripts(t, func(t *testing.T, on bool) {
		b := browse(t, p)
		b.signIn("ada")
		if !on {
			b.withoutScripts()
		}
		b.visit("/dashboard", "/dashboard")
		b.do(chromedp.Click(chromedp.CSS("#receipt summary")), chromedp.WaitVisible(chromedp.CSS("#receipt .steps")))
		b.do(chromedp.Click(chromedp.CSS("#inside > summary")), chromedp.Click(chromedp.CSS("#tampering > summary")))
		if on {
			b.do(chromedp.Click(chromedp.CSS("#inside #tamper-flip")), chromedp.WaitVisible(chromedp.CSS("#inside #trial-hybrid")))
			b.shows("✓ as expected")

			b.do(chromedp.Click(chromedp.CSS("#growth > summary")), chromedp.WaitVisible(chromedp.CSS("#claim-range")))
			b.do(chromedp.Evaluate[chromedp.Void](`(() => { const s = document.getElementById('claim-range'); s.value = 9024; s.dispatchEvent(new Event('input', {bubbles: true})) })()`))
			b.eventually("a larger session", func() bool {
				return b.textOf("#sizes caption") == "Bytes of a session with a claim of 9,024 bytes, by seal"
			})

			b.do(chromedp.Click(chromedp.CSS("#code > summary")), chromedp.WaitVisible(chromedp.CSS("#source #L20")))
			b.do(chromedp.Click(chromedp.CSS(`#source a[href="/source/hybrid.go"]`)))
			b.eventually("another file", func() bool { return b.textOf("#source .file strong") == "hybrid.go" })
			b.visit("/dashboard", "/dashboard")
			return
		}
		b.click("#tampering .elsewhere a", "/workbench")
		b.click("#tamper-flip", "/workbench")
		b.shows("✓ as expected")
		b.visit("/workbench/sizes?bytes=2048", "/workbench/sizes")
		b.click(".sizes button", "/workbench/sizes")
		b.shows("large_client_header_buffers")
	})
}
