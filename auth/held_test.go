package auth_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
)

// The cases that other projects assert, by their numbers in the list of the
// project's rules. Those that need the web stand in handlers.

func stageOf(t testing.TB, strategy string) *stage {
	kind, ok := auth.KindOf(strategy)
	if !ok {
		t.Fatalf("no strategy %s", strategy)
	}
	return newStage(t, kind, "securecookie")
}

func TestCase01SecretOfDatabaseIsWorthNothingElsewhere(t *testing.T) {
	s := stageOf(t, "database")
	_, tokens := s.signIn(s.ada)
	if err := s.strategy.End(s.ctx, tokens); err != nil {
		t.Fatal(err)
	}
	s.refused(&tokens, auth.ErrRevoked) // on the very next request

	_, alive := s.signIn(s.ada)
	for _, kind := range auth.Kinds() {
		if kind.Name == "database" {
			continue
		}
		s.kind = kind
		s.strategy = s.build(s.parts)
		for _, t := range []auth.Tokens{{Access: alive.Access}, {Refresh: alive.Access}, {Access: alive.Access, Refresh: alive.Access}} {
			s.refused(&t, auth.ErrInvalid)
		}
	}
}

func TestCase02SnapshotCountsOnlyBesideItsSecret(t *testing.T) {
	s := stageOf(t, "hybrid")
	_, a := s.signIn(s.ada)
	_, b := s.signIn(s.user("grace"))

	mixed := auth.Tokens{Access: a.Access, Refresh: b.Refresh}
	if got := s.accepted(&mixed).User.Name; got != "grace" {
		t.Errorf("a snapshot of ada beside the secret of grace is %s, want grace", got)
	}
	alone := auth.Tokens{Access: a.Access}
	s.refused(&alone, auth.ErrInvalid)

	// A secret of `database` under the cookie names of hybrid.
	database := stageOf(t, "database")
	database.parts = s.parts
	database.strategy = database.build(s.parts)
	_, ticket, err := database.strategy.Issue(s.ctx, auth.SignIn{User: s.ada, Remember: true})
	if err != nil {
		t.Fatal(err)
	}
	swapped := auth.Tokens{Refresh: ticket.Access}
	s.refused(&swapped, auth.ErrInvalid)
}

func TestCase03BadSnapshotSignsNobodyOut(t *testing.T) {
	s := stageOf(t, "hybrid")
	_, tokens := s.signIn(s.ada)
	for name, snapshot := range map[string]string{"forged": "AAAA.BBBB", "missing": "", "cut": tokens.Access.Value[:40]} {
		bad := auth.Tokens{Access: auth.Token{Value: snapshot}, Refresh: tokens.Refresh}
		if s.accepted(&bad); bad.Access.Value == snapshot {
			t.Errorf("%s: no new snapshot was made", name)
		}
	}
	s.clock.Advance(snapshot)
	s.accepted(&tokens)
}

func TestCase04AbsoluteEndIsUnchangedByAnyNumberOfRefreshes(t *testing.T) {
	for _, kind := range auth.Kinds() {
		t.Run(kind.Name, func(t *testing.T) { absoluteEnd(newStage(t, kind, "securecookie")) })
		t.Run(kind.Name+" copy", func(t *testing.T) { firstCopy(newStage(t, kind, "securecookie")) })
	}
}

func TestCase07UnknownKeyIsRefusedWithoutFallback(t *testing.T) {
	for _, seal := range auth.Formats() {
		kind, _ := auth.KindOf("cookie")
		s := newStage(t, kind, seal)
		old := s.vault.Ring
		first, tokens := s.signIn(s.ada)
		fresh := newRing(t).Newest()

		s.vault.Ring, _ = auth.NewKeyRing(fresh)
		s.refused(&tokens, auth.ErrInvalid)

		s.vault.Ring, _ = auth.NewKeyRing(fresh, old.Newest())
		s.accepted(&tokens)
		s.clock.now = first.RenewAt
		s.accepted(&tokens) // re-sealed with the newest
		s.vault.Ring, _ = auth.NewKeyRing(fresh)
		s.accepted(&tokens)
	}
}

