package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sessionlab/auth"
)

func newVault(t testing.TB, format string) *auth.Vault {
	return &auth.Vault{Format: format, Ring: newRing(t), Realm: "test", Version: func() int64 { return 1 }, Memo: auth.NewMemo(100)}
}

func someClaims() auth.Claims {
	at := time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC)
	return auth.Claims{
		IssuedAt: at, ExpiresAt: at.Add(time.Hour), EndsAt: at.Add(48 * time.Hour),
		Session: auth.Session{
			ID: "S4UR3X", IssuedAt: at.Add(-time.Minute), ExpiresAt: at.Add(time.Hour), EndsAt: at.Add(48 * time.Hour), Remember: true,
			User:   auth.User{ID: "u1", Email: "ada@example.com", Name: "Ada \"Countess\" Lovelace ✓", Picture: "https://p.example/a.png", Role: "member"},
			Device: auth.Device{Name: "Firefox on Linux"},
		},
	}
}

func TestSealRoundTrip(t *testing.T) {
	for _, format := range auth.Formats() {
		s := newVault(t, format).Sealer("a purpose")
		want := someClaims()
		value, err := s.Seal(context.Background(), want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Open(context.Background(), value)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(auth.Session{})); diff != "" {
			t.Errorf("%s changed what it sealed:\n%s", format, diff)
		}
	}
}

func TestSealHoldsFast(t *testing.T) {
	ctx := context.Background()
	for _, format := range auth.Formats() {
		v := newVault(t, format)
		value, err := v.Sealer("a purpose").Seal(ctx, someClaims())
		if err != nil {
			t.Fatal(err)
		}
		t.Run(format+"/another purpose", func(t *testing.T) {
			if _, err := v.Sealer("flow").Open(ctx, value); !errors.Is(err, auth.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
		t.Run(format+"/another realm", func(t *testing.T) {
			other := *v
			other.Realm = "elsewhere"
			if _, err := other.Sealer("a purpose").Open(ctx, value); !errors.Is(err, auth.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
		t.Run(format+"/an unknown key is not replaced by another", func(t *testing.T) {
			other := *v
			other.Ring = newRing(t)
			if _, err := other.Sealer("a purpose").Open(ctx, value); !errors.Is(err, auth.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
		t.Run(format+"/every single flipped bit is noticed", func(t *testing.T) {
			for i := range len(value) {
				for bit := range 7 {
					bad := []byte(value)
					bad[i] ^= 1 << bit
					if _, err := v.Sealer("a purpose").Open(ctx, string(bad)); !errors.Is(err, auth.ErrInvalid) {
						t.Fatalf("byte %d, bit %d: got %v", i, bit, err)
					}
				}
			}
		})
		t.Run(format+"/nothing legible", func(t *testing.T) {
			if format == "jwt" {
				t.Skip("a jwt is signed, not encrypted, and the page says so")
			}
			for _, part := range strings.FieldsFunc(value, func(r rune) bool { return r == '.' || r == '|' }) {
				plain, _ := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
				if strings.Contains(string(plain), "ada@") {
					t.Error("the email can be read")
				}
			}
		})
	}
}

func TestKeyRing(t *testing.T) {
	good := base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv"))
	for _, c := range []struct{ name, keys, want string }{
		{"one key", good, ""},
		{"URL alphabet, no padding, spaces", " " + strings.TrimRight(good, "=") + " ", ""},
		{"empty", "", "bytes"},
		{"not base64", "correct horse battery staple", "not base64"},
		{"short", base64.StdEncoding.EncodeToString([]byte("0123456789abcdef")), "at least 32"},
		{"typed", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("secret", 8))), "not look random"},
		{"zero", base64.StdEncoding.EncodeToString(make([]byte, 32)), "not look random"},
		{"duplicate", good + "," + good, "duplicate"},
		{"the second is broken", good + ",!", "key 2"},
	} {
		ring, err := auth.ParseKeyRing(c.keys)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want == "" && ring.Newest().ID == "":
			t.Errorf("%s: no id", c.name)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want something about %q", c.name, err, c.want)
		case err != nil && len(c.keys) > 3 && strings.Contains(err.Error(), c.keys):
			t.Errorf("%s: the error repeats the key", c.name)
		}
	}
}

// A derived key is the same for the same label, and another for any other.
func TestKeyDerive(t *testing.T) {
	root := newRing(t).Newest()
	derive := func(k *auth.Key, label string) string {
		d, err := k.Derive(label)
		if err != nil {
			t.Fatal(err)
		}
		return d.ID
	}
	a := derive(root, "a")
	if a != derive(root, "a") || a == derive(root, "b") || a == derive(newRing(t).Newest(), "a") || a == root.ID {
		t.Error("a derived key is not one's own, or not the same again")
	}
}

func TestKeyRingSurvivesEncoding(t *testing.T) {
	ring, err := auth.NewKeyRing(newRing(t).Newest(), newRing(t).Newest())
	if err != nil {
		t.Fatal(err)
	}
	again, err := auth.ParseKeyRing(ring.Encode())
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range ring.Keys() {
		if again.Keys()[i].ID != k.ID {
			t.Errorf("key %d: got id %s, want %s", i, again.Keys()[i].ID, k.ID)
		}
	}
}

func FuzzOpen(f *testing.F) {
	v := newVault(f, "securecookie")
	value, err := v.Sealer("a purpose").Seal(context.Background(), someClaims())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Add(v.Ring.Newest().ID + ".AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range auth.Formats() {
			other := *v
			other.Format = format
			if _, err := other.Sealer("a purpose").Open(context.Background(), s); s != value && err != nil && !auth.Refused(err) {
				t.Errorf("%q: got %v", s, err)
			}
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add("https://idp.example", "1", "ada@example.com", "Ada", "https://p.example/a.png")
	f.Fuzz(func(t *testing.T, issuer, subject, email, name, picture string) {
		id := auth.Identity{Issuer: issuer, Subject: subject, Email: email, Name: name, Picture: picture}
		u := id.User()
		if u.ID != id.UserID() || u.Name == "" || len([]rune(u.Name)) > 128 || len(u.Email) > 254 || len(u.Picture) > 512 {
			t.Errorf("got %+v", u)
		}
	})
}

// What a memo knows dies with the key and with the version, and is bound to the
// purpose, the realm and the ring that opened it.
func TestMemoChangesNoAnswer(t *testing.T) {
	ctx := context.Background()
	for _, format := range auth.Formats() {
		version := int64(1)
		v := newVault(t, format)
		v.Version = func() int64 { return version }
		s := v.Sealer("a purpose")
		value, err := s.Seal(ctx, someClaims())
		if err != nil {
			t.Fatal(err)
		}
		open := func(s auth.Sealer, want error) {
			t.Helper()
			for range 2 { // the second time from memory
				if _, err := s.Open(ctx, value); !errors.Is(err, want) {
					t.Errorf("%s: got %v, want %v", format, err, want)
				}
			}
		}
		open(s, nil)
		open(v.Sealer("flow"), auth.ErrInvalid)
		elsewhere := *v
		elsewhere.Realm = "elsewhere"
		open(elsewhere.Sealer("a purpose"), auth.ErrInvalid)
		stranger := *v
		stranger.Ring = newRing(t)
		open(stranger.Sealer("a purpose"), auth.ErrInvalid)

		version = 2
		open(s, auth.ErrVersion)
		version = 1
		open(s, nil)
		old := v.Ring
		v.Ring = newRing(t)
		open(s, auth.ErrInvalid)
		v.Ring = old
		open(s, nil)
	}
}
