package views

import (
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"sessionlab/views/viewstest"
)

var (
	soon = Time{Text: "in 6 days", ISO: "2026-11-29T14:05:00Z", Exact: "29 November 2026, 14:05 UTC"}
	ada  = Page{Title: "Test", CSS: "/static/app.1.css", JS: "/static/app.1.js", Icon: "/static/icon.1.svg",
		User: &UserChip{Name: "Ada", Initials: "A"}, Notice: &Notice{Kind: "done", Text: "Done."}}
	nobody = Page{Title: "Test", CSS: "/static/app.1.css", JS: "/static/app.1.js", Icon: "/static/icon.1.svg", Theme: "dark"}
	laptop = Device{ID: "s1", Kind: "desktop", Browser: "Firefox", System: "Linux", SignedIn: soon, Ends: soon, Current: true}
	wrong  = Flaw{Code: "credentials_wrong", Text: "They do not belong together."}
	again  = Proof{Name: "Ada", SignedIn: soon, Next: "/account", Providers: []Provider{{ID: "google", Label: "Google"}}, Email: "ada@example.org"}
	ways   = []AccountWay{{ID: "google", Label: "Google", Email: "ada@example.org", Linked: soon, Tokens: "Kept.", CanUnlink: true}, {ID: "password", Label: "Password", Linked: soon}}
	phone  = Device{ID: "s2", Kind: "phone", Browser: "Safari", System: "iPhone", SignedIn: soon, Ends: soon}
)

// pages holds every page. Other test files may add some.
var pages = map[string]templ.Component{
	"landing": LandingPage(nobody, Landing{Strategy: "tickets", Gloss: "a ticket"}),
	"sign-in": SignInPage(nobody, SignIn{Next: "/sessions", Remember: true, Reason: &Reason{Code: "revoked", Title: "Out.", Text: "Ended elsewhere."},
		Providers: []Provider{{ID: "google", Label: "Google"}, {ID: "oidc", Label: "Acme", Unavailable: "cannot be reached."}, {ID: "dev", Label: "a test person", Dev: true}}}),
	"sign-in, nothing to sign in with": SignInPage(nobody, SignIn{}),
	"sign-in, wrong password": SignInPage(nobody, SignIn{Passwords: true, Email: "ada@example.org", Flaw: wrong,
		Providers: []Provider{{ID: "dev", Label: "a test person", Dev: true}}}),
	"sign-up":                SignUpPage(nobody, SignUp{Flaw: Flaw{Code: "password_short", Text: "Too short."}}),
	"confirm":                ConfirmPage(ada, again),
	"account":                AccountPage(ada, Account{Stored: true, Ways: ways, Linkable: []Provider{{ID: "oidc", Label: "Acme"}}, HasPassword: true, PasswordEmail: "ada@example.org", Flaw: Flaw{Code: "password_wrong", Text: "No."}}),
	"account, to confirm":    AccountPage(ada, Account{Stored: true, Ways: ways[:1], Proof: &again}),
	"account without stores": AccountPage(ada, Account{Tokens: "Tokens of google are kept."}),
	"dashboard":              DashboardPage(ada, Dashboard{Name: "Ada", IdleEnd: soon, FinalEnd: soon, Devices: Devices{Sessions: []Device{laptop, phone}}}),
	"devices":                DevicesPage(ada, Devices{Sessions: []Device{laptop, phone}, Effect: "at once"}),
	"devices, not listed":    DevicesPage(ada, Devices{Unlisted: "No list.", ValidUntil: soon, CanEndAll: true}),
	"error":                  ErrorPage(nobody, Problem{Status: 503, Code: "store_unavailable", Title: "No answer", Text: "Try again.", BackHref: "/", BackLabel: "Start"}),
}

// Every page keeps the rules that a strict content security policy, a keyboard
// and a screen reader ask for.
func TestPagesKeepTheRules(t *testing.T) { viewstest.CheckRules(t, pages) }

// Back after a sign-out must not show a page of somebody who was signed in.
func TestSignedInPagesArePrivate(t *testing.T) {
	if viewstest.Draw(t, pages["dashboard"]).Find("body[data-private]").Length() != 1 {
		t.Error("the dashboard is not marked private")
	}
	if viewstest.Draw(t, pages["landing"]).Find("body[data-private]").Length() != 0 {
		t.Error("the landing page of nobody is marked private")
	}
}

func TestSignInForm(t *testing.T) {
	doc := viewstest.Draw(t, pages["sign-in"])
	form := doc.Find("main form")
	if got := form.AttrOr("action", ""); got != "/sign-in/dev" {
		t.Errorf("action: got %q, want the development provider's", got)
	}
	if got := form.Find("button").First().AttrOr("formaction", ""); got != "/sign-in/dev" {
		t.Errorf("first button: got %q, want the development provider's", got)
	}
	if got := form.Find("button").Length(); got != 2 {
		t.Errorf("got %d buttons, want none for a provider that cannot be reached", got)
	}
	if got := form.Find("[name=next]").AttrOr("value", ""); got != "/sessions" {
		t.Errorf("next: got %q", got)
	}
	var remember []string
	form.Find("[name=remember]").Each(func(_ int, s *goquery.Selection) { remember = append(remember, s.AttrOr("value", "")) })
	if strings.Join(remember, " ") != "0 1" {
		t.Errorf("remember: got %v, want 0 before the ticked 1", remember)
	}
}

func TestTextIsText(t *testing.T) {
	evil := `"><script>alert(1)</script>`
	page := ada
	page.User = &UserChip{Name: evil, Initials: evil, Picture: "javascript:alert(1)"}
	doc := viewstest.Draw(t, DashboardPage(page, Dashboard{Name: evil, Email: evil, Devices: Devices{Sessions: []Device{{ID: evil, Browser: evil}}}}))
	if got := doc.Find("script").Length(); got != 1 {
		t.Errorf("got %d scripts, want the page's own", got)
	}
	if got := doc.Find(".lead strong").First().Text(); got != evil {
		t.Errorf("name: got %q, want it as it is", got)
	}
}

func TestNumbersAreReadable(t *testing.T) {
	for n, want := range map[int]string{0: "0", 7: "7", 999: "999", 4096: "4,096", 1234567: "1,234,567", -12345: "-12,345", -123: "-123"} {
		if got := Thousands(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
	if got := Plural(1, "device", "devices"); got != "1 device" {
		t.Errorf("got %q", got)
	}
}
