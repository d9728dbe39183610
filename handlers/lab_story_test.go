package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// act presses a button of the lab by its name, whether or not the page shows it.
func (b *browser) act(action string, fields ...string) *browser {
	b.Helper()
	return b.post("/compare/"+action, form(fields...)).at("/compare", 200)
}

// of is how one client is told it fares, by strategy.
func (b *browser) of(client string) map[string]string {
	b.Helper()
	told := map[string]string{}
	for who, verdict := range b.allVerdicts() {
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
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	ada.act("steal").act("sign-out")
	same(t, "signed out", ada.of("thief"), inUnder("database", "refused revoked"))
	ada.get("/compare").press("#do-advance-5m")
	same(t, "5 min", ada.of("thief"), inUnder("database", "refused revoked", "hybrid", "refused revoked"))
	ada.act("advance", "duration", "9m59s")
	same(t, "14:59", ada.of("thief"), inUnder("database", "refused revoked", "hybrid", "refused revoked"))
	ada.act("advance", "duration", "1s")
	same(t, "15 min", ada.of("thief"), inUnder("database", "refused revoked", "hybrid", "refused revoked", "rotation", "refused revoked"))
	ada.get("/compare").press("#do-advance-30d-daily")
	for strategy, verdict := range ada.of("thief") {
		if !strings.HasPrefix(verdict, "refused") {
			t.Errorf("%s: %s after the absolute end", strategy, verdict)
		}
	}
	if !strings.Contains(ada.get("/compare").text(), "30 d 15 min ahead") {
		t.Errorf("the page does not show its clock:\n%s", ada.text())
	}
}

// Asking slides a session and silence does not; neither moves the absolute end.
func TestLabWaitsInTwoWays(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	ada.act("advance", "duration", "696h", "asking", "daily")
	same(t, "29 days, asking", ada.of("you"), inUnder())
	ada.act("advance", "duration", "24h")
	for strategy, verdict := range ada.of("you") {
		if verdict != "refused expired" {
			t.Errorf("%s: %s at the absolute end", strategy, verdict)
		}
	}
	ada.act("sign-in-all").act("advance", "duration", "168h")
	for strategy, verdict := range ada.of("you") {
		if want := map[bool]string{true: "signed_in", false: "refused expired"}[strategy == "renew"]; verdict != want {
			t.Errorf("%s: %s after a silent week, want %s", strategy, verdict, want)
		}
	}
}

// A spent refresh token that comes back ends its family: the thief at once, and
// you when your access token has run out.
func TestLabShowsReuse(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	ada.act("steal").get("/compare").press("#do-advance-15m")
	same(t, "thief", ada.of("thief"), inUnder("rotation", "refused reused"))
	same(t, "you", ada.of("you"), inUnder())
	if text := ada.get("/compare").text(); !strings.Contains(text, "11 s later") || !strings.Contains(text, "15 min 11 s ahead") {
		t.Errorf("the page does not say that the clock went past the grace:\n%s", text)
	}
	ada.act("advance", "duration", "15m")
	same(t, "you, later", ada.of("you"), inUnder("rotation", "refused revoked"))
	same(t, "thief, still", ada.of("thief"), inUnder("rotation", "refused reused"))
}

// The phone is a device like any other: listed, and ended from elsewhere where
// that can be done.
func TestLabPhone(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	if ada.get("/compare").has("#do-revoke-phone") || ada.has("#cell-phone-cookie") {
		t.Error("there is a phone before anybody added one")
	}
	if ada.post("/compare/revoke-phone", nil); ada.page.status != 409 || !strings.Contains(ada.text(), "no_phone") {
		t.Errorf("no phone: got %d:\n%s", ada.page.status, ada.text())
	}
	ada.get("/compare").press("#do-add-phone")
	same(t, "added", ada.of("phone"), inUnder())
	if ada.get("/sessions"); !strings.Contains(ada.text(), "iPhone") || ada.page.Find(".devices li").Length() != 2 {
		t.Errorf("the phone is not listed:\n%s", ada.text())
	}
	if ada.get("/compare"); ada.has("#do-add-phone") {
		t.Error("a phone that is in everywhere can be added again")
	}
	ada.press("#do-revoke-phone")
	if !ada.has("#cell-phone-cookie.still") || !ada.has("#cell-phone-database.is-out") || !ada.has("#cell-you-database.is-in") {
		t.Errorf("the page after the phone was signed out:\n%s", ada.text())
	}
	if !strings.Contains(ada.text(), "impossible under cookie, epoch, renew and pair") {
		t.Errorf("the story does not say where that is impossible:\n%s", ada.text())
	}
	same(t, "at once", ada.of("phone"), inUnder("database", "refused revoked"))
	ada.act("advance", "duration", "15m")
	same(t, "within the windows", ada.of("phone"), inUnder("database", "refused revoked", "hybrid", "refused revoked", "rotation", "refused revoked"))
	same(t, "you", ada.of("you"), inUnder())
	ada.act("add-phone")
	same(t, "again", ada.of("phone"), inUnder())
}

// A disabled account: who asks the table is out, and nobody signs in.
func TestLabAccount(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	ada.get("/compare").press("#do-disable")
	same(t, "disabled", ada.of("you"), inUnder("database", "refused disabled", "epoch", "refused disabled"))
	if ada.get("/compare"); ada.has("#do-sign-in-all") || ada.has("#do-add-phone") || ada.has("#do-disable") || !ada.has("#cell-you-cookie.still") {
		t.Errorf("the page of a disabled account:\n%s", ada.text())
	}
	ada.post("/compare/sign-in-all", nil).told("disabled")
	ada.act("advance", "duration", "15m")
	same(t, "15 min later", ada.of("you"), map[string]string{"cookie": "signed_in", "database": "refused disabled", "epoch": "refused disabled",
		"hybrid": "refused disabled", "renew": "refused disabled", "pair": "refused disabled", "rotation": "refused disabled"})
	ada.get("/compare").press("#do-enable")
	same(t, "enabled again", ada.of("you"), inUnder("epoch", "refused revoked"))

	ada.act("sign-in-all").get("/compare").press("#do-make-admin")
	if !strings.Contains(ada.one("#cell-you-cookie").Text(), "taken for member") || strings.Contains(ada.one("#cell-you-database").Text(), "taken for") {
		t.Errorf("who has not heard of the role is not shown:\n%s", ada.text())
	}
	ada.act("sign-in-all").get("/compare")
	if strings.Contains(ada.one("#cell-you-cookie").Text(), "taken for") || !ada.has("#do-make-member") {
		t.Errorf("a new session does not have the new role:\n%s", ada.text())
	}
}

// What is sealed ends with the version or the key; what is remembered does not.
func TestLabKeysAndVersion(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	sealed := func(reason string) map[string]string {
		return inUnder("cookie", reason, "epoch", reason, "renew", reason, "pair", reason)
	}
	ada.get("/compare").press("#do-raise-version")
	same(t, "version 2", ada.of("you"), sealed("refused version"))
	if ada.get("/compare"); ada.has("#do-retire-key") {
		t.Error("the only key can be dropped")
	}
	ada.act("sign-in-all").get("/compare").press("#do-rotate-key")
	same(t, "a new key", ada.of("you"), inUnder())
	ada.get("/compare").press("#do-retire-key")
	same(t, "the old one dropped", ada.of("you"), sealed("refused invalid"))
	ada.act("sign-in-all").act("retire-key")
	same(t, "nothing to drop", ada.of("you"), inUnder())
	for range 40 {
		if ada.post("/compare/rotate-key", nil); ada.page.status == 409 {
			break
		}
	}
	if !strings.Contains(ada.text(), "too_many_keys") {
		t.Errorf("the ring has no bound:\n%s", ada.text())
	}
	same(t, "many keys", ada.of("you"), inUnder())
}

// Without the database nobody is signed out: 503 where it must be asked, and the
// cookies stay.
func TestLabUnplugged(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	ada.get("/compare").press("#do-store-down")
	const down = "fault store_unavailable"
	same(t, "unplugged", ada.of("you"), inUnder("database", down, "epoch", down))
	if ada.get("/compare"); !ada.has("#cell-you-database.is-fault") || ada.has("#do-sign-in-all") || ada.has("#do-revoke-all") || ada.has("#do-store-down") {
		t.Errorf("the page without a database:\n%s", ada.text())
	}
	ada.wants("/dashboard", 503)
	ada.wantsAPI("GET", "/api/session?strategy=cookie", 200, "")
	for _, action := range []string{"sign-in-all", "add-phone", "revoke-all", "disable", "enable", "set-role"} {
		if ada.post("/compare/"+action, form("role", "admin")); ada.page.status != 503 || ada.value("session-database") == "" {
			t.Errorf("%s: got %d, want 503 and the cookies kept", action, ada.page.status)
		}
	}
	newBrowser(t, site).get("/sign-in").press("#sign-in-dev").press("button[value=ada]").refused(503, "store_unavailable")
	ada.act("advance", "duration", "15m")
	same(t, "15 min later", ada.of("you"), map[string]string{
		"cookie": "signed_in", "database": down, "epoch": down, "hybrid": down, "renew": down, "pair": down, "rotation": down})
	ada.get("/compare").press("#do-store-up")
	same(t, "plugged in", ada.of("you"), inUnder())

	ada.act("steal").act("store-down").act("sign-out").act("store-up")
	same(t, "a sign-out that the server did not hear", ada.of("thief"), inUnder())
	if !strings.Contains(ada.get("/compare").text(), "the server could not be told") {
		t.Errorf("the story claims more than was done:\n%s", ada.text())
	}
}

// Only sessions follow the lab's clock: signing in through the provider works
// while it is far ahead, and every page says so and leads back.
func TestLabClockDrivesSessionsOnly(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	if ada.get("/dashboard"); ada.has("#start-over") {
		t.Error("there is nothing to start over")
	}
	ada.act("advance", "duration", "744h").act("raise-version")
	ada.get("/dashboard").at("/sign-in", 200)
	ada.press("#sign-in-dev").press("button[value=ada]").at("/dashboard", 200)
	session := sessionOf(ada.wantsAPI("GET", "/api/session", 200, ""))
	if got, want := session["issuedAt"], site.clock.Now().Add(31*day).Format(time.RFC3339); got != want {
		t.Errorf("issued at %v, want %v", got, want)
	}
	for _, path := range []string{"/", "/dashboard", "/sessions", "/nothing", "/sign-in"} {
		ada.get(path)
		if text := ada.page.Find(".strip.moved").Text(); !strings.Contains(text, "31 d ahead · version 2") && path != "/sign-in" {
			t.Errorf("%s does not say how the lab stands: %q", path, text)
		}
	}
	ada.get("/dashboard").press("#start-over").at("/compare", 200)
	if ada.get("/"); ada.has("#start-over") {
		t.Error("still moved after starting over")
	}
	if status := ada.get("/compare").page.Find(".clock").Text(); !strings.Contains(status, "= real") {
		t.Errorf("the clock says %q", status)
	}
}

func TestLabBadInput(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	for _, bad := range []string{"", "0", "0s", "-5m", "9600h1ns", "9601h", "5", "x", "1e3h", "99999999999h", "5m 5m"} {
		ada.post("/compare/advance", form("duration", bad))
		if ada.page.status != 400 || !strings.Contains(ada.text(), "bad_duration") {
			t.Errorf("duration=%q: got %d:\n%s", bad, ada.page.status, ada.text())
		}
	}
	if ada.post("/compare/advance", form("duration", "5m", "asking", "hourly")); ada.page.status != 400 {
		t.Errorf("asking=hourly: got %d", ada.page.status)
	}
	if w := ada.request(http.MethodPost, "/compare/advance?duration=5m", nil, "same-origin"); w.Code != 400 {
		t.Errorf("a field in the address: got %d", w.Code)
	}
	if strings.Contains(ada.get("/compare").text(), "ahead") {
		t.Error("the clock moved")
	}
	moved := 0
	for ; moved < 100; moved++ {
		if ada.post("/compare/advance", form("duration", "9600h")); ada.page.status != 200 {
			break
		}
	}
	if ada.page.status != 400 || moved != 91 {
		t.Errorf("the clock moved %d times by 400 days and then answered %d, want a hundred years at most", moved, ada.page.status)
	}
}

// Signing out by the site's own button tells the lab as well.
func TestLabNoticesTheSitesSignOut(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	ada.act("steal").press("#header-sign-out").told("signed_out")
	if ada.get("/compare"); !ada.has("#cell-thief-cookie.still") || !ada.has("#cell-thief-database.is-out") || !strings.Contains(ada.text(), "You signed out. You are out everywhere.") {
		t.Errorf("after a sign-out elsewhere:\n%s", ada.text())
	}
	if n := ada.get("/compare").page.Find("#story li").Length(); n != 2 {
		t.Errorf("%d lines tell it, want one more", n)
	}
}

// Two real browsers of one person are two devices of one story: each sees the
// other, and what it was told when it was last here.
func TestLabOtherBrowsers(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada, laptop, grace := newBrowser(t, site).signIn("ada"), newBrowser(t, site), newBrowser(t, site).signIn("grace")
	laptop.agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15"
	grace.get("/compare")
	ada.get("/compare")
	site.clock.Advance(12 * time.Second)
	if laptop.signIn("ada").get("/compare"); !laptop.has("#cell-other-1-cookie.is-in") || laptop.has("#cell-other-2-cookie") {
		t.Errorf("the laptop does not see the one other browser:\n%s", laptop.text())
	}
	if text := laptop.one("tr.other th").Text(); !strings.Contains(text, "Firefox") || !strings.Contains(text, "last asked 12 seconds ago") {
		t.Errorf("the other browser is shown as %q", text)
	}
	laptop.act("revoke-all")
	ada.wantsAPI("GET", "/api/session?strategy=database", 401, "revoked")
	if ada.get("/compare"); !ada.has("#cell-you-database.is-out") || !strings.Contains(ada.one("tr.other th").Text(), "Safari") {
		t.Errorf("ada's browser after the laptop ended all sessions:\n%s", ada.text())
	}
	if len(ada.of("other")) != 0 {
		t.Error("the state tells of clients that it does not ask for")
	}
}
