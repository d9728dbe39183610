package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"sessionlab/auth"
)

// Errors of actions. An action that returns one has changed nothing.
var (
	ErrNobody   = errors.New("nobody has signed in yet")
	ErrNoLoot   = errors.New("there is no session to steal")
	ErrNoPhone  = errors.New("there is no phone")
	ErrDuration = errors.New("the clock can only move forward, and not that far")
	ErrManyKeys = errors.New("the key ring is full")

	ErrManyPeople = errors.New("too many users were changed; reset the lab first")
)

// SignIn signs the last user in again in this browser, under every strategy.
func (b *Bench) SignIn(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	user, err := b.signIn(ctx, v.Wallet, v.Device)
	if err != nil {
		return err
	}
	b.mu.Lock()
	you := b.visitor(v)
	*you = client{device: you.device, shown: you.shown} // its previous verdicts are forgotten
	b.lost = false
	b.mu.Unlock()
	b.did(ctx, v, "You signed in as %s, once.", user.Name)
	return nil
}

// AddPhone signs the last user in on a second device, whose cookies the server keeps. An
// existing phone signs in again.
func (b *Bench) AddPhone(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	wallet := &Wallet{cookies: map[string]string{}, ignoresDeletes: true}
	if _, before := b.client(Phone, v); before != nil {
		wallet = before
	}
	user, err := b.signIn(ctx, wallet, auth.Device{Name: "Safari on iPhone"})
	if err != nil {
		return err
	}
	phone := &client{wallet: wallet, sessions: map[string]string{}}
	for _, m := range b.Managers() {
		s, err := m.Load(ctx, wallet.jar(&answer{header: http.Header{}}))
		if err != nil {
			return fmt.Errorf("load the phone's session under %s: %w", m.Name, err)
		}
		phone.sessions[m.Name] = s.ID
	}
	b.mu.Lock()
	b.setClient(Phone, phone)
	b.mu.Unlock()
	b.did(ctx, v, "%s signed in on a phone too.", user.Name)
	return nil
}

// setClient adds a client, replacing one of the same name. Pages have shown the old one,
// or none. The caller holds mu.
func (b *Bench) setClient(name string, c *client) {
	if before := b.clients[name]; before != nil {
		c.shown = before.shown
	} else {
		c.shown = map[string]glimpse{}
		for _, m := range b.Managers() {
			c.shown[m.Name] = glimpse{verdict: None}
		}
	}
	b.clients[name], b.lost = c, false
}

// signIn gives a wallet a session of the last user under every strategy, as they
// are now. One who is disabled is refused, as at the provider's callback.
func (b *Bench) signIn(ctx context.Context, w *Wallet, d auth.Device) (auth.User, error) {
	b.mu.Lock()
	id := b.user.ID
	b.mu.Unlock()
	if id == "" {
		return auth.User{}, ErrNobody
	}
	user, err := b.Users().User(ctx, id)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return user, ErrNobody
	case err != nil:
		return user, err
	case user.Disabled:
		return user, auth.ErrDisabled
	}
	a := &answer{header: http.Header{}}
	in := auth.SignIn{User: user, Device: d, Remember: true}
	if err := auth.IssueAll(ctx, w.jar(a), in, b.Managers()...); err != nil {
		return user, err
	}
	w.take(a.header)
	return user, nil
}

// Steal copies the session cookies of the browser, as malware or a borrowed
// laptop would.
func (b *Bench) Steal(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	loot := v.Wallet.steal()
	if len(loot.cookies) == 0 {
		return ErrNoLoot
	}
	b.mu.Lock()
	b.setClient(Thief, &client{wallet: loot, from: v.ID})
	b.mu.Unlock()
	b.did(ctx, v, "A thief copied your session cookies.")
	return nil
}

// SignOut signs this browser out, by the request that its button would make.
func (b *Bench) SignOut(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	a, err := b.request(ctx, v.Wallet, http.MethodPost, "/sign-out")
	if err != nil {
		return err
	}
	b.expectEnded(Thief)
	if a.status >= 500 {
		b.did(ctx, v, "You signed out, and your browser forgot its cookies, but the server could not be told.")
	} else {
		b.did(ctx, v, "You signed out, and your browser forgot its cookies.")
	}
	return nil
}

// RevokePhone ends the phone's sessions from elsewhere, under every strategy that can end
// a single session without its tokens.
func (b *Bench) RevokePhone(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	b.mu.Lock()
	phone := b.clients[Phone]
	b.mu.Unlock()
	if phone == nil {
		return ErrNoPhone
	}
	cannot, err := b.revoke(ctx, func(strategy string) auth.Target {
		return auth.Target{SessionID: phone.sessions[strategy]}
	})
	if err != nil {
		return err
	}
	b.expectEnded(Phone)
	b.did(ctx, v, "The phone was signed out from elsewhere, which is impossible under %s.", List(cannot))
	return nil
}

