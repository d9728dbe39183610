package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
)

const (
	adasPassword = "counts bernoulli numbers at night"
	newPassword  = "weaves algebraical patterns instead"
)

// fill writes into a field of the current page.
func (b *browser) fill(name, value string) *browser {
	b.Helper()
	b.page.Find(`input[name="`+name+`"]:not([type=hidden])`).SetAttr("value", value)
	return b
}

// signUp creates an account with a password, through the forms.
func (b *browser) signUp(email, password string) *browser {
	b.Helper()
	b.get("/sign-in").follow("#to-sign-up").fill("name", "Ada Lovelace").fill("email", email).fill("password", password)
	return b.press("#sign-up")
}

// signInByPassword goes through the form of the sign-in page.
func (b *browser) signInByPassword(email, password string) *browser {
	b.Helper()
	return b.get("/sign-in").fill("email", email).fill("password", password).press("#sign-in-password")
}

// flawed checks what the page says about its form.
func (b *browser) flawed(path string, status int, code string) *browser {
	b.Helper()
	b.at(path, status)
	if got := b.page.Find("[role=alert]").AttrOr("data-code", ""); got != code {
		b.Errorf("the form's flaw: got %q, want %q:\n%s", got, code, b.text())
	}
	return b
}

// withUsers are the strategies that need a database, and all at once.
var withUsers = []string{"database", "epoch", "hybrid", "renew", "pair", "rotation", "compare"}

func TestSignUpAndSignInByPassword(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := newSite(t, strategy)
			laptop, phone := newBrowser(t, s), newBrowser(t, s)
			laptop.signUp("Ada@Example.org", adasPassword).at("/dashboard", 200)
			phone.signInByPassword(" ada@example.ORG", adasPassword).at("/dashboard", 200)
			for _, b := range []*browser{laptop, phone} {
				user := b.wantsAPI("GET", "/api/user", 200, "")
				if user["email"] != "ada@example.org" || user["name"] != "Ada Lovelace" || user["role"] != "member" {
					t.Errorf("got %v", user)
				}
			}
			s.log.wants(t, "sign_up")
			s.log.wants(t, "sign_in_ok")
			if log := s.log.String(); strings.Contains(log, "bernoulli") || strings.Contains(strings.ToLower(log), "ada@") {
				t.Error("the log has a password or an email")
			}
		})
	}
}

func TestSignUpReturnsWhereOneWanted(t *testing.T) {
	s := newSite(t, "database")
	b := newBrowser(t, s).get("/sessions").at("/sign-in", 200).follow("#to-sign-up")
	b.untick("input[name=remember][type=checkbox]").fill("email", "ada@example.org").fill("password", adasPassword).press("#sign-up").at("/sessions", 200)
	b.close()
	b.wants("/dashboard", 303)
	b.signInByPassword("ada@example.org", adasPassword).at("/dashboard", 200).close()
	b.wants("/dashboard", 200)
	b.get("/sign-up?next=//evil.example").at("/dashboard", 200)
}

func TestSignUpFlaws(t *testing.T) {
	s := newSite(t, "database")
	newBrowser(t, s).signUp("taken@example.org", adasPassword).at("/dashboard", 200)
	b := newBrowser(t, s)
	for _, c := range []struct {
		email, password string
		status          int
		code            string
	}{
		{"not an email", adasPassword, 400, "email_invalid"},
		{"ada@example.org", "fourteen bytes", 400, "password_short"},
		{"ada@example.org", strings.Repeat("0123456789abcdef?", 16), 400, "password_long"},
		{"ada@example.org", "passwordpassword", 400, "password_common"},
		{"ada@example.org", "ada lovelace sessionlab", 400, "password_personal"},
		{"Taken@example.org", adasPassword, 409, "email_taken"},
	} {
		b.signUp(c.email, c.password).flawed("/sign-up", c.status, c.code)
		if got := b.page.Find("input[name=email]").AttrOr("value", ""); got != c.email {
			t.Errorf("the form forgot the email: got %q, want %q", got, c.email)
		}
		if strings.Contains(b.page.body, c.password) {
			t.Error("the page repeats the password")
		}
		b.wants("/dashboard", 303)
	}
}

