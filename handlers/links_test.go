package handlers_test

import (
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

const adasEmail = "ada@example.com"

var mailing = []string{"database", "epoch", "hybrid", "renew", "pair", "rotation"}

// newestMail returns the link of the latest mail.
func newestMail(t *testing.T, s *handlerstest.Site) string {
	t.Helper()
	list := s.Mailed.Outbox.Messages()
	if len(list) == 0 {
		t.Fatal("there is no mail")
	}
	_, rest, found := strings.Cut(list[0].Text, "\n\n")
	link, _, _ := strings.Cut(rest, "\n")
	if !found || !strings.HasPrefix(link, handlerstest.LocalURL+"/link?token=") {
		t.Fatalf("the mail has no link: %s", list[0].Text)
	}
	return link
}

func askFor(b *handlerstest.Browser, from, email string) *handlerstest.Browser {
	b.Helper()
	b.Get("/sign-in").Follow(from).Fill("email", email).Press("#ask-link")
	b.One("#sent")
	return b
}

// openMail opens a mail's link from another site, as a web mail does.
func openMail(b *handlerstest.Browser, link string) *handlerstest.Browser {
	b.Helper()
	b.Visit("GET", link, nil, "cross-site").At("/link", 200)
	if strings.Contains(b.Page.URL.String(), "token") {
		b.Errorf("the token is in the address: %s", b.Page.URL)
	}
	return b
}

// verified signs Ada up and lets her confirm her address.
func verified(t *testing.T, s *handlerstest.Site) *handlerstest.Browser {
	t.Helper()
	ada := handlerstest.NewBrowser(t, s).SignUp(adasEmail, handlerstest.AdasPassword).At("/dashboard", 200)
	ada.Get("/account").Press("#verify").At("/account", 200)
	openMail(ada, newestMail(t, s))
	if ada.Has("#removes") {
		t.Error("confirming one's own address would remove something")
	}
	ada.Press("#use-link").At("/account", 200).One("#verified")
	ada.Wants("/dashboard", 200)
	return ada
}

// Somebody who forgot a password sets another one. Every session that can be ended ends,
// and the old password and the link work no more.
func TestLinkReset(t *testing.T) {
	for _, strategy := range mailing {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			s := handlerstest.NewSite(t, strategy)
			laptop, phone := verified(t, s), handlerstest.NewBrowser(t, s)
			link := newestMail(t, askFor(phone, "#to-reset", " ADA@example.com ").Site)
			scanner := handlerstest.NewBrowser(t, s)
			openMail(scanner, link)
			openMail(phone, link).Fill("password", "short").Press("#use-link").Flawed("/link/reset", 400, "password_short")
			phone.Fill("password", handlerstest.NewPassword).Press("#use-link").Told("password_reset")
			if phone.Value("link") != "" {
				t.Error("the cookie of the link is still there")
			}
			scanner.Fill("password", "another one for the thief's use").Press("#use-link").Refused(400, "link_invalid")
			phone.Visit("GET", link, nil, "cross-site").Refused(400, "link_invalid")
			phone.SignInByPassword(adasEmail, handlerstest.AdasPassword).Flawed("/sign-in/password", 401, "credentials_wrong")
			phone.SignInByPassword(adasEmail, handlerstest.NewPassword).At("/dashboard", 200)
			s.Clock.Advance(16 * time.Minute) // every window is over
			manager := s.Pick(nil)
			if _, ok := manager.Strategy.(auth.Revoker); ok {
				laptop.Wants("/dashboard", 303)
			} else if askFor(scanner, "#to-reset", adasEmail); !strings.Contains(openMail(phone, newestMail(t, s)).One("#endings").Text(), "stay signed in") {
				t.Error("the page does not say that sessions stay")
			}
		})
	}
}

