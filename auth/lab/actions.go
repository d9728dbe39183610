package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sessionlab/auth"
)

// Names of clients.
const (
	You   = "you"
	Thief = "thief"
)

// A Visitor is the browser that pressed a button: its cookies, and the id under
// which the bench remembers what it was last told.
type Visitor struct {
	ID     string
	Device auth.Device
	Wallet *Wallet
}

// A State is what everybody was last told.
type State struct {
	Now     time.Time                     `json:"now"`
	Clients map[string]map[string]Verdict `json:"clients"`
	Story   []string                      `json:"story"`

	Lines    []Line   `json:"-"` // the story with its times, newest first
	Known    bool     `json:"-"` // somebody has signed in, so that "sign in" needs no provider
	UserName string   `json:"-"`
	Order    []string `json:"-"` // strategies, as pages show them
}

// A Line of the story: one action and its consequences.
type Line struct {
	At   time.Time
	Text string

	by string // the visitor who acted, until it is known what became of it
}

// ErrNobody says that an action needs somebody who has signed in before.
var ErrNobody = errors.New("nobody has signed in yet")

// maxStory and maxVisitors bound what a bench keeps.
const (
	maxStory    = 200
	maxVisitors = 100
)

// Look asks on behalf of every client and tells what they were answered.
func (b *Bench) Look(ctx context.Context, v Visitor) (State, error) {
	g := b.stage.Load()
	b.mu.Lock()
	you, known := b.you[v.ID]
	if !known {
		if len(b.you) >= maxVisitors {
			clear(b.you)
		}
		you = newClient(nil)
		b.you[v.ID] = you
	}
	thief := b.thief
	b.mu.Unlock()

	asked := map[string]map[string]Verdict{}
	for _, who := range []struct {
		name   string
		client *client
		wallet *Wallet
	}{{You, you, v.Wallet}, {Thief, thief, nil}} {
		if who.client == nil {
			continue
		}
		if who.wallet == nil {
			who.wallet = who.client.wallet.clone(&b.mu)
		}
		answers := map[string]Verdict{}
		for _, m := range g.managers {
			verdict, err := b.ask(ctx, who.wallet, m.Name)
			if err != nil {
				return State{}, fmt.Errorf("ask %s under %s: %w", who.name, m.Name, err)
			}
			answers[m.Name] = verdict
		}
		b.mu.Lock()
		if who.client.wallet != nil {
			who.client.wallet = who.wallet
		}
		for name, verdict := range answers {
			answers[name] = verdict.follow(who.client.verdicts[name], len(who.client.verdicts) > 0, who.client.shouldBeOut)
		}
		who.client.verdicts = answers
		b.mu.Unlock()
		asked[who.name] = answers
	}
	b.conclude(v.ID, asked)
	return b.state(asked), nil
}

// conclude adds to the visitor's last line of the story what became of it.
func (b *Bench) conclude(visitor string, asked map[string]map[string]Verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.story) == 0 || b.story[len(b.story)-1].by != visitor {
		return
	}
	last := &b.story[len(b.story)-1]
	last.by = ""
	for _, who := range []struct{ name, label string }{{You, "You are"}, {Thief, "The thief is"}} {
		var in, out []string
		for _, m := range b.Managers() {
			switch asked[who.name][m.Name].Verdict {
			case SignedIn:
				in = append(in, m.Name)
			case Refused:
				out = append(out, m.Name)
			}
		}
		switch {
		case len(in) > 0 && len(out) > 0:
			last.Text += fmt.Sprintf(" %s in under %s; out under %s.", who.label, list(in), list(out))
		case len(in) > 0:
			last.Text += fmt.Sprintf(" %s in everywhere.", who.label)
		case len(out) > 0:
			last.Text += fmt.Sprintf(" %s out everywhere.", who.label)
		}
	}
}

// list is names as a sentence has them: "a, b and c".
func list(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

func (b *Bench) state(asked map[string]map[string]Verdict) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := State{Now: b.Now().UTC(), Clients: asked, Story: []string{}, Known: b.user.ID != "", UserName: b.user.Name}
	for _, m := range b.Managers() {
		s.Order = append(s.Order, m.Name)
	}
	for i := len(b.story) - 1; i >= 0; i-- {
		s.Lines = append(s.Lines, b.story[i])
		s.Story = append(s.Story, b.story[i].Text)
	}
	return s
}

