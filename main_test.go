package main

import (
	"os"
	"os/exec"
	"testing"

	"sessionlab/e2e"
)

// These tests run the whole program, as a process of its own: exit codes,
// signals and files are part of what it promises.

// asProgram makes the test binary be the program.
const asProgram = "SESSIONLAB_TEST_AS_PROGRAM=1"

func TestMain(m *testing.M) {
	if os.Getenv("SESSIONLAB_TEST_AS_PROGRAM") != "" {
		main()
		os.Exit(0)
	}
	code := m.Run()
	os.Exit(code)
}

// command prepares the program to run in dir with exactly these variables, and
// without waiting for balancers when it stops, unless they say otherwise.
func command(dir string, vars ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Dir, cmd.Env = dir, append([]string{asProgram, "DRAIN_DELAY=0s"}, vars...)
	return cmd
}

// start runs the program in dir on a free port and waits until it is open.
func start(t testing.TB, dir string, vars ...string) *e2e.Program {
	t.Helper()
	return e2e.Start(t, command(dir, append([]string{"ADDR=localhost:0"}, vars...)...))
}
