package auth

import (
	"fmt"
	"time"
)

// Parts are the dependencies of strategies. The site and the contract suite fill
// them in; the table below picks what each strategy needs.
type Parts struct {
	Sealer   func(purpose string) Sealer // of what browsers hold; see [Vault]
	Stored   func(purpose string) Sealer // of what stays on the server
	Users    Epochs                      // nil without a database
	Sessions SessionStore                // nil without a database
	Behind   SessionStore                // behind hybrid's snapshot, such as one in memory; nil: Sessions
	Refresh  RefreshStore                // nil without a database
	Apart    bool                        // Sessions is a separate store from Users; Behind is always separate
	Realm    string                      // each strategy gets a realm of its own within it
	Life     Lifetimes
	Now      func() time.Time
	Text     func() string // fresh random text of at least 128 bits, such as crypto/rand.Text
}

// A Kind is a strategy as the table knows it.
type Kind struct {
	Name     string
	Group    string // "basics", "in between" or "short tokens"
	Summary  string // what it is, in a few words
	Database bool   // needs stored users or sessions
	Reads    string // table reads per request, with the default lifetimes
	build    func(Parts) Strategy
}

// kinds is every strategy there is, in the order in which pages show them.
var kinds = []Kind{
	{
		Name: "cookie", Group: "basics", Summary: "the cookie is the session", Reads: "0",
		build: func(p Parts) Strategy {
			return &Stateless{Seal: p.Sealer("cookie"), Life: p.Life, Now: p.Now, Text: p.Text}
		},
	},
	{
		Name: "database", Group: "basics", Summary: "the cookie is a ticket", Reads: "1", Database: true,
		build: func(p Parts) Strategy { return p.database("database", p.Sessions, p.Apart) },
	},
	{
		Name: "epoch", Group: "in between", Summary: "cookie + one number per user", Reads: "1", Database: true,
		build: func(p Parts) Strategy {
			return &Epoch{Seal: p.Sealer("epoch"), Users: p.Users, Life: p.Life, Now: p.Now, Text: p.Text}
		},
	},
	{
		Name: "hybrid", Group: "in between", Summary: "ticket + five-minute copy", Reads: "0 (1 every 5 min)", Database: true,
		build: func(p Parts) Strategy {
			behind, apart := p.Behind, true
			if behind == nil {
				behind, apart = p.Sessions, p.Apart
			}
			return &Hybrid{Seal: p.Sealer("hybrid"), Source: p.database("hybrid", behind, apart), TTL: p.Life.Hybrid, Now: p.Now}
		},
	},
	{
		Name: "renew", Group: "short tokens", Summary: "ten-minute cookie that renews itself", Reads: "0 (1 every 10 min)", Database: true,
		build: func(p Parts) Strategy {
			return &Renew{Seal: p.Sealer("renew"), Users: p.Users, Life: p.Life, TTL: p.Life.Renew, Now: p.Now, Text: p.Text}
		},
	},
	{
		Name: "pair", Group: "short tokens", Summary: "15-minute token + signed refresh", Reads: "0 (1 every 15 min)", Database: true,
		build: func(p Parts) Strategy {
			return &Pair{
				Access: p.Sealer("pair"), Refresh: p.Sealer("pair-refresh"), Users: p.Users,
				Life: p.Life, TTL: p.Life.Access, Now: p.Now, Text: p.Text,
			}
		},
	},
	{
		Name: "rotation", Group: "short tokens", Summary: "15-minute token + one-use refresh", Reads: "0 (1 transaction every 15 min)", Database: true,
		build: func(p Parts) Strategy {
			return &Rotation{
				Access: p.Sealer("rotation"), Successor: p.Stored("rotation-successor"), Store: p.Refresh, Realm: p.Realm + "/rotation",
				Life: p.Life, TTL: p.Life.Access, Grace: p.Life.Grace, Now: p.Now, Text: p.Text,
			}
		},
	},
}

// database makes the strategy that stores a row per session, in a realm of its own.
func (p Parts) database(realm string, store SessionStore, apart bool) *Database {
	return &Database{Store: store, Apart: apart, Realm: p.Realm + "/" + realm, Life: p.Life, Now: p.Now, Text: p.Text}
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
	if k.Database && p.Users == nil {
		return nil, fmt.Errorf("strategy %s needs stored users and sessions", k.Name)
	}
	return k.build(p), nil
}
