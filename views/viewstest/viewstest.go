// Package viewstest renders pages and checks rules that every page must follow.
package viewstest

import (
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
)

// Draw renders a component and parses what came out.
func Draw(t *testing.T, c templ.Component) *goquery.Document {
	t.Helper()
	var b strings.Builder
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// CheckRules checks that pages work under a strict content security policy and are
// accessible by keyboard and screen reader.
func CheckRules(t *testing.T, pages map[string]templ.Component) {
	t.Helper()
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			doc := Draw(t, page)
			for selector, want := range map[string]int{
				"h1": 1, "main": 1, "html[lang]": 1, "title": 1, "link[rel=stylesheet]": 1, "script[src][defer]": 1,
				"style": 0, "[style]": 0, "script:not([src])": 0, "[srcdoc]": 0, "img:not([alt])": 0, "button[disabled]": 0, "form form": 0,
			} {
				if got := doc.Find(selector).Length(); got != want {
					t.Errorf("%s: got %d, want %d", selector, got, want)
				}
			}
			ids := map[string]bool{}
			doc.Find("*").Each(func(_ int, s *goquery.Selection) {
				for _, a := range s.Get(0).Attr {
					if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on") {
						t.Errorf("<%s> has an inline handler %s", goquery.NodeName(s), a.Key)
					}
					if a.Key == "id" && ids[a.Val] {
						t.Errorf("id %q is used twice", a.Val)
					} else if a.Key == "id" {
						ids[a.Val] = true
					}
				}
			})
			doc.Find("form").Each(func(_ int, s *goquery.Selection) {
				action := s.AttrOr("action", "")
				if s.AttrOr("method", "") != "post" || !strings.HasPrefix(action, "/") || strings.HasPrefix(action, "//") {
					t.Errorf("form has method %q and action %q, want post to a local path", s.AttrOr("method", ""), action)
				}
				if s.Find("button").Length() == 0 {
					t.Errorf("the form to %q has no button", action)
				}
			})
			doc.Find("button").Each(func(_ int, s *goquery.Selection) {
				if s.Closest("form").Length() == 0 && s.AttrOr("hidden", "absent") == "absent" {
					t.Errorf("the button %q does nothing without a script", s.Text())
				}
			})
		})
	}
}
