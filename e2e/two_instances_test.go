package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"sessionlab/db/dbtest"
)

// TestTwoInstances: two instances are one site. The counts that it logs are of
// everything that was asked through nginx while the instances were restarted.
func TestTwoInstances(t *testing.T) {
	for _, site := range []struct {
		name string
		vars func(t *testing.T) []string
		life string // of what an instance trusts without asking
	}{
		{"database in Postgres", func(t *testing.T) []string {
			return []string{"SESSION_STRATEGY=database", "DATABASE_URL=" + newPostgres(t).url()}
		}, "0s"},
		{"rotation in Postgres", func(t *testing.T) []string {
			return []string{"SESSION_STRATEGY=rotation", "ACCESS_TTL=1s", "DATABASE_URL=" + newPostgres(t).url()}
		}, "1s"},
		{"hybrid in Redis", func(t *testing.T) []string {
			return []string{"SESSION_STRATEGY=hybrid", "HYBRID_TTL=1s", "DATABASE_URL=" + newPostgres(t).url(), "REDIS_URL=" + dbtest.NewRedis(t).URL()}
		}, "1s"},
	} {
		t.Run(site.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, site.vars(t)...)
			beginsHereEndsThere(t, f)
			revokedHereRefusedThere(t, f, site.life)
			tabsAtBoth(t, f)
			clientAddresses(t, f)
			rolls(t, f)
		})
	}
}

// beginsHereEndsThere: a sign-in that one instance starts, another finishes.
func beginsHereEndsThere(t *testing.T, f *fleet) {
	for here := range f.only {
		there := 1 - here
		v := f.visit(f.only[here])
		to, err := v.tryToCallback("oidc", "ada")
		if err != nil {
			t.Fatal(err)
		}
		v = f.moved(v, f.only[there])
		if err := v.tryCallback(to); err != nil {
			t.Errorf("begun on %d, ended on %d: %v", here, there, err)
		}
		f.moved(v, f.only[here]).Wants("/dashboard", 200, "Ada Lovelace")
	}
	v, seen := f.visit(f.balanced), map[int]bool{}
	for range 4 {
		seen[f.servedBy(v.Get("/sign-in"))] = true
	}
	if len(seen) != 2 {
		t.Errorf("nginx sends requests to %v only", seen)
	}
	v.Carries["padding"] = strings.Repeat("x", 11<<10) // as much as the site may have set
	v.Wants("/sign-in", 200)
}

func (f *fleet) signedIn(at, persona string) *Visitor {
	f.Helper()
	v := f.visit(at)
	to, err := v.tryToCallback("oidc", persona)
	if err == nil {
		err = v.tryCallback(to)
	}
	if err != nil {
		f.Fatal(err)
	}
	return v
}

// revokedHereRefusedThere: what one instance ends, the other refuses, at the next
// request or when what it trusts has run out.
func revokedHereRefusedThere(t *testing.T, f *fleet, life string) {
	laptop, phone := f.signedIn(f.only[0], "ada"), f.signedIn(f.only[1], "ada")
	thief := f.moved(phone, f.only[1])
	thief.Wants("/api/session", 200)
	if got := laptop.Post("/api/sessions/revoke-others"); got.Status != 200 {
		t.Errorf("revoke others: got %d %s", got.Status, got.Body)
	}
	if life == "0s" {
		thief.Wants("/api/session", 401, `"code":"revoked"`)
		phone.Wants("/api/session", 401, `"code":"revoked"`)
	} else {
		dbtest.Poll(t, "it is refused", func() bool { return phone.Get("/api/session").Status == 401 })
		thief.Wants("/api/session", 401)
	}
	f.moved(laptop, f.only[1]).Wants("/api/session", 200)
}

// tabsAtBoth: parallel tabs of one browser, at both instances, each time that a
// token is due, stay signed in.
func tabsAtBoth(t *testing.T, f *fleet) {
	v := f.signedIn(f.balanced, "linus")
	for round := range 3 {
		first := v.renewable()
		dbtest.Poll(t, "a token is due", func() bool {
			if first == "" {
				return true // this strategy has none
			}
			var tabs sync.WaitGroup
			for i := range 8 {
				tab := f.moved(v, f.only[i%2])
				tabs.Go(func() {
					tab.Wants("/api/session", 200)
					v.mu.Lock()
					defer v.mu.Unlock()
					for name, value := range tab.Copied() {
						v.Carries[name] = value
					}
				})
			}
			tabs.Wait()
			return v.renewable() != first
		})
		if v.Wants("/api/session", 200); t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

// renewable returns the session cookie that is replaced during its lifetime, "" if there
// is none.
func (v *Visitor) renewable() string {
	for name, value := range v.Copied() {
		if strings.HasPrefix(name, "__Host-session-") && !strings.HasSuffix(name, "database") {
			return value
		}
	}
	return ""
}

// clientAddresses: rate limits apply to the client address that the proxy saw, not to the
// proxy's own address or a forged X-Forwarded-For.
func clientAddresses(t *testing.T, f *fleet) {
	knock := func(ip string, n int) int {
		form := map[string][]string{"email": {fmt.Sprintf("%s-%d@example.com", ip, n)}, "password": {"a word that is not it"}}
		return f.visitFrom(ip, f.only[0]).must("POST", "/sign-in/password", form).Status
	}
	for n := range 10 {
		if got := knock("127.0.0.2", n); got == 429 {
			t.Errorf("knock %d: got 429 already", n)
		}
	}
	if got := knock("127.0.0.2", 10); got != 429 {
		t.Errorf("the eleventh in a minute: got %d, want 429", got)
	}
	if got := knock("127.0.0.3", 0); got == 429 {
		t.Error("somebody else has to wait too")
	}
}

// rolls restarts the instances one after the other under load, while the keys are rotated
// and the version is raised.
func rolls(t *testing.T, f *fleet) {
	l := noLoad(t)
	for range 6 {
		l.stays(f.signedIn(f.balanced, "ada"))
	}
	for range 2 {
		l.comesAndGoes(f.visit(f.balanced), "oidc")
	}
	in := func(c counts) bool { return c.ok > 0 }
	l.until("everybody is in", in)
	steps := [][]string{
		{"SESSION_KEYS=" + KeyA},
		{"SESSION_KEYS=" + KeyA + "," + KeyB},
		{"SESSION_KEYS=" + KeyB + "," + KeyA},
		{"SESSION_KEYS=" + KeyB + "," + KeyA, "SESSION_VERSION=2"},
		{"SESSION_KEYS=" + KeyB, "SESSION_VERSION=2"},
	}
	if testing.Short() {
		steps = steps[:1]
	}
	for _, changed := range steps {
		f.restart(changed...)
		l.until("everybody is in after "+fmt.Sprint(len(changed))+" changes", in)
	}
	all := l.end()
	t.Logf("%d requests through nginx while each instance was restarted %d times, with new keys and a new version; failures: %d; sign-outs: %d",
		l.requests(), len(steps), all.failed+all.fault, all.out)
	if all.failed > 0 || all.fault > 0 || all.out > 0 {
		t.Errorf("got %+v, want no failures and no sign-outs", all)
	}
}