func TestCase08HugeClaimsNeverBreakASignIn(t *testing.T) {
	huge := auth.Identity{
		Issuer: "https://idp.example", Subject: "1", Email: strings.Repeat("e", 5<<10) + "@example.com",
		Name: strings.Repeat("ŉ", 10<<10), Picture: "https://p.example/" + strings.Repeat("p", 8<<10),
	}
	largest := huge // what is as long as it may be
	largest.Email = strings.Repeat("e", 242) + "@example.com"
	largest.Picture = "https://p.example/" + strings.Repeat("p", 490)
	ordinary := auth.Identity{
		Issuer: "https://idp.example", Subject: "2", Email: "ada.lovelace@example.com", Name: "Ada Lovelace",
		Picture: "https://lh3.googleusercontent.com/a/ACg8ocJ4Zr0bq0vXq0b3cS1x8n1Qm2k3J4h5G6f7D8s9A0=s96-c",
	}
	for _, seal := range auth.Formats() {
		for name, id := range map[string]auth.Identity{"huge": huge, "largest": largest, "ordinary": ordinary} {
			t.Run(seal+"/"+name, func(t *testing.T) {
				s := newStage(t, auth.Kinds()[0], seal)
				u, err := s.store.SignIn(s.ctx, id)
				if err != nil {
					t.Fatal(err)
				}
				jar, h := jarOf()
				if err := auth.IssueAll(s.ctx, jar, auth.SignIn{User: u, Device: auth.Device{Name: "Firefox on Linux"}, Remember: true}, s.managers()...); err != nil {
					t.Fatal(err)
				}
				browser := after(t, "", h)
				limit := 12 << 10
				if name == "ordinary" {
					limit = 8 << 10
				}
				t.Logf("the Cookie header of seven strategies has %d bytes", len(browser))
				if len(browser) > limit {
					t.Errorf("the Cookie header has %d bytes, want at most %d", len(browser), limit)
				}
				jar, h = jarOf(browser)
				for _, m := range s.managers() {
					if _, err := m.Load(s.ctx, jar); err != nil {
						t.Errorf("%s: %v", m.Name, err)
					}
				}
				for _, m := range s.managers() {
					if err := m.SignOut(s.ctx, jar); err != nil {
						t.Errorf("%s: sign-out: %v", m.Name, err)
					}
				}
				if left := after(t, browser, h); strings.Contains(left, "session-") || strings.Contains(left, "refresh-") {
					t.Errorf("after the sign-out the browser has %.60q", left)
				}
			})
		}
	}
}

// managers is one for every strategy, over this stage's parts.
func (s *stage) managers() (all []*auth.Manager) {
	for _, kind := range auth.Kinds() {
		strategy, err := kind.New(s.parts)
		if err != nil {
			s.Fatal(err)
		}
		all = append(all, &auth.Manager{
			Name: kind.Name, Strategy: strategy, SignOuts: s.vault.Sealer(auth.SignOutPurpose),
			Now: s.clock.Now, Log: slog.New(slog.DiscardHandler),
		})
	}
	return all
}

