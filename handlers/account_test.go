package handlers_test

import (
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/handlers"
)

func (b *browser) copy() map[string]cookie { return maps.Clone(b.cookies) }

func (b *browser) userID() string {
	b.Helper()
	return b.wantsAPI("GET", "/api/user", 200, "")["id"].(string)
}

// linkAt links an account of another provider, through the forms.
func (b *browser) linkAt(provider, persona string) *browser {
	b.Helper()
	return b.get("/account").press("#link-"+provider).press("button[value="+persona+"]").at("/account", 200)
}

func TestLinkAndUnlink(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := newSite(t, strategy)
			ada := newBrowser(t, s).signIn("ada")
			id := ada.userID()
			ada.get("/account").at("/account", 200)
			if ada.has("#unlink-dev") || ada.has("#link-dev") || !ada.has("#link-oidc") {
				t.Errorf("the page offers the wrong things:\n%s", ada.text())
			}
			ada.post("/account/unlink/dev", nil).refused(409, "last_account")
			ada.post("/account/unlink/oidc", nil).refused(404, "unknown_account")
			ada.post("/account/link/nobody", nil).refused(404, "unknown_provider")

			ada.linkAt("oidc", "ada")
			if ada.page.url.Query().Get("done") != "linked" || !ada.has("#way-oidc") {
				t.Fatalf("got %s:\n%s", ada.page.url, ada.text())
			}
			if got := newBrowser(t, s).signInAt("oidc", "ada").userID(); got != id {
				t.Errorf("the linked account leads to %s, want %s", got, id)
			}
			ada.get("/account").press("#unlink-dev").at("/account", 200)
			if ada.has("#way-dev") || ada.has("#unlink-oidc") {
				t.Errorf("after unlinking:\n%s", ada.text())
			}
			if got := newBrowser(t, s).signIn("ada").userID(); got == id {
				t.Error("the unlinked account still leads to its old user")
			}
			s.log.wants(t, "account_linked")
			s.log.wants(t, "account_unlinked")
		})
	}
}

