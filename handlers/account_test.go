package handlers_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

func TestLinkAndUnlink(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := handlerstest.NewSite(t, strategy)
			ada := handlerstest.NewBrowser(t, s).SignIn("ada")
			id := ada.UserID()
			ada.Get("/account").At("/account", 200)
			if ada.Has("#unlink-dev") || ada.Has("#link-dev") || !ada.Has("#link-oidc") {
				t.Errorf("the page offers the wrong things:\n%s", ada.Text())
			}
			ada.Post("/account/unlink/dev", nil).Refused(409, "last_account")
			ada.Post("/account/unlink/oidc", nil).Refused(404, "unknown_account")
			ada.Post("/account/link/nobody", nil).Refused(404, "unknown_provider")

			ada.LinkAt("oidc", "ada")
			if ada.Page.URL.Query().Get("done") != "linked" || !ada.Has("#way-oidc") {
				t.Fatalf("got %s:\n%s", ada.Page.URL, ada.Text())
			}
			if got := handlerstest.NewBrowser(t, s).SignInAt("oidc", "ada").UserID(); got != id {
				t.Errorf("the linked account leads to %s, want %s", got, id)
			}
			ada.Get("/account").Press("#unlink-dev").At("/account", 200)
			if ada.Has("#way-dev") || ada.Has("#unlink-oidc") {
				t.Errorf("after unlinking:\n%s", ada.Text())
			}
			if got := handlerstest.NewBrowser(t, s).SignIn("ada").UserID(); got == id {
				t.Error("the unlinked account still leads to its old user")
			}
			s.Journal.Wants(t, "account_linked")
			s.Journal.Wants(t, "account_unlinked")
		})
	}
}

// TestLinkedProfileStays signs in through the second account, which tells another
// name and email.
func TestLinkedProfileStays(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, s).SignIn("ada").LinkAt("oidc", "grace")
	want := ada.WantsAPI("GET", "/api/user", 200, "")
	got := handlerstest.NewBrowser(t, s).SignInAt("oidc", "grace").WantsAPI("GET", "/api/user", 200, "")
	if got["name"] != want["name"] || got["email"] != want["email"] || got["id"] != want["id"] {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestSameEmailIsAnotherUser comes with the same verified email from another
// provider.
func TestSameEmailIsAnotherUser(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	one := handlerstest.NewBrowser(t, s).SignIn("ada").WantsAPI("GET", "/api/user", 200, "")
	two := handlerstest.NewBrowser(t, s).SignInAt("oidc", "ada").WantsAPI("GET", "/api/user", 200, "")
	if one["email"] != two["email"] || one["id"] == two["id"] {
		t.Errorf("got %v and %v", one, two)
	}
}

func TestLinkTaken(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	grace := handlerstest.NewBrowser(t, s).SignInAt("oidc", "grace")
	ada := handlerstest.NewBrowser(t, s).SignIn("ada").LinkAt("oidc", "grace")
	if ada.Page.URL.Query().Get("reason") != "account_taken" || ada.Has("#way-oidc") {
		t.Errorf("got %s:\n%s", ada.Page.URL, ada.Text())
	}
	if handlerstest.NewBrowser(t, s).SignInAt("oidc", "grace").UserID() != grace.UserID() {
		t.Error("the account moved")
	}
	// One of a provider is enough.
	ada.LinkAt("oidc", "ada").Post("/account/link/oidc", nil).At("/account", 200)
	if ada.Page.URL.Query().Get("reason") != "provider_linked" {
		t.Errorf("got %s", ada.Page.URL)
	}
}

// TestLinkIsBoundToItsSession begins to link and lets somebody else finish.
func TestLinkIsBoundToItsSession(t *testing.T) {
	for _, strategy := range handlerstest.Modes("database", "hybrid", "pair") {
		t.Run(strategy, func(t *testing.T) {
			for name, meanwhile := range map[string]func(*handlerstest.Browser){
				"signed out":     func(b *handlerstest.Browser) { b.Press("#sign-out") },
				"as another":     func(b *handlerstest.Browser) { b.Press("#sign-out").SignIn("grace") },
				"again the same": func(b *handlerstest.Browser) { b.SignInAgain("ada") },
			} {
				s := handlerstest.NewSite(t, strategy)
				ada := handlerstest.NewBrowser(t, s).SignIn("ada")
				callback := ada.LinkCallback("oidc", "linus")
				ada.Get(handlerstest.LocalURL + "/dashboard")
				meanwhile(ada)
				ada.Visit("GET", callback, nil, "cross-site")
				if got := ada.Page.URL.Query().Get("reason"); got != "link_session_changed" {
					t.Errorf("%s: got %s", name, ada.Page.URL)
				}
				if list, err := s.DB.Accounts(t.Context(), handlerstest.AdaID()); err != nil || len(list) != 1 {
					t.Errorf("%s: linked all the same: %v, %v", name, list, err)
				}
			}
		})
	}
}

// TestLinkOfAnotherBrowser slips the end of a link into another browser.
func TestLinkOfAnotherBrowser(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	mallory, ada := handlerstest.NewBrowser(t, s).SignIn("linus"), handlerstest.NewBrowser(t, s).SignIn("ada")
	callback := mallory.LinkCallback("oidc", "linus")
	ada.Visit("GET", callback, nil, "cross-site").At("/sign-in", 200)
	if list, err := s.DB.Accounts(t.Context(), ada.UserID()); err != nil || len(list) != 1 {
		t.Errorf("Mallory's account became Ada's: %v, %v", list, err)
	}
}

// TestLinkAfterRevocation has the server confirm the session at the end too.
func TestLinkAfterRevocation(t *testing.T) {
	s := handlerstest.NewSite(t, "hybrid")
	ada, phone := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s).SignIn("ada")
	callback := ada.LinkCallback("oidc", "linus")
	phone.Get("/sessions").Press("#revoke-others")
	ada.Visit("GET", callback, nil, "cross-site").Told("link_session_changed")
}

