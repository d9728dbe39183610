package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// healthWait bounds the request that healthcheck makes.
const healthWait = 3 * time.Second

// healthcheck asks the site that runs with the same settings whether it is alive. It is
// for container images that contain no other program, such as curl.
func healthcheck(ctx context.Context, c *invocation) error {
	cfg, err := readConfig(c.environ)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(string(cfg.Addr))
	if err != nil {
		return err
	}
	switch host { // not localhost, which an image without /etc/hosts cannot look up
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("healthz answered %d", answer.StatusCode)
	}
	return nil
}
