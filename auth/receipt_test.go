package auth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
)

// watchers are the ways to watch a request, from not at all to every step.
var watchers = []struct {
	name    string
	observe auth.Observer
	ctx     context.Context
}{
	{"no observer", nil, context.Background()},
	{"no receipt", auth.Receipts(time.Now), context.Background()},
	{"brief receipt", auth.Receipts(time.Now), auth.WithReceipt(context.Background(), &auth.Receipt{Brief: true})},
	{"full receipt", auth.Receipts(time.Now), nil}, // one for each request
}

// loading returns a load of a cookie session, which is watched in three places:
// the strategy, its seal, and the tombstone that it does not have.
func loading(tb testing.TB, observe auth.Observer) func(context.Context) error {
	vault := newVault(tb, "securecookie")
	vault.Observe = observe
	s := &auth.Stateless{Seal: vault.Sealer("cookie"), Life: life, Now: time.Now, Text: rand.Text}
	_, t, err := s.Issue(context.Background(), auth.SignIn{User: auth.User{ID: "1", Name: "Ada"}})
	if err != nil {
		tb.Fatal(err)
	}
	m := &auth.Manager{Name: "cookie", Strategy: s, SignOuts: vault.Sealer(auth.SignOutPurpose), Now: time.Now, Observe: observe}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "__Host-session-cookie="+t.Access.Value)
	w := httptest.NewRecorder()
	return func(ctx context.Context) error {
		if ctx == nil {
			ctx = auth.WithReceipt(context.Background(), &auth.Receipt{})
		}
		_, err := m.Load(ctx, auth.NewJar(w, r))
		return err
	}
}

// Where nobody watches, hooks allocate nothing.
func TestNobodyWatchesForFree(t *testing.T) {
	var unobserved float64
	for _, w := range watchers[:3] {
		load := loading(t, w.observe)
		n := testing.AllocsPerRun(100, func() {
			if err := load(w.ctx); err != nil {
				t.Fatal(err)
			}
		})
		if w.observe == nil {
			unobserved = n
		}
		if n != unobserved {
			t.Errorf("%s: got %v allocations, want %v as with no observer", w.name, n, unobserved)
		}
	}
}

// BenchmarkObserve measures what observation costs. Compare within one run.
func BenchmarkObserve(b *testing.B) {
	for _, w := range watchers {
		load := loading(b, w.observe)
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := load(w.ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A brief receipt counts statements and keeps nothing else; a full one counts the
// same, and says what went wrong.
func TestReceiptCounts(t *testing.T) {
	now := time.Unix(0, 0)
	observe := auth.Receipts(func() time.Time { now = now.Add(time.Millisecond); return now })
	for _, r := range []*auth.Receipt{{}, {Brief: true}} {
		ctx := auth.WithReceipt(t.Context(), r)
		observe(ctx, "read", "SELECT\n\t\t1")(nil)
		observe(ctx, "write", "UPDATE")(errors.New("disk full"))
		observe(ctx, "seal", "cookie")(nil)
		if reads, writes := r.Count("read"), r.Count("write"); reads != 1 || writes != 1 {
			t.Errorf("brief %v: got %d reads and %d writes, want one each", r.Brief, reads, writes)
		}
		steps := r.Steps()
		if r.Brief {
			if len(steps) != 0 || r.Count("seal") != 0 {
				t.Errorf("a brief receipt kept %v", steps)
			}
			continue
		}
		want := []auth.Step{
			{Kind: "read", Name: "SELECT 1", Took: time.Millisecond, Began: 1},
			{Kind: "write", Name: "UPDATE", Took: time.Millisecond, Err: "disk full", Began: 2},
			{Kind: "seal", Name: "cookie", Took: time.Millisecond, Began: 3},
		}
		for i, w := range want {
			if i >= len(steps) || steps[i] != w {
				t.Fatalf("got %v, want %v", steps, want)
			}
		}
	}
}

// Observers lie within each other, and one that is nil is no harm.
func TestObserversSideBySide(t *testing.T) {
	var said []string
	speak := func(name string) auth.Observer {
		return func(_ context.Context, kind, step string) func(error) {
			said = append(said, name+" "+kind+" "+step)
			return func(err error) { said = append(said, name+" "+err.Error()) }
		}
	}
	auth.Observers(speak("a"), nil, speak("b"))(t.Context(), "read", "a row")(errors.New("gone"))
	if got, want := strings.Join(said, ", "), "a read a row, b read a row, b gone, a gone"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
