package auth

import (
	"fmt"
	"time"
)

// Parts are what strategies are made of. The site, each bench and the contract
// suite fill them in; the table below picks what each strategy needs.
type Parts struct {
	Sealer   func(purpose string) Sealer
	Sessions SessionStore // nil without a database
	Realm    string       // of the site or bench; each strategy gets a realm of its own within it
	Life     Lifetimes
	Now      func() time.Time
	Text     func() string // fresh random text of at least 128 bits, such as crypto/rand.Text
}

// A Kind is a strategy as the table knows it.
type Kind struct {
	Name     string
	Gloss    string // what it is, in a few words
	Database bool   // needs a session store
	Reads    string // table reads per request, at most
	build    func(Parts) Strategy
}

// kinds is every strategy there is, in the order in which pages show them.
var kinds = []Kind{
	{
		Name: "cookie", Gloss: "the cookie is the session", Reads: "0",
		build: func(p Parts) Strategy {
			return &Stateless{Seal: p.Sealer("cookie"), Life: p.Life, Now: p.Now, Text: p.Text}
		},
	},
	{
		Name: "database", Gloss: "the cookie is a ticket", Reads: "1", Database: true,
		build: func(p Parts) Strategy {
			return &Database{Store: p.Sessions, Realm: p.Realm + "/database", Life: p.Life, Now: p.Now, Text: p.Text}
		},
	},
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
	if k.Database && p.Sessions == nil {
		return nil, fmt.Errorf("strategy %s needs a session store", k.Name)
	}
	return k.build(p), nil
}
