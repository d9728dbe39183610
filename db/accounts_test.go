package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"sessionlab/auth"
)

// at is who somebody called name is at a provider.
func at(provider, name string) auth.Identity {
	id := identity(name)
	id.Provider, id.Issuer, id.Name = provider, "https://"+provider+".test", name+" at "+provider
	return id
}

func link(t *testing.T, d *DB, userID string, id auth.Identity, want error) {
	t.Helper()
	if err := d.Link(t.Context(), auth.Standing{UserID: userID}, id); !errors.Is(err, want) {
		t.Errorf("link %s of %s: got %v, want %v", id.Provider, id.Subject, err, want)
	}
}

func unlink(t *testing.T, d *DB, userID, provider string, want error) {
	t.Helper()
	if err := d.Unlink(t.Context(), auth.Standing{UserID: userID}, provider); !errors.Is(err, want) {
		t.Errorf("unlink %s: got %v, want %v", provider, err, want)
	}
}

func signInAs(t *testing.T, d *DB, id auth.Identity) auth.User {
	t.Helper()
	u, err := d.SignIn(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestLink(t *testing.T) {
	d := open(t)
	ada, grace := signInAs(t, d, at("one", "ada")), signInAs(t, d, at("one", "grace"))
	if ada.ID == grace.ID {
		t.Fatal("two people are one user")
	}
	link(t, d, ada.ID, at("two", "ada"), nil)
	link(t, d, ada.ID, at("two", "ada"), nil) // again
	link(t, d, grace.ID, at("two", "ada"), auth.ErrTaken)
	link(t, d, ada.ID, at("one", "grace"), auth.ErrTaken)
	link(t, d, ada.ID, at("two", "another ada"), auth.ErrLinked)
	link(t, d, "nobody", at("three", "nobody"), auth.ErrRevoked)
	if got := signInAs(t, d, at("two", "ada")); got.ID != ada.ID {
		t.Errorf("the linked account leads to %s, want %s", got.ID, ada.ID)
	}
	list, err := d.Accounts(t.Context(), ada.ID)
	if err != nil || len(list) != 2 || list[0].Provider != "one" || list[1].Provider != "two" || !list[1].LinkedAt.Equal(start) {
		t.Errorf("got %+v, %v", list, err)
	}
}

// TestSameEmailIsNotMerged holds identity to (issuer, subject).
func TestSameEmailIsNotMerged(t *testing.T) {
	d := open(t)
	one, two := at("one", "ada"), at("two", "ada")
	two.Email, two.EmailVerified = one.Email, true
	if signInAs(t, d, one).ID == signInAs(t, d, two).ID {
		t.Error("the same email made one user of two")
	}
}

func TestLinkedAccountsDoNotOverwriteEachOther(t *testing.T) {
	d := open(t)
	first, second := at("one", "ada"), at("two", "ada")
	ada := signInAs(t, d, first)
	link(t, d, ada.ID, second, nil)
	second.Email = "work@mail.test"
	if got := signInAs(t, d, second); got != ada {
		t.Errorf("through the second account: got %+v, want %+v", got, ada)
	}
	if n := count(t, d, "accounts WHERE email = 'work@mail.test'"); n != 1 {
		t.Error("the second account did not learn its own new email")
	}
	first.Name = "Ada King"
	if got := signInAs(t, d, first); got.Name != "Ada King" {
		t.Errorf("through the first account: got %q", got.Name)
	}
	// When the first is gone the next one stands first.
	unlink(t, d, ada.ID, "one", nil)
	second.Name = "Countess"
	if got := signInAs(t, d, second); got.ID != ada.ID || got.Name != "Countess" {
		t.Errorf("after unlinking the first: got %+v", got)
	}
}

func TestUnlink(t *testing.T) {
	d := open(t)
	ada := signInAs(t, d, at("one", "ada"))
	unlink(t, d, ada.ID, "two", auth.ErrNotFound)
	unlink(t, d, ada.ID, "no\x00text\xff", auth.ErrNotFound)
	unlink(t, d, ada.ID, "one", auth.ErrLastAccount)
	link(t, d, ada.ID, at("two", "ada"), nil)
	unlink(t, d, ada.ID, "one", nil)
	unlink(t, d, ada.ID, "two", auth.ErrLastAccount)
}

// TestUnlinkedAccountDoesNotComeBack tries the account that a user was created
// with: its derived id must not lead to that user any more.
func TestUnlinkedAccountDoesNotComeBack(t *testing.T) {
	d := open(t)
	ada := signInAs(t, d, at("one", "ada"))
	link(t, d, ada.ID, at("two", "ada"), nil)
	unlink(t, d, ada.ID, "one", nil)
	somebody := signInAs(t, d, at("one", "ada"))
	if somebody.ID == ada.ID {
		t.Fatal("the unlinked account still signs in")
	}
	if again := signInAs(t, d, at("one", "ada")); again.ID != somebody.ID {
		t.Errorf("got %s, then %s", somebody.ID, again.ID)
	}
}

func TestUnlinkAtOnceLeavesOne(t *testing.T) {
	d := open(t)
	for round := range 10 {
		name := fmt.Sprint("ada ", round)
		ada := signInAs(t, d, at("one", name))
		link(t, d, ada.ID, at("two", name), nil)
		var all sync.WaitGroup
		var done atomic.Int32
		for _, provider := range []string{"one", "two"} {
			all.Go(func() {
				if d.Unlink(context.Background(), auth.Standing{UserID: ada.ID}, provider) == nil {
					done.Add(1)
				}
			})
		}
		all.Wait()
		if list, err := d.Accounts(t.Context(), ada.ID); done.Load() != 1 || len(list) != 1 || err != nil {
			t.Errorf("%d were unlinked, %d are left, %v", done.Load(), len(list), err)
		}
	}
}

func passwordOf(email string) auth.Identity {
	return auth.Identity{Issuer: auth.PasswordProvider, Subject: email}
}

func TestPasswordAccounts(t *testing.T) {
	d, ctx := open(t), t.Context()
	id, _ := auth.PasswordIdentity("Ada@Mail.test", "Ada")
	u := id.User()
	u.ID = "random"
	if got, err := d.SignUp(ctx, u, id, "hash 1"); err != nil || got != u {
		t.Fatalf("got %+v, %v; want %+v", got, err, u)
	}
	other := u
	other.ID = "another"
	if _, err := d.SignUp(ctx, other, id, "hash 2"); !errors.Is(err, auth.ErrTaken) {
		t.Errorf("sign up again: got %v, want ErrTaken", err)
	}
	if got, hash, err := d.Password(ctx, passwordOf("ada@mail.test")); err != nil || got != u || hash != "hash 1" {
		t.Errorf("got %+v, %q, %v", got, hash, err)
	}
	if _, _, err := d.Password(ctx, passwordOf("grace@mail.test")); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("unknown email: got %v, want ErrNotFound", err)
	}
	// A provider that vouches for the same email is somebody else.
	google := at("google", "ada")
	google.Email, google.EmailVerified = "ada@mail.test", true
	if got := signInAs(t, d, google); got.ID == u.ID {
		t.Error("a password account caught a provider's sign-in")
	}
	if _, err := d.SetPassword(ctx, auth.Standing{UserID: signInAs(t, d, google).ID}, id, "", "hash 3"); !errors.Is(err, auth.ErrTaken) {
		t.Errorf("set a password for an email that has one: got %v, want ErrTaken", err)
	}
	if _, err := d.SetPassword(ctx, auth.Standing{UserID: u.ID}, id, "hash 1", "hash 4"); err != nil {
		t.Error(err)
	}
	if got, hash, err := d.Password(ctx, passwordOf("ada@mail.test")); err != nil || hash != "hash 4" || got.Epoch != 1 {
		t.Errorf("after a change: got %+v, %q, %v", got, hash, err)
	}
	for _, old := range []string{"hash 3", "", "hash 4", "hash 4"} { // of which one is the hash, and once
		if err := d.Rehash(ctx, u.ID, old, "hash 5 for "+old); err != nil {
			t.Error(err)
		}
	}
	if got, hash, err := d.Password(ctx, passwordOf("ada@mail.test")); err != nil || hash != "hash 5 for hash 4" || got.Epoch != 1 {
		t.Errorf("after a new hash of the same password: got %+v, %q, %v", got, hash, err)
	}
	unlink(t, d, u.ID, auth.PasswordProvider, auth.ErrLastAccount)
	link(t, d, u.ID, at("github", "ada"), nil)
	unlink(t, d, u.ID, auth.PasswordProvider, nil)
	if n := count(t, d, "users WHERE password_hash IS NOT NULL"); n != 0 {
		t.Error("the password outlived its account")
	}
	if _, _, err := d.Password(ctx, passwordOf("ada@mail.test")); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("after unlinking: got %v, want ErrNotFound", err)
	}
}