func TestCase10RevocationComparesNoClocks(t *testing.T) {
	for _, kind := range auth.Kinds() {
		s := newStage(t, kind, "securecookie")
		r, ok := s.strategy.(auth.Revoker)
		if !ok || !s.want.revokesOne {
			continue
		}
		mine, mineTokens := s.signIn(s.ada)
		s.clock.Advance(2 * time.Second)
		_, theirs := s.signIn(s.ada)
		s.clock.Advance(-2 * time.Second) // the clock steps back, or that of another instance is behind
		writes := s.receipt.Count("write")
		if n, err := r.Revoke(s.ctx, auth.Target{UserID: s.ada.ID, Except: mine.ID}); err != nil || n != 1 {
			t.Errorf("%s: got %d, %v, want 1", kind.Name, n, err)
		}
		if n := s.receipt.Count("write") - writes; n != 1 {
			t.Errorf("%s: %d statements, want 1", kind.Name, n)
		}
		_, later := s.signIn(s.ada)
		s.clock.Advance(2*time.Second + r.Window())
		s.refused(&theirs, auth.ErrRevoked)
		s.accepted(&later)
		s.accepted(&mineTokens)
		if n, err := r.Revoke(s.ctx, auth.Target{UserID: s.ada.ID}); err == nil {
			t.Errorf("%s: a target that names no sessions ended %d", kind.Name, n)
		}
	}
}

func TestCase11ConcurrentRefreshesNeverSignAnyoneOut(t *testing.T) {
	for _, kind := range auth.Kinds() {
		t.Run(kind.Name, func(t *testing.T) { concurrentRenewals(newStage(t, kind, "securecookie")) })
	}
}

func TestCase12SamePersonHasTheSameIDEverywhere(t *testing.T) {
	id := auth.Identity{Issuer: "https://idp.example", Subject: "42"}
	a, _ := auth.NoDirectory{}.SignIn(t.Context(), id)
	id.Name, id.Email = "renamed", "other@example.com"
	b, _ := auth.NoDirectory{}.SignIn(t.Context(), id)
	if a.ID != b.ID || a.ID == "" {
		t.Errorf("got %q, then %q", a.ID, b.ID)
	}
	id.Subject = "43"
	if c, _ := (auth.NoDirectory{}).SignIn(t.Context(), id); c.ID == a.ID {
		t.Error("two people share an id")
	}
}

// renewedOnce returns a stage on which a session was just renewed under rotation, with the
// refresh token that was spent and its successor.
func renewedOnce(t *testing.T) (s *stage, spent, successor auth.Tokens) {
	t.Helper()
	s = stageOf(t, "rotation")
	session, spent := s.signIn(s.ada)
	s.clock.now = session.RenewAt
	_, successor = s.renewed(spent)
	return s, spent, successor
}

func TestSpentRefreshTokenEndsItsFamilyAfterTheGrace(t *testing.T) {
	s, first, second := renewedOnce(t)

	s.clock.Advance(life.Grace - time.Millisecond)
	if _, again := s.renewed(first); again.Refresh.Value != second.Refresh.Value {
		t.Error("within the grace a spent token brought another successor")
	}
	_, third := s.renewed(second)
	s.clock.Advance(time.Millisecond)
	log := &strings.Builder{}
	m := manager(t, "rotation", s.strategy)
	m.Now, m.Log = s.clock.Now, slog.New(slog.NewTextHandler(log, nil))
	jar, h := jarOf("__Host-refresh-rotation=" + first.Refresh.Value)
	if _, err := m.Load(s.ctx, jar); !errors.Is(err, auth.ErrReused) {
		t.Errorf("after the grace: got %v, want %v", err, auth.ErrReused)
	}
	if !strings.Contains(log.String(), "refresh_reuse") || strings.Contains(log.String(), first.Refresh.Value) {
		t.Errorf("the log says %q", log)
	}
	if left := after(t, "__Host-refresh-rotation="+first.Refresh.Value, h); left != "" {
		t.Errorf("the browser keeps %.40q", left)
	}
	s.clock.Advance(access)
	s.refused(&third, auth.ErrRevoked) // whoever of the two was the thief
	s.refused(&first, auth.ErrRevoked)
}

