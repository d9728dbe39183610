package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The demos of the lab, as an audience sees them: what each scene must show, row by
// row in the order of the columns.
var demos = map[string][][]string{
	"stolen-cookie": {
		{"you: in, in", "thief: not asked yet, not asked yet"},
		{"you: in, in", "thief: in, as you, in, as you"},
		{"you: out, out", "thief: STILL IN, out"},
		{"you: out, out", "thief: out, out"},
	},
	"revoked-phone": {
		{"you: in, in, in", "phone: not asked yet, not asked yet, not asked yet"},
		{"you: in, in, in", "phone: in, in, in"},
		{"you: in, in, in", "phone: STILL IN, out, STILL IN"},
		{"you: in, in, in", "phone: STILL IN, out, out"},
	},
	"stale-role": {
		{"you: in, as admin, in, as admin, in, as admin"},
		{"you: in, as admin, in, as member, in, as admin"},
		{"you: in, as admin, in, as member, in, as member"},
	},
	"key-rotation": {{"you: in, in"}, {"you: in, in"}, {"you: out, in"}},
	"refresh-race": {
		{"you: in"}, {"you: in"},
		{
			"tab: in, not asked yet, not asked yet", "tab: in, not asked yet, not asked yet",
			"you: in, not asked yet, not asked yet", "thief: out, not asked yet, not asked yet",
		},
		{"tab: in, in, not asked yet", "tab: in, out, not asked yet", "you: in, out, not asked yet", "thief: out, out, not asked yet"},
		{"tab: in, in, in", "tab: in, out, in", "you: in, out, in", "thief: out, out, STILL IN"},
	},
	"store-down": {{"you: in, in, in"}, {"you: in, cannot tell, in"}, {"you: in, cannot tell, cannot tell"}, {"you: in, in, in"}},
}

func init() {
	for _, part := range []string{"stolen-cookie", "revoked-phone", "store-down"} {
		demos["playlist"] = append(demos["playlist"], demos[part]...)
	}
}

// scene wants the page of a demo to show a scene.
func (b *tab) scene(name string, at int) {
	b.Helper()
	counted := fmt.Sprintf("%d of %d", at, len(demos[name])-1)
	b.eventually(name+" at "+counted, func() bool { return b.textOf("#demo-at") == counted && b.textOf("#lab .matrix") != "" })
	ctx, cancel := b.bounded()
	defer cancel()
	rows, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll('#lab .matrix .client')].map(row =>
		row.classList[1] + ': ' + [...row.querySelectorAll('.verdict .word')].map(word => word.textContent).join(', '))`))
	if err != nil {
		b.Fatal(err)
	}
	if got, want := strings.Join(rows, "\n"), strings.Join(demos[name][at], "\n"); got != want {
		b.Errorf("%s at %d shows\n%s\nwant\n%s", name, at, got, want)
	}
}

// TestBrowserDemos plays each demo to its end and back to its beginning, with
// scripts and without.
func TestBrowserDemos(t *testing.T) {
	p := start(t, t.TempDir())
	scripts(t, func(t *testing.T, on bool) {
		for name, scenes := range demos {
			if testing.Short() && name != "stolen-cookie" {
				continue
			}
			b := browseWith(t, p, on)
			press := func(button string) {
				t.Helper()
				if step := chromedp.Click(chromedp.CSS("#demo-" + button)); on {
					b.do(step)
				} else {
					b.load("/compare", step)
				}
			}
			b.visit("/compare?demo="+name, "/compare")
			for at := range scenes {
				press("next")
				b.scene(name, at)
			}
			for at := len(scenes) - 2; at >= 0; at-- {
				press("back")
				b.scene(name, at)
			}
		}
	})
}

// TestBrowserDemoKeys plays a demo as a remote control does, on the screen that all
// look at, which shows everything without scrolling. The keys can be switched off.
func TestBrowserDemoKeys(t *testing.T) {
	b := browse(t, start(t, t.TempDir()))
	key := func(keys string) { b.Helper(); b.do(chromedp.KeyEvent(keys)) }
	for _, name := range slices.Sorted(maps.Keys(demos)) { // stolen-cookie, which begins anew below, is not the last
		scenes := demos[name]
		if testing.Short() && name != "refresh-race" {
			continue
		}
		b.do(chromedp.EmulateViewport(1280, 720))
		b.visit("/compare?demo="+name+"&present=1", "/compare")
		onward, back := []string{kb.PageDown, kb.ArrowRight, " ", "n"}, []string{kb.PageUp, kb.ArrowLeft, "b"}
		for at := range scenes {
			key(onward[at%len(onward)])
			b.scene(name, at)
			b.fits(name, at)
		}
		for at := len(scenes) - 2; at >= 0; at-- {
			key(back[at%len(back)])
			b.scene(name, at)
		}
	}
	b.visit("/compare?demo=stolen-cookie&present=1", "/compare")
	key(kb.PageDown)
	b.scene("stolen-cookie", 0)
	b.press("[data-keys-toggle]")
	b.has("[data-keys-toggle][aria-pressed=false]")
	key(kb.PageDown)
	key("n")
	b.visit("/compare?demo=stolen-cookie&present=1", "/compare") // it stays off
	key(kb.PageDown)
	b.visit("/compare?demo=stolen-cookie&present=1", "/compare")
	b.scene("stolen-cookie", 0)
	b.load("/compare", chromedp.KeyEvent(kb.Escape))
	b.has("header.top")
}

// fits wants everything on the screen, and verdicts that the last row can read.
func (b *tab) fits(name string, at int) {
	b.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	size, err := chromedp.Run(ctx, chromedp.Evaluate[[]float64](`[document.documentElement.scrollWidth, document.documentElement.scrollHeight,
		Math.min(...[...document.querySelectorAll('.cell:not(.is-none) .word')].map(word => parseFloat(getComputedStyle(word).fontSize)))]`))
	if err != nil {
		b.Fatal(err)
	}
	if size[0] > 1280 || size[1] > 720 || size[2] < 40 {
		b.Errorf("%s at %d: got %v × %v with verdicts of %v px, want 1280 × 720 with 40", name, at, size[0], size[1], size[2])
	}
}
