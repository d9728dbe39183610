package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// everything moves all that can be moved.
func (b *browser) everything() *browser {
	b.Helper()
	b.act("add-phone").act("steal").act("set-role", "role", "admin").act("raise-version").act("rotate-key")
	return b.act("advance", "duration", "30h").act("disable").act("store-down")
}

// Starting over leaves nothing but the name of who was last signed in.
func TestLabStartsOver(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	ada.everything().act("sign-out").act("reset")
	_, state := ada.api(http.MethodGet, "/compare/state")
	if story := state["story"].([]any); len(story) != 0 || state["now"] != "2026-05-04T12:00:00Z" {
		t.Errorf("the story is %v at %v", story, state["now"])
	}
	want := map[string]string{}
	for _, strategy := range strategies {
		want["you "+strategy] = "none"
	}
	same(t, "reset", ada.allVerdicts(), want)
	if held := ada.header(); strings.Contains(held, "session-") || strings.Contains(held, "refresh-") || strings.Contains(held, "signed-out") {
		t.Errorf("the browser still holds %s", held)
	}
	if sessions, tokens := site.rows("sessions"), site.rows("refresh_tokens"); sessions+tokens != 0 {
		t.Errorf("%d sessions and %d tokens of the old realm are left", sessions, tokens)
	}
	if ada.get("/compare"); !strings.Contains(ada.text(), "version 1→2") || ada.has("#do-retire-key") || ada.has("#do-store-up") || !ada.has("#do-make-admin") || ada.has("#do-enable") {
		t.Errorf("not as in the beginning:\n%s", ada.text())
	}
	ada.press("#do-sign-in-all")
	same(t, "signed in again", ada.of("you"), inUnder())
	if role := ada.wantsAPI("GET", "/api/user", 200, "")["role"]; role != "member" {
		t.Errorf("still %v", role)
	}
}

// A restart keeps clock, keys, version and whom it was about. What was only in
// memory is gone, and the page says so until something new begins.
func TestLabSurvivesARestart(t *testing.T) {
	t.Parallel()
	before := newSite(t, "compare")
	ada := newBrowser(t, before).signIn("ada")
	ada.act("raise-version").act("rotate-key").act("advance", "duration", "30h").act("sign-in-all").act("add-phone").act("steal")

	ada.site = newSiteWith(t, settings{Strategy: "compare", File: before.file})
	if ada.get("/compare"); !strings.Contains(ada.text(), "The server was restarted.") || !strings.Contains(ada.text(), "1 d 6 h ahead · version 2 · 2 keys") {
		t.Errorf("after a restart:\n%s", ada.text())
	}
	want := map[string]string{}
	for strategy, verdict := range inUnder() {
		want["you "+strategy] = verdict
	}
	same(t, "after a restart", ada.allVerdicts(), want)
	ada.get("/compare").press("#do-steal")
	if strings.Contains(ada.text(), "restarted") {
		t.Errorf("still complaining:\n%s", ada.text())
	}
	newBrowser(t, ada.site).act("sign-in-all") // it knows who it is about
	ada.act("retire-key").act("reset").act("sign-in-all")

	ada.site = newSiteWith(t, settings{Strategy: "compare", File: before.file})
	same(t, "after a reset and a restart", ada.of("you"), inUnder())
}

// What was saved and cannot be used is no reason not to start.
func TestLabStartsWithWhatItCannotRead(t *testing.T) {
	t.Parallel()
	before := newSite(t, "compare")
	ada := newBrowser(t, before).signIn("ada")
	for _, bad := range []string{"", "{", "null", `{"realm":"old"}`, `{"realm":"old","root":"00000000","oldest":1,"newest":1}`,
		`{"realm":"old","root":"00000000","oldest":1,"newest":1000000000}`} {
		must(t, before.db.SaveBench(t.Context(), "local", []byte(bad), before.clock.Now()))
		ada.site = newSiteWith(t, settings{Strategy: "compare", File: before.file})
		ada.get("/compare").at("/compare", 200)
		if got := ada.of("you")["cookie"]; got != "refused invalid" && got != "none" {
			t.Errorf("%s: a session of another realm is %s", bad, got)
		}
	}
}

// The database holds no key of the bench and no cookie of a client.
func TestLabKeepsNoSecrets(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	ada.act("rotate-key").act("sign-in-all").act("add-phone").act("steal")
	data, err := site.db.Bench(t.Context(), "local")
	must(t, err)
	if len(data) > 300 {
		t.Errorf("a bench takes %d bytes: %s", len(data), data)
	}
	for _, c := range ada.cookies {
		if strings.Contains(string(data), c.value) {
			t.Errorf("a cookie stands in %s", data)
		}
	}
}

// Any form may come twice, at any time.
func TestLabReplayedForms(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	for _, action := range []string{
		"add-phone", "steal", "disable", "enable", "raise-version", "rotate-key", "retire-key", "revoke-phone",
		"revoke-all", "sign-in-all", "sign-out", "store-down", "store-up", "reset", "sign-in-all",
	} {
		ada.act(action).act(action)
	}
	same(t, "after all that", ada.of("you"), inUnder())
}

// A hundred hands on every button: each answer is one of the lab's, and what is
// left agrees with itself and with the table.
func TestLabInParallel(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	first := newBrowser(t, site).signIn("ada")
	actions := []string{
		"sign-in-all", "add-phone", "steal", "sign-out", "revoke-phone", "revoke-all", "set-role", "disable", "enable", "raise-version",
		"rotate-key", "retire-key", "store-down", "store-up", "advance", "reset",
	}
	var all sync.WaitGroup
	for i := range 100 {
		b := newBrowser(t, site).steal(first)
		all.Go(func() {
			action := actions[i%len(actions)]
			w := b.request(http.MethodPost, "/compare/"+action, form("role", "admin", "duration", "5m", "asking", "daily"), "same-origin")
			if w.Code != 303 && w.Code != 409 && w.Code != 503 {
				t.Errorf("%s: got %d", action, w.Code)
			}
			if w := b.request(http.MethodGet, "/compare/state", nil, "same-origin"); w.Code != 200 {
				t.Errorf("state after %s: got %d", action, w.Code)
			}
		})
	}
	all.Wait()
	m := newModel(site.clock.Now())
	first.act("reset")
	for _, step := range []func(){
		func() { m.signIn(m.people["you"]); first.act("sign-in-all") },
		func() { m.steal(); first.act("steal") },
		func() { m.advance(access, false); first.act("advance", "duration", "15m") },
	} {
		step()
		m.round()
		if m.now = m.now.Add(0); m.differs(first) != "" {
			t.Error(m.differs(first))
		}
	}
}

// BenchmarkLabAction is one press with three clients under seven strategies: the
// action, and the page that follows. It may take 150 ms.
func BenchmarkLabAction(b *testing.B) {
	ada := newBrowser(b, newSite(b, "compare")).signIn("ada")
	ada.act("add-phone").act("steal")
	for _, press := range []struct {
		action string
		fields []string
	}{
		{"set-role", []string{"role", "admin"}}, {"advance", []string{"duration", "1s"}}, {"advance", []string{"duration", "15m"}},
		{"advance", []string{"duration", "720h", "asking", "daily"}}, {"sign-in-all", nil},
	} {
		b.Run(fmt.Sprint(press.action, press.fields), func(b *testing.B) {
			for b.Loop() {
				ada.act(press.action, press.fields...)
				b.StopTimer()
				ada.act("reset").act("sign-in-all").act("add-phone").act("steal")
				b.StartTimer()
			}
		})
	}
}
