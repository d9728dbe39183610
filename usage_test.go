package main

import (
	"bytes"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"sessionlab/db/dbtest"
	"sessionlab/e2e"
)

// TestCommandLine: a flag answers and starts nothing, and what is no flag is refused in
// one line.
func TestCommandLine(t *testing.T) {
	run := func(args ...string) (code int, out, log string) {
		var o, l bytes.Buffer
		cmd := command(t.TempDir(), "ADDR=localhost:0")
		cmd.Args = append(cmd.Args, args...)
		cmd.Stdout, cmd.Stderr = &o, &l
		overdue := time.AfterFunc(dbtest.Patience, func() { cmd.Process.Kill() })
		defer overdue.Stop()
		if err := cmd.Run(); err != nil {
			if _, is := err.(*exec.ExitError); !is {
				t.Fatal(err)
			}
		}
		if made := e2e.Files(t, cmd.Dir); len(made) > 0 {
			t.Errorf("%q made %q", args, made)
		}
		return cmd.ProcessState.ExitCode(), o.String(), l.String()
	}
	for _, flag := range []string{"-version", "--version"} {
		code, out, log := run(flag)
		if code != 0 || log != "" || !strings.HasPrefix(out, "sessionlab ") || !strings.Contains(out, runtime.Version()) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: got %d, %q and %q, want the version in one line", flag, code, out, log)
		}
	}
	for _, flag := range []string{"-help", "--help", "-h"} {
		code, out, log := run(flag)
		if code != 0 || log != "" || !strings.HasPrefix(out, "Usage: sessionlab ") {
			t.Errorf("%s: got %d, %q and %q, want how to use it", flag, code, out, log)
		}
		for _, name := range variables() {
			if !strings.Contains(out, "\n"+name+"=") {
				t.Errorf("%s does not mention %s", flag, name)
			}
		}
	}
	for _, args := range []string{"-addr=localhost:1", "serve extra", "frob", "-version extra", "-version=perhaps", "-"} {
		code, out, log := run(strings.Fields(args)...)
		if code != 2 || out != "" || !strings.HasPrefix(log, "sessionlab: ") || !strings.Contains(log, "-help") || strings.Count(log, "\n") != 1 {
			t.Errorf("%q: got %d, %q and %q, want 2 and one line", args, code, out, log)
		}
	}
}
