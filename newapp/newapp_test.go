package main

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sessionlab/db/dbtest"
	"sessionlab/e2e"
)

// clone returns a folder with a copy of the project, committed, and makes it the working
// directory.
func clone(t *testing.T) string {
	t.Helper()
	dbtest.RequireCommand(t, "git")
	dir := filepath.Join(t.TempDir(), "sessionlab")
	if err := os.CopyFS(dir, os.DirFS("..")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".git")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-qm", "all"},
	} {
		tool(t, dir, "git", args...)
	}
	return dir
}

// tool runs a command without the servers of the tests and returns what it prints.
func tool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "TEST_") && !strings.HasPrefix(pair, "REQUIRE_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestNewApp makes an application, signs in to it, and runs its checks where everything is
// checked.
func TestNewApp(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program a second time")
	}
	source := clone(t)
	app := filepath.Join(t.TempDir(), "harbor")
	var out bytes.Buffer
	err := run(t.Context(), []string{"-module", "example.com/harbor-app/v2", "-name", "Harbor 7", "-owner", "Ada Lovelace", "-strategy", "epoch", "-check=false", app}, &out)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
	if changes := tool(t, source, "git", "status", "--porcelain"); changes != "" {
		t.Errorf("the clone was changed:\n%s", changes)
	}
	wantNoWord(t, app)
	for name, want := range map[string]string{
		"go.mod": "module example.com/harbor-app/v2\n", "LICENSE": "the sessionlab authors\nCopyright (c) 2026 Ada Lovelace\n", "README.md": "# Harbor 7\n", "CHANGELOG.md": "Harbor 7",
		"auth/keys.go": `"sessionlab "+purpose`, "auth/identity.go": "sessionlab user id v1", "deploy/harbor-app.service": "ExecStart=/usr/local/bin/harbor-app",
		".env.example": "SESSION_STRATEGY=epoch\n", ".github/workflows/ci.yml": ".ci/run",
	} {
		if content, err := os.ReadFile(filepath.Join(app, name)); err != nil || !strings.Contains(string(content), want) {
			t.Errorf("%s: got %v, want it to contain %q", name, err, want)
		}
	}

	tool(t, app, "go", "build", "-o", "harbor-app", ".")
	cmd := exec.Command(filepath.Join(app, "harbor-app"))
	cmd.Dir, cmd.Env = t.TempDir(), []string{"ADDR=localhost:0"}
	p := e2e.Start(t, cmd)
	if got := p.Says("strategy"); got != "epoch" {
		t.Errorf("strategy: got %q, want epoch", got)
	}
	v := e2e.Visit(t, p)
	v.Wants("/", 200, "Harbor 7")
	v.SignIn("ada")
	v.Wants("/dashboard", 200, "Ada Lovelace")
	v.Wants("/notes", 200)
	v.Wants("/compare", 404)
	p.Stop()

	if os.Getenv("REQUIRE_SERVICES") != "1" { // its own checks take as long as ours
		return
	}
	if err := os.Remove(filepath.Join(app, "harbor-app")); err != nil {
		t.Fatal(err)
	}
	if unformatted := tool(t, app, "gofmt", "-l", "."); unformatted != "" {
		t.Errorf("not formatted: %s", unformatted)
	}
	tool(t, app, "go", "mod", "tidy", "-diff")
	tool(t, app, "go", "run", "honnef.co/go/tools/cmd/staticcheck@v0.8.2", "./...")
	for _, reason := range skips(t, tool(t, app, "go", "test", "-json", "./...")) {
		if !allowedSkip.MatchString(reason) {
			t.Errorf("a test of the application skips: %s", reason)
		}
	}
}

// foreignWord matches what an application must not speak of.
var foreignWord = regexp.MustCompile(`(?i)\b(lab|labs|labpages|labviews|benches|compare mode|comparemode|lab_public|sessionlab|newapp)\b|"/compare`)

