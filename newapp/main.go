// Newapp makes an application of your own out of sessionlab: the same code without the
// lab, under your module path and name. It writes a new folder and changes nothing else.
//
//	go run ./newapp -module example.com/app -name Acme ../app
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"sessionlab/auth"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if ctx.Err() != nil {
		err = errors.New("interrupted, nothing was written")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "newapp:", err)
		os.Exit(1)
	}
}

// options are what the command line asks for.
type options struct {
	module   string   // the module path of the application
	name     string   // what its pages call it
	slug     string   // what its program and its files are called: the last element of module
	strategy string   // the one that stays
	stores   []string // of sqlite, postgres and redis, those that stay
	owner    string   // of the copyright
	target   string   // the folder to write, which must not exist
	check    bool     // run the checks of the result
}

// run makes the application. If anything fails, the target folder does not exist.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	root, err := sourceRoot(ctx)
	if err != nil {
		return err
	}
	if err := checkTarget(root, o.target); err != nil {
		return err
	}
	files, err := readTree(ctx, root)
	if err != nil {
		return err
	}
	if o.slug == "data" || files.hasFolder(o.slug) { // the program and its files would share its name
		return fmt.Errorf("-module: want a last element that is no folder of the project, not %q", o.slug)
	}
	libs, err := readLibraries(ctx, root, files)
	if err != nil {
		return err
	}
	if err := transform(files, libs, o); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(o.target), filepath.Base(o.target)+".*") // a rename must not cross file systems
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := files.write(work); err != nil {
		return err
	}
	if err := finish(ctx, work, o.check, out); err != nil {
		return err
	}
	if err := os.Chmod(work, 0o755); err != nil {
		return err
	}
	if err := os.Rename(work, o.target); err != nil {
		return err
	}
	goLines := files.goLines()
	fmt.Fprintf(out, "%s: %d files, %d lines of Go without tests and generated code\n", o.target, len(files), goLines)
	fmt.Fprintf(out, "  cd %s && git init && git add -A && git commit -m \"start from sessionlab\"\n  go run .\n  less README.md\n", o.target)
	return nil
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("newapp", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.module, "module", "", "")
	flags.StringVar(&o.name, "name", "", "")
	flags.StringVar(&o.strategy, "strategy", "database", "")
	stores := flags.String("store", "", "")
	flags.StringVar(&o.owner, "owner", "", "")
	flags.BoolVar(&o.check, "check", true, "")
	const usage = "want -module example.com/app -name NAME [-strategy STRATEGY] [-store STORES] [-owner OWNER] [-check=false] FOLDER"
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return o, errors.New(usage)
	} else if err != nil {
		return o, fmt.Errorf("%w; %s", err, usage)
	}
	if flags.NArg() != 1 || o.module == "" || o.name == "" {
		return o, errors.New(usage)
	}
	if !modulePath.MatchString(o.module) {
		return o, fmt.Errorf("-module: want a module path such as example.com/app, not %q", o.module)
	}
	if o.slug = path.Base(majorVersion.ReplaceAllString(o.module, "")); !slugs.MatchString(o.slug) || o.slug == "sessionlab" {
		return o, fmt.Errorf("-module: want a last element of lower-case letters, digits and dashes other than sessionlab, not %q", o.slug)
	}
	if o.name != strings.TrimSpace(o.name) || len(o.name) > 40 || strings.ContainsFunc(o.name, notInNames) || !strings.ContainsFunc(o.name, unicode.IsLetter) {
		return o, fmt.Errorf("-name: want at most 40 letters, digits, spaces and dashes, not %q", o.name)
	}
	if _, ok := auth.KindOf(o.strategy); !ok {
		return o, fmt.Errorf("-strategy: want one of %s, not %q", strings.Join(strategies(), ", "), o.strategy)
	}
	if o.stores, err = parseStores(*stores, o.strategy); err != nil {
		return o, err
	}
	if o.owner == "" {
		o.owner = "the " + o.name + " authors"
	}
	if strings.ContainsFunc(o.owner, unicode.IsControl) || len(o.owner) > 100 {
		return o, errors.New("-owner: want one line of at most 100 bytes")
	}
	o.target, err = filepath.Abs(flags.Arg(0))
	return o, err
}

