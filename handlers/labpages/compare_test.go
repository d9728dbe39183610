package labpages_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/handlers/handlerstest"
)

// The lesson in three presses: steal, sign out, see.
func TestCompareInThreePresses(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	ada.Get("/compare").At("/compare", 200)
	handlerstest.Same(t, "signed in", shownCells(ada), map[string]string{
		"you cookie": "is-in", "you database": "is-in", "thief cookie": "is-none", "thief database": "is-none",
	})

	ada.Press("#do-steal")
	handlerstest.Same(t, "stolen", shownCells(ada), map[string]string{
		"you cookie": "is-in", "you database": "is-in", "thief cookie": "is-in", "thief database": "is-in",
	})
	ada.Press("#do-sign-out")
	want := map[string]string{
		"you cookie": "is-out", "you database": "is-out", "thief cookie": "still", "thief database": "is-out",
	}
	handlerstest.Same(t, "signed out", shownCells(ada), want)
	handlerstest.Same(t, "state", verdicts(ada), map[string]string{
		"you cookie": "refused no_session", "you database": "refused no_session",
		"thief cookie": "signed_in", "thief database": "refused revoked",
	})
	ada.Get("/compare")
	handlerstest.Same(t, "asked again", shownCells(ada), want)
	if n := ada.Page.Find("#story li").Length(); n != 2 {
		t.Errorf("the story has %d lines, want one per press:\n%s", n, ada.Text())
	}
	ada.Wants("/dashboard", 303)
}

// The same under all seven: what the server remembers it can end.
func TestCompareAllSeven(t *testing.T) {
	t.Parallel()
	s := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, s).SignIn("ada")
	ada.Get("/compare?show=all").Press("#do-steal")
	if n := ada.Page.Find("#lab .cell").Length(); n != 2*len(auth.Kinds()) || ada.Page.URL.Query().Get("show") != "all" {
		t.Errorf("got %d cells at %s, want all seven columns after a press", n, ada.Page.URL)
	}
	ada.Press("#do-sign-out")
	thief := func() map[string]string {
		told := allVerdicts(ada)
		maps.DeleteFunc(told, func(who, _ string) bool { return !strings.HasPrefix(who, "thief") })
		return told
	}
	want := map[string]string{"thief database": "refused revoked"}
	for _, in := range []string{"cookie", "epoch", "hybrid", "renew", "pair", "rotation"} {
		want["thief "+in] = "signed_in"
	}
	handlerstest.Same(t, "signed out", thief(), want)

	s.Clock.Advance(5 * time.Minute)
	want["thief hybrid"] = "refused revoked"
	handlerstest.Same(t, "after 5 minutes", thief(), want)

	s.Clock.Advance(10 * time.Minute)
	want["thief rotation"] = "refused revoked"
	handlerstest.Same(t, "after 15 minutes", thief(), want)

	ada.Get("/compare").Press("#do-revoke-all")
	want["thief epoch"] = "refused revoked"
	handlerstest.Same(t, "revoked", thief(), want)

	for range 30 {
		s.Clock.Advance(handlerstest.Day)
		thief()
	}
	for who := range want {
		if got := thief()[who]; !strings.HasPrefix(got, "refused") {
			t.Errorf("%s: got %s after the absolute end", who, got)
		}
	}
}

// Nobody has signed in: the lab shows it, and its buttons say what is missing.
func TestCompareWithNobody(t *testing.T) {
	t.Parallel()
	nobody := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare"))
	nobody.Get("/compare").At("/compare", 200)
	if nobody.Has("#do-steal") || nobody.Has("#do-sign-out") || nobody.Has("#do-revoke-all") {
		t.Errorf("buttons that could do nothing:\n%s", nobody.Text())
	}
	nobody.Follow("#do-sign-in-all").At("/sign-in", 200)
	nobody.Press("#sign-in-dev").Press("button[value=ada]").At("/compare", 200)
	handlerstest.Same(t, "signed in", verdicts(nobody), map[string]string{"you cookie": "signed_in", "you database": "signed_in"})

	nobody = handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare"))
	nobody.Post("/compare/sign-in-all", nil).At("/sign-in", 200)
	nobody.Post("/compare/revoke-all", nil).At("/sign-in", 200)
	if nobody.Post("/compare/steal", nil); nobody.Page.Status != 409 || !strings.Contains(nobody.Text(), "nothing_to_steal") {
		t.Errorf("stealing from nobody: got %d:\n%s", nobody.Page.Status, nobody.Text())
	}
	for _, name := range []string{"nonsense", "Steal", "state", "steal%2f", "..%2fsign-out"} {
		if nobody.Post("/compare/"+name, nil); nobody.Page.Status != 404 && nobody.Page.Status != 405 {
			t.Errorf("POST /compare/%s: got %d", name, nobody.Page.Status)
		}
	}
	if nobody.Post("/compare/nonsense", nil); !strings.Contains(nobody.Text(), "unknown_action") {
		t.Errorf("an unknown action:\n%s", nobody.Text())
	}
	nobody.Wants("/compare/steal", 405)
}

