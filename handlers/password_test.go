package handlers_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
	"sessionlab/handlers/handlerstest"
	"sessionlab/views"
)

// withUsers are the strategies that need a database, and all at once.
var withUsers = handlerstest.Modes("database", "epoch", "hybrid", "renew", "pair", "rotation")

func TestSignUpAndSignInByPassword(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := handlerstest.NewSite(t, strategy)
			laptop, phone := handlerstest.NewBrowser(t, s), handlerstest.NewBrowser(t, s)
			laptop.SignUp("Ada@Example.org", handlerstest.AdasPassword).At("/dashboard", 200)
			phone.SignInByPassword(" ada@example.ORG", handlerstest.AdasPassword).At("/dashboard", 200)
			for _, b := range []*handlerstest.Browser{laptop, phone} {
				user := b.WantsAPI("GET", "/api/user", 200, "")
				if user["email"] != "ada@example.org" || user["name"] != "Ada Lovelace" || user["role"] != "member" {
					t.Errorf("got %v", user)
				}
			}
			s.Journal.Wants(t, "sign_up")
			s.Journal.Wants(t, "sign_in_ok")
			if log := s.Journal.String(); strings.Contains(log, "bernoulli") || strings.Contains(strings.ToLower(log), "ada@") {
				t.Error("the log has a password or an email")
			}
		})
	}
}

func TestSignUpReturnsWhereOneWanted(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	b := handlerstest.NewBrowser(t, s).Get("/sessions").At("/sign-in", 200).Follow("#to-sign-up")
	b.Untick("input[name=remember][type=checkbox]").Fill("email", "ada@example.org").Fill("password", handlerstest.AdasPassword).Press("#sign-up").At("/sessions", 200)
	b.Close()
	b.Wants("/dashboard", 303)
	b.SignInByPassword("ada@example.org", handlerstest.AdasPassword).At("/dashboard", 200).Close()
	b.Wants("/dashboard", 200)
	b.Get("/sign-up?next=//evil.example").At("/dashboard", 200)
}

func TestSignUpFlaws(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	handlerstest.NewBrowser(t, s).SignUp("taken@example.org", handlerstest.AdasPassword).At("/dashboard", 200)
	b := handlerstest.NewBrowser(t, s)
	for _, c := range []struct {
		email, password string
		status          int
		code            string
	}{
		{"not an email", handlerstest.AdasPassword, 400, "email_invalid"},
		{"ada@example.org", "fourteen bytes", 400, "password_short"},
		{"ada@example.org", strings.Repeat("0123456789abcdef?", 16), 400, "password_long"},
		{"ada@example.org", "passwordpassword", 400, "password_common"},
		{"ada@example.org", "ada lovelace " + views.Brand + " 1", 400, "password_personal"},
		{"Taken@example.org", handlerstest.AdasPassword, 409, "email_taken"},
	} {
		b.SignUp(c.email, c.password).Flawed("/sign-up", c.status, c.code)
		if got := b.Page.Find("input[name=email]").AttrOr("value", ""); got != c.email {
			t.Errorf("the form forgot the email: got %q, want %q", got, c.email)
		}
		if strings.Contains(b.Page.Body, c.password) {
			t.Error("the page repeats the password")
		}
		b.Wants("/dashboard", 303)
	}
}

