package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sessionlab/auth"
)

// Sessions keeps sessions in a table. It judges none: whether a row it returns is
// still good is for the strategy to say.
type Sessions struct{ DB *DB }

var _ auth.SessionStore = Sessions{}

// Create stores a row and evicts beyond the newest keep, in one transaction. The
// user must be in the table already.
func (s Sessions) Create(ctx context.Context, r auth.Row, keep int) error {
	err := s.DB.transact(ctx, func(tx *tx) error { return tx.createSession(ctx, r, keep) })
	if err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	return nil
}

func (t *tx) createSession(ctx context.Context, r auth.Row, keep int) error {
	v := r.Session
	if err := t.turn(ctx, v.User.ID); err != nil { // or two sign-ins at once would both find room
		return err
	}
	now := millis(v.IssuedAt)
	_, err := t.exec(ctx, insertSession, r.Hash, r.Realm, v.ID, v.User.ID, v.Device.Name,
		now, millis(v.ExpiresAt), millis(v.EndsAt), flag(v.Remember), nullMillis(r.EndedAt))
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, evictSessions, v.User.ID, r.Realm, r.Hash, now, max(keep-1, 0))
	return err
}

// Find reads the row and its user together.
func (s Sessions) Find(ctx context.Context, realm, hash string) (auth.Row, error) {
	return recall(ctx, s.DB, recalled{findSession, hash, realm}, func() (auth.Row, error) {
		c := sessionRow{realm: realm, hash: hash}
		err := s.DB.queryRow(ctx, findSession, []any{hash, realm}, c.dest())
		if err != nil {
			return auth.Row{}, fmt.Errorf("find session: %w", err)
		}
		return c.row(), nil
	})
}

// Slide is one guarded statement. What it does not find alive it leaves alone.
func (s Sessions) Slide(ctx context.Context, realm, hash string, expires, now time.Time) (auth.Row, error) {
	c := sessionRow{realm: realm, hash: hash}
	err := s.DB.execRow(ctx, slideSession, []any{hash, realm, millis(expires), millis(now)}, c.dest())
	if err != nil {
		return auth.Row{}, fmt.Errorf("slide session: %w", err)
	}
	return c.row(), nil
}

// End marks the row. The first time stays.
func (s Sessions) End(ctx context.Context, realm, hash string, now time.Time) error {
	if _, err := s.DB.exec(ctx, endSession, hash, realm, millis(now)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

var errNoUser = errors.New("no user id")

// EndAll is one statement: a session that is created while it waits has a later
// time and survives.
func (s Sessions) EndAll(ctx context.Context, realm string, t auth.Target, now time.Time) (int, error) {
	if t.UserID == "" {
		return 0, fmt.Errorf("end sessions: %w", errNoUser)
	}
	n, err := s.DB.exec(ctx, endSessions, t.UserID, realm, millis(now), t.SessionID, t.Except)
	if s.DB.engine.absent(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return n, nil
}

// List reads the live rows of a user.
func (s Sessions) List(ctx context.Context, realm, userID string, now time.Time) (list []auth.Session, err error) {
	err = s.DB.queryRows(ctx, listSessions, []any{userID, realm, millis(now)}, func(scan func(...any) error) error {
		var c sessionRow
		if err := scan(c.dest()...); err != nil {
			return err
		}
		list = append(list, c.row().Session)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return list, nil
}

// A sessionRow is what sessionColumns and userColumns read.
type sessionRow struct {
	realm, hash                  string
	session                      auth.Session
	issued, expires, ends, ended int64
}

func (c *sessionRow) dest() []any {
	s, u := &c.session, &c.session.User
	return []any{
		&s.ID, &s.Device.Name, &c.issued, &c.expires, &c.ends, &s.Remember, &c.ended,
		&u.ID, &u.Email, &u.Name, &u.Picture, &u.Role, &u.Epoch, &u.Disabled,
	}
}

func (c *sessionRow) row() auth.Row {
	c.session.IssuedAt, c.session.ExpiresAt, c.session.EndsAt = instant(c.issued), instant(c.expires), instant(c.ends)
	return auth.Row{Realm: c.realm, Hash: c.hash, Session: c.session, EndedAt: instant(c.ended)}
}
