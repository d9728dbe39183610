package handlerstest

import (
	"encoding/base64"

	"golang.org/x/crypto/argon2"
)

const (
	AdasPassword = "counts bernoulli numbers at night"
	NewPassword  = "weaves algebraical patterns instead"
)

// CheapHash hashes a password with minimal argon2id cost, for tests that check it
// thousands of times.
func CheapHash(password string) string {
	sum := argon2.IDKey([]byte(password), []byte("salt of 16 bytes"), 1, 8, 1, 32)
	return "$argon2id$v=19$m=8,t=1,p=1$c2FsdCBvZiAxNiBieXRlcw$" + base64.RawStdEncoding.EncodeToString(sum)
}

// Fill writes into a field of the current page.
func (b *Browser) Fill(name, value string) *Browser {
	b.Helper()
	b.Page.Find(`input[name="`+name+`"]:not([type=hidden])`).SetAttr("value", value)
	return b
}

// SignUp creates an account with a password, through the forms.
func (b *Browser) SignUp(email, password string) *Browser {
	b.Helper()
	b.Get("/sign-in").Follow("#to-sign-up").Fill("name", "Ada Lovelace").Fill("email", email).Fill("password", password)
	return b.Press("#sign-up")
}

// SignInByPassword goes through the form of the sign-in page.
func (b *Browser) SignInByPassword(email, password string) *Browser {
	b.Helper()
	return b.Get("/sign-in").Fill("email", email).Fill("password", password).Press("#sign-in-password")
}

// Flawed checks the page's path and status and the code of the form's error.
func (b *Browser) Flawed(path string, status int, code string) *Browser {
	b.Helper()
	b.At(path, status)
	if got := b.Page.Find("[role=alert]").AttrOr("data-code", ""); got != code {
		b.Errorf("the form's flaw: got %q, want %q:\n%s", got, code, b.Text())
	}
	return b
}
