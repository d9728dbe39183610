package handlers_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
)

// The lesson in three presses: steal, sign out, see.
func TestCompareInThreePresses(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	ada.get("/compare").at("/compare", 200)
	same(t, "signed in", ada.cells(), map[string]string{
		"you cookie": "is-in", "you database": "is-in", "thief cookie": "is-none", "thief database": "is-none",
	})

	ada.press("#do-steal")
	same(t, "stolen", ada.cells(), map[string]string{
		"you cookie": "is-in", "you database": "is-in", "thief cookie": "is-in", "thief database": "is-in",
	})
	ada.press("#do-sign-out")
	want := map[string]string{
		"you cookie": "is-out", "you database": "is-out", "thief cookie": "still", "thief database": "is-out",
	}
	same(t, "signed out", ada.cells(), want)
	same(t, "state", ada.verdicts(), map[string]string{
		"you cookie": "refused no_session", "you database": "refused no_session",
		"thief cookie": "signed_in", "thief database": "refused revoked",
	})
	ada.get("/compare")
	same(t, "asked again", ada.cells(), want)
	if n := ada.page.Find("#story li").Length(); n != 2 {
		t.Errorf("the story has %d lines, want one per press:\n%s", n, ada.text())
	}
	ada.wants("/dashboard", 303)
}

