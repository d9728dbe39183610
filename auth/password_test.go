package auth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
)

func TestPasswords(t *testing.T) {
	ctx, p := t.Context(), &auth.Passwords{Random: rand.Reader}
	hash, err := p.Hash(ctx, "a rather long one")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, "rather") {
		t.Errorf("got %q", hash)
	}
	if again, _ := p.Hash(ctx, "a rather long one"); again == hash {
		t.Error("two hashes have one salt")
	}
	for password, want := range map[string]bool{"a rather long one": true, "a rather long two": false, "": false} {
		if got, err := p.Check(ctx, hash, password); got != want || err != nil {
			t.Errorf("%q: got %t, %v; want %t", password, got, err, want)
		}
	}
}

// TestPasswordHashOfOthers is one from the RFC's own program, so that what is
// stored can be read elsewhere and the reverse.
func TestPasswordHashOfOthers(t *testing.T) {
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	p := &auth.Passwords{Random: rand.Reader}
	if got, err := p.Check(t.Context(), hash, "password"); !got || err != nil {
		t.Errorf("got %t, %v; want the password to be right", got, err)
	}
}

func TestPasswordHashThatCannotBeRead(t *testing.T) {
	p := &auth.Passwords{Random: rand.Reader}
	for _, hash := range []string{
		"x", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ", "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=19456,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$",
	} {
		if got, err := p.Check(t.Context(), hash, "password"); got || err == nil {
			t.Errorf("%s: got %t, %v; want a fault", hash, got, err)
		}
	}
}

// TestPasswordOfNobodyCostsAsMuch counts hashes instead of measuring time.
func TestPasswordOfNobodyCostsAsMuch(t *testing.T) {
	p := &auth.Passwords{Random: rand.Reader, Observe: auth.Receipts(time.Now)}
	hash, err := p.Hash(t.Context(), "a rather long one")
	if err != nil {
		t.Fatal(err)
	}
	for name, hash := range map[string]string{"known": hash, "nobody": ""} {
		var r auth.Receipt
		if right, err := p.Check(auth.WithReceipt(t.Context(), &r), hash, "not that one, sorry"); right || err != nil {
			t.Errorf("%s: got %t, %v", name, right, err)
		}
		if n := r.Count("password"); n != 1 {
			t.Errorf("%s: %d hashes were made, want 1", name, n)
		}
	}
	if right, _ := p.Check(t.Context(), "", ""); right {
		t.Error("the password of nobody is empty")
	}
}

// TestTwoPasswordsAtOnce holds two hashes up. The third waits, is given up when
// nobody waits for it any more, and goes on once there is room.
func TestTwoPasswordsAtOnce(t *testing.T) {
	p, goOn := &auth.Passwords{Random: rand.Reader}, make(chan struct{})
	begun := p.HoldUp(goOn)
	done := make(chan error, 3)
	hash := func(ctx context.Context) {
		_, err := p.Hash(ctx, "x")
		done <- err
	}
	go hash(t.Context())
	go hash(t.Context())
	<-begun
	<-begun
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Hash(gone, "x"); !errors.Is(err, auth.ErrBusy) || auth.Refused(err) {
		t.Errorf("got %v, want ErrBusy, a fault", err)
	}
	go hash(t.Context())
	if len(begun) != 0 {
		t.Error("a third hash began")
	}
	goOn <- struct{}{}
	<-begun // the third
	close(goOn)
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestManyPasswordsWait turns away at once who would have to wait for too many.
func TestManyPasswordsWait(t *testing.T) {
	p, goOn := &auth.Passwords{Random: rand.Reader}, make(chan struct{})
	p.HoldUp(goOn)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 100)
	for range 100 {
		go func() {
			_, err := p.Hash(ctx, "x")
			done <- err
		}()
	}
	for range 100 - 66 { // two are at it, 64 wait
		if err := <-done; !errors.Is(err, auth.ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
	}
	cancel()
	for range 64 {
		if err := <-done; !errors.Is(err, auth.ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
	}
	close(goOn)
	<-done
	<-done
}

func TestPasswordIdentity(t *testing.T) {
	id, ok := auth.PasswordIdentity("  Ada.King@Mail.Test ", "Ada")
	if !ok || id.Subject != "ada.king@mail.test" || id.Issuer != "password" || id.EmailVerified || id.Name != "Ada" {
		t.Errorf("got %+v, %t", id, ok)
	}
	for _, email := range []string{
		"", "ada", "@mail.test", "ada@", "ada@@mail.test", "a da@mail.test", "ada@mail.test\nx", "ada@mail\x00.test",
		strings.Repeat("a", 250) + "@mail.test", "\xff@mail.test", "ada\u200b@mail.test",
	} {
		if id, ok := auth.PasswordIdentity(email, ""); ok {
			t.Errorf("%q: got %+v, want a refusal", email, id)
		}
	}
}

func TestFlawOf(t *testing.T) {
	known := []string{"ada.lovelace@mail.test", "Ada Lovelace", "sessionlab"}
	for password, want := range map[string]auth.PasswordFlaw{
		"":                               auth.PasswordShort,
		"fourteen bytes":                 auth.PasswordShort,
		"fifteen bytes !":                "",
		strings.Repeat("xy7 ", 64):       auth.PasswordCommon,
		strings.Repeat("a", 257):         auth.PasswordLong,
		"passwordpassword":               auth.PasswordCommon,
		"PasswordPassword":               auth.PasswordCommon,
		"correct horse battery staple":   auth.PasswordCommon,
		"aaaaaaaaaaaaaaaaaaaa":           auth.PasswordCommon,
		"abcabcabcabcabcabc":             auth.PasswordCommon,
		"123456789012345":                auth.PasswordCommon,
		"lovelace.ada@mail.test":         auth.PasswordPersonal,
		"sessionlab sessionlab 1":        auth.PasswordPersonal,
		"AdaLovelace2024!":               auth.PasswordPersonal,
		"ada counts bernoulli numbers":   "",
		"übergrößenträger":               "",
		"only spaces are not  a problem": "",
	} {
		if got := auth.FlawOf(password, known...); got != want {
			t.Errorf("%q: got %q, want %q", password, got, want)
		}
	}
	if got := auth.FlawOf(strings.Repeat("0123456789abcdef", 15) + "the end of it..."); got != "" {
		t.Errorf("256 bytes: got %q", got)
	}
}

func FuzzFlawOf(f *testing.F) {
	f.Add("a rather long one", "ada@mail.test")
	f.Fuzz(func(t *testing.T, password, known string) {
		flaw := auth.FlawOf(password, known)
		if flaw == "" && (len(password) < auth.MinPassword || len(password) > auth.MaxPassword) {
			t.Errorf("%q was taken", password)
		}
		if id, ok := auth.PasswordIdentity(known, ""); ok {
			if again, ok := auth.PasswordIdentity(id.Subject, ""); !ok || again != id {
				t.Errorf("%q: got %+v, then %+v", known, id, again)
			}
		}
	})
}