// An answer with a successor is lost, and the browser comes back with the token that
// it spent.
func TestLostAnswerCostsNothing(t *testing.T) {
	s, spent, lost := renewedOnce(t)
	renewed := s.clock.now
	s.clock.Advance(time.Hour)
	late, retried := s.renewed(spent)
	if retried.Refresh.Value == lost.Refresh.Value || retried.Refresh.Value == spent.Refresh.Value {
		t.Error("a late retry brought no new successor")
	}
	if want := renewed.Add(life.Idle); !late.ExpiresAt.Equal(want) {
		t.Errorf("it ends %s, want %s, as the lost one would have", late.ExpiresAt, want)
	}
	s.clock.Advance(life.Grace - time.Millisecond)
	if _, again := s.renewed(spent); again.Refresh.Value != retried.Refresh.Value {
		t.Error("a parallel retry brought another successor")
	}
	_, next := s.renewed(retried)
	s.clock.Advance(access)
	s.accepted(&next) // life goes on
}

// Two who hold one family collide, whoever of them comes first.
func TestTwoHoldersCollide(t *testing.T) {
	for name, story := range map[string]func(s *stage, spent, successor auth.Tokens) (last auth.Tokens){
		"the thief retries the spent token, the owner shows the successor": func(s *stage, spent, successor auth.Tokens) auth.Tokens {
			s.renewed(spent)
			return successor
		},
		"the owner uses the successor, the thief retries the spent token": func(s *stage, spent, successor auth.Tokens) auth.Tokens {
			s.renewed(successor)
			return spent
		},
		"the thief uses the successor, the owner retries the spent token": func(s *stage, spent, successor auth.Tokens) auth.Tokens {
			s.renewed(successor)
			s.clock.Advance(time.Hour)
			return spent
		},
		"the owner retries the spent token, the thief shows the successor": func(s *stage, spent, successor auth.Tokens) auth.Tokens {
			_, retried := s.renewed(spent)
			s.renewed(retried)
			return successor
		},
		"both retry the spent token, the second after its grace": func(s *stage, spent, _ auth.Tokens) auth.Tokens {
			s.renewed(spent)
			s.clock.Advance(life.Grace)
			return spent
		},
		"the clock goes back three hours": func(s *stage, spent, successor auth.Tokens) auth.Tokens {
			s.renewed(successor)
			s.clock.Advance(-3 * time.Hour)
			return spent
		},
	} {
		s, spent, successor := renewedOnce(t)
		s.clock.Advance(life.Grace)
		last := story(s, spent, successor)
		if _, _, err := s.strategy.Renew(s.ctx, last); !errors.Is(err, auth.ErrReused) {
			t.Errorf("%s: got %v, want %v", name, err, auth.ErrReused)
		}
		if _, _, err := s.strategy.Renew(s.ctx, last); !errors.Is(err, auth.ErrRevoked) {
			t.Errorf("%s: then got %v, want %v", name, err, auth.ErrRevoked)
		}
	}
}

// A strict route asks the server about the session, and refuses whoever shows a token
// that a late retry replaced.
func TestReplacedTokenIsNotConfirmed(t *testing.T) {
	s, spent, replaced := renewedOnce(t)
	s.clock.Advance(life.Grace)
	_, live := s.renewed(spent)
	confirm := s.strategy.(auth.Confirmer).Confirm
	if _, err := confirm(s.ctx, live); err != nil {
		t.Errorf("the live token: %v", err)
	}
	if _, err := confirm(s.ctx, replaced); !errors.Is(err, auth.ErrReused) {
		t.Errorf("the replaced token: got %v, want %v", err, auth.ErrReused)
	}
	if _, err := confirm(s.ctx, live); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("the live token afterwards: got %v, want %v", err, auth.ErrRevoked)
	}
}

