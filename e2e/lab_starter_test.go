package e2e

import (
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestStarter: the lab can be deleted as the README says, and the rest builds, runs and
// signs people in.
func TestStarter(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program a second time")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("..")); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	deletes := regexp.MustCompile("`rm -rf ([^`]+)`").FindSubmatch(readme)
	if deletes == nil {
		t.Fatal("the README does not say what to delete")
	}
	for _, glob := range strings.Fields(string(deletes[1])) {
		names, err := filepath.Glob(filepath.Join(dir, glob))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: got %q, %v, want something to delete", glob, names, err)
		}
		for _, name := range names {
			if err := os.RemoveAll(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	content, err := fs.ReadFile(os.DirFS(dir), "main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, marked := range []string{`(?s)\n\t// The lab, .*\t// The end of the lab\.\n`} {
		cut := regexp.MustCompile(marked).ReplaceAll(content, nil)
		if len(cut) == len(content) {
			t.Fatalf("main.go has no %s", marked)
		}
		content = cut
	}
	Write(t, dir, "main.go", string(content))

	tool := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		for _, pair := range os.Environ() { // the whole project was tried with the servers
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
	tool("go", "mod", "tidy")
	tool("go", "vet", "./...")
	tool("go", "build", "-o", "starter", ".")
	starter := func(vars ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(dir, "starter"))
		cmd.Dir, cmd.Env = t.TempDir(), append(vars, "ADDR=localhost:0")
		return cmd
	}

	// No setting brings back what is not there, least of all a provider with which
	// everybody may be anybody.
	const public = "BASE_URL=https://app.example.com"
	for _, c := range []struct{ vars, want string }{
		{"LAB_PUBLIC=1 DEV_IDP=on " + public, "LAB_PUBLIC: want it unset, because this program has no lab"},
		{"LAB_PUBLIC=1 DEV_IDP=on SESSION_STRATEGY=compare " + public, "LAB_PUBLIC: want it unset, because this program has no lab"},
		{"LAB_PUBLIC=1 DEV_IDP=on SESSION_STRATEGY=database " + public, "LAB_PUBLIC: want it unset"},
		{"LAB_PUBLIC=1", "LAB_PUBLIC: want it unset, because this program has no lab"},
		{"DEV_IDP=on SESSION_STRATEGY=database " + public, "DEV_IDP: want off"},
	} {
		vars := append(strings.Fields(c.vars), "SESSION_KEYS="+KeyA)
		if line := Fails(t, starter(vars...)); !strings.HasPrefix(line, c.want) {
			t.Errorf("%s: got %q, want %q …", c.vars, line, c.want)
		}
	}
	p := Start(t, starter())
	if got := p.Says("strategy"); got != "database" {
		t.Errorf("strategy: got %q, want database", got)
	}
	v := Visit(t, p)
	v.Wants("/", 200, "The rest is yours")
	v.SignIn("ada")
	body := v.Wants("/dashboard", 200, "Ada Lovelace").Body
	for _, left := range []string{"Look inside", "/compare", "Check me with"} {
		if strings.Contains(body, left) {
			t.Errorf("the dashboard still speaks of %q", left)
		}
	}
	v.Wants("/compare", 404)
	v.Wants("/sessions", 200, "this browser")

	// Its own checks take as long as those of the whole.
	if os.Getenv("REQUIRE_SERVICES") != "1" {
		return
	}
	if unformatted := tool("gofmt", "-l", "."); unformatted != "" {
		t.Errorf("not formatted: %s", unformatted)
	}
	tool("go", "run", "honnef.co/go/tools/cmd/staticcheck@v0.8.2", "./...")
	for _, reason := range skips(t, tool("go", "test", "-json", "./...")) {
		if !allowedSkip.MatchString(reason) {
			t.Errorf("a test of the starter skips: %s", reason)
		}
	}
}

// allowedSkip matches the reasons for which a starter test may skip: a missing server, or
// because it is about another engine, machine, seal or strategy.
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
		t.Errorf("only %d tests ran in the starter", tests)
	}
	return reasons
}
