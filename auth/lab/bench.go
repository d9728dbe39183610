// Package lab is the stage of compare mode: it signs one person in under every
// strategy at once, plays the thief, and asks the site who is still in.
//
// Nothing here is narrated. A verdict is the answer to a real request, made in
// process through the site's own handler with the cookies of the one who asks.
// The strategies know nothing of the stage; it only wires them.
//
// It is for demonstrations: it signs people in without their provider and keeps
// stolen cookies. A site that runs a single strategy does not use it.
package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sessionlab/auth"
)

// A Bench is a set of strategies with a realm of its own, the clients that use
// them, and the story of what was done. One serves every browser of a local
// machine, so that two browsers are two devices of one story.
type Bench struct {
	Site  http.Handler // who answers the requests; set before the first
	Host  string       // of those requests
	parts Parts

	act   sync.Mutex                 // one action at a time; never held by a request that only looks
	stage atomic.Pointer[generation] // replaced by Reset

	mu sync.Mutex // guards what follows; never held during a request
	progress
}

// progress is what Reset forgets, but for the user.
type progress struct {
	user  auth.User // who last signed in; zero before that
	thief *client   // nil until somebody steals
	you   map[string]*client
	story []Line
}

// Parts are what a bench is made of.
type Parts struct {
	Auth    auth.Parts // sealer, realm and clock are the bench's to set
	Vault   auth.Vault // likewise its realm
	Store   Store
	Now     func() time.Time // the process clock
	Observe auth.Observer
	Log     *slog.Logger
}

// A Store keeps what a bench must not lose with a restart, and does what an
// administrator would.
type Store interface {
	Bench(ctx context.Context, id string) ([]byte, error) // auth.ErrNotFound
	SaveBench(ctx context.Context, id string, data []byte, now time.Time) error
	DeleteRealm(ctx context.Context, realm string) error
	SetRole(ctx context.Context, userID, role string) error
}

// local is the id of the one bench that there is.
const local = "local"

// generation is what changes as a whole when the bench starts over: every key is
// derived, and every row filed, under its realm.
type generation struct {
	realm    string
	vault    *auth.Vault
	managers []*auth.Manager
}

type saved struct {
	Realm string `json:"realm"`
}

// New returns the bench as it was left, or a new one.
func New(ctx context.Context, p Parts) (*Bench, error) {
	b := &Bench{parts: p, progress: progress{you: map[string]*client{}}}
	data, err := p.Store.Bench(ctx, local)
	if errors.Is(err, auth.ErrNotFound) {
		return b, b.begin(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("load bench: %w", err)
	}
	var s saved
	if err := json.Unmarshal(data, &s); err != nil || s.Realm == "" {
		return b, b.begin(ctx)
	}
	return b, b.wire(s.Realm)
}

// begin starts a new generation and remembers it.
func (b *Bench) begin(ctx context.Context) error {
	realm := b.parts.Auth.Text()
	data, err := json.Marshal(saved{Realm: realm})
	if err != nil {
		return err
	}
	if err := b.parts.Store.SaveBench(ctx, local, data, b.parts.Now()); err != nil {
		return fmt.Errorf("save bench: %w", err)
	}
	return b.wire(realm)
}

func (b *Bench) wire(realm string) error {
	vault, parts := b.parts.Vault, b.parts.Auth
	vault.Realm = realm
	parts.Sealer, parts.Realm, parts.Now = vault.Sealer, realm, b.Now
	g := &generation{realm: realm, vault: &vault}
	for _, kind := range auth.Kinds() {
		strategy, err := kind.New(parts)
		if err != nil {
			return err
		}
		g.managers = append(g.managers, &auth.Manager{
			Name: kind.Name, Strategy: strategy, SignOuts: vault.Sealer(auth.SignOutPurpose),
			Now: b.Now, Observe: b.parts.Observe, Log: b.parts.Log,
		})
	}
	b.stage.Store(g)
	return nil
}

// Now is the bench's clock, which drives its sessions and nothing else.
func (b *Bench) Now() time.Time { return b.parts.Now() }

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

// SignedIn tells the bench who it is about from now on.
func (b *Bench) SignedIn(u auth.User) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.user = u
}