func TestLinkCancelled(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, s).SignIn("ada").Get("/account").Press("#link-oidc").Press("button[name=deny]").At("/account", 200)
	if ada.Page.URL.Query().Get("reason") != "cancelled" || !strings.Contains(ada.Text(), "You cancelled.") {
		t.Errorf("got %s:\n%s", ada.Page.URL, ada.Text())
	}
}

func TestDeleteAccount(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := handlerstest.NewSite(t, strategy)
			ada, phone := handlerstest.NewBrowser(t, s).SignUp("ada@example.org", handlerstest.AdasPassword), handlerstest.NewBrowser(t, s)
			id := ada.UserID()
			phone.SignInByPassword("ada@example.org", handlerstest.AdasPassword)
			ada.Get("/account").Press("#delete-account").Told("deleted")
			ada.Wants("/dashboard", 303)
			if _, err := s.DB.User(t.Context(), id); err == nil {
				t.Error("the user is still there")
			}
			phone.Post("/account/delete", nil)
			if phone.Page.URL.Path != "/sign-in" {
				t.Errorf("another session of nobody got %s with %d", phone.Page.URL, phone.Page.Status)
			}
			handlerstest.NewBrowser(t, s).SignInByPassword("ada@example.org", handlerstest.AdasPassword).Flawed("/sign-in/password", 401, "credentials_wrong")
			// Whoever has the email next is somebody else, and old cookies are not theirs.
			if again := handlerstest.NewBrowser(t, s).SignUp("ada@example.org", handlerstest.AdasPassword).UserID(); again == id {
				t.Error("the next one inherits the user")
			}
			s.Journal.Wants(t, "account_deleted")
		})
	}
}

// keeping is a site that keeps the provider's tokens.
func keeping(t testing.TB, strategy string) *handlerstest.Site {
	return handlerstest.NewSiteWith(t, handlerstest.Settings{Strategy: strategy, Change: func(s *handlers.Site) { s.Tokens = keeperOf(t, s) }})
}

