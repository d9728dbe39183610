package handlers_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

// flowSteps are the steps on the page of a sign-in, in their order.
func (b *browser) flowSteps() (ids []string) {
	b.page.Find("li[id^=step-]").Each(func(_ int, s *goquery.Selection) {
		ids = append(ids, strings.TrimPrefix(s.AttrOr("id", ""), "step-"))
	})
	return ids
}

// flowValue is what a step shows under a name.
func (b *browser) flowValue(step, name string) (value string) {
	b.page.Find("#step-" + step + " .facts > div").EachWithBreak(func(_ int, row *goquery.Selection) bool {
		if row.Find("dt").Text() == name {
			value = row.Find("dd").Children().First().Text()
		}
		return value == ""
	})
	return value
}

// The page of a sign-in tells what was really sent: it is compared with what the
// browser saw of it.
func TestFlowTellsTheLastSignIn(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site)
	ada.get("/flow").at("/flow", 200).follow("#flow-sign-in").at("/sign-in", 200)
	request := ada.parse(ada.pressed("#sign-in-dev")).Query()
	site.clock.Advance(4200 * time.Millisecond) // at the provider
	ada.get(site.BaseURL.String() + "/idp/authorize?" + request.Encode())
	callback := ada.parse(ada.pressed("button[value=ada]"))
	ada.visit("GET", callback.String(), nil, "cross-site").at("/flow", 200)

	want := []string{"form", "discovery", "request", "person", "callback", "token", "keys", "id-token", "user-info", "session", "clean"}
	if got := ada.flowSteps(); !slices.Equal(got, want) {
		t.Errorf("got the steps %q, want %q", got, want)
	}
	code := callback.Query().Get("code")
	for _, v := range []struct{ step, name, want string }{
		{"form", "POST", "/sign-in/dev"},
		{"form", "next", "/flow"},
		{"discovery", "token_endpoint", localURL + "/idp/token"},
		{"request", "code_challenge", request.Get("code_challenge")},
		{"request", "redirect_uri", localURL + "/sign-in/dev/callback"},
		{"request", "cookie", "__Host-flow-" + flowID(request.Get("state"))},
		{"callback", "code", code[:4] + "… (26 characters)"},
		{"callback", "iss", localURL + "/idp"},
		{"callback", "Sec-Fetch-Site", "cross-site"},
		{"token", "status", "200"},
		{"token", "code", code[:4] + "… (26 characters)"},
		{"keys", "alg", "ES256"},
		{"id-token", "name", "Ada Lovelace"},
		{"id-token", "aud", "sessionlab"},
		{"clean", "Location", "/flow"},
	} {
		if got := ada.flowValue(v.step, v.name); got != v.want {
			t.Errorf("%s at %s: got %q, want %q", v.name, v.step, got, v.want)
		}
	}
	if !strings.Contains(ada.one("#step-person").Text(), "4.2 s") {
		t.Errorf("the page does not say how long the provider had:\n%s", ada.one("#step-person").Text())
	}
	for _, secret := range []string{request.Get("state"), request.Get("nonce"), code, "a client's secret"} {
		if strings.Contains(ada.page.body, secret) {
			t.Errorf("the page shows %q whole", secret)
		}
	}
	for name, c := range ada.cookies {
		if strings.Contains(ada.page.body, c.value) && len(c.value) > 8 {
			t.Errorf("the page shows the value of %s", name)
		}
	}

	// It is told to nobody else.
	eve := newBrowser(t, site).signInAt("oidc", "grace")
	eve.get("/flow?provider=dev")
	if text := eve.text(); strings.Contains(text, "Ada") || !strings.Contains(text, "the provider oidc") {
		t.Errorf("Grace sees a sign-in that is not hers:\n%s", text)
	}
	stranger := newBrowser(t, site)
	if stranger.get("/flow"); !stranger.has("#flow-sign-in") || stranger.has(".flow .facts") {
		t.Errorf("a stranger sees a sign-in:\n%s", stranger.text())
	}

	// The last one at each provider is kept.
	ada.press("#header-sign-out").signInAt("oidc", "linus").get("/flow")
	if got := ada.flowValue("discovery", "issuer"); got != otherIDP {
		t.Errorf("got the issuer %q, want the other provider's", got)
	}
	ada.follow(`a[href="/flow?provider=dev"]`)
	if got := ada.flowValue("callback", "iss"); got != localURL+"/idp" {
		t.Errorf("got the iss %q, want that of the first sign-in", got)
	}
}

// flowID is how the cookie of a flow is named after its state.
func flowID(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:8])
}