// TestWrongPasswordAndUnknownEmailAreAlike compares what is answered and counts
// the hashes that were made for it; clocks would only guess.
func TestWrongPasswordAndUnknownEmailAreAlike(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	handlerstest.NewBrowser(t, s).SignUp("ada@example.org", handlerstest.AdasPassword)
	var bodies []string
	for _, email := range []string{"ada@example.org", "nobody@example.org"} {
		form := url.Values{"email": {email}, "password": {"not the right one"}}
		r, _ := http.NewRequestWithContext(t.Context(), "POST", handlerstest.LocalURL+"/sign-in/password", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		var receipt auth.Receipt
		w := s.Answer(r.WithContext(auth.WithReceipt(r.Context(), &receipt)))
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
	s.Journal.Wants(t, "sign_in_failed")
	handlerstest.NewBrowser(t, s).SignInByPassword("ada@example.org", strings.Repeat("x", 300)).Flawed("/sign-in/password", 401, "credentials_wrong")
}

// TestTextInAnyUnicodeForm signs in with the same text in other bytes: composed or
// not, wide, in capitals, with the domain in ASCII. People see no difference.
func TestTextInAnyUnicodeForm(t *testing.T) {
	const composed, decomposed = "\u00fcbergr\u00f6\u00dfentr\u00e4ger 12", "u\u0308bergro\u0308\u00dfentra\u0308ger 12"
	const wide = "\u00fcbergr\u00f6\u00dfentr\u00e4ger\u00a0\uff11\uff12"
	const email = "j\u00fcrgen@b\u00fccher.example"
	emails := []string{
		email, "ju\u0308rgen@bu\u0308cher.example", "J\u00dcRGEN@B\u00dcCHER.example",
		"j\u00fcrgen@xn--bcher-kva.example", "j\u00fcrgen@XN--BCHER-KVA.Example", "j\u00fcrgen@b\u00fccher\u3002example",
	}
	for _, set := range []string{composed, decomposed, wide} {
		s := handlerstest.NewSite(t, "database")
		owner := handlerstest.NewBrowser(t, s).SignUp(emails[1], set).At("/dashboard", 200)
		if got := owner.WantsAPI("GET", "/api/user", 200, "")["email"]; got != email {
			t.Errorf("the email: got %q, want %q", got, email)
		}
		for _, typed := range []string{composed, decomposed, wide} {
			for _, email := range emails {
				b := handlerstest.NewBrowser(t, s).SignInByPassword(email, typed)
				if b.Page.URL.Path != "/dashboard" {
					t.Errorf("set as %+q, %+q with %+q: got %d", set, email, typed, b.Page.Status)
				}
				handlerstest.NewBrowser(t, s).SignUp(email, handlerstest.AdasPassword).Flawed("/sign-up", 409, "email_taken")
				s.Clock.Advance(time.Minute)
			}
		}
		owner.Knock(email, set).Get("/account").Fill("current", set).Fill("password", decomposed+"3").Press("#set-password").At("/account", 200)
		s.Clock.Advance(time.Minute)
		handlerstest.NewBrowser(t, s).SignInByPassword(email, composed+"3").At("/dashboard", 200)
	}
}

// TestPasswordOfBeforeNormalization signs in with a password that was hashed as it
// was typed. From then on it is right in every form.
func TestPasswordOfBeforeNormalization(t *testing.T) {
	const composed, decomposed = "\u00fcbergr\u00f6\u00dfentr\u00e4ger 12", "u\u0308bergro\u0308\u00dfentra\u0308ger 12"
	s := handlerstest.NewSite(t, "database")
	owner := handlerstest.NewBrowser(t, s).SignUp("ada@example.org", handlerstest.AdasPassword)
	sum := argon2.IDKey([]byte(decomposed), []byte("salt of 16 bytes"), 2, 19<<10, 1, 32)
	_, err := dbtest.Shell(t, s.File).Exec("UPDATE users SET password_hash = $1",
		"$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiAxNiBieXRlcw$"+base64.RawStdEncoding.EncodeToString(sum))
	handlerstest.Must(t, err)
	signIn := func(password string) *handlerstest.Browser {
		s.Clock.Advance(time.Minute)
		return handlerstest.NewBrowser(t, s).SignInByPassword("ada@example.org", password)
	}
	signIn(composed).Flawed("/sign-in/password", 401, "credentials_wrong") // nobody can know
	signIn(decomposed).At("/dashboard", 200)
	signIn(composed).At("/dashboard", 200)
	signIn(decomposed).At("/dashboard", 200)
	owner.Wants("/dashboard", 200) // it is the same password: no session ends
}

// TestPasswordsNeedADatabase tries the password routes under SESSION_STRATEGY=cookie.
func TestPasswordsNeedADatabase(t *testing.T) {
	s := handlerstest.NewSite(t, "cookie")
	b := handlerstest.NewBrowser(t, s).Get("/sign-in").At("/sign-in", 200)
	if b.Has("input[type=password]") || !strings.Contains(b.Text(), "SESSION_STRATEGY") {
		t.Errorf("the page offers a password, or does not say why not:\n%s", b.Text())
	}
	b.Get("/sign-up").Refused(400, "password_requires_database")
	for _, path := range []string{"/sign-up", "/sign-in/password", "/account/password"} {
		b.Post(path, url.Values{"email": {"ada@example.org"}, "password": {handlerstest.AdasPassword}}).Refused(400, "password_requires_database")
	}
	b.SignIn("ada")
	for _, path := range []string{"/account/link/oidc", "/account/unlink/oidc", "/account/delete"} {
		b.Post(path, nil).Refused(400, "accounts_require_database")
	}
	b.Get("/account").At("/account", 200)
	if b.Has("main form") {
		t.Error("the account page offers what is impossible")
	}
}

// TestPasswordChangeEndsOtherSessions holds for every strategy as far as it can.
func TestPasswordChangeEndsOtherSessions(t *testing.T) {
	for _, strategy := range withUsers {
		t.Run(strategy, func(t *testing.T) {
			s := handlerstest.NewSite(t, strategy)
			laptop, phone, thief := handlerstest.NewBrowser(t, s), handlerstest.NewBrowser(t, s), handlerstest.NewBrowser(t, s)
			laptop.SignUp("ada@example.org", handlerstest.AdasPassword)
			phone.SignInByPassword("ada@example.org", handlerstest.AdasPassword).At("/dashboard", 200)
			thief.Steal(laptop)
			old := laptop.WantsAPI("GET", "/api/session", 200, "")["session"].(map[string]any)["id"]

			laptop.Get("/account").Fill("current", "not the right one").Fill("password", handlerstest.NewPassword).Press("#set-password")
			laptop.Flawed("/account/password", 403, "password_wrong")
			laptop.Get("/account").Fill("current", handlerstest.AdasPassword).Fill("password", "short").Press("#set-password")
			laptop.Flawed("/account/password", 400, "password_short")
			laptop.Get("/account").Fill("current", handlerstest.AdasPassword).Fill("password", handlerstest.NewPassword).Press("#set-password")
			laptop.At("/account", 200).Wants("/dashboard", 200)
			s.Journal.Wants(t, "password_changed")
			if now := laptop.WantsAPI("GET", "/api/session", 200, "")["session"].(map[string]any)["id"]; now == old {
				t.Error("the session is the one that the thief has")
			}
			for _, m := range s.Managers(new(http.Request)) {
				r, revokes := m.Strategy.(auth.Revoker)
				query := ""
				if strategy == "compare" {
					query = "?strategy=" + m.Name
				}
				laptop.WantsAPI("GET", "/api/session"+query, 200, "")
				if !revokes {
					continue
				}
				if r.Window() > 0 {
					s.Clock.Advance(r.Window())
				}
				phone.WantsAPI("GET", "/api/session"+query, 401, "")
				thief.WantsAPI("GET", "/api/session"+query, 401, "")
			}
			handlerstest.NewBrowser(t, s).SignInByPassword("ada@example.org", handlerstest.AdasPassword).Flawed("/sign-in/password", 401, "credentials_wrong")
			handlerstest.NewBrowser(t, s).SignInByPassword("ada@example.org", handlerstest.NewPassword).At("/dashboard", 200)
		})
	}
}

// TestPasswordForAProviderAccount sets a first password, with which the same
// person signs in.
func TestPasswordForAProviderAccount(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, s).SignIn("ada")
	id := ada.WantsAPI("GET", "/api/user", 200, "")["id"]
	ada.Get("/account").Fill("password", handlerstest.AdasPassword).Press("#set-password").At("/account", 200)
	email := ada.Get("/account").Page.Find("input[name=email]").AttrOr("value", "")
	again := handlerstest.NewBrowser(t, s).SignInByPassword(email, handlerstest.AdasPassword).At("/dashboard", 200)
	if got := again.WantsAPI("GET", "/api/user", 200, "")["id"]; got != id {
		t.Errorf("got user %v, want %v", got, id)
	}
	// From now on a change needs it.
	ada.Get("/account").Fill("password", handlerstest.NewPassword).Press("#set-password").Flawed("/account/password", 403, "password_wrong")
}

// TestPasswordAccountCatchesNobody signs up with the email of somebody who then
// comes through a provider: two users, and neither sees the other.
func TestPasswordAccountCatchesNobody(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	probe := handlerstest.NewBrowser(t, s).SignIn("ada")
	email := probe.WantsAPI("GET", "/api/user", 200, "")["email"].(string)
	squatter := handlerstest.NewBrowser(t, s).SignUp(email, handlerstest.AdasPassword).At("/dashboard", 200)
	ada := handlerstest.NewBrowser(t, s).SignIn("ada")
	if ada.WantsAPI("GET", "/api/user", 200, "")["id"] == squatter.WantsAPI("GET", "/api/user", 200, "")["id"] {
		t.Error("an email that nobody verified led to somebody's account")
	}
	ada.Get("/account").Fill("password", handlerstest.NewPassword).Press("#set-password").Flawed("/account/password", 409, "email_taken")
}

func TestDisabledAccountAtTheDoor(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, s).SignUp("ada@example.org", handlerstest.AdasPassword)
	id := ada.WantsAPI("GET", "/api/user", 200, "")["id"].(string)
	s.Disable(id)
	handlerstest.NewBrowser(t, s).SignInByPassword("ada@example.org", handlerstest.AdasPassword).Told("disabled")
	handlerstest.NewBrowser(t, s).SignInByPassword("ada@example.org", "not the right one").Flawed("/sign-in/password", 401, "credentials_wrong")
}

