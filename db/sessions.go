package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"sessionlab/auth"
)

// Sessions keeps sessions in a table. It does not check them: the strategy decides
// whether a row is still valid.
type Sessions struct{ DB *DB }

var _ auth.SessionStore = Sessions{}

// Create stores a row, evicts beyond the newest keep, and deletes the oldest ended rows
// beyond maxEnded, in one transaction. The user must be in the table already.
func (s Sessions) Create(ctx context.Context, r auth.Row, keep int) error {
	err := s.DB.transact(ctx, func(tx *tx) error { return tx.createSession(ctx, r, keep) })
	if err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	return nil
}

func (t *tx) createSession(ctx context.Context, r auth.Row, keep int) error {
	v := r.Session
	if err := t.lockUser(ctx, v.User.ID); err != nil { // or two sign-ins at the same time would both find room
		return err
	}
	if r.Replaces != nil {
		if _, err := t.stands(ctx, *r.Replaces); err != nil {
			return err
		}
	}
	now := millis(v.IssuedAt)
	var seq int
	err := t.queryRow(ctx, insertSession, []any{
		r.Hash, r.Realm, v.ID, v.User.ID, v.Device.Name,
		now, millis(v.ExpiresAt), millis(v.EndsAt), flag(v.Remember), nullMillis(r.EndedAt), v.User.Epoch,
	}, []any{&seq})
	if errors.Is(err, auth.ErrNotFound) {
		return cmp.Or(t.enabled(ctx, v.User.ID), auth.ErrRevoked)
	}
	if err != nil {
		return err
	}
	keep = max(keep, 1)
	if _, err := t.exec(ctx, evictSessions, v.User.ID, r.Realm, r.Hash, now, keep-1); err != nil {
		return err
	}
	if seq <= keep+maxEnded { // there are no more rows than that
		return nil
	}
	for _, drop := range []statement{dropTokens, dropSessions} {
		if _, err := t.exec(ctx, drop, v.User.ID, r.Realm, now, keep+maxEnded); err != nil {
			return err
		}
	}
	return nil
}

// maxEnded bounds the rows of a user's ended and expired sessions in a realm; those of live
// sessions are bounded apart. A row outlives its session so that a refusal can say why. A
// sign-in deletes the oldest rows beyond the bound, with their refresh tokens; a copy of
// such a cookie is refused like one that never existed. [DB.Sweep] deletes the others. The
// program calls it with a time 31 days in the past, so a row is deleted 31 days after the
// absolute end of its session, and a clock that is a month ahead deletes no live session.
const maxEnded = 100

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

// End marks the row. If it was marked before, the earlier time stays.
func (s Sessions) End(ctx context.Context, realm, hash string, now time.Time) error {
	if _, err := s.DB.exec(ctx, endSession, hash, realm, millis(now)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// EndAll is one statement, in the user's turn: a session that another transaction creates
// to replace one ended here is either already stored or refused. What is there is ended,
// and what is created afterwards survives. It compares no times: a clock that was ahead
// when a session began, or that is behind now, spares no session.
func (s Sessions) EndAll(ctx context.Context, realm string, t auth.Target, now time.Time) (int, error) {
	if err := t.Check(); err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	which, args := endAll, []any{t.UserID, realm, millis(now)}
	switch {
	case t.SessionID != "":
		which, args = endOne, append(args, t.SessionID)
	case t.Except != "":
		which, args = endOthers, append(args, t.Except)
	}
	var n int
	err := s.DB.transact(ctx, func(tx *tx) (err error) {
		if err := tx.lockUser(ctx, t.UserID); err != nil {
			return err
		}
		n, err = tx.exec(ctx, which, args...)
		return err
	})
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
