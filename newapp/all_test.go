package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNewApps makes an application with each strategy, and some with other stores, vets it,
// signs in to it, and compares what docs/newapp.md says of its size. With NEWAPP=all it runs
// staticcheck and all tests of each; with NEWAPP=some only those of cookie and database,
// none in a browser, and no other choice of stores for database.
func TestNewApps(t *testing.T) {
	mode := os.Getenv("NEWAPP")
	if mode != "all" && mode != "some" {
		return // TestNewApp makes one; this takes long
	}
	source := clone(t)
	docs, err := os.ReadFile(filepath.Join(source, "docs/newapp.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		strategy, stores string
		least            int // how many tests it has
	}{
		{"cookie", "", 150},
		{"database", "sqlite,postgres", 350},
		{"database", "sqlite", 300},
		{"database", "postgres,redis", 350},
		{"epoch", "sqlite,postgres", 200},
		{"hybrid", "sqlite,postgres,redis", 300},
		{"renew", "sqlite,postgres", 200},
		{"pair", "sqlite,postgres", 200},
		{"rotation", "sqlite,postgres", 200},
	} {
		usual := c.strategy != "database" || c.stores == "sqlite,postgres"
		if mode == "some" && !usual {
			continue
		}
		t.Run(c.strategy+" "+c.stores, func(t *testing.T) {
			o := options{module: "example.com/app", slug: "app", name: "Acme", owner: "Ada Lovelace", strategy: c.strategy}
			if c.stores != "" {
				o.stores = strings.Split(c.stores, ",")
			}
			app := made(t, source, o)
			tool(t, app, "go", "mod", "tidy")
			tool(t, app, "go", "run", templTool, "generate")
			if unformatted := tool(t, app, "gofmt", "-l", "."); unformatted != "" {
				t.Errorf("not formatted: %s", unformatted)
			}
			tool(t, app, "go", "vet", "-trimpath", "./...")
			size := 0.0
			if c.stores != "postgres,redis" { // it does not start without a server
				size = float64(signIn(t, app, "app", "Acme", c.strategy)) / (1 << 20)
			}
			tests := 0
			if tested := c.strategy == "cookie" || c.strategy == "database" && c.stores == "sqlite,postgres"; mode == "all" || tested {
				tests = check(t, app, mode, c.least)
			}
			if tests > 0 && c.strategy == "database" && c.stores == "sqlite,postgres" {
				t.Run("mutants", func(t *testing.T) { killMutants(t, app) })
			}
			tool(t, app, "git", "init", "-q")
			tool(t, app, "git", "add", "-A")
			files, err := readTree(t.Context(), app)
			if err != nil {
				t.Fatal(err)
			}
			// The size depends on the version of Go, and is left out of what is compared.
			row := fmt.Sprintf("| `%s` | %s | %d | %d | %d |", c.strategy, strings.ReplaceAll(c.stores, ",", ", "), round(files.goLines(), 100), round(len(files), 10), files.requirements())
			t.Logf("%s %.1f MiB | %d tests", row, size, tests)
			if !strings.Contains(string(docs), row) {
				t.Errorf("docs/newapp.md does not contain: %s", row)
			}
		})
	}
}

// round rounds n, so that not every change changes what docs/newapp.md says.
func round(n, to int) int { return (n + to/2) / to * to }

// check runs staticcheck and the tests of an application, and returns how many ran.
func check(t *testing.T, app, mode string, least int) int {
	t.Helper()
	tool(t, app, "go", "run", "honnef.co/go/tools/cmd/staticcheck@v0.8.2", "./...")
	without := "^$"
	if mode == "some" {
		without = "^TestBrowser"
	}
	reasons, tests := skips(t, tool(t, app, "go", "test", "-trimpath", "-json", "-skip", without, "./..."))
	for _, reason := range reasons {
		if !allowedSkip.MatchString(reason) {
			t.Errorf("a test of the application skips: %s", reason)
		}
	}
	if tests < least {
		t.Errorf("%d tests ran, want at least %d", tests, least)
	}
	return tests
}

// failures returns what the failed tests print, of the output of go test -json, and any
// other output as it is.
func failures(out string) string {
	said, failed := map[string]string{}, ""
	for lines := json.NewDecoder(strings.NewReader(out)); ; {
		var event struct{ Action, Package, Test, Output string }
		if err := lines.Decode(&event); err == io.EOF {
			return failed
		} else if err != nil {
			return failed + out
		}
		test := event.Package + " " + event.Test
		said[test] += event.Output
		if event.Action == "fail" {
			failed += said[test]
		}
	}
}

// requirements counts the modules that the application itself imports, those of its tests
// included.
func (t tree) requirements() (n int) {
	for line := range strings.Lines(string(t["go.mod"].content)) {
		if strings.HasPrefix(line, "\t") && !strings.Contains(line, "// indirect") {
			n++
		}
	}
	return n
}

// mutants are faults that the tests of an application must notice.
var mutants = []struct{ name, file, from, to string }{
	{"the Cookie header is logged", "handlers/middleware.go", `"request", "id", v.ID,`, `"request", "cookie", r.Header.Get("Cookie"), "id", v.ID,`},
	{"the live role is not checked", "handlers/roles.go", "case u.Role != role:", "case u.Role == \"nobody\":"},
	{"scripts can read cookies", "auth/cookies.go", `c.HttpOnly, c.Secure, c.SameSite = prefix+name, "/", true, true`, `c.HttpOnly, c.Secure, c.SameSite = prefix+name, "/", false, true`},
	{"other sites can act", "handlers/host.go", "protected := csrf.Handler(next)", "protected := next"},
	{"pages are cached", "handlers/middleware.go", `[]string{"no-store"}`, `[]string{"max-age=60"}`},
}

// killMutants puts each fault into an application and wants a test to fail.
func killMutants(t *testing.T, app string) {
	for _, m := range mutants {
		file := filepath.Join(app, m.file)
		was, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		is := strings.Replace(string(was), m.from, m.to, 1)
		if is == string(was) {
			t.Errorf("%s: %s does not contain %q", m.name, m.file, m.from)
			continue
		}
		if err := os.WriteFile(file, []byte(is), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := output(t.Context(), app, "go", "test", "-trimpath", "-run", "TestSecurity|TestAdmin|TestRole|TestLog", "./handlers"); err == nil || !strings.Contains(out, "--- FAIL") {
			t.Errorf("%s, and no test fails: %s", m.name, out)
		}
		if err := os.WriteFile(file, was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// allowedSkip matches the reasons for which a test of an application may skip: a missing
// server, or because it is about another engine, machine, seal or strategy.
var allowedSkip = regexp.MustCompile(`\.ci/run|: (about|measured once|SESSIONS says|nothing is read-only|needs the right|nobody but root|a jwt is signed|no (Revoker|Lister|Confirmer|Bearer))`)

// skips returns the skip messages in the output of go test -json.
func skips(t *testing.T, output string) (reasons []string, tests int) {
	t.Helper()
	said := map[string]string{}
	for lines := json.NewDecoder(strings.NewReader(output)); ; {
		var event struct{ Action, Package, Test, Output string }
		if err := lines.Decode(&event); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		test := event.Package + " " + event.Test
		switch {
		case event.Test == "":
		case event.Action == "output":
			said[test] += event.Output
		case event.Action == "skip":
			reasons = append(reasons, said[test])
		case event.Action == "pass" && !strings.Contains(event.Test, "/"):
			tests++
		}
	}
	return reasons, tests
}
