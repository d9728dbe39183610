package labpages_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/db"
	"sessionlab/db/dbtest"
	"sessionlab/handlers/handlerstest"
)

// everything moves all that can be moved.
func everything(b *handlerstest.Browser) *handlerstest.Browser {
	b.Helper()
	act(act(act(act(act(b, "add-phone"), "steal"), "set-role", "role", "admin"), "raise-version"), "rotate-key")
	return act(act(act(b, "advance", "duration", "30h"), "disable"), "store-down")
}

// Starting over leaves nothing but the name of who was last signed in.
func TestLabStartsOver(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	act(act(everything(ada), "sign-out"), "reset")
	_, state := ada.API(http.MethodGet, "/compare/state")
	if story := state["story"].([]any); len(story) != 0 || state["now"] != "2026-05-04T12:00:00Z" {
		t.Errorf("the story is %v at %v", story, state["now"])
	}
	want := map[string]string{}
	for _, strategy := range strategies {
		want["you "+strategy] = "none"
	}
	handlerstest.Same(t, "reset", allVerdicts(ada), want)
	if held := ada.CookieHeader(); strings.Contains(held, "session-") || strings.Contains(held, "refresh-") || strings.Contains(held, "signed-out") {
		t.Errorf("the browser still holds %s", held)
	}
	if sessions, tokens := site.Rows("sessions"), site.Rows("refresh_tokens"); sessions+tokens != 0 {
		t.Errorf("%d sessions and %d tokens of the old realm are left", sessions, tokens)
	}
	if ada.Get("/compare"); !strings.Contains(ada.Text(), "version 1→2") || ada.Has("#do-retire-key") || ada.Has("#do-store-up") || !ada.Has("#do-make-admin") || ada.Has("#do-enable") {
		t.Errorf("not as in the beginning:\n%s", ada.Text())
	}
	ada.Press("#do-sign-in-all")
	handlerstest.Same(t, "signed in again", of(ada, "you"), inUnder())
	if role := ada.WantsAPI("GET", "/api/user", 200, "")["role"]; role != "member" {
		t.Errorf("still %v", role)
	}
}

// A restart keeps clock, keys, version and whom it was about. What was only in
// memory is gone, and the page says so until something new begins.
func TestLabSurvivesARestart(t *testing.T) {
	t.Parallel()
	before := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, before).SignIn("ada")
	act(act(act(act(act(act(ada, "raise-version"), "rotate-key"), "advance", "duration", "30h"), "sign-in-all"), "add-phone"), "steal")

	ada.Site = handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", File: before.File})
	if ada.Get("/compare"); !strings.Contains(ada.Text(), "The server was restarted.") || !strings.Contains(ada.Text(), "1 d 6 h ahead · version 2 · 2 keys") {
		t.Errorf("after a restart:\n%s", ada.Text())
	}
	want := map[string]string{}
	for strategy, verdict := range inUnder() {
		want["you "+strategy] = verdict
	}
	handlerstest.Same(t, "after a restart", allVerdicts(ada), want)
	ada.Get("/compare").Press("#do-steal")
	if strings.Contains(ada.Text(), "restarted") {
		t.Errorf("still complaining:\n%s", ada.Text())
	}
	act(handlerstest.NewBrowser(t, ada.Site), "sign-in-all") // it knows who it is about
	act(act(act(ada, "retire-key"), "reset"), "sign-in-all")

	ada.Site = handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", File: before.File})
	handlerstest.Same(t, "after a reset and a restart", of(ada, "you"), inUnder())
}

// What was saved and cannot be used is no reason not to start.
func TestLabStartsWithWhatItCannotRead(t *testing.T) {
	t.Parallel()
	before := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, before).SignIn("ada")
	kept, err := db.OpenBenches(t.Context(), before.DB)
	handlerstest.Must(t, err)
	for _, bad := range []string{"", "{", "null", `{"realm":"old"}`, `{"realm":"old","root":"00000000","oldest":1,"newest":1}`,
		`{"realm":"old","root":"00000000","oldest":1,"newest":1000000000}`} {
		handlerstest.Must(t, kept.SaveBench(t.Context(), "local", []byte(bad), before.Clock.Now()))
		ada.Site = handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "compare", File: before.File})
		ada.Get("/compare").At("/compare", 200)
		if got := of(ada, "you")["cookie"]; got != "refused invalid" && got != "none" {
			t.Errorf("%s: a session of another realm is %s", bad, got)
		}
	}
}

// The database holds no key of the bench and no cookie of a client.
func TestLabKeepsNoSecrets(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	act(act(act(act(ada, "rotate-key"), "sign-in-all"), "add-phone"), "steal")
	kept, err := db.OpenBenches(t.Context(), site.DB)
	handlerstest.Must(t, err)
	data, err := kept.Bench(t.Context(), "local")
	handlerstest.Must(t, err)
	if len(data) > 300 {
		t.Errorf("a bench takes %d bytes: %s", len(data), data)
	}
	for _, c := range ada.Cookies {
		if strings.Contains(string(data), c.Value) {
			t.Errorf("a cookie stands in %s", data)
		}
	}
}

