package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"sessionlab/auth"
)

// RedisSessions keeps sessions in Redis, and asks Users who they belong to: finding a
// session costs one read from each.
//
// A session is a hash under session:REALM:HASH. Its times stand in the value and
// are judged by the strategy's clock; the time to live only cleans up, at the
// absolute end. Deleting the key ends the session immediately. The program
// leaves a mark in its place, so that whoever asks is told that it was revoked
// rather than that it never was. A mark stays until the session's absolute end, or until
// the user has [maxEnded] newer ones.
//
// The sessions of a user are listed in a sorted set, sessions:REALM:USER. In a cluster
// the row and the set lie on different nodes, and no command can change both. So a
// session is created in three commands: it is stored as pending, it is listed, and it is confirmed.
// A pending session is not accepted and evicts no other, and is gone after a minute; if
// one of the commands fails, that is all that is left.
//
// Ending a user's sessions reads the list and then ends each, pending or not, and nothing
// slips through. If a session was listed before the list was read, it is ended, and one
// that was still pending is refused its confirmation. If it was listed afterwards, it was
// created afterwards, and survives. No times are compared.
//
// A list may be lost, in a failover or because memory was full, and then nobody can tell
// which sessions the user has. So each list has a generation, which is kept in the list,
// in each session that the list names, and in Users. While there is no list of that
// generation, ending and listing sessions fails. The user's next sign-in begins a list of
// a new generation, which ends the sessions of the old one. So a session that is accepted
// is in the list, or ending sessions fails.
type RedisSessions struct {
	Redis *Redis
	Users *DB
}

var _ auth.SessionStore = RedisSessions{}

// pendingLife is how long Redis keeps a session that is not confirmed. The commands that
// confirm it take less.
const pendingLife = time.Minute

// linger is how much longer Redis keeps the key than the session lasts: when the session
// ends is decided by the times in the value alone.
const linger = time.Minute

// Create stores a row, lists it, confirms it, and evicts beyond the newest keep. An
// eviction that fails is left to the next. [auth.ErrRevoked] says that the user's
// sessions were ended while it was being created.
func (s RedisSessions) Create(ctx context.Context, r auth.Row, keep int) error {
	create := func() error { return s.create(ctx, r, keep) }
	err := error(nil)
	if r.Replaces != nil {
		err = s.Users.Turn(ctx, r.Session.User.ID, create)
	} else {
		err = create()
	}
	if err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	return nil
}

func (s RedisSessions) create(ctx context.Context, r auth.Row, keep int) error {
	v, key := r.Session, sessionKey(r.Realm, r.Hash)
	args := []any{
		pendingLife.Milliseconds(),
		"id", v.ID, "user", v.User.ID, "device", v.Device.Name, "issued", millis(v.IssuedAt),
		"expires", millis(v.ExpiresAt), "ends", millis(v.EndsAt), "remember", flag(v.Remember),
	}
	if !r.EndedAt.IsZero() {
		args = append(args, "ended", millis(r.EndedAt))
	}
	made, err := s.Redis.run(ctx, createScript, key, args...)
	if err != nil {
		return err
	}
	if made != int64(1) {
		return errors.New("a session with that hash exists")
	}
	l, err := s.enlist(ctx, r, max(keep, 1))
	if err == nil && r.Replaces != nil && r.Replaces.Confirm != nil {
		err = r.Replaces.Confirm(ctx)
	}
	if err != nil {
		return errors.Join(err, s.End(ctx, r.Realm, r.Hash, v.IssuedAt))
	}
	confirmed, err := s.Redis.run(ctx, confirmScript, key, (v.EndsAt.Sub(v.IssuedAt) + linger).Milliseconds(), l.generation)
	if err != nil {
		// The confirmation may have succeeded although an error came back, so the session
		// is ended.
		return errors.Join(err, s.End(ctx, r.Realm, r.Hash, v.IssuedAt))
	}
	if confirmed != int64(1) {
		return auth.ErrRevoked
	}
	s.evict(ctx, r, l, max(keep, 1))
	return nil
}

// evict ends the sessions of a user beyond the newest keep, of which r is one, and expired
// ones beyond [maxEnded] more.
func (s RedisSessions) evict(ctx context.Context, r auth.Row, l listing, keep int) {
	all, gone, err := s.rows(ctx, r.Realm, l.generation, l.hashes)
	if err != nil {
		return
	}
	var rows []auth.Row
	slices.Reverse(all) // the newest first
	alive := 1
	for i, other := range all {
		switch {
		case other.Hash == r.Hash || other.pending:
		case other.alive(r.Session.IssuedAt):
			if alive++; alive > keep {
				rows = append(rows, other.Row)
			}
		case i >= keep+maxEnded:
			rows = append(rows, other.Row)
		}
	}
	_, _ = s.end(ctx, r.Realm, r.Session.User.ID, rows, gone, r.Session.IssuedAt)
}

// Find reads the session, and then its user.
func (s RedisSessions) Find(ctx context.Context, realm, hash string) (auth.Row, error) {
	row, err := s.find(ctx, realm, hash)
	if err == nil && row.EndedAt.IsZero() {
		err = s.complete(ctx, &row)
	}
	if err != nil {
		return auth.Row{}, fmt.Errorf("find session: %w", err)
	}
	return row.Row, nil
}

