package labpages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

// act presses a button of the lab by its name, whether or not the page shows it.
func act(b *handlerstest.Browser, action string, fields ...string) *handlerstest.Browser {
	b.Helper()
	return b.Post("/compare/"+action, handlerstest.Form(fields...)).At("/compare", 200)
}

// of returns how one client fares, by strategy.
func of(b *handlerstest.Browser, client string) map[string]string {
	b.Helper()
	told := map[string]string{}
	for who, verdict := range allVerdicts(b) {
		if name, strategy, _ := strings.Cut(who, " "); name == client {
			told[strategy] = verdict
		}
	}
	return told
}

// inUnder is all seven strategies, signed in but for those that are named.
func inUnder(except ...string) map[string]string {
	told := map[string]string{}
	for _, strategy := range strategies {
		told[strategy] = "signed_in"
	}
	for i := 0; i < len(except); i += 2 {
		told[except[i]] = except[i+1]
	}
	return told
}

// Steal, sign out, and let time go by on the lab's clock: each strategy keeps its
// window, and the absolute end is the end of all. The site's own clock stands.
func TestLabClockEndsTheThief(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	act(act(ada, "steal"), "sign-out")
	handlerstest.Same(t, "signed out", of(ada, "thief"), inUnder("database", "refused revoked"))
	ada.Get("/compare").Press("#do-advance-5m")
	handlerstest.Same(t, "5 min", of(ada, "thief"), inUnder("database", "refused revoked", "hybrid", "refused revoked"))
	act(ada, "advance", "duration", "9m59s")
	handlerstest.Same(t, "14:59", of(ada, "thief"), inUnder("database", "refused revoked", "hybrid", "refused revoked"))
	act(ada, "advance", "duration", "1s")
	handlerstest.Same(t, "15 min", of(ada, "thief"), inUnder("database", "refused revoked", "hybrid", "refused revoked", "rotation", "refused revoked"))
	ada.Get("/compare").Press("#do-advance-30d-daily")
	for strategy, verdict := range of(ada, "thief") {
		if !strings.HasPrefix(verdict, "refused") {
			t.Errorf("%s: %s after the absolute end", strategy, verdict)
		}
	}
	if !strings.Contains(ada.Get("/compare").Text(), "30 d 15 min ahead") {
		t.Errorf("the page does not show its clock:\n%s", ada.Text())
	}
}

// Asking slides a session and silence does not; neither moves the absolute end.
func TestLabWaitsInTwoWays(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	act(ada, "advance", "duration", "696h", "asking", "daily")
	handlerstest.Same(t, "29 days, asking", of(ada, "you"), inUnder())
	act(ada, "advance", "duration", "24h")
	for strategy, verdict := range of(ada, "you") {
		if verdict != "refused expired" {
			t.Errorf("%s: %s at the absolute end", strategy, verdict)
		}
	}
	act(act(ada, "sign-in-all"), "advance", "duration", "168h")
	for strategy, verdict := range of(ada, "you") {
		if want := map[bool]string{true: "signed_in", false: "refused expired"}[strategy == "renew"]; verdict != want {
			t.Errorf("%s: %s after a silent week, want %s", strategy, verdict, want)
		}
	}
}

// A thief with a copy of the token that was spent last is in until you come back:
// then two hold one family, and it ends.
func TestLabShowsReuse(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	act(ada, "steal").Get("/compare").Press("#do-advance-15m")
	handlerstest.Same(t, "thief", of(ada, "thief"), inUnder())
	handlerstest.Same(t, "you", of(ada, "you"), inUnder())
	if text := ada.Get("/compare").Text(); !strings.Contains(text, "31 s later") || !strings.Contains(text, "15 min 31 s ahead") {
		t.Errorf("the page does not say that the clock went past the grace:\n%s", text)
	}
	act(ada, "advance", "duration", "15m")
	handlerstest.Same(t, "you, later", of(ada, "you"), inUnder("rotation", "refused reused"))
	handlerstest.Same(t, "thief, still", of(ada, "thief"), inUnder("rotation", "refused revoked"))
}

