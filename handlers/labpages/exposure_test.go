package labpages_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/db/dbtest"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// expose runs the measurement that the page shows.
func expose(t testing.TB, s *handlerstest.Site) (found lab.Exposed) {
	t.Helper()
	bench := s.Extension.(*labpages.Lab).Bench
	handlerstest.Must(t, bench.Expose(t.Context(), func(_, _ int, soFar lab.Exposed) { found = soFar }))
	return found
}

// promise returns what a strategy says of itself: the window in which an ending takes
// effect, and where it has none the session's own ends.
func promise(s *handlerstest.Site, kind auth.Kind, life auth.Lifetimes, ending string) (asking, silent time.Duration, ends bool) {
	strategy := s.Extension.(*labpages.Lab).Bench.Manager(kind.Name).Strategy
	_, lists := strategy.(auth.Lister)
	switch revoker, ok := strategy.(auth.Revoker); {
	case ok && (lists || ending != lab.EndSignOut):
		return revoker.Window(), revoker.Window(), true
	case kind.Name == "renew" && (ending == lab.EndDisable || ending == lab.EndRole):
		return life.Renew, life.Renew, true
	case kind.Name == "pair" && (ending == lab.EndDisable || ending == lab.EndRole):
		return life.Access, life.Access, true
	case kind.Name == "renew": // of its lifetimes only Max counts
		return life.Max, life.Max, false
	}
	return life.Max, life.Idle, false
}

// TestLabExposure: a stolen copy works exactly as long as each strategy says, to
// the second, whether it keeps asking or stays silent. With -v it prints the table.
func TestLabExposure(t *testing.T) {
	t.Parallel()
	odd := auth.Lifetimes{
		Idle: 5*handlerstest.Day + 11*time.Second, Max: 17*handlerstest.Day + 3*time.Hour + 7*time.Second, RefreshAt: 0.7,
		Hybrid: 3*time.Minute + 1*time.Second, Access: 1*time.Hour + 59*time.Second, Renew: 47 * time.Second, Grace: 4 * time.Second,
	}
	tight := auth.Lifetimes{
		Idle: 20 * time.Minute, Max: 8 * time.Hour, RefreshAt: 0.8,
		Hybrid: 1 * time.Second, Access: 2 * time.Minute, Renew: 3 * time.Minute, Grace: 0,
	}
	for name, o := range map[string]handlerstest.Settings{
		"as configured": {}, "odd": {Life: odd, Seal: "jwt"}, "tight": {Life: tight, Seal: "jwe"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if o.Strategy = "compare"; o.Life == (auth.Lifetimes{}) {
				o.Life = handlerstest.Lifetimes
			}
			s := handlerstest.NewSiteWith(t, o)
			sessions, users := s.Rows("sessions"), s.Rows("users")
			found := expose(t, s)
			if want := len(auth.Kinds()) * len(lab.Endings()); len(found.Rows) != want {
				t.Errorf("%d rows, want %d", len(found.Rows), want)
			}
			for _, kind := range auth.Kinds() {
				for _, ending := range lab.Endings() {
					row := found.Of(kind.Name, ending)
					asking, silent, ends := promise(s, kind, o.Life, ending)
					for who, l := range map[string]struct {
						got  lab.Lasted
						want time.Duration
					}{"asking": {row.Asking, asking}, "silent": {row.Silent, silent}} {
						if !l.got.Known || l.got.For != l.want || l.got.Promised != l.want || l.got.Ended() != ends || !l.got.Kept() {
							t.Errorf("%s, %s, a copy that is %s: got %+v, want %s, ended %v", kind.Name, ending, who, l.got, l.want, ends)
						}
					}
				}
			}
			t.Logf("%d questions\n%s", found.Requests, exposureTable(found))
			if n, m := s.Rows("sessions"), s.Rows("users"); n != sessions || m != users {
				t.Errorf("the run left %d sessions and %d users behind", n-sessions, m-users)
			}
		})
	}
}

