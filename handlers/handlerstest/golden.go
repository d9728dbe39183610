package handlerstest

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func Golden(b *Browser, name string) {
	b.Helper()
	file, got := filepath.Join("testdata", name+".golden.html"), normal(b.Page.Body)
	if *update {
		Must(b, os.WriteFile(file, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	Must(b, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		b.Errorf("%s (-want +got); if the change is intended, run the test with -update:\n%s", file, diff)
	}
}

var hashed = regexp.MustCompile(`(/static/\w+)\.[0-9a-f]{12}\.`)

// normal puts each tag on a line of its own, and drops the hashes from the names of
// static files, which have tests of their own.
func normal(html string) string {
	return hashed.ReplaceAllString(strings.ReplaceAll(html, "><", ">\n<"), "$1.") + "\n"
}