func TestCompareRevokeAll(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada, phone := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("ada")
	ada.Get("/compare").Press("#do-steal").Press("#do-revoke-all")
	handlerstest.Same(t, "revoked", shownCells(ada), map[string]string{
		"you cookie": "still", "you database": "is-out", "thief cookie": "still", "thief database": "is-out",
	})
	phone.WantsAPI("GET", "/api/session?strategy=database", 401, "revoked")
	phone.WantsAPI("GET", "/api/session?strategy=cookie", 200, "")

	// The lab knows who it is about, so it signs in without the provider.
	ada.Press("#do-sign-in-all").At("/compare", 200)
	handlerstest.Same(t, "signed in again", verdicts(ada), map[string]string{
		"you cookie": "signed_in", "you database": "signed_in",
		"thief cookie": "signed_in", "thief database": "refused revoked",
	})
	ada.Wants("/dashboard", 200)
}

// Starting over ends everything, everywhere: nothing from before opens any more.
func TestCompareReset(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada, phone := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("ada")
	old := handlerstest.NewBrowser(t, site).Steal(ada)
	ada.Get("/compare").Press("#do-steal").Press("#do-reset")
	handlerstest.Same(t, "reset", verdicts(ada), map[string]string{"you cookie": "none", "you database": "none"})
	for _, b := range []*handlerstest.Browser{phone, old} {
		b.WantsAPI("GET", "/api/session?strategy=cookie", 401, "invalid")
		b.WantsAPI("GET", "/api/session?strategy=database", 401, "invalid")
	}
	ada.Get("/compare").Press("#do-sign-in-all")
	handlerstest.Same(t, "again", verdicts(ada), map[string]string{"you cookie": "signed_in", "you database": "signed_in"})
}

// A form may come twice, by a second click or a reload.
func TestCompareReplayedForms(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	for _, action := range []string{"steal", "steal", "sign-out", "sign-out", "revoke-all", "revoke-all", "reset", "reset", "sign-in-all", "sign-in-all"} {
		ada.Post("/compare/"+action, nil).At("/compare", 200)
	}
	if got := verdicts(ada); got["you cookie"] != "signed_in" || got["you database"] != "signed_in" || len(got) != 2 {
		t.Errorf("got %v, want to be signed in, and no thief", got)
	}
}

// Many hands at once: every answer is one of the lab's, and what is left agrees
// with itself.
func TestCompareInParallel(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	first := handlerstest.NewBrowser(t, site).SignIn("ada")
	actions := []string{"steal", "sign-out", "sign-in-all", "revoke-all", "reset"}
	var all sync.WaitGroup
	for i := range 100 {
		b := handlerstest.NewBrowser(t, site).Steal(first)
		all.Go(func() {
			w := b.Request(http.MethodPost, "/compare/"+actions[i%len(actions)], nil, "same-origin")
			if w.Code != 303 && w.Code != 409 {
				t.Errorf("POST /compare/%s: got %d", actions[i%len(actions)], w.Code)
			}
		})
	}
	all.Wait()
	first.Post("/compare/sign-in-all", nil).At("/compare", 200)
	verdicts, cells := verdicts(first), map[string]string{}
	for who, verdict := range verdicts {
		cells[who] = map[string]string{"signed_in": "is-in", "none": "is-none"}[verdict]
		if strings.HasPrefix(verdict, "refused") {
			cells[who] = "is-out"
		}
	}
	if verdicts["you cookie"] != "signed_in" || verdicts["you database"] != "signed_in" {
		t.Errorf("after all that nobody can sign in: %v", verdicts)
	}
	shown := shownCells(first.Get("/compare"))
	for who, want := range cells {
		if got := shown[who]; got != want && got != "still" {
			t.Errorf("%s: the page shows %s, the state says %s", who, got, verdicts[who])
		}
	}
	first.Wants("/dashboard", 200)
}

// The toggle takes the names there are and leads back to its page.
func TestToggle(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	ada.Get("/sessions").Press("#trust-cookie").At("/sessions", 200)
	for _, name := range []string{"", "nonsense", "compare", "Cookie", "cookie "} {
		ada.Post("/strategy", handlerstest.Form("strategy", name))
		if ada.Page.Status != 400 || !strings.Contains(ada.Text(), "unknown_strategy") {
			t.Errorf("strategy=%q: got %d:\n%s", name, ada.Page.Status, ada.Text())
		}
	}
	for _, next := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/%2f/evil.example", "/sign-out", ""} {
		ada.Post("/strategy", url.Values{"strategy": {"database"}, "next": {next}}).At("/dashboard", 200)
	}
	ada.Plant("strategy", "nonsense") // a cookie that is none of ours changes nothing
	if got := ada.WantsAPI("GET", "/api/session", 200, "")["strategy"]; got != "database" {
		t.Errorf("got %v, want the default", got)
	}
}

// While the database is unplugged the headline does not say that the thief is out.
func TestHeadlineKnowsWhatNobodyCanTell(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	act(act(act(act(ada, "steal"), "raise-version"), "store-down"), "sign-out")
	if text := ada.Get("/compare").Text(); strings.Contains(text, "so is the thief") || !strings.Contains(text, "Nobody can tell whether the thief is in") {
		t.Errorf("the page says %s", text)
	}
}
