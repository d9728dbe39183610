package handlers_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// TestGoldenPages compares whole pages with those in testdata. Times and ids need
// no care: the clock stands still and text is drawn in a fixed order.
//
//	go test ./handlers -run Golden -update
func TestGoldenPages(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada, phone := newBrowser(t, site), newBrowser(t, site)
	phone.agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Version/26.0 Mobile/15E148 Safari/604.1"
	golden(ada.get("/"), "landing")
	golden(ada.get("/sign-in?next=/sessions"), "sign-in")
	golden(ada.get("/dashboard?x=1").get("/sign-in?reason=revoked"), "sign-in-revoked")
	phone.signIn("ada")
	site.clock.Advance(day)
	ada.signIn("ada")
	golden(ada.get("/dashboard"), "dashboard")
	golden(ada.get("/sessions"), "devices")
	golden(ada.get("/nothing"), "not-found")
	ada.get("/compare").press("#do-steal").press("#do-sign-out")
	golden(ada, "compare")

	golden(newBrowser(t, newSite(t, "database")).get("/"), "starter-landing")
	golden(newBrowser(t, newSite(t, "database")).signIn("ada"), "starter-dashboard")
	golden(newBrowser(t, newSite(t, "cookie")).signIn("ada").get("/sessions"), "starter-devices-unlisted")
}

func golden(b *browser, name string) {
	b.Helper()
	file, got := filepath.Join("testdata", name+".golden.html"), normal(b.page.body)
	if *update {
		must(b, os.WriteFile(file, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	must(b, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		b.Errorf("%s (-want +got), -update if that is meant:\n%s", file, diff)
	}
}

var hashed = regexp.MustCompile(`(/static/\w+)\.[0-9a-f]{12}\.`)

// normal puts each tag on a line of its own, and drops the hashes of files that
// have tests of their own.
func normal(html string) string {
	return hashed.ReplaceAllString(strings.ReplaceAll(html, "><", ">\n<"), "$1.") + "\n"
}
