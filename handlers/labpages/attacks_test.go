package labpages_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// refusals holds how each button on /flow has to end, and why.
var attackRefusals = map[string]struct{ reason, because string }{
	"missing-state":  {"flow_invalid", "no state"},
	"foreign-state":  {"flow_invalid", "not of this browser"},
	"other-provider": {"flow_invalid", "begun at another provider"},
	"replayed-code":  {"flow_invalid", "used before"},
	"wrong-verifier": {"provider_error", "invalid_grant"},
	"wrong-issuer":   {"identity_invalid", "the callback is not from the issuer"},
	"wrong-nonce":    {"identity_invalid", "ID token: of another flow"},
	"next":           {"next_replaced", ""},
	"prefetch":       {"method_not_allowed", ""},
}

// outcome returns what the page says about an attack.
func outcome(b *handlerstest.Browser, name string) (reason, detail string, held bool) {
	b.Helper()
	o := b.One("#attack-" + name + " .outcome")
	return o.AttrOr("data-reason", ""), o.Next().Filter(".soft").Text(), !o.Is(".failed")
}

// Every button ends in the refusal that it names, and touches nobody.
func TestFlowAttacks(t *testing.T) {
	t.Parallel()
	for _, alone := range []bool{false, true} {
		site := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", Alone: alone})
		ada := act(handlerstest.NewBrowser(t, site).SignIn("ada"), "steal")
		before := map[string]int{}
		for _, table := range []string{"users", "sessions", "refresh_tokens", "accounts", "benches"} {
			before[table] = site.Rows(table)
		}
		ada.Get("/flow").At("/flow", 200)
		if n := ada.Page.Find(".attack").Length(); n != len(attackRefusals) {
			t.Errorf("the page has %d attacks, want %d", n, len(attackRefusals))
		}
		for name, want := range attackRefusals {
			ada.Get("/flow").Press("#try-"+name).At("/flow", 200)
			reason, detail, held := outcome(ada, name)
			if reason != want.reason || !strings.Contains(detail, want.because) || !held {
				t.Errorf("%s: got %q (%s), held %v; want %s (%s)", name, reason, detail, held, want.reason, want.because)
			}
			if ada.Page.Find("#attack-"+name+" .lines .value").Length() < 2 {
				t.Errorf("%s: the page does not say what was sent", name)
			}
		}
		for table, n := range before {
			if now := site.Rows(table); now != n {
				t.Errorf("%d rows in %s, before the attacks %d", now, table, n)
			}
		}
		handlerstest.Same(t, "Ada, after all that", of(ada, "you"), inUnder())
		handlerstest.Same(t, "her thief", of(ada, "thief"), inUnder())
		if text := ada.Get("/flow").Text(); !strings.Contains(text, "How you signed in with the provider dev") {
			t.Errorf("an attack shows as her sign-in:\n%s", text[:200])
		}
		if other := handlerstest.NewBrowser(t, site).Get("/flow"); other.Has(".outcome") {
			t.Error("somebody else sees what Ada tried")
		}
	}
}

// Each attack leads to the line that refuses it and to the tests that hold it: the
// links go to lines that are there.
func TestFlowAttacksNameTheirGuards(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare"))
	lines := map[string]string{}
	for _, name := range labpages.AttackNames() {
		ada.Get("/flow")
		links := ada.Page.Find("#attack-" + name + " .sources a").Map(func(_ int, a *goquery.Selection) string { return a.AttrOr("href", "") })
		if len(links) != 3 {
			t.Fatalf("%s: got the links %q, want to the code and to two tests", name, links)
		}
		for _, href := range links {
			path, line, _ := strings.Cut(href, "#")
			ada.Get(path).At(path, 200)
			lines[name] += ada.One("#"+line).Text() + "\n"
		}
	}
	for name, want := range map[string][]string{
		"missing-state":  {`withDetail("no state")`, "func testStateMissing(", `"missing-state":`},
		"other-provider": {"f.Provider != provider", "func testFlowOfAnotherProvider(", `"other-provider":`},
		"wrong-nonce":    {"!equal(nonce, c.Nonce)", "func testIDTokens(", `"wrong-nonce":`},
		"prefetch":       {`e.POST("/sign-in/:provider"`, "func TestUnknownPathsAndMethods(", `"prefetch":`},
	} {
		for _, text := range want {
			if !strings.Contains(lines[name], text) {
				t.Errorf("%s leads to\n%swithout %s", name, lines[name], text)
			}
		}
	}
	for _, path := range []string{"", "auth/oauth/errors.go", "auth/oauth/../../main.go", "main.go", "handlers/..", "handlers/site.go", "/etc/passwd"} {
		if w := ada.Request("GET", "/flow/source/"+path, nil, "none"); w.Code != 404 {
			t.Errorf("/flow/source/%s: got %d", path, w.Code)
		}
	}
}

// What can be asked for is one of the names, now and then, by a form of this site.
func TestFlowAttacksAreBounded(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site)
	for _, name := range []string{"", "nonsense", "Next", "missing-state ", "../../next"} {
		if ada.Post("/flow/attack", handlerstest.Form("attack", name)).Page.Status != 404 || !strings.Contains(ada.Text(), "unknown_attack") {
			t.Errorf("attack=%q: got %d:\n%s", name, ada.Page.Status, ada.Text())
		}
	}
	ada.Wants("/flow/attack", 405)
	if w := ada.Request("POST", "/flow/attack", handlerstest.Form("attack", "next"), "cross-site"); w.Code != 403 {
		t.Errorf("from another site: got %d", w.Code)
	}
	var all sync.WaitGroup
	for range 20 {
		b := handlerstest.NewBrowser(t, site)
		all.Go(func() {
			w := b.Request("POST", "/flow/attack", handlerstest.Form("attack", "replayed-code"), "same-origin")
			if w.Code != 303 && w.Code != 429 {
				t.Errorf("in parallel: got %d", w.Code)
			}
		})
	}
	all.Wait()
	refused := 0
	for range 31 {
		if ada.Request("POST", "/flow/attack", handlerstest.Form("attack", "prefetch"), "same-origin").Code == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nobody slows down who presses without an end")
	}
	site.Clock.Advance(time.Minute)
	ada.Post("/flow/attack", handlerstest.Form("attack", "prefetch")).At("/flow", 200)
}

// An attack that came through would show: the same browsers, doing nothing wrong,
// are signed in, and that counts as held under no name.
func TestFlowAttacksCouldFail(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	l := site.Extension.(*labpages.Lab)
	for _, name := range labpages.AttackNames() {
		held, in, err := l.Harmless(t.Context(), l.Bench, name)
		if err != nil || held || !in {
			t.Errorf("%s: held %v, signed in %v, %v; want a sign-in that nothing held", name, held, in, err)
		}
	}
}