// complete adds the user to a session that nobody ended. A session of another list than
// the user's is over. Nobody knows since when, so the time of its sign-in is given.
func (s RedisSessions) complete(ctx context.Context, row *redisSession) (err error) {
	v, generation := &row.Session, ""
	v.User, generation, err = s.Users.listed(ctx, row.Realm, v.User.ID)
	if row.list != generation {
		row.EndedAt = v.IssuedAt
	}
	return err
}

func (s RedisSessions) find(ctx context.Context, realm, hash string) (redisSession, error) {
	end := s.Redis.observe(ctx, kindRead, readSession)
	ctx, cancel := s.Redis.bounded(ctx)
	defer cancel()
	reply, err := s.Redis.client.HMGet(ctx, sessionKey(realm, hash), sessionFields...).Result()
	end(err)
	if err != nil {
		return redisSession{}, err
	}
	row, err := redisRow(realm, hash, reply)
	if err == nil && row.pending {
		err = auth.ErrNotFound
	}
	return row, err
}

// Slide runs a script that changes only a live session. It adds the session to the list
// again, in case a failover lost the entry. If that fails, the session has still slid. It
// begins no list.
func (s RedisSessions) Slide(ctx context.Context, realm, hash string, expires, now time.Time) (auth.Row, error) {
	row, err := s.slide(ctx, realm, hash, expires, now)
	if err != nil {
		return auth.Row{}, fmt.Errorf("slide session: %w", err)
	}
	return row, nil
}

func (s RedisSessions) slide(ctx context.Context, realm, hash string, expires, now time.Time) (auth.Row, error) {
	reply, err := s.Redis.run(ctx, slideScript, sessionKey(realm, hash), millis(expires), millis(now))
	if errors.Is(err, redis.Nil) {
		return auth.Row{}, auth.ErrNotFound
	}
	if err != nil {
		return auth.Row{}, err
	}
	fields, _ := reply.([]any)
	row, err := redisRow(realm, hash, fields)
	if err != nil {
		return auth.Row{}, err
	}
	if err := s.complete(ctx, &row); err != nil {
		return auth.Row{}, err
	}
	if !row.EndedAt.IsZero() {
		return auth.Row{}, auth.ErrNotFound
	}
	_, _ = s.index(ctx, row.Row, now, unlimited, "", false)
	return row.Row, nil
}

// End deletes the session and leaves a mark. Ending it again does not change the time.
func (s RedisSessions) End(ctx context.Context, realm, hash string, now time.Time) error {
	if _, err := s.Redis.run(ctx, endScript, sessionKey(realm, hash), millis(now)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// EndAll ends the sessions, waits for the user's lock in the database, and ends sessions
// created meanwhile. A request that was confirmed earlier has finished by then; a later
// one finds its session ended. If the lock cannot be obtained, that is a fault, though
// sessions have ended.
func (s RedisSessions) EndAll(ctx context.Context, realm string, t auth.Target, now time.Time) (int, error) {
	ended, err := s.endAll(ctx, realm, t, t.Except+t.Known, now) // one of them at most is set
	if err != nil {
		return ended, err
	}
	if err := s.Users.Turn(ctx, t.UserID, func() error { return nil }); err != nil {
		return ended, fmt.Errorf("end sessions: %w", err)
	}
	more, err := s.endAll(ctx, realm, t, "", now)
	return ended + more, err
}

// endAll goes through the user's list; what is listed later was created later and
// survives. If it fails half-way, some are ended. It fails as well if the list was lost,
// or does not have the session with the id known, unless that is empty: then others may
// be missing too. The sessions of a user who was deleted are over.
func (s RedisSessions) endAll(ctx context.Context, realm string, t auth.Target, known string, now time.Time) (int, error) {
	if err := t.Check(); err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	_, all, gone, err := s.listed(ctx, realm, t.UserID)
	if errors.Is(err, auth.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	var rows []auth.Row
	found := known == ""
	for _, r := range all {
		found = found || r.Session.ID == known
		if t.SessionID == r.Session.ID || t.Except != "" && t.Except != r.Session.ID || t.All {
			rows = append(rows, r.Row)
		}
	}
	if !found {
		return 0, fmt.Errorf("end sessions: %w", errLostList)
	}
	n, err := s.end(ctx, realm, t.UserID, rows, gone, now)
	if err != nil {
		return n, fmt.Errorf("end sessions: %w", err)
	}
	return n, nil
}

// end ends rows of a user, one after the other, and retires them along with those that
// were found gone.
func (s RedisSessions) end(ctx context.Context, realm, userID string, rows []auth.Row, gone []any, now time.Time) (n int, err error) {
	for _, r := range rows {
		ended, err := s.Redis.run(ctx, endScript, sessionKey(realm, r.Hash), millis(now))
		if err != nil {
			return n, err
		}
		if ended == int64(1) {
			n++
		}
		gone = append(gone, r.Hash)
	}
	s.retire(ctx, realm, userID, gone)
	return n, nil
}

// List reads the user, the user's list, and the sessions in it. It fails if the list was
// lost.
func (s RedisSessions) List(ctx context.Context, realm, userID string, now time.Time) (list []auth.Session, err error) {
	user, rows, _, err := s.listed(ctx, realm, userID)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	for _, r := range rows {
		if r.alive(now) {
			r.Session.User = user
			list = append(list, r.Session)
		}
	}
	slices.SortFunc(list, func(a, b auth.Session) int {
		return cmp.Or(b.IssuedAt.Compare(a.IssuedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
