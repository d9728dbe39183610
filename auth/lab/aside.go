package lab

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"sessionlab/auth"
)

// asideIssuer is who vouches for people that are made up.
const asideIssuer = "lab"

// tidy deletes the people of runs that ended with the process and so never came to
// [Bench.Close]. Their sessions go with them; spent and unspent refresh tokens are
// swept when their time is up.
func (p Parts) tidy(ctx context.Context) error {
	if err := p.Store.DeleteBench(ctx, asideIssuer); err != nil {
		return fmt.Errorf("delete people whom the lab made up: %w", err)
	}
	return nil
}

// Aside returns a bench of its own beside b, for a run that must not meet what
// people do on b: the same site and strategies, but a realm, keys and a clock of
// its own, which runs on from now, and a made-up person whom nobody else is. Changes
// make its parts other than those of b. It is not saved. [Bench.Close] leaves
// nothing of it behind.
func (b *Bench) Aside(ctx context.Context, now func() time.Time, changes ...func(*Parts)) (*Bench, error) {
	aside := &Bench{Site: b.Site, Host: b.Host, parts: b.parts}
	aside.parts.Now = now
	for _, change := range changes {
		change(&aside.parts)
	}
	person := auth.Identity{Provider: "lab", Issuer: asideIssuer, Subject: b.parts.Auth.Text(), Name: "Ada Lovelace", Email: "ada@example.com"}
	user, err := b.parts.Store.SignIn(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("begin a bench aside: %w", err)
	}
	aside.progress = newProgress(user)
	return aside, aside.begin(ctx)
}

// Close forgets a bench that came from [Bench.Aside]: its rows and its person.
func (b *Bench) Close(ctx context.Context) error {
	err := b.deleteRealm(ctx, b.stage.Load().Realm)
	if err == nil {
		err = b.parts.Store.Forget(ctx, b.user.ID)
	}
	if err != nil {
		return fmt.Errorf("close a bench: %w", err)
	}
	return nil
}

// Browser is a visitor without cookies, for a run in which nobody sits at a screen.
func (b *Bench) Browser() Visitor {
	return Visitor{ID: b.parts.Auth.Text(), Device: auth.Device{Name: "Firefox on Linux"}, Wallet: NewWallet(&http.Request{})}
}

type benchKey struct{}

// about is which bench a request is about.
type about struct {
	bench     *Bench
	inProcess bool
}

// within marks the context of a request that is made in process on behalf of b.
func (b *Bench) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, benchKey{}, about{b, true})
}

// With marks the context of a request that a browser makes, and that is about b.
func (b *Bench) With(ctx context.Context) context.Context {
	return context.WithValue(ctx, benchKey{}, about{b, false})
}

// About returns the bench that a request is about: the one that made it in process,
// or the visitor's own; nil if nobody said which.
func About(ctx context.Context) *Bench {
	a, _ := ctx.Value(benchKey{}).(about)
	return a.bench
}

// From returns the bench that made a request in process, nil for every other
// request.
func From(ctx context.Context) *Bench {
	if a, _ := ctx.Value(benchKey{}).(about); a.inProcess {
		return a.bench
	}
	return nil
}
