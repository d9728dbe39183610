package auth_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

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
		if got, _, err := p.Check(ctx, hash, password); got != want || err != nil {
			t.Errorf("%q: got %t, %v; want %t", password, got, err, want)
		}
	}
}

// TestPasswordHashOfOthers is one from the RFC's own program, so that what is
// stored can be read elsewhere and the reverse.
func TestPasswordHashOfOthers(t *testing.T) {
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	p := &auth.Passwords{Random: rand.Reader}
	if got, _, err := p.Check(t.Context(), hash, "password"); !got || err != nil {
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
		if got, _, err := p.Check(t.Context(), hash, "password"); got || err == nil {
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
	for typed, want := range map[string]int{"not that one, sorry": 1, "not tha\u0308t one": 2, strings.Repeat("x", 257): 0} {
		for name, hash := range map[string]string{"known": hash, "nobody": ""} {
			var r auth.Receipt
			if right, _, err := p.Check(auth.WithReceipt(t.Context(), &r), hash, typed); right || err != nil {
				t.Errorf("%s: got %t, %v", name, right, err)
			}
			if n := r.Count("password"); n != want {
				t.Errorf("%s: %d hashes were made of %+q, want %d", name, n, typed, want)
			}
		}
	}
	if right, _, _ := p.Check(t.Context(), "", ""); right {
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

// TestFloodOfOneClient has one client take all the room there is. Whoever comes then takes
// some of it, and is next.
func TestFloodOfOneClient(t *testing.T) {
	p, goOn := &auth.Passwords{Random: rand.Reader}, make(chan struct{})
	begun := p.HoldUp(goOn)
	flood := auth.WithClient(t.Context(), "flood")
	done := make(chan error, 100)
	for range 100 {
		go func() {
			_, err := p.Hash(flood, "x")
			done <- err
		}()
	}
	for range 100 - 66 { // two are at it, 64 wait
		if err := <-done; !errors.Is(err, auth.ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
	}
	<-begun
	<-begun
	owner := make(chan error, 1)
	go func() {
		_, err := p.Hash(auth.WithClient(t.Context(), "owner"), "owner's")
		owner <- err
	}()
	select {
	case err := <-done: // the last of the flood gave way
		if !errors.Is(err, auth.ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
	case err := <-owner:
		t.Fatalf("the owner got %v", err)
	}
	order := []string{}
	for range 2 { // end a hash, see which begins
		goOn <- struct{}{}
		order = append(order, <-begun)
	}
	if !slices.Contains(order, "owner's") {
		t.Errorf("after the owner came, the hashes of %q began", order)
	}
	close(goOn)
	if err := <-owner; err != nil {
		t.Errorf("the owner got %v", err)
	}
	for range 65 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestPasswordIdentity(t *testing.T) {
	id, ok := auth.PasswordIdentity("  Ada.King@Mail.Test ", "Ada")
	if !ok || id.Subject != "ada.king@mail.test" || id.Issuer != "password" || id.EmailVerified || id.Name != "Ada" {
		t.Errorf("got %+v, %t", id, ok)
	}
	for _, email := range []string{
		"", "ada", "@mail.test", "ada@", "ada@@mail.test", "a da@mail.test", "ada@mail.test\nx", "ada@mail\x00.test",
		strings.Repeat("a", 250) + "@mail.test", "\xff@mail.test", "ada\u200b@mail.test", "ada@ma\u200bil.test",
		"ada@xn--a.test", "ada@b\u00fc\uff20cher.test", "ada@b\u00fccher..test", "ada@\u0640a.test",
	} {
		if id, ok := auth.PasswordIdentity(email, ""); ok {
			t.Errorf("%q: got %+v, want a refusal", email, id)
		}
	}
}

// TestPasswordIdentityHasOneForm writes one address in all the ways in which people
// and programs write it.
func TestPasswordIdentityHasOneForm(t *testing.T) {
	for want, forms := range map[string][]string{
		"j\u00fcrgen@b\u00fccher.example": {
			"j\u00fcrgen@b\u00fccher.example", "ju\u0308rgen@bu\u0308cher.example", "J\u00dcRGEN@B\u00dcCHER.EXAMPLE", "JU\u0308RGEN@BU\u0308CHER.EXAMPLE",
			"j\u00fcrgen@xn--bcher-kva.example", "j\u00fcrgen@XN--BCHER-KVA.EXAMPLE", "j\u00fcrgen@b\u00fccher\u3002example",
		},
		"kelvin@mail.test":                  {"\u212aelvin@mail.test", "KELVIN@MAIL.TEST"},
		"ada@fa\u00df.test":                 {"ada@fa\u00df.test", "ada@xn--fa-hia.test"}, // and not fass.test
		"ada@a--b_c.test":                   {"ada@A--B_C.test"},
		"ada@[192.0.2.1]":                   {"ada@[192.0.2.1]"},
		"ada@\u0645\u062b\u0627\u0644.test": {"ada@xn--mgbh0fb.test", "Ada@\u0645\u062b\u0627\u0644.test"},
	} {
		for _, form := range forms {
			if id, ok := auth.PasswordIdentity(form, ""); !ok || id.Subject != want || id.Email != want {
				t.Errorf("%+q: got %+q, %t; want %+q", form, id.Subject, ok, want)
			}
		}
	}
}

// TestPasswordInAnyForm hashes a password in one form and types it in another, as
// another keyboard does.
func TestPasswordInAnyForm(t *testing.T) {
	ctx, p := t.Context(), &auth.Passwords{Random: rand.Reader}
	forms := []string{"\u00fcbergr\u00f6\u00dfe 12", "u\u0308bergro\u0308\u00dfe 12", "\u00fcbergr\u00f6\u00dfe\u00a0\uff11\uff12"}
	for _, set := range forms {
		hash, err := p.Hash(ctx, set)
		if err != nil {
			t.Fatal(err)
		}
		for _, typed := range forms {
			if right, dated, err := p.Check(ctx, hash, typed); !right || dated || err != nil {
				t.Errorf("set as %+q, typed as %+q: got %t, %t, %v", set, typed, right, dated, err)
			}
		}
		if right, _, _ := p.Check(ctx, hash, "ubergrosse 12"); right {
			t.Error("letters without their marks are right")
		}
	}
}

// TestPasswordOfBefore checks hashes as older programs made them: of the bytes as they
// were typed, and with other parameters.
func TestPasswordOfBefore(t *testing.T) {
	p := &auth.Passwords{Random: rand.Reader}
	const composed, decomposed = "\u00fcbergr\u00f6\u00dfe", "u\u0308bergro\u0308\u00dfe"
	hashOf := func(password string, memory uint32) string {
		sum := argon2.IDKey([]byte(password), []byte("salt of 16 bytes"), 2, memory, 1, 32)
		return fmt.Sprintf("$argon2id$v=19$m=%d,t=2,p=1$c2FsdCBvZiAxNiBieXRlcw$%s", memory, base64.RawStdEncoding.EncodeToString(sum))
	}
	for _, c := range []struct {
		name, hash, typed string
		right, dated      bool
	}{
		{"as set", hashOf(decomposed, 19<<10), decomposed, true, true},
		{"in the other form", hashOf(decomposed, 19<<10), composed, false, false},
		{"set normalized", hashOf(composed, 19<<10), decomposed, true, false},
		{"of fewer rounds", hashOf(composed, 8<<10), composed, true, true},
		{"ascii", hashOf("plain enough", 19<<10), "plain enough", true, false},
	} {
		if right, dated, err := p.Check(t.Context(), c.hash, c.typed); right != c.right || dated != c.dated || err != nil {
			t.Errorf("%s: got %t, dated %t, %v; want %t, %t", c.name, right, dated, err, c.right, c.dated)
		}
	}
}