// The phone is a device like any other: listed, and ended from elsewhere where
// that can be done.
func TestLabPhone(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	if ada.Get("/compare").Has("#do-revoke-phone") || ada.Has("#cell-phone-cookie") {
		t.Error("there is a phone before anybody added one")
	}
	if ada.Post("/compare/revoke-phone", nil); ada.Page.Status != 409 || !strings.Contains(ada.Text(), "no_phone") {
		t.Errorf("no phone: got %d:\n%s", ada.Page.Status, ada.Text())
	}
	ada.Get("/compare").Press("#do-add-phone")
	handlerstest.Same(t, "added", of(ada, "phone"), inUnder())
	if ada.Get("/sessions"); !strings.Contains(ada.Text(), "iPhone") || ada.Page.Find(".devices li").Length() != 2 {
		t.Errorf("the phone is not listed:\n%s", ada.Text())
	}
	if ada.Get("/compare"); ada.Has("#do-add-phone") {
		t.Error("a phone that is in everywhere can be added again")
	}
	ada.Press("#do-revoke-phone")
	if !ada.Has("#cell-phone-cookie.still") || !ada.Has("#cell-phone-database.is-out") || !ada.Has("#cell-you-database.is-in") {
		t.Errorf("the page after the phone was signed out:\n%s", ada.Text())
	}
	if !strings.Contains(ada.Text(), "impossible under cookie, epoch, renew and pair") {
		t.Errorf("the story does not say where that is impossible:\n%s", ada.Text())
	}
	handlerstest.Same(t, "at once", of(ada, "phone"), inUnder("database", "refused revoked"))
	act(ada, "advance", "duration", "15m")
	handlerstest.Same(t, "within the windows", of(ada, "phone"), inUnder("database", "refused revoked", "hybrid", "refused revoked", "rotation", "refused revoked"))
	handlerstest.Same(t, "you", of(ada, "you"), inUnder())
	act(ada, "add-phone")
	handlerstest.Same(t, "again", of(ada, "phone"), inUnder())
}

// A disabled account: who asks the table is out, and nobody signs in.
func TestLabAccount(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	ada.Get("/compare").Press("#do-disable")
	handlerstest.Same(t, "disabled", of(ada, "you"), inUnder("database", "refused disabled", "epoch", "refused disabled"))
	if ada.Get("/compare"); ada.Has("#do-sign-in-all") || ada.Has("#do-add-phone") || ada.Has("#do-disable") || !ada.Has("#cell-you-cookie.still") {
		t.Errorf("the page of a disabled account:\n%s", ada.Text())
	}
	ada.Post("/compare/sign-in-all", nil).Told("disabled")
	act(ada, "advance", "duration", "15m")
	handlerstest.Same(t, "15 min later", of(ada, "you"), map[string]string{"cookie": "signed_in", "database": "refused disabled", "epoch": "refused disabled",
		"hybrid": "refused disabled", "renew": "refused disabled", "pair": "refused disabled", "rotation": "refused disabled"})
	ada.Get("/compare").Press("#do-enable")
	handlerstest.Same(t, "enabled again", of(ada, "you"), inUnder("epoch", "refused revoked"))

	act(ada, "sign-in-all").Get("/compare").Press("#do-make-admin")
	if !strings.Contains(ada.One("#cell-you-cookie").Text(), "taken for member") || strings.Contains(ada.One("#cell-you-database").Text(), "taken for") {
		t.Errorf("who has not heard of the role is not shown:\n%s", ada.Text())
	}
	act(ada, "sign-in-all").Get("/compare")
	if strings.Contains(ada.One("#cell-you-cookie").Text(), "taken for") || !ada.Has("#do-make-member") {
		t.Errorf("a new session does not have the new role:\n%s", ada.Text())
	}
}

