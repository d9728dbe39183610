package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sessionlab/auth"
)

// A Tamper is one thing that can be done to the cookies of a session, and what the
// rules say of it.
type Tamper struct {
	Name  string // stable
	Label string
	Rule  string // why the answer must be what it is

	// wants is the reason for which a strategy must refuse what comes of it; empty where
	// it must accept. They are written by hand, not computed by the program.
	wants map[string]string
	keys  keysDo
	alter func(w *Wallet, s slots)
}

// slots are the names of the cookies of a strategy, and of the next one's.
type slots struct{ session, refresh, otherSession, otherRefresh string }

// keysDo changes the ring before the cookies are shown.
type keysDo int

const (
	keysStay keysDo = iota
	keysRotate
	keysRetire
)

// everywhere returns reason for every strategy except those in but.
func everywhere(reason string, but map[string]string) map[string]string {
	wants := map[string]string{}
	for _, kind := range auth.Kinds() {
		wants[kind.Name] = reason
		if other, ok := but[kind.Name]; ok {
			wants[kind.Name] = other
		}
	}
	return wants
}

const (
	accepted = ""
	invalid  = "invalid"
	gone     = "no_session"
)

// second are the strategies with a value beside the session's that can replace it.
var second = map[string]string{"hybrid": accepted, "pair": accepted, "rotation": accepted}

// Tampers are all that the workbench offers, the harmless one first.
var Tampers = []Tamper{
	{
		Name: "nothing", Label: "Change nothing", Rule: "The cookies as they were issued open everywhere.",
		wants: everywhere(accepted, nil), alter: func(*Wallet, slots) {},
	},
	{
		Name: "flip", Label: "Flip a bit of the session cookie",
		Rule:  "What is sealed is authenticated, and a secret is looked up by its hash: one bit is as good as all. Where a second value stands beside it, that one brings a new session cookie: a cache miss, no sign-out.",
		wants: everywhere(invalid, second), alter: func(w *Wallet, s slots) { w.cookies[s.session] = flip(w.cookies[s.session]) },
	},
	{
		Name: "flip-refresh", Label: "Flip a bit of the refresh cookie",
		Rule:  "A snapshot of hybrid is worth nothing without the very secret it was made for. An access token is trusted by itself until it ends; pair and rotation notice then.",
		wants: everywhere(accepted, map[string]string{"hybrid": invalid}),
		alter: func(w *Wallet, s slots) {
			if value := w.cookies[s.refresh]; value != "" {
				w.cookies[s.refresh] = flip(value)
			}
		},
	},
	{
		Name: "cut", Label: "Cut the session cookie in half",
		Rule:  "Half a value is no value. What can be replaced by the value beside it is.",
		wants: everywhere(invalid, second),
		alter: func(w *Wallet, s slots) { w.cookies[s.session] = w.cookies[s.session][:len(w.cookies[s.session])/2] },
	},
	{
		Name: "throw", Label: "Throw the session cookie away",
		Rule:  "Nothing left is no session. Hybrid, pair and rotation still have the value that brings another.",
		wants: everywhere(gone, second), alter: func(w *Wallet, s slots) { delete(w.cookies, s.session) },
	},
	{
		Name: "throw-refresh", Label: "Throw the refresh cookie away",
		Rule:  "A snapshot of hybrid without its secret is signed out. An access token is trusted until it ends. The others have no such cookie.",
		wants: everywhere(accepted, map[string]string{"hybrid": invalid}), alter: func(w *Wallet, s slots) { delete(w.cookies, s.refresh) },
	},
	{
		Name: "swap", Label: "Swap with another strategy",
		Rule:  "Each strategy has keys of its own, and a realm of its own in the table: nothing that one has issued means anything to another.",
		wants: everywhere(invalid, nil),
		alter: func(w *Wallet, s slots) {
			w.exchange(s.session, s.otherSession)
			w.exchange(s.refresh, s.otherRefresh)
		},
	},
	{
		Name: "move", Label: "Move each value under the other name",
		Rule:  "Session and refresh values differ in key and type, and neither is ever accepted as the other. Where there is only one, the session cookie is shown as a refresh cookie.",
		wants: everywhere(invalid, nil), alter: func(w *Wallet, s slots) { w.exchange(s.session, s.refresh) },
	},
	{
		Name: "spread", Label: "Spread the session cookie over three",
		Rule:  "A value that does not fit into one cookie comes in chunks: name.1, name.2, name.3. Together they are the value.",
		wants: everywhere(accepted, nil), alter: func(w *Wallet, s slots) { w.spread(s.session) },
	},
	{
		Name: "drop-chunk", Label: "Spread it, and drop a chunk",
		Rule:  "A gap between chunks is never joined: half a value is none. What can be replaced by the value beside it is.",
		wants: everywhere(invalid, second),
		alter: func(w *Wallet, s slots) {
			w.spread(s.session)
			delete(w.cookies, s.session+".2")
		},
	},
	{
		Name: "old-key", Label: "Use the old key, still in the ring",
		Rule:  "The newest key seals; every key in the ring opens what names it. Adding one signs nobody out.",
		wants: everywhere(accepted, nil), keys: keysRotate, alter: func(*Wallet, slots) {},
	},
	{
		Name: "retired-key", Label: "Use a key that was dropped",
		Rule:  "An unknown key is refused, and no other is tried. What the server remembers, it remembers without a key: database, the secret of hybrid, the refresh token of rotation.",
		wants: everywhere(invalid, map[string]string{"database": accepted, "hybrid": accepted, "rotation": accepted}),
		keys:  keysRetire, alter: func(*Wallet, slots) {},
	},
}

