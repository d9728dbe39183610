package db

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sessionlab/auth"
)

// A link is used once, also by many at the same time, before it is over, and for what it
// was made for.
func TestLinks(t *testing.T) {
	d := open(t)
	l, err := OpenLinks(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := auth.PasswordIdentity("ada@example.com", "Ada")
	ada := id.User()
	if ada, err = d.SignUp(t.Context(), ada, id, "hash"); err != nil {
		t.Fatal(err)
	}
	add := func(hash, purpose string) auth.LinkUse {
		t.Helper()
		u, err := d.User(t.Context(), ada.ID)
		if err == nil {
			err = l.AddLink(t.Context(), hash, auth.Link{Purpose: purpose, UserID: u.ID, Email: id.Subject, Epoch: u.Epoch, ExpiresAt: start.Add(auth.LinkLife)})
		}
		if err != nil {
			t.Fatal(err)
		}
		return auth.LinkUse{Hash: hash, Purpose: purpose, Email: id.Subject, Password: "another", Now: start}
	}
	for what, change := range map[string]func(*auth.LinkUse){
		"unknown": func(u *auth.LinkUse) { u.Hash = "unknown" },
		"purpose": func(u *auth.LinkUse) { u.Purpose = auth.LinkSignIn },
		"address": func(u *auth.LinkUse) { u.Email = "eve@example.com" },
		"over":    func(u *auth.LinkUse) { u.Now = start.Add(auth.LinkLife) },
	} {
		use := add("refused "+what, auth.LinkReset)
		change(&use)
		if _, err := l.UseLink(t.Context(), use); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%s: got %v, want %v", what, err, auth.ErrNotFound)
		}
	}
	if _, hash, _ := d.Password(t.Context(), id); hash != "hash" {
		t.Fatalf("a refused link changed the password: %q", hash)
	}

	use, other := add("reset", auth.LinkReset), add("other", auth.LinkVerify)
	var group sync.WaitGroup
	var times atomic.Int64
	for range 8 {
		group.Go(func() {
			used, err := l.UseLink(t.Context(), use)
			switch {
			case err == nil && used.Removed && used.Ended && used.User.Epoch == ada.Epoch+1:
				times.Add(1)
			case !errors.Is(err, auth.ErrNotFound):
				t.Errorf("got %+v, %v", used, err)
			}
		})
	}
	group.Wait()
	if times.Load() != 1 {
		t.Errorf("used %d times, want once", times.Load())
	}
	if _, hash, _ := d.Password(t.Context(), id); hash != "another" {
		t.Errorf("got the password %q", hash)
	}
	if _, err := l.UseLink(t.Context(), other); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("a link from before the reset: got %v", err)
	}

	// The address is proved now, so a sign-in removes nothing.
	used, err := l.UseLink(t.Context(), add("sign in", auth.LinkSignIn))
	if err != nil || used.Removed || used.Ended {
		t.Errorf("got %+v, %v", used, err)
	}
	use = add("disabled", auth.LinkSignIn)
	if err := d.Disable(t.Context(), ada.ID, start); err != nil {
		t.Fatal(err)
	}
	if _, err := l.UseLink(t.Context(), use); err == nil {
		t.Error("a disabled user used a link")
	}
	if _, err := d.Sweep(t.Context(), start.Add(auth.LinkLife+time.Second)); err != nil {
		t.Fatal(err)
	}
	if n := count(t, d, "links"); n != 0 {
		t.Errorf("%d links are left", n)
	}
}

// An owner who is signed in confirms the address and loses nothing; one whose session has
// ended confirms nothing.
func TestLinksOfTheOwner(t *testing.T) {
	d := open(t)
	l, err := OpenLinks(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := auth.PasswordIdentity("ada@example.com", "Ada")
	ada, err := d.SignUp(t.Context(), id.User(), id, "hash")
	if err != nil {
		t.Fatal(err)
	}
	link := auth.Link{Purpose: auth.LinkVerify, UserID: ada.ID, Email: id.Subject, ExpiresAt: start.Add(auth.LinkLife)}
	if err := l.AddLink(t.Context(), "verify", link); err != nil {
		t.Fatal(err)
	}
	use := auth.LinkUse{Hash: "verify", Purpose: auth.LinkVerify, Email: id.Subject, Now: start}
	use.By = &auth.Standing{UserID: ada.ID, Realm: "site", SessionID: "ended"}
	if _, err := l.UseLink(t.Context(), use); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("got %v, want %v", err, auth.ErrRevoked)
	}
	use.By = &auth.Standing{UserID: ada.ID}
	if used, err := l.UseLink(t.Context(), use); err != nil || used.Removed || used.Ended {
		t.Errorf("got %+v, %v", used, err)
	}
	list, err := d.Accounts(t.Context(), ada.ID)
	if err != nil || len(list) != 1 || !list[0].EmailVerified || !list[0].HasPassword {
		t.Errorf("got %+v, %v", list, err)
	}
}
