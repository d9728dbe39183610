package handlers_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/auth"
)

// What the page shows is the very file, line by line.
func TestLabSource(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare"))
	files, err := filepath.Glob("../auth/*.go")
	must(t, err)
	shown := 0
	for _, name := range files {
		base := filepath.Base(name)
		if ada.get("/source/"+base).page.status == 404 {
			continue
		}
		shown++
		content, err := os.ReadFile(name)
		must(t, err)
		for i, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
			if got := codeOf(ada.page.Document, i+1); got != line {
				t.Fatalf("%s:%d: got %q, want %q", base, i+1, got, line)
			}
		}
		if n := ada.page.Find(".source > span").Length(); n != strings.Count(string(content), "\n") {
			t.Errorf("%s: got %d lines, want %d", base, n, strings.Count(string(content), "\n"))
		}
		if n := len(ada.page.body); n > 30<<10 {
			t.Errorf("%s: got %d bytes", base, n)
		}
	}
	if shown < 20 {
		t.Errorf("only %d files are shown", shown)
	}
	for _, name := range []string{"nothing.go", "receipt_test.go", "..%2fmain.go", "blocklist.txt"} {
		ada.wants("/source/"+name, 404)
	}
	newBrowser(t, newSite(t, "database")).wants("/source/auth.go", 404)
}

// codeOf is a line of the code on a page, without its number.
func codeOf(page *goquery.Document, line int) string {
	found := page.Find("#L" + strconv.Itoa(line)).Clone()
	found.Find("a").Remove()
	return found.Text()
}

// Every step that a strategy takes, in every verdict that it gives, leads to a line
// that has to do with it.
func TestLabStepsLeadToTheirLines(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	files, seen := map[string][]string{}, map[string]bool{}
	follow := func(b *browser) {
		t.Helper()
		b.page.Find(".steps a").Each(func(_ int, a *goquery.Selection) {
			href, text := a.AttrOr("href", ""), a.Text()
			file, line, _ := strings.Cut(strings.TrimPrefix(href, "/source/"), "#L")
			if files[file] == nil {
				content, err := os.ReadFile("../auth/" + file)
				must(t, err)
				files[file] = strings.Split(string(content), "\n")
			}
			n, err := strconv.Atoi(line)
			must(t, err)
			code := files[file][n-1]
			words := strings.Fields(text)
			want := ""
			switch {
			case a.Closest("small").Length() > 0: // a rule
				want = "return"
			case text == "read a row":
				want = map[bool]string{true: "Users.User(", false: "Find("}[strings.Contains(a.Closest("li").Find("code").Text(), "FROM users")]
				if strings.Contains(code, "users.User(") {
					want = "users.User("
				}
			case text == "write a row" || strings.HasSuffix(text, "the transaction"):
				want = "Store."
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
			if a.Closest("small").Length() > 0 {
				seen["rule"] = true
			}
		})
	}
	follow(ada.get("/dashboard"))
	follow(ada.act("steal", "show", "all"))
	for _, after := range []time.Duration{5 * time.Minute, 10 * time.Minute, 6 * day} {
		follow(ada.act("advance", "duration", after.String(), "show", "all"))
	}
	follow(ada.act("revoke-all", "show", "all"))
	follow(ada.act("advance", "duration", "720h", "show", "all"))
	for _, kind := range auth.Kinds() {
		for _, verb := range []string{"authenticate"} {
			if !seen[kind.Name+" "+verb] {
				t.Errorf("no link at %s %s", kind.Name, verb)
			}
		}
	}
	for _, step := range []string{"hybrid renew", "renew renew", "pair renew", "rotation renew", "database renew", "read a row", "write a row", "begin the transaction", "rule"} {
		if !seen[step] {
			t.Errorf("no link at %q", step)
		}
	}
}
