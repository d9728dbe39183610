// Package lab is the stage of compare mode: it signs one person in under every
// strategy at once, plays the phone and the thief, moves the clock, unplugs the
// database, and asks the site who is still in.
//
// Nothing is simulated. A verdict is the answer to a real request, made in process
// through the site's own handler with the cookies of the one who asks. The strategies do
// not depend on the lab; it only wires them.
//
// It is for demonstrations: it signs people in without their provider and keeps
// stolen cookies. A site that runs a single strategy does not use it.
//
// Read bench.go, generation.go, look.go and actions.go, in this order.
package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sessionlab/auth"
)

// A Bench is a set of strategies with a realm, a clock, keys and a session version
// of its own, the clients that use them, and the story of what was done. One
// serves every browser of a local machine, so that two browsers are two devices
// of one story; on a public address each visitor has one of their own, see
// [Benches].
type Bench struct {
	Site  http.Handler // who answers the requests; set before the first
	Host  string       // of those requests
	id    string       // under which it is saved; empty: it is not
	own   bool         // of one visitor, in a space of its own
	parts Parts

	playing sync.Mutex // one demo's press, or one free action, at a time; taken before act

	act   sync.Mutex                 // one action at a time; never held by a request that only looks
	stage atomic.Pointer[generation] // replaced by Reset, and by what changes keys or version

	saving sync.Mutex // one save at a time, each of how things are when it begins
	last   string     // what was saved

	mu sync.Mutex // guards what follows; never held during a request
	progress
}

// progress is the state that Reset forgets, except for the user.
type progress struct {
	user     auth.User          // who last signed in, as they were then; zero before that
	touched  map[string]bool    // users whom the lab has changed, by id
	clients  map[string]*client // phone and thief, once there
	you      map[string]*client // by visitor
	story    []Line
	lastTold map[string]string // how the story last said that somebody fares
	lost     bool              // a restart took the clients and the story
	played   Played            // the demo that is under way
	races    map[string]Race   // by the name of their rules, once run
	lates    []Late            // with a tombstone and without, once run
}

func newProgress(u auth.User) progress {
	return progress{user: u, touched: map[string]bool{}, clients: map[string]*client{}, you: map[string]*client{}, lastTold: map[string]string{}, races: map[string]Race{}}
}

// Parts are the dependencies of a bench.
type Parts struct {
	Auth    auth.Parts // sealer, realm and clock are the bench's to set
	Vault   auth.Vault // likewise; the bench derives its keys from this one's, and counts its version on from this one's
	Store   Store
	Ada     auth.Identity    // who is signed in for a demo
	Now     func() time.Time // the process clock
	Observe auth.Observer
	Log     *slog.Logger

	NoTombstone bool // a sign-out leaves none; see [Bench.LateAnswer]
}

// A Store keeps what a bench must not lose with a restart, and does what an
// administrator would.
type Store interface {
	Bench(ctx context.Context, id string) ([]byte, error) // auth.ErrNotFound
	SaveBench(ctx context.Context, id string, data []byte, now time.Time) error
	Benches(ctx context.Context) (map[string]time.Time, error) // when each was saved last, by id
	// DeleteBench deletes a bench with its space: the rows of the realms id/…, and
	// the users whose accounts have the issuer id.
	DeleteBench(ctx context.Context, id string) error
	DeleteRealm(ctx context.Context, realm string) error
	SetRole(ctx context.Context, userID, role string) error
	Disable(ctx context.Context, userID string, now time.Time) error
	Enable(ctx context.Context, userID string, now time.Time) error

	auth.Directory
	auth.Accounts
	Forget(ctx context.Context, userID string) error // a user whom [Bench.Aside] made up
}

// local is the id of the bench that all browsers of a machine share.
const local = "local"

// New returns the bench as it was left, or a new one.
func New(ctx context.Context, p Parts) (*Bench, error) {
	b := &Bench{id: local, parts: p, progress: newProgress(auth.User{})}
	if err := p.tidy(ctx); err != nil {
		return nil, err
	}
	data, err := p.Store.Bench(ctx, b.id)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		return nil, fmt.Errorf("load bench: %w", err)
	}
	if restored, err := b.restore(ctx, data); restored || err != nil {
		return b, err
	}
	return b, b.begin(ctx)
}

// realm returns a new realm, inside the bench's space if it has one.
func (b *Bench) realm() string {
	if b.own {
		return b.id + "/" + b.parts.Auth.Text()
	}
	return b.parts.Auth.Text()
}

// Now is the bench's clock, which drives its sessions and nothing else.
func (b *Bench) Now() time.Time { return b.stage.Load().clock.Now() }

// Managers returns one manager per strategy, in the order of [auth.Kinds].
func (b *Bench) Managers() []*auth.Manager { return b.stage.Load().managers }

// Manager returns the manager of a strategy, nil if there is no such strategy.
func (b *Bench) Manager(strategy string) *auth.Manager {
	for _, m := range b.Managers() {
		if m.Name == strategy {
			return m
		}
	}
	return nil
}

// Open takes a sealed value apart, for those who want to look inside. The purpose
// is that of the cookie's sealer.
func (b *Bench) Open(ctx context.Context, purpose, value string) (auth.Claims, error) {
	return b.stage.Load().vault.Sealer(purpose).Open(ctx, value)
}

// Seal names how sealed values are protected.
func (b *Bench) Seal() string { return b.parts.Vault.Format }

// Users returns the site's users, behind the bench's plug.
func (b *Bench) Users() auth.Users { return users{b.parts.Auth.Users, b.unplugged} }

// SignedIn sets the bench's current user and records that visitor signed in: what the
// browser was told before is over.
func (b *Bench) SignedIn(ctx context.Context, visitor string, u auth.User) {
	b.mu.Lock()
	b.user, b.played = u, Played{}
	delete(b.you, visitor)
	b.mu.Unlock()
	b.keep(ctx)
}
