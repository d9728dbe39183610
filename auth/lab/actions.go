package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sessionlab/auth"
)

// What an action cannot do something about. None of them changes anything.
var (
	ErrNobody   = errors.New("nobody has signed in yet")
	ErrNoLoot   = errors.New("there is no session to steal")
	ErrNoPhone  = errors.New("there is no phone")
	ErrDuration = errors.New("the clock moves forward, and not so far")
	ErrManyKeys = errors.New("the ring holds as many keys as it may")

	ErrManyPeople = errors.New("as many people were changed as may be")
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
	*you = client{device: you.device, shown: you.shown} // what it was told before is over
	b.lost = false
	b.mu.Unlock()
	b.tell(v, "You signed in as %s, once.", user.Name)
	return b.save(ctx)
}

// AddPhone signs the last user in on a second device, whose cookies the server
// keeps. One that is there signs in anew.
func (b *Bench) AddPhone(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	wallet := &Wallet{cookies: map[string]string{}, stubborn: true}
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
	b.enter(Phone, phone)
	b.mu.Unlock()
	b.tell(v, "%s signed in on a phone too.", user.Name)
	return b.save(ctx)
}

// enter puts a client on stage, in place of one of that name. Pages have shown that
// one, or that nobody was there. The caller holds mu.
func (b *Bench) enter(name string, c *client) {
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
	b.enter(Thief, &client{wallet: loot, from: v.ID})
	b.mu.Unlock()
	b.tell(v, "A thief copied your session cookies.")
	return b.save(ctx)
}

// SignOut signs this browser out, by the request that its button would make.
func (b *Bench) SignOut(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	a, err := b.request(ctx, v.Wallet, http.MethodPost, "/sign-out")
	if err != nil {
		return err
	}
	b.meantToEnd(Thief)
	if a.status >= 500 {
		b.tell(v, "You signed out, and your browser forgot its cookies, but the server could not be told.")
	} else {
		b.tell(v, "You signed out, and your browser forgot its cookies.")
	}
	return b.save(ctx)
}

// RevokePhone ends the phone's sessions from elsewhere, wherever one session can
// be ended that is not being shown.
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
	b.meantToEnd(Phone)
	b.tell(v, "The phone was signed out from elsewhere, which is impossible under %s.", list(cannot))
	return b.save(ctx)
}

// RevokeAll ends every session of the user, wherever that can be done. An
// administrator could do it, or the user from another device: nobody needs to be
// signed in here.
func (b *Bench) RevokeAll(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	cannot, err := b.revoke(ctx, func(string) auth.Target { return auth.Target{} })
	if err != nil {
		return err
	}
	b.meantToEnd(You, Phone, Thief)
	b.tell(v, "All devices were signed out, which is impossible under %s.", list(cannot))
	return b.save(ctx)
}

// revoke ends a target of the last user under every strategy, and names those
// that cannot.
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

// Reset starts over: a new realm, so that nothing sealed or stored before is
// known any more, the clock as it is, the people as they were, nobody but the
// last user remembered, and this browser clean.
func (b *Bench) Reset(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	old := b.stage.Load().Realm
	b.mu.Lock()
	touched, before := sorted(b.touched), b.progress
	b.mu.Unlock()
	for _, id := range touched {
		err := errors.Join(b.parts.Store.Enable(ctx, id, b.parts.Now()), b.parts.Store.SetRole(ctx, id, auth.RoleMember))
		if err != nil && !errors.Is(err, auth.ErrNotFound) {
			return err
		}
	}
	b.mu.Lock()
	b.progress = newProgress(before.user)
	b.mu.Unlock()
	if err := b.begin(ctx); err != nil {
		b.mu.Lock()
		b.progress = before
		b.mu.Unlock()
		return err
	}
	if err := b.deleteRealm(ctx, old); err != nil {
		return fmt.Errorf("delete the old realm: %w", err)
	}
	v.Wallet.Forget()
	return nil
}

// meantToEnd marks clients whose sessions should be over from now on.
func (b *Bench) meantToEnd(names ...string) {
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

// MaxAdvance is how far one press may move the clock, and maxAhead all of them.
const (
	MaxAdvance = 400 * 24 * time.Hour
	maxAhead   = 100 * 365 * 24 * time.Hour
)

// Advance moves the clock by d, which is more than 0 and at most [MaxAdvance].
// Meanwhile everybody is silent, or asks once a day.
func (b *Bench) Advance(ctx context.Context, v Visitor, d time.Duration, daily bool) error {
	b.act.Lock()
	defer b.act.Unlock()
	ahead := &b.stage.Load().clock.ahead
	if d <= 0 || d > MaxAdvance || time.Duration(ahead.Load())+d > maxAhead {
		return ErrDuration
	}
	const day = 24 * time.Hour
	left, how := d, "nobody asking"
	if daily {
		how = "everybody asking once a day"
		for ; left > day; left -= day {
			ahead.Add(int64(day))
			asked, _, err := b.round(ctx, v)
			if err != nil {
				return errors.Join(err, b.save(context.WithoutCancel(ctx))) // so far it went
			}
			if !anybodyIn(asked) {
				left -= day
				break // and nobody will be
			}
		}
	}
	ahead.Add(int64(left))
	if d <= day {
		b.tell(v, "%s went by.", Span(d))
	} else {
		b.tell(v, "%s went by, with %s.", Span(d), how)
	}
	return b.save(ctx)
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
