package lab

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"sessionlab/auth"
)

// errUnplugged is the fault of a store that cannot be reached.
var errUnplugged = errors.New("the database is unplugged")

// A plug simulates a lost connection between a bench and its store. Neither strategy nor
// store knows of it.
type plug struct{ out atomic.Bool }

func (p *plug) check() error {
	if p.out.Load() {
		return errUnplugged
	}
	return nil
}

func (b *Bench) unplugged() error { return b.stage.Load().plug.check() }

// users, sessions and refresh are stores behind a plug: each call is the store's
// own, or a fault.
type users struct {
	of    auth.Epochs
	check func() error
}

var _ auth.Epochs = users{}

func (s users) User(ctx context.Context, id string) (auth.User, error) {
	if err := s.check(); err != nil {
		return auth.User{}, err
	}
	return s.of.User(ctx, id)
}

func (s users) RaiseEpoch(ctx context.Context, id string) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.of.RaiseEpoch(ctx, id)
}

type sessions struct {
	of    auth.SessionStore
	check func() error
}

func (s sessions) Create(ctx context.Context, r auth.Row, keep int) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.of.Create(ctx, r, keep)
}

func (s sessions) Find(ctx context.Context, realm, hash string) (auth.Row, error) {
	if err := s.check(); err != nil {
		return auth.Row{}, err
	}
	return s.of.Find(ctx, realm, hash)
}

func (s sessions) Slide(ctx context.Context, realm, hash string, expires, now time.Time) (auth.Row, error) {
	if err := s.check(); err != nil {
		return auth.Row{}, err
	}
	return s.of.Slide(ctx, realm, hash, expires, now)
}

func (s sessions) End(ctx context.Context, realm, hash string, now time.Time) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.of.End(ctx, realm, hash, now)
}

func (s sessions) EndAll(ctx context.Context, realm string, t auth.Target, now time.Time) (int, error) {
	if err := s.check(); err != nil {
		return 0, err
	}
	return s.of.EndAll(ctx, realm, t, now)
}

func (s sessions) List(ctx context.Context, realm, userID string, now time.Time) ([]auth.Session, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return s.of.List(ctx, realm, userID, now)
}

type refresh struct {
	sessions
	of auth.RefreshStore
}

var _ auth.RefreshStore = refresh{}

func (s refresh) CreateFamily(ctx context.Context, family auth.Row, keep int) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.of.CreateFamily(ctx, family, keep)
}

func (s refresh) Spend(ctx context.Context, sp auth.Spend) (auth.Spent, error) {
	if err := s.check(); err != nil {
		return auth.Spent{}, err
	}
	return s.of.Spend(ctx, sp)
}

func (s refresh) Family(ctx context.Context, realm, hash string) (auth.Spent, error) {
	if err := s.check(); err != nil {
		return auth.Spent{}, err
	}
	return s.of.Family(ctx, realm, hash)
}

func (s refresh) FindByID(ctx context.Context, realm, id string) (auth.Row, error) {
	if err := s.check(); err != nil {
		return auth.Row{}, err
	}
	return s.of.FindByID(ctx, realm, id)
}

func (s refresh) EndFamily(ctx context.Context, realm, hash string, now time.Time) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.of.EndFamily(ctx, realm, hash, now)
}