// What is sealed ends with the version or the key; what is remembered does not.
func TestLabKeysAndVersion(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	sealed := func(reason string) map[string]string {
		return inUnder("cookie", reason, "epoch", reason, "renew", reason, "pair", reason)
	}
	ada.Get("/compare").Press("#do-raise-version")
	handlerstest.Same(t, "version 2", of(ada, "you"), sealed("refused version"))
	if ada.Get("/compare"); ada.Has("#do-retire-key") {
		t.Error("the only key can be dropped")
	}
	act(ada, "sign-in-all").Get("/compare").Press("#do-rotate-key")
	handlerstest.Same(t, "a new key", of(ada, "you"), inUnder())
	ada.Get("/compare").Press("#do-retire-key")
	handlerstest.Same(t, "the old one dropped", of(ada, "you"), sealed("refused invalid"))
	act(act(ada, "sign-in-all"), "retire-key")
	handlerstest.Same(t, "nothing to drop", of(ada, "you"), inUnder())
	for range 40 {
		if ada.Post("/compare/rotate-key", nil); ada.Page.Status == 409 {
			break
		}
	}
	if !strings.Contains(ada.Text(), "too_many_keys") {
		t.Errorf("the ring has no bound:\n%s", ada.Text())
	}
	handlerstest.Same(t, "many keys", of(ada, "you"), inUnder())
}

// Without the database nobody is signed out: 503 where it must be asked, and the
// cookies stay.
func TestLabUnplugged(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	ada.Get("/compare").Press("#do-store-down")
	const down = "fault store_unavailable"
	handlerstest.Same(t, "unplugged", of(ada, "you"), inUnder("database", down, "epoch", down))
	if ada.Get("/compare"); !ada.Has("#cell-you-database.is-fault") || ada.Has("#do-sign-in-all") || ada.Has("#do-revoke-all") || ada.Has("#do-store-down") {
		t.Errorf("the page without a database:\n%s", ada.Text())
	}
	ada.Wants("/dashboard", 503)
	ada.WantsAPI("GET", "/api/session?strategy=cookie", 200, "")
	for _, action := range []string{"sign-in-all", "add-phone", "revoke-all", "disable", "enable", "set-role"} {
		if ada.Post("/compare/"+action, handlerstest.Form("role", "admin")); ada.Page.Status != 503 || ada.Value("session-database") == "" {
			t.Errorf("%s: got %d, want 503 and the cookies kept", action, ada.Page.Status)
		}
	}
	handlerstest.NewBrowser(t, site).Get("/sign-in").Press("#sign-in-dev").Press("button[value=ada]").Refused(503, "store_unavailable")
	act(ada, "advance", "duration", "15m")
	handlerstest.Same(t, "15 min later", of(ada, "you"), map[string]string{
		"cookie": "signed_in", "database": down, "epoch": down, "hybrid": down, "renew": down, "pair": down, "rotation": down})
	ada.Get("/compare").Press("#do-store-up")
	handlerstest.Same(t, "plugged in", of(ada, "you"), inUnder())

	act(act(act(act(ada, "steal"), "store-down"), "sign-out"), "store-up")
	handlerstest.Same(t, "a sign-out that the server did not hear", of(ada, "thief"), inUnder())
	if !strings.Contains(ada.Get("/compare").Text(), "the server could not be told") {
		t.Errorf("the story claims more than was done:\n%s", ada.Text())
	}
}

// Only sessions follow the lab's clock: signing in through the provider works
// while it is far ahead, and every page says so and leads back.
func TestLabClockDrivesSessionsOnly(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	if ada.Get("/dashboard"); ada.Has("#start-over") {
		t.Error("there is nothing to start over")
	}
	act(act(ada, "advance", "duration", "744h"), "raise-version")
	ada.Get("/dashboard").At("/sign-in", 200)
	ada.Press("#sign-in-dev").Press("button[value=ada]").At("/dashboard", 200)
	session := handlerstest.SessionOf(ada.WantsAPI("GET", "/api/session", 200, ""))
	if got, want := session["issuedAt"], site.Clock.Now().Add(31*handlerstest.Day).Format(time.RFC3339); got != want {
		t.Errorf("issued at %v, want %v", got, want)
	}
	for _, path := range []string{"/", "/dashboard", "/sessions", "/nothing", "/sign-in"} {
		ada.Get(path)
		if text := ada.Page.Find(".strip.moved").Text(); !strings.Contains(text, "31 d ahead · version 2") && path != "/sign-in" {
			t.Errorf("%s does not say how the lab stands: %q", path, text)
		}
	}
	ada.Get("/dashboard").Press("#start-over").At("/compare", 200)
	if ada.Get("/"); ada.Has("#start-over") {
		t.Error("still moved after starting over")
	}
	if status := ada.Get("/compare").Page.Find(".clock").Text(); !strings.Contains(status, "= real") {
		t.Errorf("the clock says %q", status)
	}
}