// ErrUnknownTamper says that there is nothing of that name.
var ErrUnknownTamper = errors.New("no such way to tamper")

// A Trial is what became of tampered cookies under one strategy.
type Trial struct {
	Strategy string
	Wants    string // the reason to refuse it, empty to accept it
	Got      Verdict
}

// AsExpected reports whether the answer is the one that the rule demands.
func (t Trial) AsExpected() bool {
	if t.Wants == accepted {
		return t.Got.Verdict == SignedIn
	}
	return t.Got.Verdict == Refused && t.Got.Reason == t.Wants
}

// Try signs somebody in aside, tampers with a copy of the cookies under each
// strategy, and asks the site with them. It happens on a bench of its own: asking
// with a copy of the visitor's cookies could spend their refresh token, and
// dropping a key would end what is theirs.
func (b *Bench) Try(ctx context.Context, name string) (_ Tamper, trials []Trial, err error) {
	i := slices.IndexFunc(Tampers, func(t Tamper) bool { return t.Name == name })
	if i < 0 {
		return Tamper{}, nil, ErrUnknownTamper
	}
	t := Tampers[i]
	aside, err := b.Aside(ctx, b.parts.Now)
	if err != nil {
		return t, nil, err
	}
	defer func() { err = errors.Join(err, aside.Close(context.WithoutCancel(ctx))) }()
	you := aside.Browser()
	if err := aside.SignIn(ctx, you); err != nil {
		return t, nil, err
	}
	if t.keys >= keysRotate {
		err = aside.RotateKey(ctx, you)
	}
	if t.keys == keysRetire {
		err = errors.Join(err, aside.RetireKey(ctx, you))
	}
	if err != nil {
		return t, nil, err
	}
	managers := aside.Managers()
	for i, m := range managers {
		w, other := you.Wallet.clone(), managers[(i+1)%len(managers)].Name
		t.alter(w, slots{
			session: "__Host-" + auth.SessionCookie(m.Name), refresh: "__Host-" + auth.RefreshCookie(m.Name),
			otherSession: "__Host-" + auth.SessionCookie(other), otherRefresh: "__Host-" + auth.RefreshCookie(other),
		})
		got, err := aside.ask(ctx, w, m.Name)
		if err != nil {
			return t, nil, fmt.Errorf("ask with tampered cookies under %s: %w", m.Name, err)
		}
		trials = append(trials, Trial{Strategy: m.Name, Wants: t.wants[m.Name], Got: got})
	}
	return t, trials, nil
}

// exchange puts the value of each cookie under the name of the other.
func (w *Wallet) exchange(a, b string) {
	va, vb := w.cookies[a], w.cookies[b]
	delete(w.cookies, a)
	delete(w.cookies, b)
	if vb != "" {
		w.cookies[a] = vb
	}
	if va != "" {
		w.cookies[b] = va
	}
}

// spread cuts a cookie into three chunks.
func (w *Wallet) spread(name string) {
	value := w.cookies[name]
	third := len(value) / 3
	delete(w.cookies, name)
	w.cookies[name+".1"], w.cookies[name+".2"], w.cookies[name+".3"] = value[:third], value[third:2*third], value[2*third:]
}

// flip changes the lowest bit of a character near the middle, to another that a
// cookie can have.
func flip(value string) string {
	alphanumeric := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }
	for i := len(value) / 2; i < len(value); i++ {
		if alphanumeric(value[i]) && alphanumeric(value[i]^1) {
			return value[:i] + string(value[i]^1) + value[i+1:]
		}
	}
	return "x" + value
}
