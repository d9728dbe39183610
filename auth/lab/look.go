package lab

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"sessionlab/auth"
)

// Names of clients, in the order in which they ask.
const (
	You   = "you"
	Phone = "phone"
	Thief = "thief"
)

// A Visitor is the browser that pressed a button: its cookies, and the id under
// which the bench remembers what it was last told.
type Visitor struct {
	ID     string
	Device auth.Device
	Wallet *Wallet
}

// client is somebody who asks.
type client struct {
	wallet      *Wallet            // the phone's or the thief's; yours is in your browser
	from        string             // the visitor whose cookies the thief has
	device      string             // of a browser
	asked       time.Time          // when a browser was here last, by the process clock
	sessions    map[string]string  // the phone's session ids, by strategy
	verdicts    map[string]glimpse // what it was last told
	shown       map[string]glimpse // what a page last showed of that
	shouldBeOut bool               // its sessions were meant to be ended
}

// A glimpse is what a bench keeps of a verdict. Whole verdicts would make up most of a
// bench's memory.
type glimpse struct{ verdict, reason, role, user string }

func (v Verdict) glimpse() glimpse { return glimpse{v.Verdict, v.Reason, v.Role, v.User.ID} }

// A State holds the last verdict of every client.
type State struct {
	Now     time.Time                     `json:"now"`
	Clients map[string]map[string]Verdict `json:"clients"`
	Story   []string                      `json:"story"`

	Others []Other `json:"-"` // the user's other browsers, the last seen first

	Bench Status    `json:"-"`
	Lines []Line    `json:"-"` // the story with its times, newest first
	User  auth.User `json:"-"` // who it is about, as they are now; zero if nobody has signed in
	Order []string  `json:"-"` // strategies, as pages show them

	// How long a revoked session may still be accepted, by strategy. Only strategies that
	// can revoke sessions have an entry.
	Windows map[string]time.Duration `json:"-"`

	Races map[string]Race `json:"-"` // those that were run, by the name of their rules
	Lates []Late          `json:"-"` // if that was run
}

// An Other is another real browser of the user. Only it has its cookies: the server
// cannot ask for it, and shows what it was told when it was here.
type Other struct {
	Device  string
	Ago     time.Duration // by the process clock
	Answers map[string]Verdict
}

// maxOthers bounds how many of them are shown.
const maxOthers = 3

// others are the browsers that were in as the user when they were last here. The
// caller holds mu.
func (b *Bench) others(visitor, userID string) (others []Other) {
	now := b.parts.Now()
	for id, c := range b.you {
		in := func(v glimpse) bool { return v.verdict == SignedIn && v.user == userID }
		if id != visitor && slices.ContainsFunc(slices.Collect(maps.Values(c.verdicts)), in) {
			other := Other{Device: c.device, Ago: now.Sub(c.asked), Answers: map[string]Verdict{}}
			for strategy, v := range c.verdicts {
				other.Answers[strategy] = Verdict{Verdict: v.verdict, Reason: v.reason}
			}
			others = append(others, other)
		}
	}
	slices.SortFunc(others, func(a, b Other) int { return cmp.Or(cmp.Compare(a.Ago, b.Ago), cmp.Compare(a.Device, b.Device)) })
	return others[:min(len(others), maxOthers)]
}

// A Status tells how a bench differs from a new one.
type Status struct {
	Ahead     time.Duration
	Version   int64
	Raised    bool // the version is not the first
	Keys      int  // that open
	Rotated   bool // the key is not the first
	Unplugged bool
	Lost      bool // a restart took the other clients and the story
}

// Status returns the state of the bench.
func (b *Bench) Status() Status {
	g := b.stage.Load()
	b.mu.Lock()
	defer b.mu.Unlock()
	return Status{
		Ahead: time.Duration(g.clock.ahead.Load()), Version: g.vault.Version(), Raised: g.Raised > 0,
		Keys: g.Newest - g.Oldest + 1, Rotated: g.Newest > 1, Unplugged: g.plug.out.Load(), Lost: b.lost,
	}
}

// Look asks on behalf of every client and tells what they were answered.
func (b *Bench) Look(ctx context.Context, v Visitor) (State, error) {
	b.notice(v)
	asked, late, err := b.round(ctx, v)
	if err != nil {
		return State{}, err
	}
	b.conclude(v.ID, asked, late)
	if late > 0 {
		b.keep(ctx)
	}
	return b.state(ctx, v, asked), nil
}

// notice records that the visitor, whose cookies the thief has, has signed out with the
// site's own button.
func (b *Bench) notice(v Visitor) {
	b.mu.Lock()
	thief := b.clients[Thief]
	_, out := v.Wallet.cookies[tombstone]
	out = out && thief != nil && thief.from == v.ID && !thief.shouldBeOut
	b.mu.Unlock()
	if out {
		b.expectEnded(Thief)
		b.tell(v, "You signed out.")
	}
}