// TestLinkedProfileStays signs in through the second account, which tells another
// name and email.
func TestLinkedProfileStays(t *testing.T) {
	s := newSite(t, "database")
	ada := newBrowser(t, s).signIn("ada").linkAt("oidc", "grace")
	want := ada.wantsAPI("GET", "/api/user", 200, "")
	got := newBrowser(t, s).signInAt("oidc", "grace").wantsAPI("GET", "/api/user", 200, "")
	if got["name"] != want["name"] || got["email"] != want["email"] || got["id"] != want["id"] {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestSameEmailIsAnotherUser comes with the same verified email from another
// provider.
func TestSameEmailIsAnotherUser(t *testing.T) {
	s := newSite(t, "database")
	one := newBrowser(t, s).signIn("ada").wantsAPI("GET", "/api/user", 200, "")
	two := newBrowser(t, s).signInAt("oidc", "ada").wantsAPI("GET", "/api/user", 200, "")
	if one["email"] != two["email"] || one["id"] == two["id"] {
		t.Errorf("got %v and %v", one, two)
	}
}

func TestLinkTaken(t *testing.T) {
	s := newSite(t, "database")
	grace := newBrowser(t, s).signInAt("oidc", "grace")
	ada := newBrowser(t, s).signIn("ada").linkAt("oidc", "grace")
	if ada.page.url.Query().Get("reason") != "account_taken" || ada.has("#way-oidc") {
		t.Errorf("got %s:\n%s", ada.page.url, ada.text())
	}
	if newBrowser(t, s).signInAt("oidc", "grace").userID() != grace.userID() {
		t.Error("the account moved")
	}
	// One of a provider is enough.
	ada.linkAt("oidc", "ada").post("/account/link/oidc", nil).at("/account", 200)
	if ada.page.url.Query().Get("reason") != "provider_linked" {
		t.Errorf("got %s", ada.page.url)
	}
}

// TestLinkIsBoundToItsSession begins to link and lets somebody else finish.
func TestLinkIsBoundToItsSession(t *testing.T) {
	for _, strategy := range []string{"database", "hybrid", "pair", "compare"} {
		t.Run(strategy, func(t *testing.T) {
			for name, meanwhile := range map[string]func(*browser){
				"signed out":     func(b *browser) { b.press("#sign-out") },
				"as another":     func(b *browser) { b.press("#sign-out").signIn("grace") },
				"again the same": func(b *browser) { b.signInAgain("ada") },
			} {
				s := newSite(t, strategy)
				ada := newBrowser(t, s).signIn("ada")
				callback := ada.linkCallback("oidc", "linus")
				ada.get(localURL + "/dashboard")
				meanwhile(ada)
				ada.visit("GET", callback, nil, "cross-site")
				if got := ada.page.url.Query().Get("reason"); got != "link_session_changed" {
					t.Errorf("%s: got %s", name, ada.page.url)
				}
				if list, err := s.db.Accounts(t.Context(), ada.subject(s)); err != nil || len(list) > 1 {
					t.Errorf("%s: linked all the same: %v, %v", name, list, err)
				}
			}
		})
	}
}

// TestLinkOfAnotherBrowser slips the end of a link into another browser.
func TestLinkOfAnotherBrowser(t *testing.T) {
	s := newSite(t, "database")
	mallory, ada := newBrowser(t, s).signIn("linus"), newBrowser(t, s).signIn("ada")
	callback := mallory.linkCallback("oidc", "linus")
	ada.visit("GET", callback, nil, "cross-site").at("/sign-in", 200)
	if list, err := s.db.Accounts(t.Context(), ada.userID()); err != nil || len(list) != 1 {
		t.Errorf("Mallory's account became Ada's: %v, %v", list, err)
	}
}

// TestLinkAfterRevocation has the server confirm the session at the end too.
func TestLinkAfterRevocation(t *testing.T) {
	s := newSite(t, "hybrid")
	ada, phone := newBrowser(t, s).signIn("ada"), newBrowser(t, s).signIn("ada")
	callback := ada.linkCallback("oidc", "linus")
	phone.get("/sessions").press("#revoke-others")
	ada.visit("GET", callback, nil, "cross-site").told("link_session_changed")
}

func TestLinkCancelled(t *testing.T) {
	s := newSite(t, "database")
	ada := newBrowser(t, s).signIn("ada").get("/account").press("#link-oidc").press("button[name=deny]").at("/account", 200)
	if ada.page.url.Query().Get("reason") != "cancelled" || !strings.Contains(ada.text(), "You cancelled.") {
		t.Errorf("got %s:\n%s", ada.page.url, ada.text())
	}
}

// linkCallback begins to link and stops before the callback.
func (b *browser) linkCallback(provider, persona string) string {
	b.Helper()
	to := b.get("/account").pressed("#link-" + provider)
	b.visit("GET", to, nil, "same-origin")
	action, values := b.form("button[value=" + persona + "]")
	w := b.request("POST", action, values, "same-origin")
	return w.Header().Get("Location")
}

// signInAgain signs in where one is signed in.
func (b *browser) signInAgain(persona string) *browser {
	b.Helper()
	return b.post("/sign-in/dev", nil).press("button[value="+persona+"]").at("/dashboard", 200)
}

// subject is Ada's user, whoever is signed in.
func (b *browser) subject(s *site) string {
	return auth.Identity{Issuer: localURL + "/idp", Subject: "ada"}.UserID()
}

func TestDeleteAccount(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := newSite(t, strategy)
			ada, phone := newBrowser(t, s).signUp("ada@example.org", adasPassword), newBrowser(t, s)
			id := ada.userID()
			phone.signInByPassword("ada@example.org", adasPassword)
			ada.get("/account").press("#delete-account").told("deleted")
			ada.wants("/dashboard", 303)
			if _, err := s.db.User(t.Context(), id); err == nil {
				t.Error("the user is still there")
			}
			phone.post("/account/delete", nil)
			if phone.page.url.Path != "/sign-in" {
				t.Errorf("another session of nobody got %s with %d", phone.page.url, phone.page.status)
			}
			newBrowser(t, s).signInByPassword("ada@example.org", adasPassword).flawed("/sign-in/password", 401, "credentials_wrong")
			// Whoever has the email next is somebody else, and old cookies are not theirs.
			if again := newBrowser(t, s).signUp("ada@example.org", adasPassword).userID(); again == id {
				t.Error("the next one inherits the user")
			}
			s.log.wants(t, "account_deleted")
		})
	}
}

