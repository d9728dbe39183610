package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocs: every test and every file that a page of docs names exists, and every
// variable is explained.
func TestDocs(t *testing.T) {
	tests := map[string]string{} // the code of a package's tests
	for _, name := range sources(t) {
		if strings.HasSuffix(name, "_test.go") {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tests[filepath.ToSlash(filepath.Dir(name))] += string(content)
		}
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatalf("got pages %q, %v", pages, err)
	}
	for _, page := range pages {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		checkLinks(t, page)
		checkTests(t, page, string(content), tests)
	}
	settings, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range variables() {
		if !strings.Contains(string(settings), "`"+name+"`") {
			t.Errorf("%s is not explained", name)
		}
	}
}

// checkTests wants every test that a page names: after its package, as in `db` `TestX`,
// or of the root.
func checkTests(t *testing.T, page, content string, tests map[string]string) {
	t.Helper()
	inPackage := "."
	for _, quoted := range regexp.MustCompile("(?m)`([^`\n]+)`|$").FindAllStringSubmatch(content, -1) {
		name, part, _ := strings.Cut(quoted[1], "/")
		switch _, isPackage := tests[quoted[1]]; {
		case quoted[0] == "": // the end of a line
			inPackage = "."
		case isPackage:
			inPackage = quoted[1]
		case regexp.MustCompile(`^(Test|Fuzz|Example)[A-Z]\w+$`).MatchString(name):
			in := tests[inPackage]
			if !strings.Contains(in, "func "+name+"(") || !strings.Contains(in, `"`+part) {
				t.Errorf("%s: there is no %s in %s", page, quoted[1], inPackage)
			}
		}
	}
}

// checkLinks wants every file and every section that a page links to.
func checkLinks(t *testing.T, page string) {
	t.Helper()
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(content), -1) {
		file, section, _ := strings.Cut(link[1], "#")
		target := page
		if file != "" {
			target = filepath.Join(filepath.Dir(page), file)
		}
		text, err := os.ReadFile(target)
		if info, statErr := os.Stat(target); statErr != nil {
			t.Errorf("%s: %v", page, statErr)
		} else if err != nil && !info.IsDir() {
			t.Errorf("%s: %v", page, err)
		}
		if title := "# " + strings.ReplaceAll(section, "-", " ") + "\n"; section != "" && !strings.Contains(strings.ToLower(string(text)), title) {
			t.Errorf("%s: %s has no section %s", page, target, section)
		}
	}
}