// RevokeAll ends every session of the user, wherever that can be done. An
// administrator could do it, or the user from another device: nobody needs to be
// signed in here.
func (b *Bench) RevokeAll(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	cannot, err := b.revoke(ctx, func(string) auth.Target { return auth.Target{All: true} })
	if err != nil {
		return err
	}
	b.expectEnded(You, Phone, Thief)
	b.did(ctx, v, "All devices were signed out, which is impossible under %s.", List(cannot))
	return nil
}

// revoke ends the target sessions of the last user under every strategy and returns the
// strategies that cannot.
func (b *Bench) revoke(ctx context.Context, target func(strategy string) auth.Target) (cannot []string, err error) {
	b.mu.Lock()
	id := b.user.ID
	b.mu.Unlock()
	if id == "" {
		return nil, ErrNobody
	}
	for _, m := range b.Managers() {
		r, ok := m.Strategy.(auth.Revoker)
		if ok {
			t := target(m.Name)
			t.UserID = id
			if t.Check() != nil {
				continue // the phone has no session under this strategy
			}
			_, err = r.Revoke(ctx, t)
		}
		switch {
		case !ok || errors.Is(err, auth.ErrNotRevocable):
			cannot = append(cannot, m.Name)
		case err != nil:
			return nil, fmt.Errorf("revoke under %s: %w", m.Name, err) // the others stay as they are
		}
	}
	return cannot, nil
}

// Reset starts over: a new realm, so that nothing sealed or stored before is known any
// more, the clock set back to the process clock, the people as they were, nobody but the
// last user remembered, and this browser clean.
func (b *Bench) Reset(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	old := b.stage.Load().Realm
	b.mu.Lock()
	before := b.progress
	b.progress = newProgress(before.user)
	b.touched = maps.Clone(before.touched)
	touched := sorted(b.touched)
	b.mu.Unlock()
	if err := b.begin(ctx); err != nil {
		b.mu.Lock()
		b.progress = before
		b.mu.Unlock()
		return err
	}
	v.Wallet.Forget()

	// The bench has started over, and the sessions of the old realm are over. What fails
	// from here on is logged, and the next reset tries it again.
	for _, id := range touched {
		err := errors.Join(b.parts.Store.Enable(ctx, id, b.parts.Now()), b.parts.Store.SetRole(ctx, id, auth.RoleMember))
		if err != nil && !errors.Is(err, auth.ErrNotFound) {
			b.parts.Log.WarnContext(ctx, "person not restored", "user", id, "error", err)
			continue
		}
		b.mu.Lock()
		delete(b.touched, id)
		b.mu.Unlock()
	}
	if err := b.deleteRealm(ctx, old); err != nil {
		b.parts.Log.WarnContext(ctx, "old realm not deleted", "error", err)
	}
	b.keep(ctx)
	return nil
}

// expectEnded marks clients whose sessions should be over from now on.
func (b *Bench) expectEnded(names ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		if c := b.clients[name]; c != nil {
			c.shouldBeOut = true
		}
		if name == You {
			for _, c := range b.you {
				c.shouldBeOut = true
			}
		}
	}
}

// MaxAdvance bounds how far one click moves the clock, and maxAhead all clicks together.
const (
	MaxAdvance = 400 * 24 * time.Hour
	maxAhead   = 100 * 365 * 24 * time.Hour
)

// Advance moves the clock by d, which is more than 0 and at most [MaxAdvance]. Meanwhile
// no client makes requests or, if daily is set, each makes one a day.
func (b *Bench) Advance(ctx context.Context, v Visitor, d time.Duration, daily bool) error {
	b.act.Lock()
	defer b.act.Unlock()
	ahead := &b.stage.Load().clock.ahead
	if d <= 0 || d > MaxAdvance || time.Duration(ahead.Load())+d > maxAhead {
		return ErrDuration
	}
	if err := b.saveAs(ctx, b.stage.Load(), time.Duration(ahead.Load())+d); err != nil {
		return err
	}
	const day = 24 * time.Hour
	left, how := d, "nobody asking"
	if daily {
		how = "everybody asking once a day"
		for ; left > day; left -= day {
			ahead.Add(int64(day))
			asked, _, err := b.round(ctx, v)
			if err != nil {
				b.parts.Log.WarnContext(ctx, "advance interrupted", "error", err)
				b.did(ctx, v, "%s went by, until a request failed.", Span(d-left+day))
				return nil
			}
			if !anybodyIn(asked) {
				left -= day
				break // and nobody will be
			}
		}
	}
	ahead.Add(int64(left))
	if d <= day {
		b.did(ctx, v, "%s went by.", Span(d))
	} else {
		b.did(ctx, v, "%s went by, with %s.", Span(d), how)
	}
	return nil
}

func anybodyIn(asked map[string]map[string]Verdict) bool {
	for _, answers := range asked {
		for _, v := range answers {
			if v.Verdict == SignedIn {
				return true
			}
		}
	}
	return false
}