// The same under all seven: what the server remembers it can end.
func TestCompareAllSeven(t *testing.T) {
	t.Parallel()
	s := newSite(t, "compare")
	ada := newBrowser(t, s).signIn("ada")
	ada.get("/compare?show=all").press("#do-steal")
	if n := ada.page.Find("#lab .cell").Length(); n != 2*len(auth.Kinds()) || ada.page.url.Query().Get("show") != "all" {
		t.Errorf("got %d cells at %s, want all seven columns after a press", n, ada.page.url)
	}
	ada.press("#do-sign-out")
	thief := func() map[string]string {
		told := ada.allVerdicts()
		maps.DeleteFunc(told, func(who, _ string) bool { return !strings.HasPrefix(who, "thief") })
		return told
	}
	want := map[string]string{"thief database": "refused revoked"}
	for _, in := range []string{"cookie", "epoch", "hybrid", "renew", "pair", "rotation"} {
		want["thief "+in] = "signed_in"
	}
	same(t, "signed out", thief(), want)

	s.clock.Advance(5 * time.Minute)
	want["thief hybrid"] = "refused revoked"
	same(t, "after 5 minutes", thief(), want)

	s.clock.Advance(10 * time.Minute)
	want["thief rotation"] = "refused revoked"
	same(t, "after 15 minutes", thief(), want)

	ada.get("/compare").press("#do-revoke-all")
	want["thief epoch"] = "refused revoked"
	same(t, "revoked", thief(), want)

	for range 30 {
		s.clock.Advance(day)
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
	nobody := newBrowser(t, newSite(t, "compare"))
	nobody.get("/compare").at("/compare", 200)
	if nobody.has("#do-steal") || nobody.has("#do-sign-out") || nobody.has("#do-revoke-all") {
		t.Errorf("buttons that could do nothing:\n%s", nobody.text())
	}
	nobody.follow("#do-sign-in-all").at("/sign-in", 200)
	nobody.press("#sign-in-dev").press("button[value=ada]").at("/compare", 200)
	same(t, "signed in", nobody.verdicts(), map[string]string{"you cookie": "signed_in", "you database": "signed_in"})

	nobody = newBrowser(t, newSite(t, "compare"))
	nobody.post("/compare/sign-in-all", nil).at("/sign-in", 200)
	nobody.post("/compare/revoke-all", nil).at("/sign-in", 200)
	if nobody.post("/compare/steal", nil); nobody.page.status != 409 || !strings.Contains(nobody.text(), "nothing_to_steal") {
		t.Errorf("stealing from nobody: got %d:\n%s", nobody.page.status, nobody.text())
	}
	for _, name := range []string{"nonsense", "Steal", "state", "steal%2f", "..%2fsign-out"} {
		if nobody.post("/compare/"+name, nil); nobody.page.status != 404 && nobody.page.status != 405 {
			t.Errorf("POST /compare/%s: got %d", name, nobody.page.status)
		}
	}
	if nobody.post("/compare/nonsense", nil); !strings.Contains(nobody.text(), "unknown_action") {
		t.Errorf("an unknown action:\n%s", nobody.text())
	}
	nobody.wants("/compare/steal", 405)
}

func TestCompareRevokeAll(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada, phone := newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("ada")
	ada.get("/compare").press("#do-steal").press("#do-revoke-all")
	same(t, "revoked", ada.cells(), map[string]string{
		"you cookie": "still", "you database": "is-out", "thief cookie": "still", "thief database": "is-out",
	})
	phone.wantsAPI("GET", "/api/session?strategy=database", 401, "revoked")
	phone.wantsAPI("GET", "/api/session?strategy=cookie", 200, "")

	// The lab knows who it is about, so it signs in without the provider.
	ada.press("#do-sign-in-all").at("/compare", 200)
	same(t, "signed in again", ada.verdicts(), map[string]string{
		"you cookie": "signed_in", "you database": "signed_in",
		"thief cookie": "signed_in", "thief database": "refused revoked",
	})
	ada.wants("/dashboard", 200)
}

// Starting over ends everything, everywhere: nothing from before opens any more.
func TestCompareReset(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada, phone := newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("ada")
	old := newBrowser(t, site).steal(ada)
	ada.get("/compare").press("#do-steal").press("#do-reset")
	same(t, "reset", ada.verdicts(), map[string]string{"you cookie": "none", "you database": "none"})
	for _, b := range []*browser{phone, old} {
		b.wantsAPI("GET", "/api/session?strategy=cookie", 401, "invalid")
		b.wantsAPI("GET", "/api/session?strategy=database", 401, "invalid")
	}
	ada.get("/compare").press("#do-sign-in-all")
	same(t, "again", ada.verdicts(), map[string]string{"you cookie": "signed_in", "you database": "signed_in"})
}

// A form may come twice, by a second click or a reload.
func TestCompareReplayedForms(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	for _, action := range []string{"steal", "steal", "sign-out", "sign-out", "revoke-all", "revoke-all", "reset", "reset", "sign-in-all", "sign-in-all"} {
		ada.post("/compare/"+action, nil).at("/compare", 200)
	}
	if got := ada.verdicts(); got["you cookie"] != "signed_in" || got["you database"] != "signed_in" || len(got) != 2 {
		t.Errorf("got %v, want to be signed in, and no thief", got)
	}
}

// Many hands at once: every answer is one of the lab's, and what is left agrees
// with itself.
func TestCompareInParallel(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	first := newBrowser(t, site).signIn("ada")
	actions := []string{"steal", "sign-out", "sign-in-all", "revoke-all", "reset"}
	var all sync.WaitGroup
	for i := range 100 {
		b := newBrowser(t, site).steal(first)
		all.Go(func() {
			w := b.request(http.MethodPost, "/compare/"+actions[i%len(actions)], nil, "same-origin")
			if w.Code != 303 && w.Code != 409 {
				t.Errorf("POST /compare/%s: got %d", actions[i%len(actions)], w.Code)
			}
		})
	}
	all.Wait()
	first.post("/compare/sign-in-all", nil).at("/compare", 200)
	verdicts, cells := first.verdicts(), map[string]string{}
	for who, verdict := range verdicts {
		cells[who] = map[string]string{"signed_in": "is-in", "none": "is-none"}[verdict]
		if strings.HasPrefix(verdict, "refused") {
			cells[who] = "is-out"
		}
	}
	if verdicts["you cookie"] != "signed_in" || verdicts["you database"] != "signed_in" {
		t.Errorf("after all that nobody can sign in: %v", verdicts)
	}
	shown := first.get("/compare").cells()
	for who, want := range cells {
		if got := shown[who]; got != want && got != "still" {
			t.Errorf("%s: the page shows %s, the state says %s", who, got, verdicts[who])
		}
	}
	first.wants("/dashboard", 200)
}

// The toggle takes the names there are and leads back to its page.
func TestToggle(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	ada.get("/sessions").press("#trust-cookie").at("/sessions", 200)
	for _, name := range []string{"", "nonsense", "compare", "Cookie", "cookie "} {
		ada.post("/strategy", form("strategy", name))
		if ada.page.status != 400 || !strings.Contains(ada.text(), "unknown_strategy") {
			t.Errorf("strategy=%q: got %d:\n%s", name, ada.page.status, ada.text())
		}
	}
	for _, next := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/%2f/evil.example", "/sign-out", ""} {
		ada.post("/strategy", url.Values{"strategy": {"database"}, "next": {next}}).at("/dashboard", 200)
	}
	ada.plant("strategy", "nonsense") // a cookie that is none of ours changes nothing
	if got := ada.wantsAPI("GET", "/api/session", 200, "")["strategy"]; got != "database" {
		t.Errorf("got %v, want the default", got)
	}
}
