package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"sessionlab/auth"
)

// RedisSessions keeps sessions in Redis, and asks Users who they belong to: to find
// one costs a read there and a read here.
//
// A session is a hash under session:REALM:HASH. Its times stand in the value and
// are judged by the strategy's clock; the time to live only cleans up, at the
// absolute end. Whoever deletes the key ends the session, at once. The program
// leaves a mark in its place, so that whoever asks is told that it was revoked
// rather than that it never was.
//
// The sessions of a user are listed in a sorted set, sessions:REALM:USER. In a
// cluster the two lie on different nodes, and nothing changes both at once: a
// session is stored before it is listed, so that what is listed and not there is
// gone for good, and is dropped from the list when that is next written. A list
// that was lost fills again as its sessions slide.
type RedisSessions struct {
	Redis *Redis
	Users auth.Users
}

var _ auth.SessionStore = RedisSessions{}

// linger is how much longer than the session its key lives, so that the end is
// told by the value.
const linger = time.Minute

// Create stores a row, lists it, and evicts beyond the newest keep. If it fails in
// between, a row is left whose secret nobody was given.
func (s RedisSessions) Create(ctx context.Context, r auth.Row, keep int) error {
	if err := s.create(ctx, r, keep); err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	return nil
}

func (s RedisSessions) create(ctx context.Context, r auth.Row, keep int) error {
	v := r.Session
	args := []any{
		(v.EndsAt.Sub(v.IssuedAt) + linger).Milliseconds(),
		"id", v.ID, "user", v.User.ID, "device", v.Device.Name, "issued", millis(v.IssuedAt),
		"expires", millis(v.ExpiresAt), "ends", millis(v.EndsAt), "remember", flag(v.Remember),
	}
	if !r.EndedAt.IsZero() {
		args = append(args, "ended", millis(r.EndedAt))
	}
	made, err := s.Redis.run(ctx, createScript, sessionKey(r.Realm, r.Hash), args...)
	if err != nil {
		return err
	}
	if made != int64(1) {
		return errors.New("there is one with that hash")
	}
	hashes, err := s.index(ctx, r, v.IssuedAt, max(keep, 1))
	if err != nil || len(hashes) == 0 {
		return err
	}
	rows, gone, err := s.rows(ctx, r.Realm, hashes)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(other auth.Row) bool {
		return other.Hash == r.Hash || !alive(other, v.IssuedAt)
	})
	slices.SortFunc(rows, func(a, b auth.Row) int {
		return cmp.Or(b.Session.IssuedAt.Compare(a.Session.IssuedAt), cmp.Compare(a.Hash, b.Hash))
	})
	_, err = s.end(ctx, r.Realm, v.User.ID, rows[min(max(keep-1, 0), len(rows)):], gone, v.IssuedAt)
	return err
}

// index lists a session with its user, and returns the list when it is longer than
// keep.
func (s RedisSessions) index(ctx context.Context, r auth.Row, now time.Time, keep int) ([]string, error) {
	v := r.Session
	reply, err := s.Redis.run(ctx, indexScript, indexKey(r.Realm, v.User.ID),
		r.Hash, millis(v.IssuedAt), (v.EndsAt.Sub(now) + linger).Milliseconds(), keep)
	if err != nil {
		return nil, err
	}
	list, _ := reply.([]any)
	hashes := make([]string, len(list))
	for i, v := range list {
		hashes[i], _ = v.(string)
	}
	return hashes, nil
}

// Find reads the session, and then its user.
func (s RedisSessions) Find(ctx context.Context, realm, hash string) (auth.Row, error) {
	row, err := s.find(ctx, realm, hash)
	if err == nil && row.EndedAt.IsZero() {
		row.Session.User, err = s.Users.User(ctx, row.Session.User.ID)
	}
	if err != nil {
		return auth.Row{}, fmt.Errorf("find session: %w", err)
	}
	return row, nil
}

func (s RedisSessions) find(ctx context.Context, realm, hash string) (auth.Row, error) {
	end := s.Redis.observe(ctx, kindRead, readSession)
	ctx, cancel := s.Redis.bounded(ctx)
	defer cancel()
	reply, err := s.Redis.client.HMGet(ctx, sessionKey(realm, hash), sessionFields...).Result()
	end(err)
	if err != nil {
		return auth.Row{}, err
	}
	return redisRow(realm, hash, reply)
}

// Slide is a script that leaves alone what it does not find alive. It lists the
// session anew, in case its list was lost; that this may fail is no reason to say
// that the session did not slide.
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
	_, _ = s.index(ctx, row, now, unindexed)
	row.Session.User, err = s.Users.User(ctx, row.Session.User.ID)
	return row, err
}

