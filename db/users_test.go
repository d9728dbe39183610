package db

import (
	"errors"
	"testing"
	"time"

	"sessionlab/auth"
)

// identity is somebody at the provider of these tests.
func identity(subject string) auth.Identity {
	return auth.Identity{
		Provider: "dev", Issuer: "https://issuer.test", Subject: subject,
		Email: subject + "@mail.test", EmailVerified: true, Name: "Name of " + subject,
		Picture: "https://pictures.test/" + subject,
	}
}

func signIn(t testing.TB, d *DB, subject string) auth.User {
	t.Helper()
	u, err := d.SignIn(t.Context(), identity(subject))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestSignIn(t *testing.T) {
	d := open(t)
	ada := signIn(t, d, "ada")
	if want := identity("ada").User(); ada != want {
		t.Errorf("got %+v, want %+v", ada, want)
	}
	if again := signIn(t, d, "ada"); again != ada {
		t.Errorf("second sign-in: got %+v, want %+v", again, ada)
	}
	if stored, err := d.User(t.Context(), ada.ID); err != nil || stored != ada {
		t.Errorf("stored: got %+v, %v; want %+v", stored, err, ada)
	}
	if grace := signIn(t, d, "grace"); grace.ID == ada.ID {
		t.Error("two subjects are one user")
	}

	// Only the issuer differs: the email may be anybody's.
	elsewhere := identity("ada")
	elsewhere.Issuer = "https://other.test"
	other, err := d.SignIn(t.Context(), elsewhere)
	if err != nil || other.ID == ada.ID || other.Email != ada.Email {
		t.Errorf("same email from another issuer: got %+v, %v; want another user", other, err)
	}
	if n := count(t, d, "users"); n != 3 {
		t.Errorf("got %d users, want 3", n)
	}
}

func TestSignInTakesOverWhatChanged(t *testing.T) {
	d := open(t)
	ada := signIn(t, d, "ada")
	if err := d.SetRole(t.Context(), ada.ID, auth.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	married := identity("ada")
	married.Name, married.Email, married.EmailVerified, married.Picture = "Ada King", "king@mail.test", false, ""
	want := auth.User{ID: ada.ID, Name: "Ada King", Email: "king@mail.test", Role: auth.RoleAdmin}
	if got, err := d.SignIn(t.Context(), married); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got, err := d.User(t.Context(), ada.ID); err != nil || got != want {
		t.Errorf("stored: got %+v, %v; want %+v", got, err, want)
	}
	if n := count(t, d, "accounts WHERE email = 'king@mail.test' AND email_verified = 0"); n != 1 {
		t.Error("the account kept the old email")
	}
}

// Some providers say a name the first time and never again.
func TestSignInWithoutANameKeepsTheOneThatIsStored(t *testing.T) {
	d := open(t)
	ada := signIn(t, d, "ada")
	nameless := identity("ada")
	nameless.Name, nameless.Email = "", "new@mail.test"
	for range 2 {
		if u, err := d.SignIn(t.Context(), nameless); err != nil || u.Name != ada.Name || u.Email != "new@mail.test" {
			t.Errorf("got %+v, %v; want the name %q and the new email", u, err, ada.Name)
		}
	}
	nameless.Subject = "grace"
	if u, err := d.SignIn(t.Context(), nameless); err != nil || u.Name != "new" {
		t.Errorf("the first time: got %+v, %v", u, err)
	}
}

func TestSignInFindsALinkedUser(t *testing.T) {
	d := open(t)
	ada := signIn(t, d, "ada")
	linked := identity("ada")
	linked.Provider, linked.Issuer, linked.Subject = "linked", "https://linked.test", "42"
	if err := d.Link(t.Context(), auth.Standing{UserID: ada.ID}, linked); err != nil {
		t.Fatal(err)
	}
	if got, err := d.SignIn(t.Context(), linked); err != nil || got.ID != ada.ID {
		t.Errorf("got %+v, %v; want user %s", got, err, ada.ID)
	}
}

func TestDisabled(t *testing.T) {
	ctx := t.Context()
	d := open(t)
	ada := signIn(t, d, "ada")
	if err := d.Disable(ctx, ada.ID, start); err != nil {
		t.Fatal(err)
	}
	changed := identity("ada")
	changed.Name = "Somebody else"
	if _, err := d.SignIn(ctx, changed); !errors.Is(err, auth.ErrDisabled) {
		t.Errorf("got %v, want ErrDisabled", err)
	}
	if u, err := d.User(ctx, ada.ID); err != nil || !u.Disabled || u.Name != ada.Name {
		t.Errorf("got %+v, %v; want the same, disabled", u, err)
	}
	if n := count(t, d, "users WHERE epoch = 1"); n != 1 {
		t.Error("disabling did not raise the epoch")
	}
	if err := d.Enable(ctx, ada.ID, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	ada.Epoch = 1
	if again := signIn(t, d, "ada"); again != ada {
		t.Errorf("got %+v, want %+v", again, ada)
	}
	if n := count(t, d, "users WHERE epoch = 1"); n != 1 {
		t.Error("enabling changed the epoch")
	}
}

func TestUnknownUser(t *testing.T) {
	ctx := t.Context()
	d := open(t)
	_, err := d.User(ctx, "nobody")
	for what, err := range map[string]error{
		"user":     err,
		"set role": d.SetRole(ctx, "nobody", auth.RoleAdmin),
		"disable":  d.Disable(ctx, "nobody", start),
		"enable":   d.Enable(ctx, "nobody", start),
	} {
		if !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", what, err)
		}
	}
}