// A revocation that does not take effect is seen: nothing of the result is taken
// from what was promised.
func TestLabExposureSeesWhatIsBroken(t *testing.T) {
	dbtest.SQLiteOnly(t) // whose triggers these are
	t.Parallel()
	s := handlerstest.NewSite(t, "compare")
	shell, err := sql.Open("sqlite", s.File)
	handlerstest.Must(t, err)
	defer shell.Close()
	_, err = shell.Exec(`CREATE TRIGGER broken BEFORE UPDATE OF ended_at ON sessions BEGIN SELECT RAISE(IGNORE); END`)
	handlerstest.Must(t, err)
	row := expose(t, s).Of("database", lab.EndRevokeAll)
	if row.Asking.For != 30*handlerstest.Day || row.Silent.For != 7*handlerstest.Day || row.Asking.Promised != 0 || row.Asking.Ended() || row.Asking.Kept() || row.Silent.Kept() {
		t.Errorf("no row can be ended any more: got %+v", row)
	}
}

// The runs of a server: one at a time, called off without a trace, and what was
// found before stays.
func TestLabExposures(t *testing.T) {
	t.Parallel()
	s := handlerstest.NewSite(t, "compare")
	bench, users := s.Extension.(*labpages.Lab).Bench, s.Rows("users")
	var all lab.Exposures
	if got := all.Progress(); got.Running || all.Last() != nil {
		t.Errorf("before the first: %+v", got)
	}
	all.Begin(bench, "ada")
	all.Begin(bench, "ada") // which is no second one
	if err := all.Start(bench, "ada"); !errors.Is(err, lab.ErrBusy) {
		t.Errorf("a second run: got %v, want ErrBusy", err)
	}
	all.Wait()
	first := all.Last()
	if got := all.Progress(); got.Err != nil || got.Done != got.Of || first == nil || len(first.Rows) == 0 {
		t.Fatalf("the first run: %+v", got)
	}
	handlerstest.Must(t, all.Start(bench, "ada"))
	all.Cancel()
	if got := all.Progress(); got.Running || !errors.Is(got.Err, context.Canceled) || all.Last() != first {
		t.Errorf("called off: %+v", got)
	}
	if got := s.Rows("users"); got != users {
		t.Errorf("%d people were left behind", got-users)
	}
	handlerstest.Must(t, s.DB.Close())
	handlerstest.Must(t, all.Start(bench, "ada"))
	all.Wait()
	if got := all.Progress(); got.Err == nil || all.Last() != first {
		t.Errorf("without a database: %+v", got)
	}
	s.Journal.Wants(t, "exposure not measured")
}

// exposureTable returns the table of docs/lab.md.
func exposureTable(found lab.Exposed) string {
	var b strings.Builder
	b.WriteString("| a stolen copy works for | you signed out; it keeps asking | it stays silent | all devices signed out; it keeps asking | it stays silent |\n|---|---|---|---|---|\n")
	for _, kind := range auth.Kinds() {
		fmt.Fprintf(&b, "| `%s` |", kind.Name)
		for _, ending := range []string{lab.EndSignOut, lab.EndRevokeAll} {
			row := found.Of(kind.Name, ending)
			for _, l := range []lab.Lasted{row.Asking, row.Silent} {
				if l.Ended() {
					fmt.Fprintf(&b, " **%s** |", lab.Span(l.For))
				} else {
					fmt.Fprintf(&b, " %s |", lab.Span(l.For))
				}
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// docs/lab.md shows what was measured, and the matrix of the README, measured without
// HTTP, agrees.
func TestDocsShowTheExposure(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	handlerstest.Must(t, err)
	docs, err := os.ReadFile("../../docs/lab.md")
	handlerstest.Must(t, err)
	found := expose(t, handlerstest.NewSite(t, "compare"))
	if table := exposureTable(found); !strings.Contains(string(docs), table) {
		t.Errorf("docs/lab.md does not contain what was measured:\n%s", table)
	}
	cell := func(name, ending, none, never string) string {
		switch l := found.Of(name, ending).Asking; {
		case !l.Ended():
			return never
		case l.For == 0:
			return none
		default:
			return lab.Span(l.For)
		}
	}
	for _, row := range []struct{ title, ending, none, never string }{
		{"you sign out: a copy works for", lab.EndSignOut, "0", lab.Span(handlerstest.Lifetimes.Max)},
		{"all devices of a user signed out", lab.EndRevokeAll, "at once", "impossible"},
		{"role changed: shows after", lab.EndRole, "at once", "never"},
		{"account disabled: refused after", lab.EndDisable, "at once", "never"},
	} {
		want := "| " + row.title + " |"
		for _, kind := range auth.Kinds() {
			want += " " + cell(kind.Name, row.ending, row.none, row.never) + " |"
		}
		if !strings.Contains(string(readme), want+"\n") {
			t.Errorf("the matrix of README.md does not agree with %s", want)
		}
	}
}