// A sign-in that was refused says at which step, and why.
func TestFlowTellsARefusal(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare"))
	ada.get("/sign-in").press("#sign-in-dev").press("button[name=deny]").told("cancelled")
	ada.get("/flow")
	if got := ada.flowSteps(); got[len(got)-2] != "callback" || got[len(got)-1] != "clean" {
		t.Errorf("got the steps %q, want them to end with the callback", got)
	}
	if text := ada.one("#step-callback .refusal").Text(); !strings.Contains(text, "cancelled") {
		t.Errorf("the callback says %q", text)
	}
	// The provider was right and is believed, and yet there is no session.
	grace := newBrowser(t, ada.site).signIn("grace").act("disable")
	grace.get("/sign-in?reason=signed_out").press("#sign-in-dev").press("button[value=grace]").told("disabled")
	grace.get("/flow")
	if text := grace.one("#step-session .refusal").Text(); !strings.Contains(text, "disabled") || !strings.Contains(grace.text(), "was refused") {
		t.Errorf("the page says of a disabled account: %q", text)
	}

	used := ada.toCallback("dev")
	ada.back(used).back(used).get("/flow")
	if text := ada.one("#step-callback .refusal").Text(); !strings.Contains(text, "used before") || !strings.Contains(text, "flow_invalid") {
		t.Errorf("the callback says %q", text)
	}
}

// Linking goes the same way, and is called what it is.
func TestFlowTellsALink(t *testing.T) {
	t.Parallel()
	ada := newBrowser(t, newSite(t, "compare")).signIn("ada")
	ada.post("/account/link/oidc", nil).press("button[value=grace]").at("/account", 200)
	if ada.get("/flow"); !strings.Contains(ada.text(), "How you linked the provider oidc") || !strings.Contains(ada.one("#step-session").Text(), "Account linked") {
		t.Errorf("the page says of a link:\n%s", ada.text())
	}
}

// What is remembered is bounded, and ends.
func TestFlowForgets(t *testing.T) {
	t.Parallel()
	site := newSite(t, "compare")
	ada := newBrowser(t, site).signIn("ada")
	for range 7 { // begun and never ended
		ada.get("/sign-in?reason=signed_out").pressed("#sign-in-dev")
	}
	site.clock.Advance(11 * time.Hour)
	if ada.get("/flow"); ada.has("#flow-sign-in") {
		t.Error("forgotten before its time")
	}
	for range 300 {
		site.clock.Advance(time.Second)
		stranger := newBrowser(t, site)
		stranger.get("/sign-in").pressed("#sign-in-dev")
	}
	if ada.get("/flow"); !ada.has("#flow-sign-in") {
		t.Error("remembered although 300 others came since")
	}
	grace := newBrowser(t, site).signIn("grace")
	site.clock.Advance(12 * time.Hour)
	if grace.get("/flow"); !grace.has("#flow-sign-in") {
		t.Error("remembered after 12 hours without a visit")
	}
}

// In a public lab a visitor sees and tries things of their own only, and who just
// looks at the page leaves nothing behind.
func TestFlowInPublic(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	nobody := newBrowser(t, site)
	if nobody.get("/flow").at("/flow", 200); len(nobody.cookies) > 0 || site.rows("benches") > 0 {
		t.Errorf("a look left %d cookies and %d benches", len(nobody.cookies), site.rows("benches"))
	}
	ada, eve := newBrowser(t, site).signIn("ada"), newBrowser(t, site).signIn("grace")
	for name, want := range attackRefusals {
		ada.post("/flow/attack", form("attack", name)).at("/flow", 200)
		if reason, detail, held := ada.outcome(name); reason != want.reason || !held {
			t.Errorf("%s: got %q (%s), held %v", name, reason, detail, held)
		}
	}
	if users := site.rows("users"); users != 2 {
		t.Errorf("%d users, want Ada and Grace", users)
	}
	same(t, "Ada, after all that", ada.of("you"), inUnder())
	if eve.get("/flow"); eve.has(".outcome") || strings.Contains(eve.text(), "Ada Lovelace") || eve.flowValue("id-token", "name") != "Grace Hopper" {
		t.Errorf("Grace reads of Ada, or not of herself:\n%s", eve.text())
	}
	nobody.post("/flow/attack", form("attack", "next")).at("/flow", 200)
	if _, _, held := nobody.outcome("next"); !held {
		t.Error("who has not signed in cannot try")
	}
	stolen := newBrowser(t, site)
	stolen.plant("visitor", "AAAAAAAAAAAAAAAAAAAAAAAAAA")
	if stolen.get("/flow"); !stolen.has("#flow-sign-in") {
		t.Error("a made-up visitor sees a sign-in")
	}
}
