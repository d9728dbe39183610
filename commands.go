package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// A subcommand is one command of the program.
type subcommand struct {
	name  string // of one word or two, such as "users role"
	args  string // the names of its arguments, with spaces between
	about string
	run   func(ctx context.Context, call *invocation) error
}

// commands returns the commands in the order of -help.
func commands() []subcommand { return slices.Concat(siteCommands(), databaseCommands()) }

// siteCommands returns the commands that need no database.
func siteCommands() []subcommand {
	return []subcommand{
		{"serve", "", "serve the site (the default)", serveSite},
		{"healthcheck", "", "fail unless the site that runs with these settings answers", healthcheck},
		{"keys new", "", "print a new key", newKey},
		{"keys rotate", "", "print SESSION_KEYS with a new key prepended", rotateKeys},
	}
}

// databaseCommands returns the commands that work on the database.
func databaseCommands() []subcommand {
	return []subcommand{
		{"users list", "", "list the users, the newest first", listUsers},
		{"users show", "USER", "show a user and how they sign in", showUser},
		{"users role", "USER ROLE", "make a user an admin or a member", setRole},
		{"users disable", "USER", "disable a user: they cannot sign in", disableUser},
		{"users enable", "USER", "let a user in again", enableUser},
		{"users sessions", "USER", "list where a user is signed in", listSessions},
		{"users revoke", "USER", "end all sessions of a user", revokeSessions},
		{"users delete", "USER", "delete a user and their accounts and sessions", deleteUser},
		{"migrate status", "", "list the migrations and when they were applied", migrationStatus},
		{"migrate up", "", "apply pending migrations, as serve does at startup", migrateUp},
		{"backup", "FILE", "copy a SQLite database while it is in use, without sessions", backup},
	}
}

// An invocation holds the arguments, flags and streams of one command.
type invocation struct {
	args    []string // as many as the command has
	environ []string
	now     func() time.Time
	out     io.Writer // for the result
	log     io.Writer // for everything else

	json   bool   // the result is to be JSON
	search string // of users list
	limit  int    // likewise
}

// errUsage reports an invalid command line.
type errUsage struct{ text string }

func (e errUsage) Error() string { return e.text + "; see sessionlab -help" }

// runCommand runs what the command line asks for and returns the exit code: 1 if it
// failed, 2 for a usage error.
func runCommand(ctx context.Context, args []string, c *invocation) int {
	err := dispatch(ctx, args, c)
	if err == nil {
		return 0
	}
	fmt.Fprintln(c.log, "sessionlab:", err)
	if usage := new(errUsage); errors.As(err, usage) {
		return 2
	}
	return 1
}

func dispatch(ctx context.Context, args []string, c *invocation) error {
	flags := flag.NewFlagSet("sessionlab", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	showVersion := flags.Bool("version", false, "")
	flags.BoolVar(&c.json, "json", false, "")
	flags.StringVar(&c.search, "search", "", "")
	flags.IntVar(&c.limit, "limit", 50, "")
	words, err := parse(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		printUsage(c.out)
		return nil
	case err != nil:
		return errUsage{err.Error()}
	case *showVersion && len(words) == 0:
		fmt.Fprintln(c.out, "sessionlab", version())
		return nil
	}
	cmd, rest := find(words)
	if cmd == nil {
		return unknown(words)
	}
	var unsupported error
	flags.Visit(func(f *flag.Flag) {
		if !cmd.takes(f.Name) {
			unsupported = errUsage{fmt.Sprintf("%s takes no flag -%s", cmd.name, f.Name)}
		}
	})
	switch want := strings.Fields(cmd.args); {
	case unsupported != nil:
		return unsupported
	case len(rest) < len(want):
		return errUsage{fmt.Sprintf("%s: want %s", cmd.name, strings.Join(want[len(rest):], " and "))}
	case len(rest) > len(want):
		return errUsage{fmt.Sprintf("%s: unexpected argument %q", cmd.name, rest[len(want)])}
	case c.limit < 1 || c.limit > 10_000:
		return errUsage{"-limit: want a number from 1 to 10000"}
	}
	c.args = rest
	return cmd.run(ctx, c)
}

// parse parses flags in any position and returns the remaining arguments.
func parse(flags *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return words, nil
		}
		words, args = append(words, flags.Arg(0)), flags.Args()[1:]
	}
}

// find returns the command that words begin with, and the words after it; nil if there
// is none.
func find(words []string) (*subcommand, []string) {
	if len(words) == 0 {
		words = []string{"serve"}
	}
	for _, c := range commands() {
		name := strings.Fields(c.name)
		if len(words) >= len(name) && slices.Equal(words[:len(name)], name) {
			return &c, words[len(name):]
		}
	}
	return nil, nil
}

// unknown returns a usage error that lists the commands starting with words[0], if there
// are any.
func unknown(words []string) error {
	var second []string
	for _, c := range commands() {
		if first, rest, ok := strings.Cut(c.name, " "); ok && first == words[0] {
			second = append(second, rest)
		}
	}
	if second == nil {
		return errUsage{fmt.Sprintf("unknown command %q", words[0])}
	}
	return errUsage{fmt.Sprintf("%s: want one of %s", words[0], strings.Join(second, ", "))}
}

// takes reports whether a flag has a meaning for the command.
func (c *subcommand) takes(name string) bool {
	switch name {
	case "json":
		return c.name != "serve" && c.name != "healthcheck"
	case "search", "limit":
		return c.name == "users list"
	}
	return false
}

// print prints the result of a command: v as JSON, or what text writes, in which tabs
// separate columns.
func (c *invocation) print(v any, text func(w io.Writer)) error {
	if c.json {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// serveSite serves until it is told to stop.
func serveSite(ctx context.Context, c *invocation) error {
	hurry, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(hurry, stop)
	ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal kills the program
	return run(ctx, hurry.Done(), c.now, c.environ, c.out, c.log)
}
