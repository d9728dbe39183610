package lab

import (
	"context"
	"errors"
	"strings"

	"sessionlab/auth"
)

// People are the users of a public lab. The accounts of each bench lie in a space
// of their own: whoever signs in is a user of the bench that the request is about,
// so two visitors' Adas are two users who never meet. The site sees the accounts
// as they are outside.
type People struct{ Store }

var (
	_ auth.Directory = People{}
	_ auth.Accounts  = People{}
)

// errNoBench is a fault: nobody is ever signed in outside a space.
var errNoBench = errors.New("the request has no bench")

// inSpace puts an identity into the space of the request's bench.
func inSpace(ctx context.Context, id auth.Identity) (auth.Identity, error) {
	b := About(ctx)
	if b == nil || !b.own {
		return auth.Identity{}, errNoBench
	}
	return b.inside(id), nil
}

// inside puts an identity into the space of a bench that has one.
func (b *Bench) inside(id auth.Identity) auth.Identity {
	if b.own {
		// An issuer is a URL or a word: it contains no space.
		id.Issuer, id.Subject = b.id, id.Issuer+" "+id.Subject
	}
	return id
}

// SignIn signs in a user of the bench.
func (p People) SignIn(ctx context.Context, id auth.Identity) (auth.User, error) {
	id, err := inSpace(ctx, id)
	if err != nil {
		return auth.User{}, err
	}
	return p.Store.SignIn(ctx, id)
}

// Accounts lists them as they are outside the space.
func (p People) Accounts(ctx context.Context, userID string) ([]auth.Account, error) {
	list, err := p.Store.Accounts(ctx, userID)
	for i := range list {
		list[i].Issuer, list[i].Subject, _ = strings.Cut(list[i].Subject, " ")
	}
	return list, err
}

// Link adds an account of the bench.
func (p People) Link(ctx context.Context, by auth.Standing, id auth.Identity) error {
	id, err := inSpace(ctx, id)
	if err != nil {
		return err
	}
	return p.Store.Link(ctx, by, id)
}

// SignUp creates a user of the bench.
func (p People) SignUp(ctx context.Context, u auth.User, id auth.Identity, hash string) (auth.User, error) {
	id, err := inSpace(ctx, id)
	if err != nil {
		return auth.User{}, err
	}
	return p.Store.SignUp(ctx, u, id, hash)
}

// Password looks among the bench's users only.
func (p People) Password(ctx context.Context, id auth.Identity) (auth.User, string, error) {
	id, err := inSpace(ctx, id)
	if err != nil {
		return auth.User{}, "", err
	}
	return p.Store.Password(ctx, id)
}

// SetPassword gives a user of the bench a password.
func (p People) SetPassword(ctx context.Context, by auth.Standing, id auth.Identity, old, hash string) (auth.User, error) {
	id, err := inSpace(ctx, id)
	if err != nil {
		return auth.User{}, err
	}
	return p.Store.SetPassword(ctx, by, id, old, hash)
}

// KeepTokens keeps them beside an account of the bench.
func (p People) KeepTokens(ctx context.Context, issuer, subject, sealed string) error {
	id, err := inSpace(ctx, auth.Identity{Issuer: issuer, Subject: subject})
	if err != nil {
		return err
	}
	return p.Store.KeepTokens(ctx, id.Issuer, id.Subject, sealed)
}