// Asking answers alike whether or not there is an account; only mail tells.
func TestLinkRevealsNothing(t *testing.T) {
	t.Parallel()
	s := handlerstest.NewSite(t, "database")
	verified(t, s)
	before := len(s.Mailed.Outbox.Messages())
	eve := handlerstest.NewBrowser(t, s)
	for _, from := range []string{"#to-reset", "#to-email-link"} {
		known := strings.ReplaceAll(askFor(eve, from, adasEmail).Text(), adasEmail, "X")
		unknown := strings.ReplaceAll(askFor(eve, from, "nobody@example.com").Text(), "nobody@example.com", "X")
		if known != unknown {
			t.Errorf("%s differs:\n%s\n%s", from, known, unknown)
		}
	}
	if n := len(s.Mailed.Outbox.Messages()) - before; n != 2 {
		t.Errorf("got %d mails, want 2", n)
	}
	eve.Post("/links/reset", handlerstest.Form("email", "no address")).Flawed("/links/reset", 400, "email_invalid")
}

// One address gets little mail, known or not.
func TestLinkLimits(t *testing.T) {
	t.Parallel()
	s := handlerstest.NewSite(t, "database")
	eve := handlerstest.NewBrowser(t, s)
	for range 5 {
		eve.Post("/links/reset", handlerstest.Form("email", "nobody@example.com")).At("/links/reset", 200)
	}
	eve.Post("/links/sign-in", handlerstest.Form("email", "nobody@example.com")).Refused(429, "rate_limited")
	eve.Post("/links/sign-in", handlerstest.Form("email", "other@example.com")).At("/links/sign-in", 200)
	for range 4 {
		eve.Post("/links/reset", handlerstest.Form("email", "more@example.com"))
	}
	eve.Post("/links/reset", handlerstest.Form("email", "last@example.com")).Refused(429, "rate_limited")
}

// A link is over after 15 minutes, after a change of the password, for another purpose and
// under another name.
func TestLinkBounds(t *testing.T) {
	t.Parallel()
	s := handlerstest.NewSite(t, "database")
	ada, phone := verified(t, s), handlerstest.NewBrowser(t, s)
	password := handlerstest.Form("email", adasEmail, "password", handlerstest.NewPassword)

	askFor(phone, "#to-email-link", adasEmail)
	openMail(phone, newestMail(t, s))
	phone.Post("/link/reset", password).Refused(400, "link_invalid")
	phone.Post("/link/verify", password).Refused(400, "link_invalid")
	phone.Post("/link/sign-in", handlerstest.Form("email", "eve@example.com")).Refused(400, "link_invalid")
	s.Clock.Advance(auth.LinkLife - time.Second)
	phone.Get("/link").At("/link", 200)
	s.Clock.Advance(time.Second)
	phone.Get("/link").Refused(400, "link_invalid")

	askFor(phone, "#to-reset", adasEmail)
	link := newestMail(t, s)
	ada.Post("/sign-in/password", handlerstest.Form("email", adasEmail, "password", handlerstest.AdasPassword)).At("/dashboard", 200)
	ada.Get("/account").Fill("current", handlerstest.AdasPassword).Fill("password", handlerstest.NewPassword).Press("#set-password").At("/account", 200)
	phone.Visit("GET", link, nil, "cross-site").Refused(400, "link_invalid")

	askFor(phone, "#to-email-link", adasEmail)
	s.Disable(ada.UserID())
	phone.Visit("GET", newestMail(t, s), nil, "cross-site").Refused(400, "link_invalid")
	for _, token := range []string{"x", strings.Repeat("x", 4000), "%00", "%ff"} {
		phone.Get("/link?token="+token).Refused(400, "link_invalid")
	}
}

