package auth

import (
	"fmt"
	"time"
)

// Parts are what strategies are made of. The site, each bench and the contract
// suite fill them in; the table below picks what each strategy needs.
type Parts struct {
	Sealer   func(purpose string) Sealer // of what browsers hold; see [Vault]
	Stored   func(purpose string) Sealer // of what stays on the server
	Users    Epochs                      // nil without a database
	Sessions SessionStore                // nil without a database
	Behind   SessionStore                // behind hybrid's snapshot, such as one in memory; nil: Sessions
	Refresh  RefreshStore                // nil without a database
	Realm    string                      // of the site or bench; each strategy gets a realm of its own within it
	Life     Lifetimes
	Now      func() time.Time
	Text     func() string // fresh random text of at least 128 bits, such as crypto/rand.Text
}

// A Kind is a strategy as the table knows it.
type Kind struct {
	Name     string
	Group    string // "basics", "in between" or "short tokens"
	Gloss    string // what it is, in a few words
	Database bool   // needs stored users or sessions
	Reads    string // table reads per request, at most
	build    func(Parts) Strategy
}

// kinds is every strategy there is, in the order in which pages show them.
var kinds = []Kind{
	{
		Name: "cookie", Group: "basics", Gloss: "the cookie is the session", Reads: "0",
		build: func(p Parts) Strategy {
			return &Stateless{Seal: p.Sealer("cookie"), Life: p.Life, Now: p.Now, Text: p.Text}
		},
	},
	{
		Name: "database", Group: "basics", Gloss: "the cookie is a ticket", Reads: "1", Database: true,
		build: func(p Parts) Strategy { return p.database("database", p.Sessions) },
	},
	{
		Name: "epoch", Group: "in between", Gloss: "cookie + one number per user", Reads: "1", Database: true,
		build: func(p Parts) Strategy {
			return &Epoch{Seal: p.Sealer("epoch"), Users: p.Users, Life: p.Life, Now: p.Now, Text: p.Text}
		},
	},
	{
		Name: "hybrid", Group: "in between", Gloss: "ticket + five-minute copy", Reads: "0, 1 per window", Database: true,
		build: func(p Parts) Strategy {
			behind := p.Behind
			if behind == nil {
				behind = p.Sessions
			}
			return &Hybrid{Seal: p.Sealer("hybrid"), Source: p.database("hybrid", behind), TTL: p.Life.Hybrid, Now: p.Now}
		},
	},
	{
		Name: "renew", Group: "short tokens", Gloss: "ten-minute cookie that renews itself", Reads: "0, 1 per renewal", Database: true,
		build: func(p Parts) Strategy {
			return &Renew{Seal: p.Sealer("renew"), Users: p.Users, Life: p.Life, TTL: p.Life.Renew, Now: p.Now, Text: p.Text}
		},
	},
	{
		Name: "pair", Group: "short tokens", Gloss: "15-minute token + signed refresh", Reads: "0, 1 per refresh", Database: true,
		build: func(p Parts) Strategy {
			return &Pair{
				Access: p.Sealer("pair"), Refresh: p.Sealer("pair-refresh"), Users: p.Users,
				Life: p.Life, TTL: p.Life.Access, Now: p.Now, Text: p.Text,
			}
		},
	},
	{
		Name: "rotation", Group: "short tokens", Gloss: "15-minute token + one-use refresh", Reads: "0, 1 transaction per refresh", Database: true,
		build: func(p Parts) Strategy {
			return &Rotation{
				Access: p.Sealer("rotation"), Successor: p.Stored("rotation-successor"), Store: p.Refresh, Realm: p.Realm + "/rotation",
				Life: p.Life, TTL: p.Life.Access, Grace: p.Life.Grace, Now: p.Now, Text: p.Text,
			}
		},
	},
}

// database makes the strategy that stores a row per session, in a realm of its own.
func (p Parts) database(realm string, store SessionStore) *Database {
	return &Database{Store: store, Realm: p.Realm + "/" + realm, Life: p.Life, Now: p.Now, Text: p.Text}
}

// Kinds returns every strategy, in the order in which pages show them.
func Kinds() []Kind { return append([]Kind(nil), kinds...) }

// KindOf returns the strategy of that name.
func KindOf(name string) (Kind, bool) {
	for _, k := range kinds {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// New makes the strategy out of parts.
func (k Kind) New(p Parts) (Strategy, error) {
	if k.Database && (p.Users == nil || p.Sessions == nil || p.Refresh == nil) {
		return nil, fmt.Errorf("strategy %s needs stored users and sessions", k.Name)
	}
	return k.build(p), nil
}
