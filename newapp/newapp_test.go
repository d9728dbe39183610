package main

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sessionlab/auth"
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
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, failures(string(out)))
	}
	return string(out)
}

// TestNewApp makes an application and signs in to it. TestNewApps does more.
func TestNewApp(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	app := made(t, clone(t), options{
		module: "example.com/harbor-app/v2", slug: "harbor-app", name: "Harbor 7", owner: "Ada Lovelace", strategy: "epoch", stores: []string{"sqlite", "postgres"},
	})
	for name, want := range map[string]string{
		"go.mod": "module example.com/harbor-app/v2\n", "LICENSE": "the sessionlab authors\nCopyright (c) 2026 Ada Lovelace\n", "README.md": "# Harbor 7\n", "CHANGELOG.md": "Harbor 7",
		"auth/keys.go": `"sessionlab "+purpose`, "auth/identity.go": "sessionlab user id v1", "deploy/harbor-app.service": "ExecStart=/usr/local/bin/harbor-app",
		".env.example": "SESSION_STRATEGY=epoch\n", ".github/workflows/ci.yml": ".ci/run",
	} {
		if content, err := os.ReadFile(filepath.Join(app, name)); err != nil || !strings.Contains(string(content), want) {
			t.Errorf("%s: got %v, want it to contain %q", name, err, want)
		}
	}
	signIn(t, app, "harbor-app", "Harbor 7", "epoch")
}

// made writes an application into a folder that nobody else uses.
func made(t *testing.T, source string, o options) string {
	t.Helper()
	files, err := readTree(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	libs, err := readLibraries(t.Context(), source, files)
	if err != nil {
		t.Fatal(err)
	}
	if err := transform(files, libs, o); err != nil {
		t.Fatal(err)
	}
	app := filepath.Join(t.TempDir(), o.slug)
	if err := files.write(app); err != nil {
		t.Fatal(err)
	}
	wantNoWord(t, app)
	return app
}

// signIn builds an application and signs in to it. It returns the size of the program.
func signIn(t *testing.T, app, program, name, strategy string) (bytes int64) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), program)
	tool(t, app, "go", "build", "-trimpath", "-o", binary, ".")
	cmd := exec.Command(binary)
	cmd.Dir, cmd.Env = t.TempDir(), []string{"ADDR=localhost:0"}
	p := e2e.Start(t, cmd)
	if got := p.Says("strategy"); got != strategy {
		t.Errorf("strategy: got %q, want %q", got, strategy)
	}
	v := e2e.Visit(t, p)
	v.Wants("/", 200, name)
	v.SignIn("ada")
	v.Wants("/dashboard", 200, "Ada Lovelace")
	v.Wants("/compare", 404)
	if kind, _ := auth.KindOf(strategy); kind.Database {
		v.Wants("/notes", 200)
	}
	p.Stop()
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
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
		{append(good, "-store", "redis", target), "-store: want redis beside sqlite or postgres"},
		{append(good, "-store", "mysql", target), "-store: want one or more of sqlite, postgres, redis"},
		{append(good, "-store", "sqlite,redis", "-strategy", "epoch", target), "-store: epoch keeps no sessions in redis"},
		{append(good, "-store", "sqlite", "-strategy", "cookie", target), "-store: cookie needs no store"},
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

// TestRename renames to a name that holds the old one: each place once, and the labels that
// keys and ids are derived from never.
func TestRename(t *testing.T) {
	o := options{module: "example.com/my-sessionlab", slug: "my-sessionlab", name: "Acme", strategy: "cookie"}
	const before = "package main\n\nimport \"sessionlab/auth\"\n\nvar x = \"sessionlab.db\" + \"sessionlab \"+purpose\n"
	const after = "package main\n\nimport \"example.com/my-sessionlab/auth\"\n\nvar x = \"my-sessionlab.db\" + \"sessionlab \"+purpose\n"
	if got := string(o.renameText("main.go", []byte(before))); got != after {
		t.Errorf("got\n%s\nwant\n%s", got, after)
	}
}