// wantNoWord checks that no file speaks of the lab or bears our name, apart from the two
// labels that must stay.
func wantNoWord(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "/static/vendor/") {
			return err
		}
		content, err := os.ReadFile(path)
		for line := range strings.Lines(string(derived.ReplaceAll(content, nil))) {
			if foreignWord.MatchString(line) {
				t.Errorf("%s: %s", path, strings.TrimSpace(line))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNewAppRefuses tries what newapp must not do: it says why in one line and leaves
// nothing behind.
func TestNewAppRefuses(t *testing.T) {
	source := clone(t)
	empty := t.TempDir()
	target := filepath.Join(empty, "app")
	good := []string{"-module", "example.com/app", "-name", "Acme"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "want -module example.com/app"},
		{good, "want -module example.com/app"},
		{[]string{"-module", "example.com/app", target}, "want -module example.com/app"},
		{[]string{"-module", "example com/app", "-name", "Acme", target}, "-module: want a module path"},
		{[]string{"-module", "../app", "-name", "Acme", target}, "-module: want a module path"},
		{[]string{"-module", "example.com/My.App", "-name", "Acme", target}, "-module: want a last element"},
		{[]string{"-module", "example.com/sessionlab", "-name", "Acme", target}, "-module: want a last element"},
		{[]string{"-module", "example.com/auth", "-name", "Acme", target}, "-module: want a last element that is no folder"},
		{[]string{"-module", "fmt", "-name", "Acme", target}, "-module: want a module path"},
		{[]string{"-module", "example.com/app", "-name", "-", target}, "-name: want at most 40"},
		{append(good, filepath.Join(empty, "no", "app")), "there is no folder to put it in"},
		{[]string{"-module", "example.com/app", "-name", `Ac"me`, target}, "-name: want at most 40"},
		{append(good, "-strategy", "compare", target), "-strategy: want one of cookie, database"},
		{append(good, "-strategy", "jwt", target), "-strategy: want one of cookie, database"},
		{append(good, "-owner", "two\nlines", target), "-owner: want one line"},
		{append(good, "-colour", target), "flag provided but not defined: -colour"},
		{append(good, target, "more"), "want -module example.com/app"},
		{append(good, empty), "there is something already"},
		{append(good, filepath.Join(source, "app")), "want a folder outside"},
	} {
		err := run(t.Context(), c.args, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one line with %q", c.args, err, c.want)
		}
	}
	if err := os.WriteFile("mine.txt", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), append(good, target), io.Discard); err == nil || !strings.Contains(err.Error(), "commit or remove your changes") {
		t.Errorf("with changes: got %v", err)
	}
	t.Chdir(empty)
	if err := run(t.Context(), append(good, target), io.Discard); err == nil || !strings.Contains(err.Error(), "run it in a clone") {
		t.Errorf("elsewhere: got %v", err)
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// allowedSkip matches the reasons for which a test of an application may skip: a missing
// server, or because it is about another engine, machine, seal or strategy.
var allowedSkip = regexp.MustCompile(`\.ci/run|: (about|measured once|SESSIONS says|nothing is read-only|needs the right|nobody but root|a jwt is signed|no (Revoker|Lister|Confirmer|Bearer))`)

// skips returns the skip messages in the output of go test -json.
func skips(t *testing.T, output string) (reasons []string) {
	t.Helper()
	said, tests := map[string]string{}, 0
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
		case event.Action == "pass":
			tests++
		}
	}
	if tests < 300 {
		t.Errorf("only %d tests ran in the application", tests)
	}
	return reasons
}

// TestNewAppWithoutDatabase reads what an application says whose strategy keeps no users.
func TestNewAppWithoutDatabase(t *testing.T) {
	files, err := readTree(t.Context(), clone(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := transform(files, nil, options{module: "example.com/my-sessionlab", slug: "my-sessionlab", name: "Acme", owner: "Ada", strategy: "cookie"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(files["main.go"].content), `"example.com/my-sessionlab/auth"`) || files["deploy/my-sessionlab.service"].content == nil {
		t.Error("a name that holds the old one is renamed twice")
	}
	readme := string(files["README.md"].content)
	if strings.Contains(readme, "administrator:") || strings.Contains(readme, "/notes") || strings.Contains(readme, "{{") || !strings.Contains(readme, "`cookie`") {
		t.Errorf("the README speaks of what needs a database:\n%s", readme)
	}
	if !strings.Contains(string(files["deploy/compose.yaml"].content), "SESSION_STRATEGY:-cookie") {
		t.Error("deploy/compose.yaml sets another strategy")
	}
}
