package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sessionlab/auth"
)

// The list of a user's sessions is a sorted set. Each session that is added gets a score
// that is higher than any before it, whatever its times say. When the session is over, the
// score becomes negative. The member with score zero is the generation of the list. Lists
// written before there were generations have none, and sign-in times as scores.

var errLostList = errors.New("the list of the user's sessions was lost")

// A listing is the result of adding a session to a list.
type listing struct {
	generation string
	hashes     []string // of all sessions in the list, oldest first, if there are many
}

// enlist adds a pending session to its user's list, and checks that the user is as r says.
// A later change of the user finds the session in the list and ends it.
//
// If there is no list, enlist begins one and records its generation in the users'
// database, which ends the sessions of the lost list. The two stores share no transaction,
// so there may be a list whose generation is not recorded yet. The next sign-in records it.
// That is safe: no two lists have the same generation, so a list names all sessions of its
// generation.
func (s RedisSessions) enlist(ctx context.Context, r auth.Row, keep int) (listing, error) {
	l, lost := s.index(ctx, r, r.Session.IssuedAt, keep, "", false)
	if lost != nil && !errors.Is(lost, errLostList) {
		return l, lost
	}
	known, err := s.generation(ctx, r)
	if err != nil || lost == nil && l.generation == known {
		return l, err
	}
	if r.Replaces != nil { // the session that it names was in the lost list
		return l, errLostList
	}
	// An earlier version of the program may have filled a lost list again, without a generation.
	if l, err = s.index(ctx, r, r.Session.IssuedAt, keep, r.Session.ID, known != ""); err != nil {
		return l, err
	}
	if l.generation != known {
		if err := s.Users.replaceList(ctx, r.Realm, r.Session.User.ID, known, l.generation); err != nil {
			return l, err
		}
	}
	// Another sign-in may have recorded it, or the list may have been lost again.
	if known, err = s.generation(ctx, r); err == nil && l.generation != known {
		err = errLostList
	}
	return l, err
}

// generation returns the generation of the list of r's user, who must be as r says.
func (s RedisSessions) generation(ctx context.Context, r auth.Row) (string, error) {
	u, generation, err := s.Users.listed(ctx, r.Realm, r.Session.User.ID)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return "", auth.ErrRevoked
	case err != nil:
		return "", err
	case u.Disabled:
		return "", auth.ErrDisabled
	case u.Epoch != r.Session.User.Epoch:
		return "", auth.ErrRevoked
	}
	return generation, nil
}

// index adds a session to its user's list. If there is none, or if replace is set and the
// list has no generation, it begins a list of the generation begin; if begin is empty it
// returns errLostList.
func (s RedisSessions) index(ctx context.Context, r auth.Row, now time.Time, keep int, begin string, replace bool) (l listing, err error) {
	v := r.Session
	reply, err := s.Redis.run(ctx, indexScript, indexKey(r.Realm, v.User.ID),
		r.Hash, (v.EndsAt.Sub(now) + linger).Milliseconds(), keep, begin, flag(replace))
	if errors.Is(err, redis.Nil) {
		err = errLostList
	}
	if err != nil {
		return l, err
	}
	all := replyTexts(reply)
	if len(all) == 0 {
		return l, errLostList
	}
	return listing{all[0], all[1:]}, nil
}

// replyTexts returns the texts in the reply of a script.
func replyTexts(reply any) []string {
	list, _ := reply.([]any)
	all := make([]string, len(list))
	for i, v := range list {
		all[i], _ = v.(string)
	}
	return all
}

// listed reads a user, the user's list, and the sessions in it; see rows. It returns
// errLostList if the list is not there or is of another generation, and
// [auth.ErrNotFound] if there is no such user.
func (s RedisSessions) listed(ctx context.Context, realm, userID string) (u auth.User, rows []redisSession, gone []any, err error) {
	u, generation, err := s.Users.listed(ctx, realm, userID)
	if err != nil {
		return u, nil, nil, err
	}
	list, err := s.readList(ctx, realm, userID)
	if err != nil {
		return u, nil, nil, err
	}
	marked := ""
	if len(list) > 0 && list[0].Score == 0 {
		marked, list = list[0].Member.(string), list[1:]
	}
	if marked != generation {
		return u, nil, nil, errLostList
	}
	hashes := make([]string, len(list))
	for i, z := range list {
		hashes[i] = z.Member.(string)
	}
	rows, gone, err = s.rows(ctx, realm, generation, hashes)
	return u, rows, gone, err
}

// readList reads the generation of a list, if it has one, and the sessions that it does
// not know to be over, oldest first.
func (s RedisSessions) readList(ctx context.Context, realm, userID string) ([]redis.Z, error) {
	end := s.Redis.observe(ctx, kindRead, readIndex)
	ctx, cancel := s.Redis.bounded(ctx)
	defer cancel()
	list, err := s.Redis.client.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{
		Key: indexKey(realm, userID), Start: 0, Stop: "+inf", ByScore: true,
	}).Result()
	end(err)
	return list, err
}

// retire records in a list that sessions are over, and deletes the marks of the oldest
// beyond [maxEnded]. Failures are ignored; the next call tries again.
func (s RedisSessions) retire(ctx context.Context, realm, userID string, hashes []any) {
	if len(hashes) == 0 {
		return
	}
	reply, err := s.Redis.run(ctx, retireScript, indexKey(realm, userID), append([]any{maxEnded}, hashes...)...)
	dropped := replyTexts(reply)
	if err != nil || len(dropped) == 0 {
		return
	}
	end := s.Redis.observe(ctx, kindWrite, dropSession)
	ctx, cancel := s.Redis.bounded(ctx)
	defer cancel()
	_, err = s.Redis.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, hash := range dropped {
			p.Unlink(ctx, sessionKey(realm, hash))
		}
		return nil
	})
	end(err)
}

// listed reads a user, and the recorded generation of the list of their sessions in a
// realm; empty if there is none.
func (d *DB) listed(ctx context.Context, realm, userID string) (auth.User, string, error) {
	l, err := recall(ctx, d, recalled{findListed, userID, realm}, func() (l listedUser, err error) {
		if err := d.queryRow(ctx, findListed, []any{userID, realm}, append(userDest(&l.user), &l.generation)); err != nil {
			return listedUser{}, fmt.Errorf("find user: %w", err)
		}
		return l, nil
	})
	return l.user, l.generation, err
}

type listedUser struct {
	user       auth.User
	generation string
}

// replaceList records another generation of a user's list, unless the old one was replaced
// already.
func (d *DB) replaceList(ctx context.Context, realm, userID, old, generation string) error {
	_, err := d.exec(ctx, replaceList, userID, realm, old, generation)
	return err
}