// A late retry is one: of many who come at once, all get the same successor. And it
// comes too late when the spent token has expired.
func TestLateRetries(t *testing.T) {
	s := stageOf(t, "rotation")
	session, spent := s.signIn(s.ada)
	s.clock.now = session.RenewAt
	s.renewed(spent) // lost
	s.clock.Advance(time.Hour)
	var mu sync.Mutex
	var all sync.WaitGroup
	got := map[string]int{}
	for range 50 {
		all.Go(func() {
			_, tokens, err := s.strategy.Renew(s.ctx, spent)
			mu.Lock()
			defer mu.Unlock()
			if got[tokens.Refresh.Value]++; err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(got) != 1 {
		t.Errorf("got %d successors, want 1", len(got))
	}

	s = stageOf(t, "rotation")
	session, spent = s.signIn(s.ada)
	s.clock.now = session.ExpiresAt.Add(-time.Millisecond)
	s.renewed(spent)
	s.clock.Advance(life.Grace)
	if _, _, err := s.strategy.Renew(s.ctx, spent); !errors.Is(err, auth.ErrReused) {
		t.Errorf("after its own end: got %v, want %v", err, auth.ErrReused)
	}
}

func TestLateResponseDoesNotSignABrowserInAgain(t *testing.T) {
	for _, kind := range auth.Kinds() {
		s := newStage(t, kind, "securecookie")
		var m *auth.Manager
		for _, one := range s.managers() {
			if one.Name == kind.Name {
				m = one
			}
		}
		jar, h := jarOf()
		if err := auth.IssueAll(s.ctx, jar, auth.SignIn{User: s.ada, Remember: true}, m); err != nil {
			t.Fatal(err)
		}
		signedIn := after(t, "", h)

		// A request leaves the browser at the refresh edge, and its answer is slow.
		s.clock.Advance(6 * 24 * time.Hour)
		jar, late := jarOf(signedIn)
		if _, err := m.Load(s.ctx, jar); err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(time.Second)
		jar, h = jarOf(signedIn)
		if err := m.SignOut(s.ctx, jar); err != nil {
			t.Fatal(err)
		}
		browser := after(t, after(t, signedIn, h), late) // sign-out first, then the late answer
		jar, h = jarOf(browser)
		if _, err := m.Load(s.ctx, jar); !auth.Refused(err) {
			t.Errorf("%s: got %v, want the browser still signed out", kind.Name, err)
		}
		if browser = after(t, browser, h); strings.Contains(browser, "session-") {
			t.Errorf("%s: the late cookie was not cleared: %.80q", kind.Name, browser)
		}
		// The next sign-in is not held back.
		jar, h = jarOf(browser)
		if err := auth.IssueAll(s.ctx, jar, auth.SignIn{User: s.ada, Remember: true}, m); err != nil {
			t.Fatal(err)
		}
		browser = after(t, browser, h)
		jar, _ = jarOf(browser)
		if _, err := m.Load(s.ctx, jar); err != nil {
			t.Errorf("%s: %v", kind.Name, err)
		}

		// Nor is it by a clock that steps back.
		s.clock.Advance(-2 * time.Hour)
		jar, h = jarOf(browser)
		if err := auth.IssueAll(s.ctx, jar, auth.SignIn{User: s.ada, Remember: true}, m); err != nil {
			t.Fatal(err)
		}
		jar, _ = jarOf(after(t, browser, h))
		if _, err := m.Load(s.ctx, jar); err != nil {
			t.Errorf("%s, after the clock stepped back: %v", kind.Name, err)
		}
	}
}

// A late answer of Ada's after Grace signed in on the same browser may sign Grace out.
// It never makes the browser Ada's again, whether Ada signed out or was replaced.
func TestLateResponseNeverBringsThePersonBefore(t *testing.T) {
	for _, kind := range auth.Kinds() {
		for _, signsOut := range []bool{true, false} {
			s := newStage(t, kind, "securecookie")
			grace := s.user("grace")
			m := s.managers()[slices.IndexFunc(auth.Kinds(), func(k auth.Kind) bool { return k.Name == kind.Name })]
			signIn := func(browser string, u auth.User) string {
				jar, h := jarOf(browser)
				if err := auth.IssueAll(s.ctx, jar, auth.SignIn{User: u, Remember: true}, m); err != nil {
					t.Fatal(err)
				}
				return after(t, browser, h)
			}
			browser := signIn("", s.ada)
			s.clock.Advance(6 * 24 * time.Hour)
			jar, late := jarOf(browser)
			if _, err := m.Load(s.ctx, jar); err != nil {
				t.Fatal(err)
			}
			if signsOut {
				jar, h := jarOf(browser)
				if err := m.SignOut(s.ctx, jar); err != nil {
					t.Fatal(err)
				}
				browser = after(t, browser, h)
			}
			browser = after(t, signIn(browser, grace), late)
			jar, _ = jarOf(browser)
			if got, err := m.Load(s.ctx, jar); err == nil && got.User.ID != grace.ID {
				t.Errorf("%s, signed out %t: the browser is Ada's again", kind.Name, signsOut)
			}
		}
	}
}

// A tombstone stays small, however often somebody signs out.
func TestTombstoneIsBounded(t *testing.T) {
	s := stageOf(t, "cookie")
	m, browser := s.managers()[0], ""
	var late []string
	for range 100 {
		jar, h := jarOf(browser)
		if err := auth.IssueAll(s.ctx, jar, auth.SignIn{User: s.ada, Remember: true}, m); err != nil {
			t.Fatal(err)
		}
		browser = after(t, browser, h)
		jar, _ = jarOf(browser)
		value, _ := jar.Get("session-cookie")
		late = append(late, value)
		jar, h = jarOf(browser)
		if err := m.SignOut(s.ctx, jar); err != nil {
			t.Fatal(err)
		}
		browser = after(t, browser, h)
	}
	if len(browser) > 900 {
		t.Errorf("the tombstone takes %d bytes", len(browser))
	}
	for _, value := range late[len(late)-32:] {
		jar, _ := jarOf(browser, "__Host-session-cookie="+value)
		if _, err := m.Load(s.ctx, jar); !errors.Is(err, auth.ErrSignedOut) {
			t.Fatalf("one of the last 32 sessions: got %v, want %v", err, auth.ErrSignedOut)
		}
	}
}

func TestBearerTokenIsNoCookie(t *testing.T) {
	for _, name := range []string{"pair", "rotation"} {
		s := stageOf(t, name)
		var m *auth.Manager
		for _, one := range s.managers() {
			if one.Name == name {
				m = one
			}
		}
		jar, h := jarOf()
		if err := auth.IssueAll(s.ctx, jar, auth.SignIn{User: s.ada, Remember: true}, m); err != nil {
			t.Fatal(err)
		}
		browser := after(t, "", h)
		s.clock.Advance(access) // stale: a client asks for a new one
		jar, h = jarOf(browser)
		session, err := m.Load(s.ctx, jar)
		if err != nil {
			t.Fatal(err)
		}
		token, err := jar.Current(auth.SessionCookie(name))
		if err != nil || !strings.Contains(after(t, browser, h), "__Host-session-"+name+"="+token) {
			t.Errorf("%s: the token is not the one in the renewed cookie: %v", name, err)
		}
		if _, err := m.LoadBearer(s.ctx, token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s.clock.now = session.RenewAt
		if _, err := m.LoadBearer(s.ctx, token); !errors.Is(err, auth.ErrExpired) {
			t.Errorf("%s: got %v, want %v", name, err, auth.ErrExpired)
		}
		refresh, _ := http.ParseCookie(browser)
		for _, c := range refresh {
			if strings.Contains(c.Name, "refresh") {
				if _, err := m.LoadBearer(s.ctx, c.Value); !errors.Is(err, auth.ErrInvalid) {
					t.Errorf("%s: a refresh token as a bearer token: got %v", name, fmt.Sprint(err))
				}
			}
		}
	}
}

// A version that is raised between two tabs of one refresh ends access tokens, and
// neither tab: the successor waits on the server.
func TestVersionRaisedWithinTheGrace(t *testing.T) {
	s, spent, first := renewedOnce(t)
	s.version++
	if _, second := s.renewed(spent); second.Refresh.Value != first.Refresh.Value {
		t.Error("the second tab got another successor")
	}
}