func TestLabBadInput(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	for _, bad := range []string{"", "0", "0s", "-5m", "9600h1ns", "9601h", "5", "x", "1e3h", "99999999999h", "5m 5m"} {
		ada.Post("/compare/advance", handlerstest.Form("duration", bad))
		if ada.Page.Status != 400 || !strings.Contains(ada.Text(), "bad_duration") {
			t.Errorf("duration=%q: got %d:\n%s", bad, ada.Page.Status, ada.Text())
		}
	}
	if ada.Post("/compare/advance", handlerstest.Form("duration", "5m", "asking", "hourly")); ada.Page.Status != 400 {
		t.Errorf("asking=hourly: got %d", ada.Page.Status)
	}
	if w := ada.Request(http.MethodPost, "/compare/advance?duration=5m", nil, "same-origin"); w.Code != 400 {
		t.Errorf("a field in the address: got %d", w.Code)
	}
	if strings.Contains(ada.Get("/compare").Text(), "ahead") {
		t.Error("the clock moved")
	}
	moved := 0
	for ; moved < 100; moved++ {
		if ada.Post("/compare/advance", handlerstest.Form("duration", "9600h")); ada.Page.Status != 200 {
			break
		}
	}
	if ada.Page.Status != 400 || moved != 91 {
		t.Errorf("the clock moved %d times by 400 days and then answered %d, want a hundred years at most", moved, ada.Page.Status)
	}
}

// Signing out by the site's own button tells the lab as well.
func TestLabNoticesTheSitesSignOut(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	act(ada, "steal").Press("#header-sign-out").Told("signed_out")
	if ada.Get("/compare"); !ada.Has("#cell-thief-cookie.still") || !ada.Has("#cell-thief-database.is-out") || !strings.Contains(ada.Text(), "You signed out. You are out everywhere.") {
		t.Errorf("after a sign-out elsewhere:\n%s", ada.Text())
	}
	if n := ada.Get("/compare").Page.Find("#story li").Length(); n != 2 {
		t.Errorf("%d lines tell it, want one more", n)
	}
}

// Two real browsers of one person are two devices of one story: each sees the
// other, and what it was told when it was last here.
func TestLabOtherBrowsers(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada, laptop, grace := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site), handlerstest.NewBrowser(t, site).SignIn("grace")
	laptop.Agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15"
	grace.Get("/compare")
	ada.Get("/compare")
	site.Clock.Advance(12 * time.Second)
	if laptop.SignIn("ada").Get("/compare"); !laptop.Has("#cell-other-1-cookie.is-in") || laptop.Has("#cell-other-2-cookie") {
		t.Errorf("the laptop does not see the one other browser:\n%s", laptop.Text())
	}
	if text := laptop.One("tr.other th").Text(); !strings.Contains(text, "Firefox") || !strings.Contains(text, "last asked 12 seconds ago") {
		t.Errorf("the other browser is shown as %q", text)
	}
	act(laptop, "revoke-all")
	ada.WantsAPI("GET", "/api/session?strategy=database", 401, "revoked")
	if ada.Get("/compare"); !ada.Has("#cell-you-database.is-out") || !strings.Contains(ada.One("tr.other th").Text(), "Safari") {
		t.Errorf("ada's browser after the laptop ended all sessions:\n%s", ada.Text())
	}
	if len(of(ada, "other")) != 0 {
		t.Error("the state tells of clients that it does not ask for")
	}
}
