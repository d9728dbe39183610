package auth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"sessionlab/auth"
)

// Stateless remembers in the cookie alone. Signing out ends nothing that somebody
// else has copied.
func ExampleStateless() {
	key, _ := auth.NewKey([]byte("an example key, which is no secret"))
	ring, _ := auth.NewKeyRing(key)
	vault := &auth.Vault{Format: "securecookie", Ring: ring, Version: func() int64 { return 1 }}

	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	s := &auth.Stateless{
		Seal: vault.Sealer("a purpose"),
		Life: auth.Lifetimes{Idle: 7 * 24 * time.Hour, Max: 30 * 24 * time.Hour, RefreshAt: 0.8},
		Now:  func() time.Time { return now },
		Text: func() string { return "S4UR3XAMPLE" },
	}

	ctx := context.Background()
	_, copied, _ := s.Issue(ctx, auth.SignIn{User: auth.User{ID: "u1", Name: "Ada"}, Remember: true})
	s.End(ctx, copied) // Ada signs out

	session, _ := s.Authenticate(ctx, copied)
	fmt.Println("after the sign-out the copy is", session.User.Name)

	now = session.ExpiresAt
	_, err := s.Authenticate(ctx, copied)
	fmt.Println("after a week:", auth.Reason(err))
	// Output:
	// after the sign-out the copy is Ada
	// after a week: expired
}

// A verdict says that a session is over. A fault says nothing, and must never
// sign anybody out.
func ExampleRefused() {
	for _, err := range []error{auth.ErrExpired, fmt.Errorf("authenticate: %w", auth.ErrInvalid), errors.New("disk full")} {
		fmt.Println(auth.Refused(err), auth.Reason(err))
	}
	// Output:
	// true expired
	// true invalid
	// false
}

// Keys are named by an id that is safe to show; the newest seals.
func ExampleParseKeyRing() {
	ring, err := auth.ParseKeyRing("YSBuZXdlciBleGFtcGxlIGtleSwgYXMgcHVibGljIGFzIHRoaXM=, YW4gZXhhbXBsZSBrZXksIHdoaWNoIGlzIG5vIHNlY3JldA==")
	fmt.Println(err, len(ring.Keys()), ring.Newest().ID)

	_, err = auth.ParseKeyRing("aHVudGVyMg==")
	fmt.Println(err)
	// Output:
	// <nil> 2 48e1dab7
	// key 1: a key has 7 bytes, want at least 32
}

// A custom source of random bytes makes keys in tests; outside of them it is
// crypto/rand.
func ExampleGenerateKey() {
	_, err := auth.GenerateKey(bytes.NewReader(make([]byte, 16)))
	fmt.Println(err)
	// Output:
	// generate key: unexpected EOF
}

// An Observer is all that metrics or traces need. It is told when a step begins, and
// what it returns is called when the step ends; strategies know nothing of it.
func ExampleObserver() {
	clock := time.Unix(0, 0) // time.Now in your program
	now := func() time.Time { clock = clock.Add(time.Millisecond); return clock }

	count := map[string]int{} // a counter and a histogram of your metrics library, by kind
	took := map[string]time.Duration{}
	metrics := func(ctx context.Context, kind, step string) func(error) {
		began := now() // ctx, span := tracer.Start(ctx, kind+" "+step)
		return func(err error) {
			count[kind]++ // errors are verdicts, or faults: see Refused
			took[kind] += now().Sub(began)
			// span.RecordError(err); span.End()
		}
	}

	key, _ := auth.NewKey([]byte("an example key, which is no secret"))
	ring, _ := auth.NewKeyRing(key)
	vault := &auth.Vault{
		Format: "jwe", Ring: ring, Version: func() int64 { return 1 },
		Observe: auth.Observers(auth.Receipts(now), metrics), // so does main for the vault, the managers and the database
	}
	seal := vault.Sealer("a purpose")
	value, _ := seal.Seal(context.Background(), auth.Claims{})
	seal.Open(context.Background(), value)
	seal.Open(context.Background(), "not ours")
	fmt.Println("seal:", count["seal"], took["seal"])
	fmt.Println("open seal:", count["open seal"], took["open seal"])
	// Output:
	// seal: 1 1ms
	// open seal: 2 2ms
}
