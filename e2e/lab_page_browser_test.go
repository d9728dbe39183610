package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

func (b *tab) says(js string) bool {
	b.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool](js))
	if err != nil {
		b.Fatal(err)
	}
	return yes
}

// TestBrowserSwapsWhatChanged: an action replaces the cells that it changed and
// leaves alone what is as it was, the keyboard's place included.
func TestBrowserSwapsWhatChanged(t *testing.T) {
	b := browse(t, start(t, t.TempDir()))
	b.visit("/compare?demo=stolen-cookie", "/compare")
	b.do(chromedp.Click(chromedp.CSS("#demo-next")))
	b.scene("stolen-cookie", 0)
	b.visit("/compare", "/compare")
	b.do(chromedp.Evaluate[chromedp.Void](`window.before = Object.fromEntries([...document.querySelectorAll('[id]')].map(e => [e.id, e])); void document.querySelector('#do-steal').focus()`))
	b.act(true, "steal", "A thief can use both sessions, with a copy of your cookies.")
	for _, id := range []string{"lab", "headline", "story", "present", "do-raise-version", "do-advance-5m", "do-reset", "trials"} {
		if !b.says(`before['` + id + `'].isConnected`) {
			t.Errorf("%s was replaced", id)
		}
	}
	for _, id := range []string{"cell-thief-cookie", "cell-thief-database"} {
		if b.says(`before['`+id+`'].isConnected`) || !b.says(`document.getElementById('`+id+`').matches('.changed')`) {
			t.Errorf("%s is not marked as changed", id)
		}
	}
	if !b.says(`document.activeElement.id === 'do-steal'`) {
		t.Error("the keyboard lost its place")
	}
	b.act(true, "sign-out", "You signed out. The thief is still in under 1 of 2.") // what was swapped in works too
	b.cells("thief", "STILL IN", "out")
}

// TestBrowserNarrow: on a phone one button goes on, and the others unfold, also
// without scripts.
func TestBrowserNarrow(t *testing.T) {
	p := start(t, t.TempDir())
	scripts(t, func(t *testing.T, on bool) {
		b := browseWith(t, p, on)
		b.do(chromedp.EmulateViewport(360, 740))
		b.visit("/compare?demo=stolen-cookie", "/compare")
		if step := chromedp.Click(chromedp.CSS("#demo-next")); on {
			b.do(step)
		} else {
			b.load("/compare", step)
		}
		b.scene("stolen-cookie", 0)
		b.visit("/compare", "/compare")
		for _, next := range []struct{ label, headline string }{
			{"Next: Steal cookies", "A thief can use both sessions, with a copy of your cookies."},
			{"Next: Sign out", "You signed out. The thief is still in under 1 of 2."},
		} {
			if got := b.textOf("#do-next"); got != next.label {
				t.Errorf("got %q, want %q", got, next.label)
			}
			b.act(on, "next", next.headline)
		}
		shown := `document.getElementById('do-add-phone').offsetParent !== null`
		if b.says(shown) {
			t.Error("the actions are not folded")
		}
		b.do(chromedp.Click(chromedp.CSS("label[for=dock-more]")))
		if !b.says(shown) {
			t.Error("the actions do not unfold")
		}
		if !b.says(`document.documentElement.scrollWidth <= 360`) {
			t.Error("the page scrolls sideways")
		}
	})
}
