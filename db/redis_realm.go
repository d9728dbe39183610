package db

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// DeleteRealm deletes the sessions of a realm and of those within it, as
// [DB.DeleteRealm] does. It looks at every key that there is, a thousand at a time,
// which is for demonstrations and tests, and not for a Redis with millions.
func (s RedisSessions) DeleteRealm(ctx context.Context, prefix string) (err error) {
	if cluster, ok := s.Redis.client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return deleteRealmAt(ctx, node, prefix)
		})
	} else {
		err = deleteRealmAt(ctx, s.Redis.client, prefix)
	}
	if err != nil {
		return fmt.Errorf("delete realm: %w", err)
	}
	return nil
}

// deleteRealmAt deletes on one node. Each command names one key: two may lie in
// different slots.
func deleteRealmAt(ctx context.Context, node redis.Cmdable, prefix string) error {
	keys := node.Scan(ctx, 0, "session*", 1000).Iterator()
	for keys.Next(ctx) {
		_, realm, _ := strings.Cut(keys.Val(), ":")
		if !strings.HasPrefix(realm, prefix+":") && !strings.HasPrefix(realm, prefix+"/") {
			continue
		}
		if err := node.Unlink(ctx, keys.Val()).Err(); err != nil {
			return err
		}
	}
	return keys.Err()
}
