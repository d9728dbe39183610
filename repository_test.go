package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestImports is the fence around the architecture: who may import whom.
func TestImports(t *testing.T) {
	allowed := map[string][]string{ // of ours; what is not here may import nothing of ours
		"auth/oauth":  {"auth"},
		"auth/devidp": {"auth"},
		"auth/lab":    {"auth"},
		"db":          {"auth", "notes"},
		"handlers":    {"auth", "auth/oauth", "auth/devidp", "mail", "notes", "views", "static"},
		".":           {"auth", "auth/oauth", "auth/devidp", "auth/lab", "db", "handlers", "handlers/labpages", "mail", "static", "views"},

		"views/labviews":            {"views"},
		"handlers/labpages":         {"auth", "auth/oauth", "auth/devidp", "auth/lab", "handlers", "views", "views/labviews"},
		"handlers/handlerstest":     {"auth", "auth/oauth", "auth/devidp", "db", "db/dbtest", "handlers", "mail", "static"},
		"e2e":                       {"auth/devidp", "db/dbtest"},
		"handlers/labpages/labtest": {"auth", "auth/lab", "db", "handlers/handlerstest", "handlers/labpages"},

		"newapp": {"auth"},
		"views":  {},
		"static": {},
		"auth":   {},
		"notes":  {},
	}
	foreign := map[string][]string{ // of others, and who may import it
		"github.com/labstack/echo": {".", "handlers", "handlers/labpages"},
		"github.com/a-h/templ":     {"views", "views/labviews", "views/viewstest", "handlers", "handlers/labpages"},
		"database/sql":             {"db", "db/dbtest"},
		"modernc.org/sqlite":       {"db", "db/dbtest"},
		"golang.org/x/oauth2":      {"auth/oauth"},
	}
	out, err := exec.Command("go", "list", "-f", `{{.Module.Path}} {{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		module := fields[0] + "/"
		from := strings.TrimPrefix(fields[1], module)
		if fields[1] == fields[0] {
			from = "."
		}
		for _, imported := range fields[2:] {
			if ours, is := strings.CutPrefix(imported, module); is && !slices.Contains(allowed[from], ours) {
				t.Errorf("%s imports %s", from, ours)
			}
			for prefix, who := range foreign {
				if (imported == prefix || strings.HasPrefix(imported, prefix+"/")) && !slices.Contains(who, from) {
					t.Errorf("%s imports %s", from, imported)
				}
			}
		}
	}
}

// TestRepository holds the house rules that no compiler knows.
func TestRepository(t *testing.T) {
	for _, name := range sources(t) {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		test, generated := strings.HasSuffix(name, "_test.go"), strings.HasSuffix(name, "_templ.go")
		const most = 400
		if n := bytes.Count(content, []byte("\n")); n > most && !test && !generated && !strings.HasPrefix(name, "static/vendor/") {
			t.Errorf("%s has %d lines, want at most %d", name, n, most)
		}
		if filepath.Ext(name) != ".go" {
			continue
		}
		// Time is passed in, so that it can be moved.
		if strings.Contains(name, "/") && !test && bytes.Contains(content, []byte("time."+"Now(")) {
			t.Errorf("%s reads the clock", name)
		}
		bubble := bytes.Contains(content, []byte(`"testing/synctest"`)) // where sleeping takes no time
		if test && !bubble && bytes.Contains(content, []byte("time."+"Sleep(")) {
			t.Errorf("%s sleeps", name)
		}
	}
}

// sources are the files of the program, with slashes.
func sources(t *testing.T) (names []string) {
	t.Helper()
	kinds := []string{".go", ".templ", ".css", ".js", ".html", ".sql", ".md", ".yml"}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case !d.IsDir() && slices.Contains(kinds, filepath.Ext(name)):
			names = append(names, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