// TestWrongPasswordAndUnknownEmailAreAlike compares what is answered and counts
// the hashes that were made for it; clocks would only guess.
func TestWrongPasswordAndUnknownEmailAreAlike(t *testing.T) {
	s := newSite(t, "database")
	newBrowser(t, s).signUp("ada@example.org", adasPassword)
	var bodies []string
	for _, email := range []string{"ada@example.org", "nobody@example.org"} {
		form := url.Values{"email": {email}, "password": {"not the right one"}}
		r, _ := http.NewRequestWithContext(t.Context(), "POST", localURL+"/sign-in/password", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		var receipt auth.Receipt
		w := s.answer(r.WithContext(auth.WithReceipt(r.Context(), &receipt)))
		if n := receipt.Count("password"); n != 1 || w.Code != 401 {
			t.Errorf("%s: got %d after %d hashes, want 401 after 1", email, w.Code, n)
		}
		if n := receipt.Count("read"); n != 1 {
			t.Errorf("%s: got %d reads, want 1", email, n)
		}
		bodies = append(bodies, strings.ReplaceAll(w.Body.String(), email, "EMAIL"))
		if len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: cookies were set", email)
		}
	}
	if bodies[0] != bodies[1] {
		t.Error("the page tells whether an email is known")
	}
	s.log.wants(t, "sign_in_failed")
	newBrowser(t, s).signInByPassword("ada@example.org", strings.Repeat("x", 300)).flawed("/sign-in/password", 401, "credentials_wrong")
}

// TestPasswordsNeedADatabase is what SESSION_STRATEGY=cookie answers.
func TestPasswordsNeedADatabase(t *testing.T) {
	s := newSite(t, "cookie")
	b := newBrowser(t, s).get("/sign-in").at("/sign-in", 200)
	if b.has("input[type=password]") || !strings.Contains(b.text(), "SESSION_STRATEGY") {
		t.Errorf("the page offers a password, or does not say why not:\n%s", b.text())
	}
	b.get("/sign-up").refused(400, "password_requires_database")
	for _, path := range []string{"/sign-up", "/sign-in/password", "/account/password"} {
		best := time.Hour // of several: a machine that is busy says nothing
		for range 5 {
			began := time.Now()
			b.post(path, url.Values{"email": {"ada@example.org"}, "password": {adasPassword}}).refused(400, "password_requires_database")
			best = min(best, time.Since(began))
		}
		if best >= 20*time.Millisecond {
			t.Errorf("%s: took %s to refuse", path, best)
		}
	}
	b.signIn("ada")
	for _, path := range []string{"/account/link/oidc", "/account/unlink/oidc", "/account/delete"} {
		b.post(path, nil).refused(400, "accounts_require_database")
	}
	b.get("/account").at("/account", 200)
	if b.has("main form") {
		t.Error("the account page offers what is impossible")
	}
}

// TestPasswordChangeEndsOtherSessions holds for every strategy as far as it can.
func TestPasswordChangeEndsOtherSessions(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := newSite(t, strategy)
			laptop, phone, thief := newBrowser(t, s), newBrowser(t, s), newBrowser(t, s)
			laptop.signUp("ada@example.org", adasPassword)
			phone.signInByPassword("ada@example.org", adasPassword).at("/dashboard", 200)
			thief.steal(laptop)
			old := laptop.wantsAPI("GET", "/api/session", 200, "")["session"].(map[string]any)["id"]

			laptop.get("/account").fill("current", "not the right one").fill("password", newPassword).press("#set-password")
			laptop.flawed("/account/password", 403, "password_wrong")
			laptop.get("/account").fill("current", adasPassword).fill("password", "short").press("#set-password")
			laptop.flawed("/account/password", 400, "password_short")
			laptop.get("/account").fill("current", adasPassword).fill("password", newPassword).press("#set-password")
			laptop.at("/account", 200).wants("/dashboard", 200)
			s.log.wants(t, "password_changed")
			if now := laptop.wantsAPI("GET", "/api/session", 200, "")["session"].(map[string]any)["id"]; now == old {
				t.Error("the session is the one that the thief has")
			}
			for _, m := range s.Managers(new(http.Request)) {
				r, revokes := m.Strategy.(auth.Revoker)
				query := ""
				if strategy == "compare" {
					query = "?strategy=" + m.Name
				}
				laptop.wantsAPI("GET", "/api/session"+query, 200, "")
				if !revokes {
					continue
				}
				if r.Window() > 0 {
					s.clock.Advance(r.Window())
				}
				phone.wantsAPI("GET", "/api/session"+query, 401, "")
				thief.wantsAPI("GET", "/api/session"+query, 401, "")
			}
			newBrowser(t, s).signInByPassword("ada@example.org", adasPassword).flawed("/sign-in/password", 401, "credentials_wrong")
			newBrowser(t, s).signInByPassword("ada@example.org", newPassword).at("/dashboard", 200)
		})
	}
}