func keeperOf(t testing.TB, s *handlers.Site) *auth.AccountKeeper {
	key, err := auth.NewKey([]byte("another key that only tests know, 98"))
	handlerstest.Must(t, err)
	ring, err := auth.NewKeyRing(key)
	handlerstest.Must(t, err)
	v := auth.Vault{Format: "securecookie", Ring: ring, Realm: "site", Version: func() int64 { return 1 }}
	return &auth.AccountKeeper{
		Cookie: v.Sealer(auth.AccountPurpose), Row: v.Sealer(auth.AccountRowPurpose), Store: s.Accounts, Max: 30 * handlerstest.Day, Now: s.Now,
	}
}

func TestTokensInACookie(t *testing.T) {
	s := keeping(t, "cookie")
	ada := handlerstest.NewBrowser(t, s).SignIn("ada")
	if ada.Value("account") == "" {
		t.Fatal("no cookie keeps the tokens")
	}
	ada.Get("/account").At("/account", 200)
	if !strings.Contains(ada.Text(), "Tokens of dev are kept, sealed; access ends in") {
		t.Errorf("the page does not say so:\n%s", ada.Text())
	}
	thief := handlerstest.NewBrowser(t, s).SignIn("grace")
	thief.Plant("account", ada.Value("account"))
	thief.Get("/account")
	if strings.Contains(thief.Text(), "Tokens of") || thief.Value("account") != "" {
		t.Error("somebody else's tokens were taken")
	}
	ada.SignInAgain("linus")
	before := ada.Value("account")
	if before == "" {
		t.Error("the next one's tokens are not kept")
	}
	ada.Get("/dashboard").Press("#sign-out")
	if ada.Value("account") != "" {
		t.Error("the tokens outlive the sign-out")
	}
	if b := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "cookie")).SignIn("ada"); b.Value("account") != "" {
		t.Error("tokens are kept though nobody asked for it")
	}
}

func TestTokensInARow(t *testing.T) {
	s := keeping(t, "database")
	var tokens []string
	ada := handlerstest.NewBrowser(t, s).SignIn("ada").LinkAt("oidc", "ada")
	if ada.Value("account") != "" {
		t.Error("a cookie keeps what the database should")
	}
	if n := ada.Get("/account").Page.Find("[data-tokens]").Length(); n != 2 {
		t.Errorf("tokens of %d accounts are kept, want 2:\n%s", n, ada.Text())
	}
	list, err := s.DB.Accounts(t.Context(), ada.UserID())
	handlerstest.Must(t, err)
	for _, a := range list {
		kept, err := s.Tokens.InRow(t.Context(), a)
		if err != nil || kept.Access == "" || kept.Provider != a.Provider {
			t.Errorf("%s: got %v, %v", a.Provider, kept, err)
		}
		tokens = append(tokens, kept.Access)
	}
	for _, name := range []string{s.File, s.File + "-wal"} {
		content, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for _, token := range tokens {
			if strings.Contains(string(content), token) {
				t.Errorf("%s holds a token that can be read", name)
			}
		}
	}
	for _, token := range tokens {
		if strings.Contains(s.Journal.String(), token) || strings.Contains(ada.Page.Body, token) {
			t.Error("a token was shown or logged")
		}
	}
	ada.Get("/account").Press("#unlink-dev")
	if n := ada.Get("/account").Page.Find("[data-tokens]").Length(); n != 1 {
		t.Errorf("unlinking left %d", n)
	}
	s.Clock.Advance(2 * time.Hour)
	if !strings.Contains(ada.Get("/account").Text(), "access ended") {
		t.Errorf("got:\n%s", ada.Text())
	}
}

// TestDeletedStaysDeleted: a copy of a cookie is worth nothing after its account
// was deleted, even if the person comes back by the same provider.
func TestDeletedStaysDeleted(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := handlerstest.NewSite(t, strategy)
			ada, thief := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s)
			thief.Steal(ada)
			ada.Post("/account/delete", nil).Told("deleted")
			ada.SignIn("ada")
			s.Clock.Advance(15 * time.Minute) // past every copy that saves the asking
			thief.Get("/dashboard").At("/sign-in", 200)
		})
	}
}
