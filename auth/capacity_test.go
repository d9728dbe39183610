package auth_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// What people cost the store depends on how often a strategy asks it, and that is
// counted here: somebody signs in and then asks once a minute, day and night, for
// a week.

func TestDocsShowTheCapacity(t *testing.T) {
	if dbtest.Postgres() {
		t.Skip("about SQLite, whose statements are the same")
	}
	readme, err := os.ReadFile("../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), capacity()) {
		t.Errorf("docs/scale.md does not contain what was counted:\n%s", capacity())
	}
}

// capacity returns what a million people who ask once a minute cost a store.
func capacity() string {
	const week, people = 7 * 24 * time.Hour, 1_000_000
	rows := []string{"| |", "|---|", "| reads per second |", "| writes per second |", "| in transactions per second |"}
	for _, kind := range auth.Kinds() {
		tb := &exampleTB{}
		s := newStage(tb, kind, "securecookie")
		_, tokens := s.signIn(s.ada)
		s.receipt = &auth.Receipt{}
		s.ctx = auth.WithReceipt(s.ctx, s.receipt)
		for end := s.clock.now.Add(week); s.clock.now.Before(end); {
			s.clock.Advance(time.Minute)
			s.accepted(&tokens)
		}
		perSecond := func(n int) string { return thousands(int(float64(n)*people/week.Seconds() + 0.5)) }
		for i, field := range []string{
			"`" + kind.Name + "`", "", perSecond(s.receipt.Count("read")), perSecond(s.receipt.Count("write")),
			perSecond(s.receipt.Count("transaction") / 2), // each begins and commits
		} {
			if rows[i] += " " + field + " |"; i == 1 {
				rows[i] = strings.TrimSuffix(rows[i], "  |") + "---|"
			}
		}
		tb.clean()
	}
	return strings.Join(rows, "\n") + "\n"
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
