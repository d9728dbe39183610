package labpages_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"sessionlab/handlers/handlerstest"
)

// flowSteps are the steps on the page of a sign-in, in their order.
func flowSteps(b *handlerstest.Browser) (ids []string) {
	b.Page.Find("li[id^=step-]").Each(func(_ int, s *goquery.Selection) {
		ids = append(ids, strings.TrimPrefix(s.AttrOr("id", ""), "step-"))
	})
	return ids
}

// flowValue returns the value that a step shows under a name.
func flowValue(b *handlerstest.Browser, step, name string) (value string) {
	b.Page.Find("#step-" + step + " .facts > div").EachWithBreak(func(_ int, row *goquery.Selection) bool {
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
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site)
	ada.Get("/flow").At("/flow", 200).Follow("#flow-sign-in").At("/sign-in", 200)
	request := ada.Parse(ada.PressOnce("#sign-in-dev")).Query()
	site.Clock.Advance(4200 * time.Millisecond) // at the provider
	ada.Get(site.BaseURL.String() + "/idp/authorize?" + request.Encode())
	callback := ada.Parse(ada.PressOnce("button[value=ada]"))
	ada.Visit("GET", callback.String(), nil, "cross-site").At("/flow", 200)

	want := []string{"form", "discovery", "request", "person", "callback", "token", "keys", "id-token", "user-info", "session", "clean"}
	if got := flowSteps(ada); !slices.Equal(got, want) {
		t.Errorf("got the steps %q, want %q", got, want)
	}
	code := callback.Query().Get("code")
	for _, v := range []struct{ step, name, want string }{
		{"form", "POST", "/sign-in/dev"},
		{"form", "next", "/flow"},
		{"discovery", "token_endpoint", handlerstest.LocalURL + "/idp/token"},
		{"request", "code_challenge", request.Get("code_challenge")},
		{"request", "redirect_uri", handlerstest.LocalURL + "/sign-in/dev/callback"},
		{"request", "cookie", "__Host-flow-" + flowID(request.Get("state"))},
		{"callback", "code", code[:4] + "… (26 characters)"},
		{"callback", "iss", handlerstest.LocalURL + "/idp"},
		{"callback", "Sec-Fetch-Site", "cross-site"},
		{"token", "status", "200"},
		{"token", "code", code[:4] + "… (26 characters)"},
		{"keys", "alg", "ES256"},
		{"id-token", "name", "Ada Lovelace"},
		{"id-token", "aud", "sessionlab"},
		{"clean", "Location", "/flow"},
	} {
		if got := flowValue(ada, v.step, v.name); got != v.want {
			t.Errorf("%s at %s: got %q, want %q", v.name, v.step, got, v.want)
		}
	}
	if !strings.Contains(ada.One("#step-person").Text(), "4.2 s") {
		t.Errorf("the page does not say how long the provider had:\n%s", ada.One("#step-person").Text())
	}
	for _, secret := range []string{request.Get("state"), request.Get("nonce"), code, "a client's secret"} {
		if strings.Contains(ada.Page.Body, secret) {
			t.Errorf("the page shows %q whole", secret)
		}
	}
	for name, c := range ada.Cookies {
		if strings.Contains(ada.Page.Body, c.Value) && len(c.Value) > 8 {
			t.Errorf("the page shows the value of %s", name)
		}
	}

	// It is told to nobody else.
	eve := handlerstest.NewBrowser(t, site).SignInAt("oidc", "grace")
	eve.Get("/flow?provider=dev")
	if text := eve.Text(); strings.Contains(text, "Ada") || !strings.Contains(text, "the provider oidc") {
		t.Errorf("Grace sees a sign-in that is not hers:\n%s", text)
	}
	stranger := handlerstest.NewBrowser(t, site)
	if stranger.Get("/flow"); !stranger.Has("#flow-sign-in") || stranger.Has(".flow .facts") {
		t.Errorf("a stranger sees a sign-in:\n%s", stranger.Text())
	}

	// The last one at each provider is kept.
	ada.Press("#header-sign-out").SignInAt("oidc", "linus").Get("/flow")
	if got := flowValue(ada, "discovery", "issuer"); got != handlerstest.OtherIDP {
		t.Errorf("got the issuer %q, want the other provider's", got)
	}
	ada.Follow(`a[href="/flow?provider=dev"]`)
	if got := flowValue(ada, "callback", "iss"); got != handlerstest.LocalURL+"/idp" {
		t.Errorf("got the iss %q, want that of the first sign-in", got)
	}
}

// flowID returns the name of a flow's cookie, which is derived from its state.
func flowID(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:8])
}