func TestDeleteUser(t *testing.T) {
	d, ctx := open(t), t.Context()
	ada := signInAs(t, d, at("one", "ada"))
	if err := (Sessions{d}).Create(ctx, auth.Row{Hash: "h", Realm: "r", Session: auth.Session{
		ID: "s", User: ada, IssuedAt: start, ExpiresAt: start.AddDate(0, 0, 1), EndsAt: start.AddDate(0, 0, 2)}}, 20); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteUser(ctx, auth.Standing{UserID: ada.ID}); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"users", "accounts", "sessions"} {
		if n := count(t, d, table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	if err := d.DeleteUser(ctx, auth.Standing{UserID: ada.ID}); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("again: got %v, want ErrRevoked", err)
	}
	// Whoever comes back is somebody new: a cookie of before says nothing about them.
	back := signInAs(t, d, at("one", "ada"))
	if back.ID == ada.ID {
		t.Error("the id of a deleted user was given again")
	}
	if again := signInAs(t, d, at("one", "ada")); again.ID != back.ID {
		t.Errorf("got %s, then %s", back.ID, again.ID)
	}
	if n, err := d.Sweep(ctx, start.Add(longestSession)); err != nil || count(t, d, "departed") != 0 {
		t.Errorf("swept %d, %v, and remember the id for ever", n, err)
	}
}

func TestKeepTokens(t *testing.T) {
	d, ctx := open(t), t.Context()
	ada := signInAs(t, d, at("one", "ada"))
	if err := d.KeepTokens(ctx, "https://one.test", at("one", "ada").Subject, "sealed"); err != nil {
		t.Fatal(err)
	}
	if list, err := d.Accounts(ctx, ada.ID); err != nil || list[0].Sealed != "sealed" {
		t.Errorf("got %+v, %v", list, err)
	}
}
