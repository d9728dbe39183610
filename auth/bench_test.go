package auth_test

import (
	"context"
	"crypto/rand"
	"net/http/httptest"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db"
)

// Run with: go test -bench . ./auth ./db
// Machines differ and are noisy: compare within one run, and look at allocations.

func BenchmarkSeal(b *testing.B) {
	for _, format := range auth.Formats() {
		s, claims := newVault(b, format).Sealer("a purpose"), someClaims()
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Seal(b.Context(), claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, format := range auth.Formats() {
		s := newVault(b, format).Sealer("a purpose")
		value, err := s.Seal(b.Context(), someClaims())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Open(b.Context(), value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchStrategies runs f for each strategy and seal, with a user to sign in.
func benchStrategies(b *testing.B, f func(b *testing.B, s auth.Strategy, in auth.SignIn)) {
	store := openDatabase(b)
	u, err := store.SignIn(context.Background(), auth.Identity{Issuer: "https://idp.example", Subject: "1", Name: "Ada", Email: "ada@example.com"})
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range auth.Kinds() {
		for _, format := range auth.Formats() {
			s, err := kind.New(auth.Parts{
				Sealer: newVault(b, format).Sealer, Stored: newVault(b, format).Stored, Users: store, Sessions: db.Sessions{DB: store}, Refresh: db.Sessions{DB: store}, Realm: "bench",
				Life: life, Now: time.Now, Text: rand.Text,
			})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(kind.Name+"/"+format, func(b *testing.B) {
				b.ReportAllocs()
				f(b, s, auth.SignIn{User: u, Device: auth.Device{Name: "Firefox on Linux"}, Remember: true})
			})
		}
	}
}

func BenchmarkIssue(b *testing.B) {
	benchStrategies(b, func(b *testing.B, s auth.Strategy, in auth.SignIn) {
		for b.Loop() {
			if _, _, err := s.Issue(b.Context(), in); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	benchStrategies(b, func(b *testing.B, s auth.Strategy, in auth.SignIn) {
		_, t, err := s.Issue(b.Context(), in)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := s.Authenticate(b.Context(), t); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLoad measures what each request costs: reading cookies and authenticating.
func BenchmarkLoad(b *testing.B) {
	benchStrategies(b, func(b *testing.B, s auth.Strategy, in auth.SignIn) {
		_, t, err := s.Issue(b.Context(), in)
		if err != nil {
			b.Fatal(err)
		}
		m := &auth.Manager{Name: "x", Strategy: s, Now: time.Now}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "theme=dark; __Host-session-x="+t.Access.Value+"; __Host-refresh-x="+t.Refresh.Value+"; __Host-strategy=x")
		w := httptest.NewRecorder()
		for b.Loop() {
			if _, err := m.Load(b.Context(), auth.NewJar(w, r)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