// parseStores reads a list of stores for a strategy.
func parseStores(list, strategy string) ([]string, error) {
	kind, _ := auth.KindOf(strategy)
	switch {
	case !kind.Database && list != "":
		return nil, fmt.Errorf("-store: %s needs no store", strategy)
	case !kind.Database:
		return nil, nil
	case list == "":
		list = "sqlite,postgres"
	}
	stores := strings.Split(list, ",")
	for _, name := range stores {
		if !slices.Contains([]string{"sqlite", "postgres", "redis"}, name) {
			return nil, fmt.Errorf("-store: want one or more of sqlite, postgres, redis, with commas between, not %q", list)
		}
	}
	if slices.Contains(stores, "redis") && !slices.Contains([]string{"database", "hybrid"}, strategy) {
		return nil, fmt.Errorf("-store: %s keeps no sessions in redis", strategy)
	}
	if len(stores) == 1 && stores[0] == "redis" {
		return nil, errors.New("-store: want redis beside sqlite or postgres, which hold the users")
	}
	return stores, nil
}

var (
	modulePath   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+([.-][a-z0-9]+)*(/[A-Za-z0-9_]+([.~-][A-Za-z0-9_]+)*)*$`)
	majorVersion = regexp.MustCompile(`/v[0-9]+$`)
	slugs        = regexp.MustCompile(`^[a-z]+(-?[a-z0-9]+)*$`)
)

// notInNames reports whether a name of a product must not hold r: names stand in Go
// strings, in HTML and in files of settings.
func notInNames(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != ' ' && r != '-'
}

// seeds returns what the choice of strategy and stores decides in the code, by key.
func (o options) seeds() map[string]truth {
	kind, _ := auth.KindOf(o.strategy)
	known := map[string]truth{oldModule + "/auth.Kind.Database": truthOf(kind.Database)}
	if sqlite, postgres := slices.Contains(o.stores, "sqlite"), slices.Contains(o.stores, "postgres"); sqlite != postgres {
		known[oldModule+"/db.IsPostgres"] = truthOf(postgres)
	}
	return known
}

// refuses returns the middleware that refuses every request if there is no database.
func (o options) refuses() map[string]bool {
	kind, _ := auth.KindOf(o.strategy)
	return map[string]bool{"requirePasswords": !kind.Database, "requireAccounts": !kind.Database}
}

// unset returns the fields that the choice of stores leaves without a value.
func (o options) unset() map[string]bool {
	return map[string]bool{oldModule + ".config.Redis": !slices.Contains(o.stores, "redis")}
}

func strategies() (names []string) {
	for _, kind := range auth.Kinds() {
		names = append(names, kind.Name)
	}
	return names
}

// sourceRoot returns the root of the repository that newapp is run in, which must be
// sessionlab's and hold no changes: what is not committed could not be told from junk.
func sourceRoot(ctx context.Context) (string, error) {
	top, err := output(ctx, ".", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return "", errors.New("run it in a clone of sessionlab, made by git")
	}
	root := strings.TrimSpace(top)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil || !strings.HasPrefix(string(mod), "module sessionlab\n") {
		return "", fmt.Errorf("run it in a clone of sessionlab: %s is something else", root)
	}
	changes, err := output(ctx, root, "git", "status", "--porcelain")
	if err != nil {
		return "", err
	}
	if changes != "" {
		return "", errors.New("commit or remove your changes first: git status shows some")
	}
	return root, nil
}

// checkTarget returns an error if the target exists or is inside the repository.
func checkTarget(root, target string) error {
	if _, err := os.Lstat(target); err == nil {
		return fmt.Errorf("%s: there is something already", target)
	}
	inside, err := filepath.Rel(root, resolved(target))
	if err != nil {
		return err
	}
	if info, err := os.Stat(filepath.Dir(target)); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: there is no folder to put it in", target)
	}
	if filepath.IsLocal(inside) {
		return fmt.Errorf("%s: want a folder outside %s", target, root)
	}
	return nil
}

// resolved returns path with the symbolic links of the folders that exist followed.
func resolved(path string) string {
	if whole, err := filepath.EvalSymlinks(path); err == nil {
		return whole
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolved(parent), filepath.Base(path))
}

// templTool is what generates code from templates, as in Taskfile.yml.
const templTool = "github.com/a-h/templ/cmd/templ@v0.3.977"

// finish makes the application build and, if asked to, runs its checks.
func finish(ctx context.Context, dir string, check bool, out io.Writer) error {
	steps := [][]string{
		{"go", "mod", "tidy"},
		{"go", "run", templTool, "generate"},
		{"go", "vet", "./..."},
	}
	if check {
		steps = append(steps, []string{"go", "test", "./..."})
	}
	for _, step := range steps {
		fmt.Fprintln(out, strings.Join(step, " "))
		if said, err := output(ctx, dir, step[0], step[1:]...); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(step, " "), err, said)
		}
	}
	return nil
}

// output runs a command in dir and returns what it prints.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	said, err := cmd.CombinedOutput()
	return string(said), err
}
