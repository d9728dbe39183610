package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
)

type store = auth.Accounts

// rows keeps tokens as a database would.
type rows struct {
	store

	sealed string
}

func (r *rows) KeepTokens(_ context.Context, _, _, sealed string) error {
	r.sealed = sealed
	return nil
}

func keeper(t testing.TB, now *time.Time) *auth.AccountKeeper {
	v := newVault(t, "securecookie")
	return &auth.AccountKeeper{
		Cookie: v.Sealer(auth.AccountPurpose), Row: v.Sealer(auth.AccountRowPurpose),
		Max: 720 * time.Hour, Now: func() time.Time { return *now },
	}
}

// A visitor carries cookies from one request to the next.
type visitor struct {
	t       *testing.T
	cookies string
}

func (v *visitor) visit(do func(*auth.Jar)) {
	v.t.Helper()
	jar, h := jarOf(v.cookies)
	do(jar)
	v.cookies = after(v.t, v.cookies, h)
}

var googleTokens = auth.AccountTokens{
	Provider: "google", Access: "ya29.access", Refresh: "1//refresh", Scopes: []string{"openid", "email"},
	Expires: time.Date(2030, 1, 1, 1, 0, 0, 0, time.UTC),
}

func same(a, b auth.AccountTokens) bool {
	return fmt.Sprintf("%+v", plainTokens(a)) == fmt.Sprintf("%+v", plainTokens(b))
}

// plainTokens is AccountTokens without its methods.
type plainTokens auth.AccountTokens

func TestAccountCookie(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	k, ctx, b := keeper(t, &now), t.Context(), &visitor{t: t}
	keep := func(user string, tokens auth.AccountTokens, remember bool) (err error) {
		b.visit(func(jar *auth.Jar) { err = k.Keep(ctx, jar, user, auth.Identity{}, tokens, remember) })
		return err
	}
	kept := func(user string) (tokens auth.AccountTokens, err error) {
		b.visit(func(jar *auth.Jar) { tokens, err = k.InCookie(ctx, jar, user) })
		return tokens, err
	}
	if _, err := kept("ada"); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("nothing kept: got %v", err)
	}
	if err := keep("ada", googleTokens, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.cookies, "ya29") {
		t.Error("the cookie can be read")
	}
	if got, err := kept("ada"); err != nil || !same(got, googleTokens) {
		t.Errorf("got %v, %v", got, err)
	}
	stolen := b.cookies
	if _, err := kept("grace"); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("another user: got %v, want ErrInvalid", err)
	}
	if b.cookies != "" {
		t.Errorf("another user's tokens stay in the browser: %s", b.cookies)
	}

	// A large token is spread; one that is too large is not kept, nor is the old one.
	large := googleTokens
	large.Access = strings.Repeat("x", 3000)
	if err := keep("ada", large, true); err != nil || !strings.Contains(b.cookies, "__Host-account.2=") {
		t.Errorf("got %v and %.60s", err, b.cookies)
	}
	if got, err := kept("ada"); err != nil || !same(got, large) {
		t.Errorf("got %v, %v", got, err)
	}
	large.Access = strings.Repeat("x", 9000)
	if err := keep("ada", large, true); !errors.Is(err, auth.ErrTooLarge) || b.cookies != "" {
		t.Errorf("got %v and %d bytes of cookies", err, len(b.cookies))
	}

	b.cookies = stolen
	now = now.Add(720 * time.Hour)
	if _, err := kept("ada"); !errors.Is(err, auth.ErrExpired) {
		t.Errorf("after a month: got %v, want ErrExpired", err)
	}
}

func TestAccountRow(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	k, r, ctx := keeper(t, &now), &rows{}, t.Context()
	k.Store = r
	id := auth.Identity{Provider: "google", Issuer: "https://google.test", Subject: "1"}
	b := &visitor{t: t}
	b.visit(func(jar *auth.Jar) {
		if err := k.Keep(ctx, jar, "ada", id, googleTokens, true); err != nil {
			t.Fatal(err)
		}
	})
	if b.cookies != "" || strings.Contains(r.sealed, "ya29") {
		t.Errorf("got cookies %q and row %q", b.cookies, r.sealed)
	}
	account := auth.Account{Issuer: id.Issuer, Subject: id.Subject, Sealed: r.sealed}
	if got, err := k.InRow(ctx, account); err != nil || !same(got, googleTokens) {
		t.Errorf("got %v, %v", got, err)
	}
	account.Subject = "2" // the value of another row
	if _, err := k.InRow(ctx, account); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("another account: got %v, want ErrInvalid", err)
	}
	// Neither kind opens as the other.
	(&visitor{t, "__Host-account=" + r.sealed}).visit(func(jar *auth.Jar) {
		if _, err := k.InCookie(ctx, jar, "ada"); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("a row in a cookie: got %v, want ErrInvalid", err)
		}
	})
}

func TestAccountTokensPrintNothing(t *testing.T) {
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, googleTokens); got != "tokens of google" {
			t.Errorf("%s: got %q", format, got)
		}
		if got := fmt.Sprintf(format, struct{ T auth.AccountTokens }{googleTokens}); strings.Contains(got, "ya29") {
			t.Errorf("%s, inside: got %q", format, got)
		}
	}
}

func FuzzAccountCookie(f *testing.F) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	k := keeper(f, &now)
	jar, h := jarOf()
	if err := k.Keep(context.Background(), jar, "ada", auth.Identity{}, googleTokens, true); err != nil {
		f.Fatal(err)
	}
	pair, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
	f.Add(pair)
	f.Add("__Host-account.1=a; __Host-account.2=b; __Host-account=c")
	f.Add("__Host-account.1=; __Host-account.9=b")
	f.Fuzz(func(t *testing.T, header string) {
		jar, _ := jarOf(header)
		if got, err := k.InCookie(t.Context(), jar, "ada"); err == nil && !same(got, googleTokens) {
			t.Errorf("%q opened as %+v", header, plainTokens(got))
		}
	})
}