// round lets everybody ask, in the order you, phone, thief. Nothing is locked
// while they do.
//
// All ask at the same clock time, that is, within the grace of a refresh token. If you or
// the phone have used a token that the thief copied, the clock moves past the grace
// before the thief asks, so that the reuse is detected; late is how far it moved.
func (b *Bench) round(ctx context.Context, v Visitor) (asked map[string]map[string]Verdict, late time.Duration, err error) {
	g := b.stage.Load()
	asked, spent := map[string]map[string]Verdict{}, map[string]bool{}
	for _, name := range []string{You, Phone, Thief} {
		c, wallet := b.client(name, v)
		if c == nil {
			continue
		}
		answers := map[string]Verdict{}
		for _, m := range g.managers {
			before := wallet.refreshToken(m.Name)
			if rotation, once := m.Strategy.(*auth.Rotation); once && name == Thief && spent[before] {
				late = rotation.Grace + time.Second
				g.clock.ahead.Add(int64(late))
			}
			if answers[m.Name], err = b.ask(ctx, wallet, m.Name); err != nil {
				return nil, 0, fmt.Errorf("ask %s under %s: %w", name, m.Name, err)
			}
			if after := wallet.refreshToken(m.Name); before != "" && after != "" && after != before {
				spent[before] = true
			}
		}
		asked[name] = b.remember(c, wallet, answers)
	}
	return asked, late, nil
}

// client returns who asks, with the cookies to ask with; nil if there is no such
// client.
func (b *Bench) client(name string, v Visitor) (*client, *Wallet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if name == You {
		return b.visitor(v), v.Wallet
	}
	c := b.clients[name]
	if c == nil {
		return nil, nil
	}
	return c, c.wallet.clone()
}

// maxVisitors bounds the browsers that a bench remembers.
const maxVisitors = 100

// visitor returns what the bench remembers of a browser. The caller holds mu.
func (b *Bench) visitor(v Visitor) *client {
	if c, known := b.you[v.ID]; known {
		return c
	}
	if len(b.you) >= maxVisitors {
		clear(b.you)
	}
	b.you[v.ID] = &client{device: v.Device.Name}
	return b.you[v.ID]
}

// remember keeps what a client was told, and its cookies where they are the
// bench's to keep.
func (b *Bench) remember(c *client, w *Wallet, answers map[string]Verdict) map[string]Verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.asked = b.parts.Now(); c.wallet != nil {
		c.wallet = w
	}
	told := map[string]glimpse{}
	for name, verdict := range answers {
		answers[name] = verdict.follow(c.verdicts[name])
		told[name] = answers[name].glimpse()
	}
	c.verdicts = told
	return answers
}

// state puts together what a page shows, and marks what has changed since the last.
func (b *Bench) state(ctx context.Context, v Visitor, asked map[string]map[string]Verdict) State {
	s := State{Now: b.Now().UTC(), Clients: map[string]map[string]Verdict{}, Story: []string{}, Bench: b.Status(), User: b.about(ctx)}
	s.Windows = map[string]time.Duration{}
	for _, m := range b.Managers() {
		s.Order = append(s.Order, m.Name)
		if r, ok := m.Strategy.(auth.Revoker); ok {
			s.Windows[m.Name] = r.Window()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, answers := range asked {
		c := b.clients[name]
		if name == You {
			c = b.visitor(v)
		}
		if c == nil {
			continue // gone since
		}
		s.Clients[name] = maps.Clone(answers)
		shown := map[string]glimpse{}
		for strategy, a := range answers {
			before := c.shown[strategy]
			otherRole := a.Verdict == SignedIn && before.verdict == SignedIn && a.Role != before.role
			a.Changed = before.verdict != "" && before.verdict != a.Verdict || otherRole
			a.Was, a.WasRole = before.verdict, before.role
			a.StillIn = a.Verdict == SignedIn && (c.shouldBeOut || s.User.Disabled)
			s.Clients[name][strategy] = a
			shown[strategy] = a.glimpse()
		}
		c.shown = shown
	}
	s.Others = b.others(v.ID, s.User.ID)
	s.Races, s.Lates = maps.Clone(b.races), b.lates
	for _, line := range slices.Backward(b.story) {
		s.Lines = append(s.Lines, line)
		s.Story = append(s.Story, line.Text)
	}
	return s
}

// about returns the person of the story as they are now. The lab looks past the plug.
func (b *Bench) about(ctx context.Context) auth.User {
	b.mu.Lock()
	u := b.user
	b.mu.Unlock()
	if u.ID == "" {
		return u
	}
	if live, err := b.parts.Auth.Users.User(ctx, u.ID); err == nil {
		return live
	}
	return u
}
