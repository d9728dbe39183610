package db

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"sessionlab/auth"
)

// rows reads the sessions of a list in one round trip, in the order of the list. It
// returns as gone the sessions that were ended, are missing, or belong to another
// generation: they cannot come back.
func (s RedisSessions) rows(ctx context.Context, realm, generation string, hashes []string) (rows []redisSession, gone []any, err error) {
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
		if err != nil || !row.EndedAt.IsZero() || !row.pending && row.list != generation {
			gone = append(gone, hash)
			continue
		}
		rows = append(rows, row)
	}
	return rows, gone, nil
}

// A redisSession is a row as Redis keeps it.
type redisSession struct {
	auth.Row
	pending bool   // it still waits for its confirmation
	list    string // generation of the list that names it; empty if pending
}

// alive reports whether a row counts at now.
func (r redisSession) alive(now time.Time) bool {
	return !r.pending && r.EndedAt.IsZero() && r.Session.ExpiresAt.After(now) && r.Session.EndsAt.After(now)
}

// redisRow reads the values of sessionFields. Of the user it sets only the id. What is
// not there, or was not written here, is auth.ErrNotFound.
func redisRow(realm, hash string, values []any) (redisSession, error) {
	r := redisSession{Row: auth.Row{Realm: realm, Hash: hash}}
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
	r.pending, r.list = text(8) != "", text(9)
	if r.EndedAt.IsZero() && (v.ID == "" || v.User.ID == "" || v.IssuedAt.IsZero() || v.ExpiresAt.IsZero() || v.EndsAt.IsZero()) {
		return r, auth.ErrNotFound
	}
	return r, nil
}
