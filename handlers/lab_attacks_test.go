package handlers_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/handlers"
)

// refusals are what each button on /flow has to end in, and why.
var attackRefusals = map[string]struct{ reason, because string }{
	"missing-state":  {"flow_invalid", "no state"},
	"foreign-state":  {"flow_invalid", "not of this browser"},
	"other-provider": {"flow_invalid", "begun at another provider"},
	"replayed-code":  {"flow_invalid", "used before"},
	"wrong-verifier": {"provider_error", "invalid_grant"},
	"wrong-issuer":   {"identity_invalid", "the callback is not from the issuer"},
	"wrong-nonce":    {"identity_invalid", "ID token is of another flow"},
	"next":           {"next_replaced", ""},
	"prefetch":       {"method_not_allowed", ""},
}

// outcome is what the page says of an attack.
func (b *browser) outcome(name string) (reason, detail string, held bool) {
	b.Helper()
	o := b.one("#attack-" + name + " .outcome")
	return o.AttrOr("data-reason", ""), o.Next().Filter(".soft").Text(), !o.Is(".failed")
}

// Every button ends in the refusal that it names, and touches nobody.
func TestFlowAttacks(t *testing.T) {
	t.Parallel()
	for _, alone := range []bool{false, true} {
		site := newSiteWith(t, settings{Strategy: "compare", Alone: alone})
		ada := newBrowser(t, site).signIn("ada").act("steal")
		before := map[string]int{}
		for _, table := range []string{"users", "sessions", "refresh_tokens", "accounts", "benches"} {
			before[table] = site.rows(table)
		}
		ada.get("/flow").at("/flow", 200)
		if n := ada.page.Find(".attack").Length(); n != len(attackRefusals) {
			t.Errorf("the page has %d attacks, want %d", n, len(attackRefusals))
		}
		for name, want := range attackRefusals {
			ada.get("/flow").press("#try-"+name).at("/flow", 200)
			reason, detail, held := ada.outcome(name)
			if reason != want.reason || !strings.Contains(detail, want.because) || !held {
				t.Errorf("%s: got %q (%s), held %v; want %s (%s)", name, reason, detail, held, want.reason, want.because)
			}
			if ada.page.Find("#attack-"+name+" .lines .value").Length() < 2 {
				t.Errorf("%s: the page does not say what was sent", name)
			}
		}
		for table, n := range before {
			if now := site.rows(table); now != n {
				t.Errorf("%d rows in %s, before the attacks %d", now, table, n)
			}
		}
		same(t, "Ada, after all that", ada.of("you"), inUnder())
		same(t, "her thief", ada.of("thief"), inUnder())
		if text := ada.get("/flow").text(); !strings.Contains(text, "How you signed in with the provider dev") {
			t.Errorf("an attack shows as her sign-in:\n%s", text[:200])
		}
		if other := newBrowser(t, site).get("/flow"); other.has(".outcome") {
			t.Error("somebody else sees what Ada tried")
		}
	}
}

// Each attack leads to the line that refuses it and to the tests that hold it: the
// links go to lines that are there.
func TestFlowAttacksNameTheirGuards(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare"))
	lines := map[string]string{}
	for _, name := range handlers.AttackNames() {
		ada.get("/flow")
		links := ada.page.Find("#attack-" + name + " .sources a").Map(func(_ int, a *goquery.Selection) string { return a.AttrOr("href", "") })
		if len(links) != 3 {
			t.Fatalf("%s: got the links %q, want to the code and to two tests", name, links)
		}
		for _, href := range links {
			path, line, _ := strings.Cut(href, "#")
			ada.get(path).at(path, 200)
			lines[name] += ada.one("#"+line).Text() + "\n"
		}
	}
	for name, want := range map[string][]string{
		"missing-state":  {`because("no state")`, "func testStateMissing(", `"missing-state":`},
		"other-provider": {"f.Provider != provider", "func testFlowOfAnotherProvider(", `"other-provider":`},
		"wrong-nonce":    {"!equal(nonce, id.Nonce)", "func testIDTokens(", `"wrong-nonce":`},
		"prefetch":       {`e.POST("/sign-in/:provider"`, "func TestUnknownPathsAndMethods(", `"prefetch":`},
	} {
		for _, text := range want {
			if !strings.Contains(lines[name], text) {
				t.Errorf("%s leads to\n%swithout %s", name, lines[name], text)
			}
		}
	}
	for _, path := range []string{"", "auth/oauth/errors.go", "auth/oauth/../../main.go", "main.go", "handlers/..", "handlers/site.go", "/etc/passwd"} {
		if w := ada.request("GET", "/flow/source/"+path, nil, "none"); w.Code != 404 {
			t.Errorf("/flow/source/%s: got %d", path, w.Code)
		}
	}
}

// What can be asked for is one of the names, now and then, by a form of this site.
func TestFlowAttacksAreBounded(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site)
	for _, name := range []string{"", "nonsense", "Next", "missing-state ", "../next"} {
		if ada.post("/flow/attack", form("attack", name)).page.status != 404 || !strings.Contains(ada.text(), "unknown_attack") {
			t.Errorf("attack=%q: got %d:\n%s", name, ada.page.status, ada.text())
		}
	}
	ada.wants("/flow/attack", 405)
	if w := ada.request("POST", "/flow/attack", form("attack", "next"), "cross-site"); w.Code != 403 {
		t.Errorf("from another site: got %d", w.Code)
	}
	var all sync.WaitGroup
	for range 20 {
		b := newBrowser(t, site)
		all.Go(func() {
			w := b.request("POST", "/flow/attack", form("attack", "replayed-code"), "same-origin")
			if w.Code != 303 && w.Code != 429 {
				t.Errorf("in parallel: got %d", w.Code)
			}
		})
	}
	all.Wait()
	refused := 0
	for range 31 {
		if ada.request("POST", "/flow/attack", form("attack", "prefetch"), "same-origin").Code == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nobody slows down who presses without an end")
	}
	site.clock.Advance(time.Minute)
	ada.post("/flow/attack", form("attack", "prefetch")).at("/flow", 200)
}

// An attack that came through would show: the same browsers, doing nothing wrong,
// are signed in, and that counts as held under no name.
func TestFlowAttacksCouldFail(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	l := site.Extension.(*handlers.Lab)
	for _, name := range handlers.AttackNames() {
		held, in, err := l.Harmless(t.Context(), l.Bench, name)
		if err != nil || held || !in {
			t.Errorf("%s: held %v, signed in %v, %v; want a sign-in that nothing held", name, held, in, err)
		}
	}
}