func FuzzPasswordForm(f *testing.F) {
	s := handlerstest.NewSite(f, "database")
	handlerstest.NewBrowser(f, s).SignUp("ada@example.org", handlerstest.AdasPassword)
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
		r, err := http.NewRequestWithContext(t.Context(), "POST", handlerstest.LocalURL+path, strings.NewReader(body))
		handlerstest.Must(t, err)
		n++
		r.RemoteAddr = fmt.Sprintf("127.%d.%d.%d:1", n>>16&255, n>>8&255, n&255) // never too often
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if w := s.Answer(r); w.Code >= 500 {
			t.Errorf("%s with %q: got %d", path, body, w.Code)
		}
	})
}

// The site calls people by the names that they gave, whatever keyboard they have.
func TestNamesAsTheyWereGiven(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]struct{ name, initials string }{
		"Ada\u00a0Lovelace":              {"Ada Lovelace", "AL"},
		"山田\u3000太郎":                     {"山田 太郎", "山太"},
		"\u200fשרה":                      {"\u200fשרה", "ש"},
		"نیما\u200cیوشیج":                {"نیما\u200cیوشیج", "ن"},
		"Ada \u202enigol\u202c Lovelace": {"Ada nigol Lovelace", "AL"},
	} {
		ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database"))
		ada.Post("/sign-up", handlerstest.Form("name", given, "email", "ada@example.org", "password", handlerstest.AdasPassword)).At("/dashboard", 200)
		if got := ada.WantsAPI("GET", "/api/user", 200, "")["name"]; got != want.name {
			t.Errorf("%+q: got %+q, want %+q", given, got, want.name)
		}
		if ada.Get("/dashboard"); !strings.Contains(ada.Page.Find("header").Text(), want.initials) || !strings.Contains(ada.Page.Text(), want.name) {
			t.Errorf("%+q: the page says %q", given, ada.Page.Find("header").Text())
		}
	}
}
