package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sessionlab-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "sessionlab")
	build := exec.Command("go", "build", "-o", binary, "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // static, as it is shipped
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	closeChrome()
	os.RemoveAll(dir)
	os.Exit(code)
}

// command prepares the program to run in dir with exactly these variables, and
// without waiting for balancers when it stops, unless they say otherwise.
func command(dir string, vars ...string) *exec.Cmd {
	cmd := exec.Command(binary)
	cmd.Dir, cmd.Env = dir, append([]string{"DRAIN_DELAY=0s"}, vars...)
	return cmd
}

// start runs the program in dir on a free port and waits until it is open.
func start(t testing.TB, dir string, vars ...string) *Program {
	t.Helper()
	return Start(t, command(dir, append([]string{"ADDR=localhost:0"}, vars...)...))
}
