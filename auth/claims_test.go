package auth_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
)

// A value that is sealed as it should be and does not say whose session it is, or
// from when until when, is no session.
func TestSealedWithoutASessionIsInvalid(t *testing.T) {
	lacking := map[string]func(*auth.Claims){
		"sub":              func(c *auth.Claims) { c.Session.User.ID = "" },
		"sid":              func(c *auth.Claims) { c.Session.ID = "" },
		"auth_time":        func(c *auth.Claims) { c.Session.IssuedAt = time.Time{} },
		"iat":              func(c *auth.Claims) { c.IssuedAt = time.Time{} },
		"end":              func(c *auth.Claims) { c.EndsAt, c.Session.EndsAt = time.Time{}, time.Time{} },
		"exp":              func(c *auth.Claims) { c.ExpiresAt = time.Time{} },
		"exp before end":   func(c *auth.Claims) { c.ExpiresAt = c.EndsAt.Add(time.Second) },
		"a positive end":   func(c *auth.Claims) { c.EndsAt = time.UnixMilli(-5000) },
		"an end in sight":  func(c *auth.Claims) { c.EndsAt = time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a positive iat":   func(c *auth.Claims) { c.IssuedAt = time.UnixMilli(-1) },
		"anything at all":  func(c *auth.Claims) { *c = auth.Claims{} },
		"a session of any": func(c *auth.Claims) { c.Session = auth.Session{} },
	}
	for _, kind := range auth.Kinds() {
		for _, seal := range auth.Formats() {
			s := newStage(t, kind, seal)
			session, tokens := s.signIn(s.ada)
			for name, without := range lacking {
				c := auth.Claims{IssuedAt: session.IssuedAt, ExpiresAt: session.IssuedAt.Add(time.Minute), EndsAt: session.EndsAt, Session: session}
				without(&c)
				for _, purpose := range []string{kind.Name, kind.Name + "-refresh"} {
					value, err := s.vault.Sealer(purpose).Seal(s.ctx, c)
					if err != nil {
						t.Fatal(err)
					}
					shown := auth.Tokens{Access: auth.Token{Value: value}}
					if purpose != kind.Name {
						shown = auth.Tokens{Access: shown.Access, Refresh: shown.Access}
					}
					if _, err = s.strategy.Authenticate(s.ctx, shown); errors.Is(err, auth.ErrStale) {
						_, _, err = s.strategy.Renew(s.ctx, shown)
					}
					if !errors.Is(err, auth.ErrInvalid) {
						t.Errorf("%s, %s, without %s as %s: got %v, want %v", kind.Name, seal, name, purpose, err, auth.ErrInvalid)
					}
				}
			}
			s.accepted(&tokens)
		}
	}
}

// What a jwe does not authenticate, because a direct key encrypts no other, must
// not be there.
func TestJWEWithAnEncryptedKey(t *testing.T) {
	v := newVault(t, "jwe")
	value, err := v.Sealer("a purpose").Seal(context.Background(), someClaims())
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(value, ".")
	for _, added := range []string{"AAAA", "QQ", strings.Repeat("A", 4000)} {
		parts[1] = added
		if _, err := v.Sealer("a purpose").Open(context.Background(), strings.Join(parts, ".")); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("with %.8q: got %v, want %v", added, err, auth.ErrInvalid)
		}
	}
}

// The memo keeps what values said, and nothing of the requests that showed them.
func TestMemoForgetsTheRequest(t *testing.T) {
	const entries, most = 1000, 3 << 10
	ctx := context.Background()
	for _, format := range auth.Formats() {
		v := newVault(t, format)
		v.Memo = auth.NewMemo(entries)
		seal := v.Sealer("a purpose")
		values := make([]string, entries)
		for i := range values {
			c := someClaims()
			c.ExpiresAt = c.ExpiresAt.Add(time.Duration(i) * time.Millisecond)
			var err error
			if values[i], err = seal.Seal(ctx, c); err != nil {
				t.Fatal(err)
			}
		}
		heap := func() int64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		before := heap()
		for _, value := range values {
			header := strings.Clone("other=" + strings.Repeat("x", 15<<10) + "; __Host-session-cookie=" + value)
			if _, err := seal.Open(ctx, header[len(header)-len(value):]); err != nil {
				t.Fatal(err)
			}
		}
		if each := (heap() - before) / entries; each > most {
			t.Errorf("%s: an entry keeps %d bytes, want at most %d", format, each, most)
		}
		runtime.KeepAlive(v)
	}
}
