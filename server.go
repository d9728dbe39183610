package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// drainFor is how long requests in flight may take to finish when the program stops.
const drainFor = 10 * time.Second

// newServer returns a server that limits how long a request may take and how large its
// headers may be.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    60 << 10, // net/http adds 4 KiB; the site answers 431 above 16 KiB, not counting cookies of its own beyond their budget
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// serve answers requests until ctx is done. Then readiness checks fail while it keeps
// serving for delay, so that load balancers stop sending requests; hurry cuts that
// short. Then it stops accepting connections, waits up to drain for requests in flight,
// and closes the rest. That is not an error.
func serve(ctx context.Context, hurry <-chan struct{}, delay, drain time.Duration, l net.Listener, server *http.Server, log *slog.Logger) error {
	server.Handler = closeWhenDone(ctx, server.Handler)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping", "after", delay, "drain", drain)
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-hurry:
	case <-time.After(delay):
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil {
		log.Warn("requests in flight were cut", "after", drain)
		return server.Close()
	}
	return nil
}

// closeWhenDone sets Connection: close on every response once ctx is done, so that
// balancers drop their idle connections before shutdown.
func closeWhenDone(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

var errStopping = errors.New("the program is stopping")

// readyUntil returns a readiness check that calls ready until ctx is done, then returns
// errStopping.
func readyUntil(ctx context.Context, ready func(context.Context) error) func(context.Context) error {
	return func(asked context.Context) error {
		if ctx.Err() != nil {
			return errStopping
		}
		return ready(asked)
	}
}