// A sign-in that was refused says at which step, and why.
func TestFlowTellsARefusal(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare"))
	ada.Get("/sign-in").Press("#sign-in-dev").Press("button[name=deny]").Told("cancelled")
	ada.Get("/flow")
	if got := flowSteps(ada); got[len(got)-2] != "callback" || got[len(got)-1] != "clean" {
		t.Errorf("got the steps %q, want them to end with the callback", got)
	}
	if text := ada.One("#step-callback .refusal").Text(); !strings.Contains(text, "cancelled") {
		t.Errorf("the callback says %q", text)
	}
	// The provider was right and is believed, and yet there is no session.
	grace := act(handlerstest.NewBrowser(t, ada.Site).SignIn("grace"), "disable")
	grace.Get("/sign-in?reason=signed_out").Press("#sign-in-dev").Press("button[value=grace]").Told("disabled")
	grace.Get("/flow")
	if text := grace.One("#step-session .refusal").Text(); !strings.Contains(text, "disabled") || !strings.Contains(grace.Text(), "was refused") {
		t.Errorf("the page says of a disabled account: %q", text)
	}

	used := ada.ToCallback("dev")
	ada.Back(used).Back(used).Get("/flow")
	if text := ada.One("#step-callback .refusal").Text(); !strings.Contains(text, "used before") || !strings.Contains(text, "flow_invalid") {
		t.Errorf("the callback says %q", text)
	}
}

// Linking goes the same way, and is called what it is.
func TestFlowTellsALink(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	ada.Post("/account/link/oidc", nil).Press("button[value=grace]").At("/account", 200)
	if ada.Get("/flow"); !strings.Contains(ada.Text(), "How you linked the provider oidc") || !strings.Contains(ada.One("#step-session").Text(), "Account linked") {
		t.Errorf("the page says of a link:\n%s", ada.Text())
	}
}

// What is remembered is bounded, and ends.
func TestFlowForgets(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "compare")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	for range 7 { // begun and never ended
		ada.Get("/sign-in?reason=signed_out").PressOnce("#sign-in-dev")
	}
	site.Clock.Advance(11 * time.Hour)
	if ada.Get("/flow"); ada.Has("#flow-sign-in") {
		t.Error("forgotten before its time")
	}
	for range 300 {
		site.Clock.Advance(time.Second)
		stranger := handlerstest.NewBrowser(t, site)
		stranger.Get("/sign-in").PressOnce("#sign-in-dev")
	}
	if ada.Get("/flow"); !ada.Has("#flow-sign-in") {
		t.Error("remembered although 300 others came since")
	}
	grace := handlerstest.NewBrowser(t, site).SignIn("grace")
	site.Clock.Advance(12 * time.Hour)
	if grace.Get("/flow"); !grace.Has("#flow-sign-in") {
		t.Error("remembered after 12 hours without a visit")
	}
}

// In a public lab a visitor sees and tries things of their own only, and who just
// looks at the page leaves nothing behind.
func TestFlowInPublic(t *testing.T) {
	t.Parallel()
	site := newPublicSite(t)
	nobody := handlerstest.NewBrowser(t, site)
	if nobody.Get("/flow").At("/flow", 200); len(nobody.Cookies) > 0 || site.Rows("benches") > 0 {
		t.Errorf("a look left %d cookies and %d benches", len(nobody.Cookies), site.Rows("benches"))
	}
	ada, eve := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site).SignIn("grace")
	for name, want := range attackRefusals {
		ada.Post("/flow/attack", handlerstest.Form("attack", name)).At("/flow", 200)
		if reason, detail, held := outcome(ada, name); reason != want.reason || !held {
			t.Errorf("%s: got %q (%s), held %v", name, reason, detail, held)
		}
	}
	if users := site.Rows("users"); users != 2 {
		t.Errorf("%d users, want Ada and Grace", users)
	}
	handlerstest.Same(t, "Ada, after all that", of(ada, "you"), inUnder())
	if eve.Get("/flow"); eve.Has(".outcome") || strings.Contains(eve.Text(), "Ada Lovelace") || flowValue(eve, "id-token", "name") != "Grace Hopper" {
		t.Errorf("Grace reads of Ada, or not of herself:\n%s", eve.Text())
	}
	nobody.Post("/flow/attack", handlerstest.Form("attack", "next")).At("/flow", 200)
	if _, _, held := outcome(nobody, "next"); !held {
		t.Error("who has not signed in cannot try")
	}
	stolen := handlerstest.NewBrowser(t, site)
	stolen.Plant("visitor", "AAAAAAAAAAAAAAAAAAAAAAAAAA")
	if stolen.Get("/flow"); !stolen.Has("#flow-sign-in") {
		t.Error("a made-up visitor sees a sign-in")
	}
}