// TestPasswordForAProviderAccount sets a first password, with which the same
// person signs in.
func TestPasswordForAProviderAccount(t *testing.T) {
	s := newSite(t, "database")
	ada := newBrowser(t, s).signIn("ada")
	id := ada.wantsAPI("GET", "/api/user", 200, "")["id"]
	ada.get("/account").fill("password", adasPassword).press("#set-password").at("/account", 200)
	email := ada.get("/account").page.Find("input[name=email]").AttrOr("value", "")
	again := newBrowser(t, s).signInByPassword(email, adasPassword).at("/dashboard", 200)
	if got := again.wantsAPI("GET", "/api/user", 200, "")["id"]; got != id {
		t.Errorf("got user %v, want %v", got, id)
	}
	// From now on a change needs it.
	ada.get("/account").fill("password", newPassword).press("#set-password").flawed("/account/password", 403, "password_wrong")
}

// TestPasswordAccountCatchesNobody signs up with the email of somebody who then
// comes through a provider: two users, and neither sees the other.
func TestPasswordAccountCatchesNobody(t *testing.T) {
	s := newSite(t, "database")
	probe := newBrowser(t, s).signIn("ada")
	email := probe.wantsAPI("GET", "/api/user", 200, "")["email"].(string)
	squatter := newBrowser(t, s).signUp(email, adasPassword).at("/dashboard", 200)
	ada := newBrowser(t, s).signIn("ada")
	if ada.wantsAPI("GET", "/api/user", 200, "")["id"] == squatter.wantsAPI("GET", "/api/user", 200, "")["id"] {
		t.Error("an email that nobody verified led to somebody's account")
	}
	ada.get("/account").fill("password", newPassword).press("#set-password").flawed("/account/password", 409, "account_taken")
}

func TestDisabledAccountAtTheDoor(t *testing.T) {
	s := newSite(t, "database")
	ada := newBrowser(t, s).signUp("ada@example.org", adasPassword)
	id := ada.wantsAPI("GET", "/api/user", 200, "")["id"].(string)
	must(t, s.db.Disable(t.Context(), id, s.clock.Now()))
	newBrowser(t, s).signInByPassword("ada@example.org", adasPassword).told("disabled")
	newBrowser(t, s).signInByPassword("ada@example.org", "not the right one").flawed("/sign-in/password", 401, "credentials_wrong")
}

func FuzzPasswordForm(f *testing.F) {
	s := newSite(f, "database")
	newBrowser(f, s).signUp("ada@example.org", adasPassword)
	f.Add("/sign-in/password", "email=ada%40example.org&password=x")
	f.Add("/sign-up", "email=%00&password=%ff&name=%zz&email=b")
	f.Add("/account/password", "current=a&password="+strings.Repeat("b", 300))
	n := 0
	f.Fuzz(func(t *testing.T, path, body string) {
		switch path {
		case "/sign-in/password", "/sign-up", "/account/password":
		default:
			return
		}
		r, err := http.NewRequestWithContext(t.Context(), "POST", localURL+path, strings.NewReader(body))
		must(t, err)
		n++
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", n>>16&255, n>>8&255, n&255) // never too often
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if w := s.answer(r); w.Code >= 500 {
			t.Errorf("%s with %q: got %d", path, body, w.Code)
		}
	})
}