// End deletes the session and leaves the mark. The first time stays.
func (s RedisSessions) End(ctx context.Context, realm, hash string, now time.Time) error {
	if _, err := s.Redis.run(ctx, endScript, sessionKey(realm, hash), millis(now)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// EndAll goes through the user's list. A session that is stored while it does so
// may not be listed yet: like one that is created later, it survives. If it fails
// half-way, some are ended.
func (s RedisSessions) EndAll(ctx context.Context, realm string, t auth.Target, now time.Time) (int, error) {
	if t.UserID == "" {
		return 0, fmt.Errorf("end sessions: %w", errNoUser)
	}
	rows, gone, err := s.listed(ctx, realm, t.UserID)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(r auth.Row) bool {
		return !alive(r, now) || r.Session.IssuedAt.After(now) ||
			t.SessionID != "" && r.Session.ID != t.SessionID || t.Except != "" && r.Session.ID == t.Except
	})
	n, err := s.end(ctx, realm, t.UserID, rows, gone, now)
	if err != nil {
		return n, fmt.Errorf("end sessions: %w", err)
	}
	return n, nil
}

// end ends rows of a user, one after the other, and drops them from the list, along
// with what was found gone.
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
	if len(gone) == 0 {
		return n, nil
	}
	end := s.Redis.observe(ctx, kindWrite, repairIndex)
	ctx, cancel := s.Redis.bounded(ctx)
	defer cancel()
	end(s.Redis.client.ZRem(ctx, indexKey(realm, userID), gone...).Err()) // if it fails, the next one will
	return n, nil
}

// List reads the user's list, the sessions in it, and the user.
func (s RedisSessions) List(ctx context.Context, realm, userID string, now time.Time) (list []auth.Session, err error) {
	rows, _, err := s.listed(ctx, realm, userID)
	rows = slices.DeleteFunc(rows, func(r auth.Row) bool { return !alive(r, now) })
	if err != nil || len(rows) == 0 {
		return nil, wrap("list sessions", err)
	}
	user, err := s.Users.User(ctx, userID)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("list sessions", err)
	}
	for _, r := range rows {
		r.Session.User = user
		list = append(list, r.Session)
	}
	slices.SortFunc(list, func(a, b auth.Session) int {
		return cmp.Or(b.IssuedAt.Compare(a.IssuedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// listed reads the list of a user and the sessions in it; see rows.
func (s RedisSessions) listed(ctx context.Context, realm, userID string) ([]auth.Row, []any, error) {
	end := s.Redis.observe(ctx, kindRead, readIndex)
	bound, cancel := s.Redis.bounded(ctx)
	defer cancel()
	hashes, err := s.Redis.client.ZRange(bound, indexKey(realm, userID), 0, -1).Result()
	end(err)
	if err != nil {
		return nil, nil, err
	}
	return s.rows(ctx, realm, hashes)
}

// rows reads sessions, all at once. Those that were ended or are not there it
// returns as gone: they cannot come back.
func (s RedisSessions) rows(ctx context.Context, realm string, hashes []string) (rows []auth.Row, gone []any, err error) {
	if len(hashes) == 0 {
		return nil, nil, nil
	}
	end := s.Redis.observe(ctx, kindRead, readSession)
	ctx, cancel := s.Redis.bounded(ctx)
	defer cancel()
	replies := make([]*redis.SliceCmd, len(hashes))
	_, err = s.Redis.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, hash := range hashes {
			replies[i] = p.HMGet(ctx, sessionKey(realm, hash), sessionFields...)
		}
		return nil
	})
	end(err)
	if err != nil {
		return nil, nil, err
	}
	for i, hash := range hashes {
		row, err := redisRow(realm, hash, replies[i].Val())
		if err != nil || !row.EndedAt.IsZero() {
			gone = append(gone, hash)
			continue
		}
		rows = append(rows, row)
	}
	return rows, gone, nil
}

// alive says what the statements in SQL ask of a row.
func alive(r auth.Row, now time.Time) bool {
	return r.EndedAt.IsZero() && r.Session.ExpiresAt.After(now) && r.Session.EndsAt.After(now)
}

// redisRow reads the values of sessionFields, of the user the id alone. What is not
// there, or was not written here, is auth.ErrNotFound.
func redisRow(realm, hash string, values []any) (auth.Row, error) {
	r := auth.Row{Realm: realm, Hash: hash}
	if len(values) != len(sessionFields) {
		return r, auth.ErrNotFound
	}
	text := func(i int) string { s, _ := values[i].(string); return s }
	at := func(i int) time.Time {
		ms, _ := strconv.ParseInt(text(i), 10, 64)
		return instant(ms)
	}
	v := &r.Session
	v.ID, v.User.ID, v.Device.Name, v.Remember = text(0), text(1), text(2), text(6) == "1"
	v.IssuedAt, v.ExpiresAt, v.EndsAt, r.EndedAt = at(3), at(4), at(5), at(7)
	if r.EndedAt.IsZero() && (v.ID == "" || v.User.ID == "" || v.IssuedAt.IsZero() || v.ExpiresAt.IsZero() || v.EndsAt.IsZero()) {
		return r, auth.ErrNotFound
	}
	return r, nil
}
