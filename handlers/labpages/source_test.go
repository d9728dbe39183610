package labpages_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/auth"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// What the page shows is the very file, line by line.
func TestLabSource(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare"))
	files, err := filepath.Glob("../../auth/*.go")
	handlerstest.Must(t, err)
	shown := 0
	for _, name := range files {
		base := filepath.Base(name)
		if ada.Get("/source/"+base).Page.Status == 404 {
			continue
		}
		shown++
		content, err := os.ReadFile(name)
		handlerstest.Must(t, err)
		for i, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
			if got := codeOf(ada.Page.Document, i+1); got != line {
				t.Fatalf("%s:%d: got %q, want %q", base, i+1, got, line)
			}
		}
		if n := ada.Page.Find(".source > span").Length(); n != strings.Count(string(content), "\n") {
			t.Errorf("%s: got %d lines, want %d", base, n, strings.Count(string(content), "\n"))
		}
		if n := len(ada.Page.Body); n > 30<<10 {
			t.Errorf("%s: got %d bytes", base, n)
		}
	}
	if shown < 20 {
		t.Errorf("only %d files are shown", shown)
	}
	for _, name := range []string{"nothing.go", "receipt_test.go", "..%2fmain.go", "blocklist.txt"} {
		ada.Wants("/source/"+name, 404)
	}
	handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database")).Wants("/source/auth.go", 404)
}

// codeOf is a line of the code on a page, without its number.
func codeOf(page *goquery.Document, line int) string {
	found := page.Find("#L" + strconv.Itoa(line)).Clone()
	found.Find("a").Remove()
	return found.Text()
}

// Every step that a strategy takes leads to the method that took it.
func TestLabStepsLeadToTheirLines(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	files, seen := map[string][]string{}, map[string]bool{}
	follow := func(b *handlerstest.Browser) {
		t.Helper()
		b.Page.Find(".steps a").Each(func(_ int, a *goquery.Selection) {
			href, text := a.AttrOr("href", ""), a.Text()
			file, line, _ := strings.Cut(strings.TrimPrefix(href, "/source/"), "#L")
			if files[file] == nil {
				content, err := os.ReadFile("../../auth/" + file)
				handlerstest.Must(t, err)
				files[file] = strings.Split(string(content), "\n")
			}
			n, err := strconv.Atoi(line)
			handlerstest.Must(t, err)
			code := files[file][n-1]
			words := strings.Fields(text)
			want := ""
			switch {
			case words[0] == "seal":
				want = "func (s *sealer) Seal("
			case words[0] == "open":
				want = "func (s *sealer) Open("
			default:
				want = ") " + strings.ToUpper(words[1][:1]) + words[1][1:] + "("
			}
			if !strings.Contains(code, want) {
				t.Errorf("%q leads to %s: %q, want %q there", text, href, code, want)
			}
			seen[text] = true
		})
	}
	follow(ada.Get("/dashboard"))
	follow(act(ada, "steal", "show", "all"))
	for _, after := range []time.Duration{5 * time.Minute, 10 * time.Minute, 6 * handlerstest.Day} {
		follow(act(ada, "advance", "duration", after.String(), "show", "all"))
	}
	follow(act(ada, "revoke-all", "show", "all"))
	follow(act(ada, "advance", "duration", "720h", "show", "all"))
	for _, kind := range auth.Kinds() {
		if !seen[kind.Name+" authenticate"] {
			t.Errorf("no link at %s authenticate", kind.Name)
		}
	}
	for _, step := range []string{"hybrid renew", "renew renew", "pair renew", "rotation renew", "database renew", "open seal of hybrid"} {
		if !seen[step] {
			t.Errorf("no link at %q", step)
		}
	}
}

// Time that a step took within another is not counted twice.
func TestDepthOfSteps(t *testing.T) {
	t.Parallel()
	steps := []auth.Step{ // in the order in which they ended
		{Name: "read", Began: 20}, {Name: "seal", Began: 30}, {Name: "authenticate", Began: 10}, {Name: "commit", Began: 40},
	}
	for i, want := range []int{1, 1, 0, 0} {
		if got := labpages.Depth(steps, i); got != want {
			t.Errorf("%s: got %d, want %d", steps[i].Name, got, want)
		}
	}
}
