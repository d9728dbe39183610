package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
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
			return []string{"SESSION_STRATEGY=hybrid", "HYBRID_TTL=1s", "DATABASE_URL=" + newPostgres(t).url(), "REDIS_URL=redis://" + newRedisServer(t).addr}
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
		f.moved(v, f.only[here]).wants("/dashboard", 200, "Ada Lovelace")
	}
	v, seen := f.visit(f.balanced), map[int]bool{}
	for range 4 {
		seen[f.servedBy(v.get("/sign-in"))] = true
	}
	if len(seen) != 2 {
		t.Errorf("nginx sends requests to %v only", seen)
	}
	v.cookies["padding"] = strings.Repeat("x", 11<<10) // as much as the site may have set
	v.wants("/sign-in", 200)
}

func (f *fleet) signedIn(at, persona string) *visitor {
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
	thief.wants("/api/session", 200)
	if got := laptop.post("/api/sessions/revoke-others"); got.status != 200 {
		t.Errorf("revoke others: got %d %s", got.status, got.body)
	}
	if life == "0s" {
		thief.wants("/api/session", 401, `"code":"revoked"`)
		phone.wants("/api/session", 401, `"code":"revoked"`)
	} else {
		poll(t, "it is refused", func() bool { return phone.get("/api/session").status == 401 })
		thief.wants("/api/session", 401)
	}
	f.moved(laptop, f.only[1]).wants("/api/session", 200)
}

// tabsAtBoth: parallel tabs of one browser, at both instances, each time that a
// token is due, stay signed in.
func tabsAtBoth(t *testing.T, f *fleet) {
	v := f.signedIn(f.balanced, "linus")
	for round := range 3 {
		first := v.fading()
		poll(t, "a token is due", func() bool {
			if first == "" {
				return true // this strategy has none
			}
			var tabs sync.WaitGroup
			for i := range 8 {
				tab := f.moved(v, f.only[i%2])
				tabs.Go(func() {
					tab.wants("/api/session", 200)
					v.mu.Lock()
					defer v.mu.Unlock()
					for name, value := range tab.copied() {
						v.cookies[name] = value
					}
				})
			}
			tabs.Wait()
			return v.fading() != first
		})
		if v.wants("/api/session", 200); t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

// fading is the value that is replaced when it is old, empty if there is none.
func (v *visitor) fading() string {
	for name, value := range v.copied() {
		if strings.HasPrefix(name, "__Host-session-") && !strings.HasSuffix(name, "database") {
			return value
		}
	}
	return ""
}

// clientAddresses: a limit is for whoever asks, as the proxy saw them, and not for
// the proxy, or for whom they say they are.
func clientAddresses(t *testing.T, f *fleet) {
	knock := func(ip string, n int) int {
		form := map[string][]string{"email": {fmt.Sprintf("%s-%d@example.com", ip, n)}, "password": {"a word that is not it"}}
		return f.visitFrom(ip, f.only[0]).must("POST", "/sign-in/password", form).status
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

// rolls: the instances are restarted one after the other, the keys are rotated and
// the version is raised, under load.
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
		{"SESSION_KEYS=" + keyA},
		{"SESSION_KEYS=" + keyA + "," + keyB},
		{"SESSION_KEYS=" + keyB + "," + keyA},
		{"SESSION_KEYS=" + keyB + "," + keyA, "SESSION_VERSION=2"},
		{"SESSION_KEYS=" + keyB, "SESSION_VERSION=2"},
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
