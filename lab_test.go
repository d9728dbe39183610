package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tests of compare mode, which go when the lab goes.

// TestCompare: without any setting one sign-in gives a session under every
// strategy, and what is copied survives a sign-out under one and not the other.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	if got, want := p.says("strategy"), "compare: all of them at once"; got != want {
		t.Errorf("strategy: got %q, want %q", got, want)
	}
	v := visit(t, p)
	v.signIn("ada")
	thief := v.thief()
	v.wants("/api/session?strategy=cookie", 200, `"reads":0`)
	v.wants("/api/session?strategy=database", 200, `"reads":1`)

	// Two programs on one file are one story: a restart forgets nobody.
	p.stop()
	p = start(t, dir)
	v, thief = v.at(p), thief.at(p)
	v.wants("/dashboard", 200, "Ada Lovelace", "Look inside")

	v.post("/sign-out")
	thief.wants("/api/session?strategy=cookie", 200, "Ada Lovelace")
	thief.wants("/api/session?strategy=database", 401, `"code":"revoked"`)
}

// TestCompareInThreeClicks does the same on the lab's page.
func TestCompareInThreeClicks(t *testing.T) {
	v := visit(t, start(t, t.TempDir()))
	v.signIn("ada")
	v.get("/compare")
	v.post("/compare/steal")
	v.post("/compare/sign-out")
	var state struct {
		Clients map[string]map[string]struct{ Verdict, Reason string }
	}
	if err := json.Unmarshal([]byte(v.get("/compare/state").body), &state); err != nil {
		t.Fatal(err)
	}
	for client, want := range map[string][2]string{"you": {"refused", "refused"}, "thief": {"signed_in", "refused"}} {
		got := [2]string{state.Clients[client]["cookie"].Verdict, state.Clients[client]["database"].Verdict}
		if got != want {
			t.Errorf("%s under cookie and database: got %v, want %v", client, got, want)
		}
	}
}

// TestStarter: what only teaches can be deleted, as the README says, and what is
// left builds, runs and signs people in.
func TestStarter(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program a second time")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	deletes := regexp.MustCompile("`rm -r ([^`]+)`").FindSubmatch(readme)
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
	for _, marked := range []string{`(?s)\n\t// The lab, .*\t// The end of the lab\.\n`, `\t"sessionlab/auth/lab"\n`} {
		cut := regexp.MustCompile(marked).ReplaceAll(content, nil)
		if len(cut) == len(content) {
			t.Fatalf("main.go has no %s", marked)
		}
		content = cut
	}
	write(t, dir, "main.go", string(content))

	goTool := func(args ...string) {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		for _, pair := range os.Environ() { // the services that these tests need were tried with the whole
			if !strings.HasPrefix(pair, "TEST_") && !strings.HasPrefix(pair, "REQUIRE_") {
				cmd.Env = append(cmd.Env, pair)
			}
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	goTool("vet", "./...")
	goTool("test", "-short", "./...")
	goTool("build", "-o", "starter", ".")

	cmd := exec.Command(filepath.Join(dir, "starter"))
	cmd.Dir, cmd.Env = t.TempDir(), []string{"ADDR=localhost:0"}
	p := launch(t, cmd)
	p.open()
	if got := p.says("strategy"); got != "database" {
		t.Errorf("strategy: got %q, want database", got)
	}
	v := visit(t, p)
	v.wants("/", 200, "The rest is yours")
	v.signIn("ada")
	body := v.wants("/dashboard", 200, "Ada Lovelace").body
	for _, left := range []string{"Look inside", "/compare", "This site trusts"} {
		if strings.Contains(body, left) {
			t.Errorf("the dashboard still speaks of %q", left)
		}
	}
	v.wants("/compare", 404)
	v.wants("/sessions", 200, "this browser")
}

// TestReadme: every test and every file that the README names exists, and every
// variable is explained.
func TestReadme(t *testing.T) {
	content, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme, tests := string(content), map[string]string{}
	for _, name := range sources(t) {
		if strings.HasSuffix(name, "_test.go") {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tests[filepath.ToSlash(filepath.Dir(name))] += string(content)
		}
	}
	inPackage := "."
	for _, quoted := range regexp.MustCompile("(?m)`([^`\n]+)`|$").FindAllStringSubmatch(readme, -1) {
		name, part, _ := strings.Cut(quoted[1], "/")
		switch _, isPackage := tests[quoted[1]]; {
		case quoted[0] == "": // the end of a line
			inPackage = "."
		case isPackage:
			inPackage = quoted[1]
		case regexp.MustCompile(`^(Test|Fuzz)[A-Z]\w+$`).MatchString(name):
			in := tests[inPackage]
			if !strings.Contains(in, "func "+name+"(") && strings.Contains(tests["."], "func "+name+"(") {
				in = tests["."]
			}
			if !strings.Contains(in, "func "+name+"(") || !strings.Contains(in, `"`+part) {
				t.Errorf("%s: there is no %s", inPackage, quoted[1])
			}
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(readme, -1) {
		if section, within := strings.CutPrefix(link[1], "#"); within {
			if !strings.Contains(strings.ToLower(readme), "# "+strings.ReplaceAll(section, "-", " ")+"\n") {
				t.Errorf("there is no section for %s", link[1])
			}
			continue
		}
		if _, err := os.Stat(link[1]); err != nil {
			t.Error(err)
		}
	}
	for _, name := range variables() {
		if !strings.Contains(readme, "`"+name+"`") {
			t.Errorf("%s is not explained", name)
		}
	}
}
