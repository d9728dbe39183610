package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sessionlab/auth"
)

// A Late is what happens when the answer to a request that renewed the session
// comes after the browser has signed out: the browser takes the cookies that it
// brings. It is run on a bench aside, with real requests.
type Late struct {
	Tombstone bool               // the sign-out leaves one, as the site's does
	Now       time.Time          // by the clock of that bench
	Answers   map[string]Verdict // to the next request, by strategy
}

// LateAnswer runs it with the tombstone and without, and keeps both for the page.
func (b *Bench) LateAnswer(ctx context.Context, v Visitor) error {
	var lates []Late
	for _, tombstone := range []bool{true, false} {
		late, err := b.late(ctx, tombstone)
		if err != nil {
			return fmt.Errorf("answer late: %w", err)
		}
		for strategy, told := range late.Answers {
			late.Answers[strategy] = b.brief(told)
		}
		lates = append(lates, late)
	}
	b.mu.Lock()
	b.lates = lates
	b.mu.Unlock()
	b.tell(v, "An answer came after its browser had signed out. With the tombstone %s; without it %s.", b.again(lates[0]), b.again(lates[1]))
	return nil
}

// again says where a late answer signed its browser in again.
func (b *Bench) again(late Late) string {
	var names []string
	for _, m := range b.Managers() {
		if late.Answers[m.Name].StillIn {
			names = append(names, m.Name)
		}
	}
	if len(names) == 0 {
		return "that signed it in nowhere"
	}
	return "it is in again under " + List(names)
}

func (b *Bench) late(ctx context.Context, tombstone bool) (late Late, err error) {
	aside, err := b.Aside(ctx, b.parts.Now, func(p *Parts) { p.NoTombstone = !tombstone })
	if err != nil {
		return late, err
	}
	defer func() { err = errors.Join(err, aside.Close(context.WithoutCancel(ctx))) }()
	you, life := aside.Browser(), b.parts.Auth.Life
	edge := time.Duration(float64(life.Idle) * (1 + life.RefreshAt) / 2) // all renew now, and none is over
	if err := errors.Join(aside.SignIn(ctx, you), aside.Advance(ctx, you, edge, false)); err != nil {
		return late, err
	}
	var onTheirWay []http.Header
	for _, m := range aside.Managers() {
		a, err := aside.request(ctx, you.Wallet.clone(), http.MethodGet, "/api/session?strategy="+m.Name)
		if err != nil {
			return late, err
		}
		if a.status != http.StatusOK || len(a.header["Set-Cookie"]) == 0 {
			return late, fmt.Errorf("%s renewed nothing: status %d", m.Name, a.status)
		}
		onTheirWay = append(onTheirWay, a.header)
	}
	if err := aside.SignOut(ctx, you); err != nil {
		return late, err
	}
	for _, header := range onTheirWay {
		you.Wallet.take(header)
	}
	late = Late{Tombstone: tombstone, Now: aside.Now(), Answers: map[string]Verdict{}}
	for _, m := range aside.Managers() {
		v, err := aside.ask(ctx, you.Wallet, m.Name)
		if err != nil {
			return late, err
		}
		v.StillIn = v.Verdict == SignedIn
		late.Answers[m.Name] = v
	}
	return late, nil
}

// noTombstone seals nothing, so that a sign-out leaves nothing behind that tells
// of it.
type noTombstone struct{}

var _ auth.Sealer = noTombstone{}

func (noTombstone) Seal(context.Context, auth.Claims) (string, error) { return "", nil }

func (noTombstone) Open(context.Context, string) (auth.Claims, error) {
	return auth.Claims{}, auth.ErrInvalid
}
