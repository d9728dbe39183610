package db

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"sessionlab/auth"
)

// A Redis is a Redis server, or a cluster of them, for [RedisSessions]. It is safe
// for use from many goroutines. Set its fields before its first use.
//
// Durability depends on its configuration: with the usual appendfsync everysec, a power
// failure loses the last second of sign-ins and sign-outs. Reads go to the masters only,
// so that a revocation is seen by whoever asks next.
type Redis struct {
	// Observe is told of every command: kind "read" or "write" and its text. It may
	// be nil.
	Observe auth.Observer

	// Wait bounds a command: the time in the queue for a connection, making one and
	// trying a second time included. 3 s unless set.
	Wait time.Duration

	client redis.UniversalClient
	at     string
}

const (
	redisWait    = 3 * time.Second
	redisDial    = 1500 * time.Millisecond
	redisTimeout = time.Second // of one answer
)

// OpenRedis connects to the server or cluster at address, which is as [CheckRedisURL]
// wants it, and runs a command that requires Redis 7. Errors name no password.
func OpenRedis(ctx context.Context, address string) (*Redis, error) {
	quiet.Do(func() { redis.SetLogger(silence{}) })
	one, many, err := redisOptions(address)
	if err != nil {
		return nil, err
	}
	r := &Redis{Wait: redisWait}
	if many != nil {
		r.client, r.at = redis.NewClusterClient(many), fmt.Sprintf("%s and %d more, a cluster", many.Addrs[0], len(many.Addrs)-1)
	} else {
		r.client, r.at = redis.NewClient(one), one.Addr
	}
	_, err = r.run(ctx, slideScript, sessionKey("", ""), 0, 0)
	if err != nil && !errors.Is(err, redis.Nil) {
		r.Close()
		return nil, fmt.Errorf("open Redis at %s: %w", r.at, err)
	}
	return r, nil
}

// quiet silences the client's own log, which names no request. What fails comes
// back as an error.
var quiet sync.Once

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// CheckRedisURL reports whether address is one that [OpenRedis] takes:
// redis://user:password@host:port/number, rediss:// for TLS, and for a cluster
// ?addr=host:port for each additional seed node. The error does not repeat it.
func CheckRedisURL(address string) error {
	_, _, err := redisOptions(address)
	return err
}

var errRedisURL = errors.New("redis://host:port or rediss://host:port; a cluster names its other nodes as ?addr=host:port&addr=host:port")

// redisOptions returns the options of one server, or those of a cluster.
func redisOptions(address string) (*redis.Options, *redis.ClusterOptions, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "redis" && u.Scheme != "rediss") || u.Hostname() == "" || u.Fragment != "" {
		return nil, nil, errRedisURL
	}
	password, _ := u.User.Password()
	if strings.ContainsFunc(u.User.Username()+password, unicode.IsControl) { // such as a line break, which nobody has typed
		return nil, nil, errRedisURL
	}
	off := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if u.Query().Has("addr") {
		o, err := redis.ParseClusterURL(address)
		if err != nil || u.Path != "" && u.Path != "/" { // a cluster has no numbered databases
			return nil, nil, errRedisURL
		}
		// A replica may not know yet what was revoked.
		o.ReadOnly, o.RouteByLatency, o.RouteRandomly = false, false, false
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled, o.PipelinePoolSize = 1, 1, true, -1
		o.MaintNotificationsConfig, o.DisableIdentity = off, true
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = orElse(o.DialTimeout, redisDial), orElse(o.ReadTimeout, redisTimeout), orElse(o.WriteTimeout, redisTimeout)
		return nil, o, nil
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, nil, errRedisURL
	}
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled, o.PipelinePoolSize = 1, 1, true, -1
	o.MaintNotificationsConfig, o.DisableIdentity = off, true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = orElse(o.DialTimeout, redisDial), orElse(o.ReadTimeout, redisTimeout), orElse(o.WriteTimeout, redisTimeout)
	return o, nil, nil
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// String says where it is, without a password.
func (r *Redis) String() string { return r.at }

// Ready reports whether a session could be found now, within a second. It says nothing
// about room for new ones: a Redis that is full serves those who are signed in, and
// removing this instance from service would not help.
func (r *Redis) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, min(r.Wait, readyWait))
	defer cancel()
	if err := r.client.Exists(ctx, sessionKey("", "")).Err(); err != nil {
		return fmt.Errorf("redis not ready: %w", err)
	}
	return nil
}

// Close closes the connections.
func (r *Redis) Close() error { return r.client.Close() }

func (r *Redis) observe(ctx context.Context, kind, step string) func(error) {
	if r.Observe == nil {
		return func(error) {}
	}
	return r.Observe(ctx, kind, step)
}

// bounded is the context of a command. It ends after r.Wait, or when the request has
// waited for storage long enough; see [auth.ForStorage].
func (r *Redis) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return auth.ForStorage(ctx, r.Wait)
}

// A script is a write that Redis runs atomically. It knows one key: in a cluster two
// would lie on two nodes.
type script struct {
	*redis.Script
	name string // as receipts show it
}

func newScript(name, text string) script { return script{redis.NewScript(text), name} }

// run runs a script. One that returns nothing is redis.Nil.
func (r *Redis) run(ctx context.Context, s script, key string, args ...any) (any, error) {
	end := r.observe(ctx, kindWrite, s.name)
	ctx, cancel := r.bounded(ctx)
	defer cancel()
	reply, err := s.Script.Run(ctx, r.client, []string{key}, args...).Result()
	if errors.Is(err, redis.Nil) {
		end(nil)
		return nil, err
	}
	end(err)
	return reply, err
}