// keeping is a site that keeps the provider's tokens.
func keeping(t testing.TB, strategy string) *site {
	key, err := auth.NewKey([]byte("another key that only tests know, 98"))
	must(t, err)
	ring, err := auth.NewKeyRing(key)
	must(t, err)
	v := auth.Vault{Format: "securecookie", Ring: ring, Realm: "site", Version: func() int64 { return 1 }}
	return newSiteWith(t, settings{Strategy: strategy, Change: func(s *handlers.Site) {
		s.Tokens = &auth.AccountKeeper{
			Cookie: v.Sealer(auth.AccountPurpose), Row: v.Sealer(auth.AccountRowPurpose), Store: s.Accounts, Max: 30 * day, Now: s.Now,
		}
	}})
}

func TestTokensInACookie(t *testing.T) {
	s := keeping(t, "cookie")
	ada := newBrowser(t, s).signIn("ada")
	if ada.value("account") == "" {
		t.Fatal("no cookie keeps the tokens")
	}
	ada.get("/account").at("/account", 200)
	if !strings.Contains(ada.text(), "Tokens of dev are kept, sealed; access ends in") {
		t.Errorf("the page does not say so:\n%s", ada.text())
	}
	thief := newBrowser(t, s).signIn("grace")
	thief.plant("account", ada.value("account"))
	thief.get("/account")
	if strings.Contains(thief.text(), "Tokens of") || thief.value("account") != "" {
		t.Error("somebody else's tokens were taken")
	}
	ada.signInAgain("linus")
	before := ada.value("account")
	if before == "" {
		t.Error("the next one's tokens are not kept")
	}
	ada.get("/dashboard").press("#sign-out")
	if ada.value("account") != "" {
		t.Error("the tokens outlive the sign-out")
	}
	if b := newBrowser(t, newSite(t, "cookie")).signIn("ada"); b.value("account") != "" {
		t.Error("tokens are kept though nobody asked for it")
	}
}

func TestTokensInARow(t *testing.T) {
	s := keeping(t, "database")
	var tokens []string
	ada := newBrowser(t, s).signIn("ada").linkAt("oidc", "ada")
	if ada.value("account") != "" {
		t.Error("a cookie keeps what the database should")
	}
	if n := ada.get("/account").page.Find("[data-tokens]").Length(); n != 2 {
		t.Errorf("tokens of %d accounts are kept, want 2:\n%s", n, ada.text())
	}
	list, err := s.db.Accounts(t.Context(), ada.userID())
	must(t, err)
	for _, a := range list {
		kept, err := s.Tokens.InRow(t.Context(), a)
		if err != nil || kept.Access == "" || kept.Provider != a.Provider {
			t.Errorf("%s: got %v, %v", a.Provider, kept, err)
		}
		tokens = append(tokens, kept.Access)
	}
	for _, name := range []string{s.file, s.file + "-wal"} {
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
		if strings.Contains(s.log.String(), token) || strings.Contains(ada.page.body, token) {
			t.Error("a token was shown or logged")
		}
	}
	ada.get("/account").press("#unlink-dev")
	if n := ada.get("/account").page.Find("[data-tokens]").Length(); n != 1 {
		t.Errorf("unlinking left %d", n)
	}
	s.clock.Advance(2 * time.Hour)
	if !strings.Contains(ada.get("/account").text(), "access ended") {
		t.Errorf("got:\n%s", ada.text())
	}
}

// TestDeletedStaysDeleted: a copy of a cookie is worth nothing after its account
// was deleted, even if the person comes back by the same provider.
func TestDeletedStaysDeleted(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := newSite(t, strategy)
			ada, thief := newBrowser(t, s).signIn("ada"), newBrowser(t, s)
			thief.steal(ada)
			ada.post("/account/delete", nil).told("deleted")
			ada.signIn("ada")
			s.clock.Advance(15 * time.Minute) // past every copy that saves the asking
			thief.get("/dashboard").at("/sign-in", 200)
		})
	}
}