// Mallory signs up with Ada's address and waits. When Ada proves that the address is hers,
// everything that he set up is gone.
func TestLinkEndsPreHijacking(t *testing.T) {
	for _, strategy := range []string{"database", "epoch", "hybrid", "rotation"} {
		for _, way := range []string{"#to-reset", "#to-email-link"} {
			t.Run(strategy+way, func(t *testing.T) {
				t.Parallel()
				s := handlerstest.NewSite(t, strategy)
				mallory, ada := handlerstest.NewBrowser(t, s).SignUp(adasEmail, handlerstest.AdasPassword), handlerstest.NewBrowser(t, s)
				mallory.LinkAt("dev", "linus")
				user := mallory.UserID()
				askFor(ada, way, adasEmail)
				openMail(ada, newestMail(t, s)).One("#removes")
				if way == "#to-reset" {
					ada.Fill("password", handlerstest.NewPassword).Press("#use-link").Told("password_reset")
					ada.SignInByPassword(adasEmail, handlerstest.NewPassword)
				} else {
					ada.Press("#use-link")
				}
				if ada.At("/dashboard", 200); ada.UserID() != user {
					t.Error("this is another user")
				}
				s.Clock.Advance(16 * time.Minute) // every window is over
				mallory.Wants("/dashboard", 303)
				mallory.SignInByPassword(adasEmail, handlerstest.AdasPassword).Flawed("/sign-in/password", 401, "credentials_wrong")
				if mallory.SignIn("linus"); mallory.UserID() == user {
					t.Error("what he linked still leads to the user")
				}
				if way == "#to-email-link" { // sets a password without a current one
					ada.Get("/account").Follow("#confirm-by-email").Fill("email", adasEmail).Press("#ask-link")
					openMail(ada, newestMail(t, s)).Press("#use-link").At("/dashboard", 200)
					ada.Get("/account").Fill("password", handlerstest.NewPassword).Press("#set-password").At("/account", 200)
					handlerstest.NewBrowser(t, s).SignInByPassword(adasEmail, handlerstest.NewPassword).At("/dashboard", 200)
				}
			})
		}
	}
}

// A verified address loses nothing when somebody signs in by a link.
func TestLinkSignIn(t *testing.T) {
	t.Parallel()
	s := handlerstest.NewSite(t, "database")
	ada, phone := verified(t, s), handlerstest.NewBrowser(t, s)
	askFor(phone, "#to-email-link", adasEmail)
	if openMail(phone, newestMail(t, s)); phone.Has("#removes") {
		t.Error("something would be removed")
	}
	phone.Press("#use-link").At("/dashboard", 200)
	ada.Wants("/dashboard", 200)
	handlerstest.NewBrowser(t, s).SignInByPassword(adasEmail, handlerstest.AdasPassword).At("/dashboard", 200)
	before := len(s.Mailed.Outbox.Messages())
	handlerstest.NewBrowser(t, s).SignIn("linus") // an account of a provider is not found by its email
	askFor(handlerstest.NewBrowser(t, s), "#to-email-link", "linus@example.com")
	if n := len(s.Mailed.Outbox.Messages()); n != before {
		t.Errorf("got %d more mails", n-before)
	}
}

// Without a mail server there is neither a page nor a link to one, and off loopback there
// is no outbox.
func TestLinkWhereThereIsNoMail(t *testing.T) {
	t.Parallel()
	s := handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", Change: func(s *handlers.Site) { s.Mailed = nil }})
	b := handlerstest.NewBrowser(t, s)
	if b.Get("/sign-in"); b.Has("#to-reset") {
		t.Error("there is a link to a page that is not there")
	}
	for _, path := range []string{"/links/reset", "/links/sign-in", "/link", "/dev/mail"} {
		b.Wants(path, 404)
	}
	s = handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: "database", Change: func(s *handlers.Site) { s.Mailed.Outbox = nil }})
	handlerstest.NewBrowser(t, s).Wants("/dev/mail", 404)
}

// TestLinkDoesWhatThePageSaid: whoever read the page while signed in, and is signed out when
// they press its button, is shown what the link would do now.
func TestLinkDoesWhatThePageSaid(t *testing.T) {
	site := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, site).SignUp(adasEmail, handlerstest.AdasPassword)
	ada.Get("/account").Press("#verify").At("/account", 200)
	openMail(ada, newestMail(t, site))
	if ada.Has("#removes") {
		t.Error("the owner is told that things are removed")
	}
	page := ada.Page
	ada.Post("/sign-out", nil)
	ada.Page = page
	ada.Press("#use-link").At("/link/verify", 409)
	if !ada.Has("#removes") {
		t.Errorf("the page does not say what is removed: %s", ada.Text())
	}
}
