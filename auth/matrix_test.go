package auth_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
)

// The matrix of the README is measured: for each strategy and each thing that may
// be done to a session, a copy of its tokens asks, minute by minute at first and
// then twice a day, until it is refused.

// ExampleKinds prints what the README shows.
func ExampleKinds() {
	fmt.Print(matrix())
	// Output:
	// | | `cookie` | `database` | `epoch` | `hybrid` | `renew` | `pair` | `rotation` |
	// |---|---|---|---|---|---|---|---|
	// | table reads per request | 0 | 1 | 1 | 0 | 0 | 0 | 0 |
	// | you sign out: a copy works for | 30 d | 0 | 30 d | 5 min | 30 d | 30 d | 15 min |
	// | one device signed out from another | impossible | at once | impossible | 5 min | impossible | impossible | 15 min |
	// | all devices of a user signed out | impossible | at once | at once | 5 min | impossible | impossible | 15 min |
	// | role changed: shows after | never | at once | at once | 5 min | 10 min | 15 min | 15 min |
	// | account disabled: refused after | never | at once | at once | 5 min | 10 min | 15 min | 15 min |
	// | session version raised | dead | alive | dead | alive | dead | dead | alive |
	// | signing key retired | dead | alive | dead | alive | dead | dead | alive |
	// | store unreachable: works for | 30 d | 0 | 0 | 5 min | 10 min | 15 min | 15 min |
}

func TestReadmeShowsTheMatrix(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), matrix()) {
		t.Errorf("README.md does not contain what was measured:\n%s", matrix())
	}
}

func matrix() string {
	rows := []struct {
		title   string
		measure func(*stage) string
	}{
		{"table reads per request", func(s *stage) string {
			_, t := s.signIn(s.ada)
			before := s.receipt.Count("read")
			s.accepted(&t)
			return fmt.Sprint(s.receipt.Count("read") - before)
		}},
		{"you sign out: a copy works for", func(s *stage) string {
			_, t := s.signIn(s.ada)
			if err := s.strategy.End(s.ctx, t); err != nil {
				s.Fatal(err)
			}
			return span(s.lasts(t, nil), "0", "")
		}},
		{"one device signed out from another", func(s *stage) string {
			session, t := s.signIn(s.ada)
			return s.revoked(t, auth.Target{UserID: s.ada.ID, SessionID: session.ID})
		}},
		{"all devices of a user signed out", func(s *stage) string {
			_, t := s.signIn(s.ada)
			return s.revoked(t, auth.Target{UserID: s.ada.ID, All: true})
		}},
		{"role changed: shows after", func(s *stage) string {
			_, t := s.signIn(s.ada)
			if err := s.store.SetRole(s.ctx, s.ada.ID, auth.RoleAdmin); err != nil {
				s.Fatal(err)
			}
			return span(s.lasts(t, func(got auth.Session) bool { return got.User.Role != auth.RoleAdmin }), "at once", "never")
		}},
		{"account disabled: refused after", func(s *stage) string {
			_, t := s.signIn(s.ada)
			if err := s.store.Disable(s.ctx, s.ada.ID, s.clock.now); err != nil {
				s.Fatal(err)
			}
			return span(s.lasts(t, nil), "at once", "never")
		}},
		{"session version raised", func(s *stage) string {
			_, t := s.signIn(s.ada)
			s.version++
			return s.alive(t)
		}},
		{"signing key retired", func(s *stage) string {
			_, t := s.signIn(s.ada)
			s.vault.Ring = newRing(s)
			return s.alive(t)
		}},
		{"store unreachable: works for", func(s *stage) string {
			_, t := s.signIn(s.ada)
			s.store.Close()
			return span(s.lasts(t, nil), "0", "")
		}},
	}
	var table strings.Builder
	table.WriteString("| |")
	for _, kind := range auth.Kinds() {
		fmt.Fprintf(&table, " `%s` |", kind.Name)
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(auth.Kinds())) + "\n")
	for _, row := range rows {
		fmt.Fprintf(&table, "| %s |", row.title)
		for _, kind := range auth.Kinds() {
			tb := &exampleTB{}
			fmt.Fprintf(&table, " %s |", row.measure(newStage(tb, kind, "securecookie")))
			tb.clean()
		}
		table.WriteString("\n")
	}
	return table.String()
}

// lasts asks until the session is not accepted, or no longer as it was, and says
// how long that took.
func (s *stage) lasts(t auth.Tokens, as func(auth.Session) bool) time.Duration {
	began := s.clock.now
	for s.clock.now.Sub(began) < 31*24*time.Hour {
		session, err := s.ask(&t)
		if err != nil || as != nil && !as(session) {
			break
		}
		if s.clock.now.Sub(began) < 20*time.Minute {
			s.clock.Advance(time.Minute)
		} else {
			s.clock.now = began.Add(s.clock.now.Sub(began).Truncate(12*time.Hour) + 12*time.Hour)
		}
	}
	return s.clock.now.Sub(began)
}

func (s *stage) revoked(t auth.Tokens, target auth.Target) string {
	r, ok := s.strategy.(auth.Revoker)
	if !ok {
		return "impossible"
	}
	if _, err := r.Revoke(s.ctx, target); err != nil {
		return "impossible"
	}
	return span(s.lasts(t, nil), "at once", "")
}

func (s *stage) alive(t auth.Tokens) string {
	if _, err := s.ask(&t); err != nil {
		return "dead"
	}
	return "alive"
}

// span says a duration; whole is what to call the session's whole life.
func span(d time.Duration, none, whole string) string {
	switch {
	case d == 0:
		return none
	case d == life.Max && whole != "":
		return whole
	case d >= 24*time.Hour:
		return fmt.Sprintf("%d d", d/(24*time.Hour))
	default:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
}

// exampleTB is the test of an example, which has none.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (b *exampleTB) Helper()                      {}
func (b *exampleTB) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (b *exampleTB) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
func (b *exampleTB) Cleanup(f func())             { b.cleanups = append(b.cleanups, f) }
func (b *exampleTB) TempDir() string {
	dir, err := os.MkdirTemp("", "matrix")
	if err != nil {
		panic(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (b *exampleTB) clean() {
	for i := len(b.cleanups) - 1; i >= 0; i-- {
		b.cleanups[i]()
	}
}
