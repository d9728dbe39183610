package main

import (
	_ "embed"
	"fmt"
	"io"
	"runtime/debug"
	"text/tabwriter"
)

//go:embed .env.example
var settingsText string

// printUsage explains the command line and the settings.
func printUsage(out io.Writer) {
	fmt.Fprint(out, "Usage: sessionlab [command] [-json]\n\nThe commands are:\n\n")
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, c := range commands() {
		name := c.name
		if c.args != "" {
			name += " " + c.args
		}
		fmt.Fprintf(w, "  %s\t%s\n", name, c.about)
	}
	w.Flush()
	fmt.Fprintf(out, "\nUSER is an id or an email. users list takes -search TEXT, which searches\n"+
		"emails and names, and -limit N. -json prints the result of a command as JSON.\n"+
		"-version prints the version, -help this text.\n\n"+
		"Every command reads its settings from the environment and from .env in the working directory:\n\n%s", settingsText)
}

// version returns the version of the program and of the Go that compiled it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version + " " + info.GoVersion
}