// Any form may come twice, at any time.
func TestLabReplayedForms(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	for _, action := range []string{
		"add-phone", "steal", "disable", "enable", "raise-version", "rotate-key", "retire-key", "revoke-phone",
		"revoke-all", "sign-in-all", "sign-out", "store-down", "store-up", "reset", "sign-in-all",
	} {
		act(act(ada, action), action)
	}
	handlerstest.Same(t, "after all that", of(ada, "you"), inUnder())
}

// A hundred hands on every button: each answer is one of the lab's, and what is
// left agrees with itself and with the table.
func TestLabInParallel(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	first := handlerstest.NewBrowser(t, site).SignIn("ada")
	actions := []string{
		"sign-in-all", "add-phone", "steal", "sign-out", "revoke-phone", "revoke-all", "set-role", "disable", "enable", "raise-version",
		"rotate-key", "retire-key", "store-down", "store-up", "advance", "reset",
	}
	var all sync.WaitGroup
	for i := range 100 {
		b := handlerstest.NewBrowser(t, site).Steal(first)
		all.Go(func() {
			action := actions[i%len(actions)]
			w := b.Request(http.MethodPost, "/compare/"+action, handlerstest.Form("role", "admin", "duration", "5m", "asking", "daily"), "same-origin")
			if w.Code != 303 && w.Code != 409 && w.Code != 503 {
				t.Errorf("%s: got %d", action, w.Code)
			}
			if w := b.Request(http.MethodGet, "/compare/state", nil, "same-origin"); w.Code != 200 {
				t.Errorf("state after %s: got %d", action, w.Code)
			}
		})
	}
	all.Wait()
	m := newModel(site.Clock.Now())
	act(first, "reset")
	for _, step := range []func(){
		func() { m.signIn(m.people["you"]); act(first, "sign-in-all") },
		func() { m.steal(); act(first, "steal") },
		func() { m.advance(access, false); act(first, "advance", "duration", "15m") },
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
	ada := handlerstest.NewBrowser(b, handlerstest.NewSite(b, "compare")).SignIn("ada")
	act(act(ada, "add-phone"), "steal")
	for _, press := range []struct {
		action string
		fields []string
	}{
		{"set-role", []string{"role", "admin"}}, {"advance", []string{"duration", "1s"}}, {"advance", []string{"duration", "15m"}},
		{"advance", []string{"duration", "720h", "asking", "daily"}}, {"sign-in-all", nil},
	} {
		b.Run(fmt.Sprint(press.action, press.fields), func(b *testing.B) {
			for b.Loop() {
				act(ada, press.action, press.fields...)
				b.StopTimer()
				act(act(act(act(ada, "reset"), "sign-in-all"), "add-phone"), "steal")
				b.StartTimer()
			}
		})
	}
}

// What the lab answers with a fault has not happened: neither a version, a key nor the
// time of its clock.
func TestLabFaultsChangeNothing(t *testing.T) {
	dbtest.SQLiteOnly(t)
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	ada.Get("/compare")
	before := ada.Text()
	patience := site.DB.Wait
	site.DB.Wait = 50 * time.Millisecond
	other := dbtest.Shell(t, site.File)
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	for _, press := range [][]string{
		{"raise-version"}, {"rotate-key"}, {"reset"}, {"advance", "duration", "1h"}, {"advance", "duration", "720h", "asking", "daily"},
	} {
		if w := ada.Request("POST", "/compare/"+press[0], handlerstest.Form(press[1:]...), "same-origin"); w.Code != 503 {
			t.Errorf("%s: got %d, want 503", press, w.Code)
		}
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	site.DB.Wait = patience
	for strategy, verdict := range of(ada, "you") {
		if verdict != "signed_in" {
			t.Errorf("%s: %s, though nothing happened", strategy, verdict)
		}
	}
	if after := ada.Get(handlerstest.LocalURL + "/compare").Text(); after != before {
		t.Errorf("the page says\n%s\nand said\n%s", after, before)
	}
}

// What has happened is not answered with a fault, even if it could not be saved for a
// restart.
func TestLabOwnsUpToWhatHappened(t *testing.T) {
	dbtest.SQLiteOnly(t)
	t.Parallel()
	for _, action := range []string{"steal", "store-down"} {
		site := handlerstest.NewSite(t, "compare")
		ada := handlerstest.NewBrowser(t, site).SignIn("ada")
		site.DB.Wait = 50 * time.Millisecond
		other := dbtest.Shell(t, site.File)
		other.SetMaxOpenConns(1)
		if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		if w := ada.Request("POST", "/compare/"+action, nil, "same-origin"); w.Code != 303 {
			t.Errorf("%s: got %d, want 303", action, w.Code)
		}
		if _, err := other.Exec("ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		_, state := ada.API("GET", "/compare/state")
		if story := state["story"].([]any); len(story) != 1 {
			t.Errorf("%s: the story has %d lines, want 1", action, len(story))
		}
	}
}
