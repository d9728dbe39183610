package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
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
}

// scene is what a page of a demo shows.
func (b *tab) scene() []string {
	b.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	rows, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll('#lab .matrix .client')].map(row =>
		row.classList[1] + ': ' + [...row.querySelectorAll('.verdict .word')].map(word => word.textContent).join(', '))`))
	if err != nil {
		b.Fatal(err)
	}
	return rows
}

// TestBrowserDemos plays each demo to its end and back to its beginning, with
// scripts and without.
func TestBrowserDemos(t *testing.T) {
	p := start(t, t.TempDir())
	scripts(t, func(t *testing.T, on bool) {
		for name, scenes := range demos {
			b := browse(t, p)
			if !on {
				b.withoutScripts()
			}
			last := len(scenes) - 1
			b.visit("/compare?demo="+name, "/compare")
			press := func(button string, at int) {
				t.Helper()
				if step := chromedp.Click(chromedp.CSS("#demo-" + button)); on {
					b.do(step)
				} else {
					b.load("/compare", step)
				}
				counted := fmt.Sprintf("%d of %d", at, last)
				b.eventually(name+" at "+counted, func() bool { return b.textOf("#demo-at") == counted && b.textOf("#lab .matrix") != "" })
				if got, want := strings.Join(b.scene(), "\n"), strings.Join(scenes[at], "\n"); got != want {
					t.Errorf("%s at %d shows\n%s\nwant\n%s", name, at, got, want)
				}
			}
			for at := range scenes {
				press("next", at)
			}
			for at := last - 1; at >= 0; at-- {
				press("back", at)
			}
		}
	})
}
