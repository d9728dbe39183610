package lab

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"sessionlab/auth"
)

// asideIssuer is the issuer of people who were made up.
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

// Aside returns a temporary bench isolated from b: the same site and strategies, but a
// realm, keys and a clock of its own, which starts from the clock now, and a made-up
// person of its own. Each of changes modifies its copy of b's Parts. It is not saved.
// [Bench.Close] leaves nothing of it behind.
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

// benchRef names the bench of a request.
type benchRef struct {
	bench     *Bench
	inProcess bool
}

// within marks the context of a request that is made in process on behalf of b.
func (b *Bench) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, benchKey{}, benchRef{b, true})
}

// With marks the context of a request that a browser makes, and that is about b.
func (b *Bench) With(ctx context.Context) context.Context {
	return context.WithValue(ctx, benchKey{}, benchRef{b, false})
}

// About returns the bench that a request is about: the one that made it in process, or
// the visitor's own; nil if none is set.
func About(ctx context.Context) *Bench {
	a, _ := ctx.Value(benchKey{}).(benchRef)
	return a.bench
}

// From returns the bench that made a request in process, nil for every other
// request.
func From(ctx context.Context) *Bench {
	if a, _ := ctx.Value(benchKey{}).(benchRef); a.inProcess {
		return a.bench
	}
	return nil
}
