package dbtest

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a server of one test. What it has answered survives a restart.
type Redis struct {
	testing.TB
	Addr   string        // "127.0.0.1:6379"
	Client *redis.Client // waits while the server starts

	dir   string
	flags []string
	cmd   *exec.Cmd
}

// NewRedis starts a server, with further flags if it needs any, that stops when the test
// is over.
func NewRedis(t testing.TB, flags ...string) *Redis {
	t.Helper()
	RequireCommand(t, "redis-server")
	r := &Redis{TB: t, Addr: FreeAddress(t), dir: t.TempDir(), flags: flags}
	r.Client = redis.NewClient(&redis.Options{Addr: r.Addr, MaxRetries: 200, MinRetryBackoff: 10 * time.Millisecond, MaxRetryBackoff: 50 * time.Millisecond})
	t.Cleanup(func() { r.Client.Close(); r.Kill() })
	r.Start()
	return r
}

// URL returns the value of REDIS_URL for this server.
func (r *Redis) URL() string { return "redis://" + r.Addr }

// Start starts the server and waits until it answers.
func (r *Redis) Start() {
	r.Helper()
	_, port, _ := net.SplitHostPort(r.Addr)
	flags := append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", r.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always"}, r.flags...)
	r.cmd = exec.Command("redis-server", flags...)
	if err := r.cmd.Start(); err != nil {
		r.Fatal(err)
	}
	r.Do("PING")
}

// Kill ends the server as a power cut would.
func (r *Redis) Kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// Do runs a command.
func (r *Redis) Do(args ...any) {
	r.Helper()
	if err := r.Client.Do(context.Background(), args...).Err(); err != nil {
		r.Fatal(err)
	}
}

// A RedisCluster is three servers, each of which answers for a third of the keys and goes
// on when another is gone.
type RedisCluster struct {
	testing.TB
	Nodes []*Redis
}

// NewRedisCluster starts a cluster that stops when the test is over.
func NewRedisCluster(t testing.TB) *RedisCluster {
	t.Helper()
	RequireCommand(t, "redis-cli")
	c := &RedisCluster{TB: t}
	create := []string{"--cluster", "create"}
	for range 3 {
		bus := FreeAddress(t)
		_, port, _ := net.SplitHostPort(bus)
		node := NewRedis(t, "--cluster-enabled", "yes", "--cluster-port", port, "--cluster-require-full-coverage", "no")
		c.Nodes, create = append(c.Nodes, node), append(create, node.Addr)
	}
	if out, err := exec.Command("redis-cli", append(create, "--cluster-yes")...).CombinedOutput(); err != nil {
		t.Fatalf("create the cluster: %v\n%s", err, out)
	}
	for _, node := range c.Nodes {
		node.Join()
	}
	return c
}

// URL returns the value of REDIS_URL for this cluster.
func (c *RedisCluster) URL() string {
	return fmt.Sprintf("redis://%s?addr=%s&addr=%s", c.Nodes[0].Addr, c.Nodes[1].Addr, c.Nodes[2].Addr)
}

// Join waits until a node of a cluster knows the others.
func (r *Redis) Join() {
	r.Helper()
	Poll(r, r.Addr+" knows the cluster", func() bool {
		state, err := r.Client.ClusterInfo(context.Background()).Result()
		return err == nil && strings.Contains(state, "cluster_state:ok")
	})
}