// SignIn signs the last user in again in this browser, under every strategy.
func (b *Bench) SignIn(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	b.mu.Lock()
	user := b.user
	b.mu.Unlock()
	if user.ID == "" {
		return ErrNobody
	}
	a := &answer{header: http.Header{}}
	r := &http.Request{Header: http.Header{"Cookie": {v.Wallet.header()}}}
	in := auth.SignIn{User: user, Device: v.Device, Remember: true}
	if err := auth.IssueAll(ctx, auth.NewJar(a, r), in, b.Managers()...); err != nil {
		return err
	}
	v.Wallet.take(a.header)
	b.mu.Lock()
	delete(b.you, v.ID) // what it was told before is over
	b.mu.Unlock()
	b.tell(v, "You signed in as %s, once.", user.Name)
	return nil
}

// Steal copies the session cookies of the browser, as malware or a borrowed
// laptop would.
func (b *Bench) Steal(v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	loot := v.Wallet.steal()
	if len(loot.cookies) == 0 {
		return ErrNobody
	}
	b.mu.Lock()
	b.thief = newClient(loot)
	b.mu.Unlock()
	b.tell(v, "A thief copied your session cookies.")
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
	b.meantToEnd(Thief)
	if a.status >= 500 {
		b.tell(v, "You signed out, and your browser forgot its cookies, but the server could not be told.")
		return nil
	}
	b.tell(v, "You signed out, and your browser forgot its cookies.")
	return nil
}

// RevokeAll ends every session of the user, wherever that can be done. An
// administrator could do it, or the user from another device: nobody needs to be
// signed in here.
func (b *Bench) RevokeAll(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	b.mu.Lock()
	user := b.user
	b.mu.Unlock()
	if user.ID == "" {
		return ErrNobody
	}
	for _, m := range b.Managers() {
		if r, ok := m.Strategy.(auth.Revoker); ok {
			if _, err := r.Revoke(ctx, auth.Target{UserID: user.ID}); err != nil {
				return fmt.Errorf("revoke under %s: %w", m.Name, err) // the others stay as they are
			}
		}
	}
	b.meantToEnd(You, Thief)
	var cannot []string
	for _, m := range b.Managers() {
		if _, ok := m.Strategy.(auth.Revoker); !ok {
			cannot = append(cannot, m.Name)
		}
	}
	b.tell(v, "All devices of %s were signed out, which is impossible under %s.", user.Name, list(cannot))
	return nil
}

// SetRole gives the user another role, as an administrator would. Sessions that
// carry a copy of the old one do not know yet.
func (b *Bench) SetRole(ctx context.Context, v Visitor, role string) error {
	b.act.Lock()
	defer b.act.Unlock()
	b.mu.Lock()
	user := b.user
	b.mu.Unlock()
	if user.ID == "" {
		return ErrNobody
	}
	if err := b.parts.Store.SetRole(ctx, user.ID, role); err != nil {
		return err
	}
	b.tell(v, "%s was made %s.", user.Name, role)
	return nil
}

// Reset starts over: a new realm, so that nothing sealed or stored before is
// known any more, nobody but the last user remembered, and this browser clean.
func (b *Bench) Reset(ctx context.Context, v Visitor) error {
	b.act.Lock()
	defer b.act.Unlock()
	old := b.stage.Load().realm
	if err := b.begin(ctx); err != nil {
		return err
	}
	if err := b.parts.Store.DeleteRealm(ctx, old); err != nil {
		return fmt.Errorf("delete the old realm: %w", err)
	}
	for name := range v.Wallet.steal().cookies {
		v.Wallet.drop(name)
	}
	v.Wallet.drop("__Host-signed-out")
	b.mu.Lock()
	defer b.mu.Unlock()
	b.progress = progress{user: b.user, you: map[string]*client{}}
	return nil
}

// meantToEnd marks clients whose sessions should be over from now on.
func (b *Bench) meantToEnd(names ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		switch {
		case name == Thief && b.thief != nil:
			b.thief.shouldBeOut = true
		case name == You:
			for _, c := range b.you {
				c.shouldBeOut = true
			}
		}
	}
}

// tell adds a line to the story. What became of it is added when v looks.
func (b *Bench) tell(v Visitor, format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.story = append(b.story, Line{At: b.Now().UTC(), Text: fmt.Sprintf(format, args...), by: v.ID})
	if len(b.story) > maxStory {
		b.story = b.story[1:]
	}
}
