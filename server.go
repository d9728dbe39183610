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

// drain is how long requests in flight may take to finish when the program stops.
const drain = 10 * time.Second

// newServer bounds what a client may take: of time, so that a slow one gives its
// place back, and of headers.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    12 << 10, // net/http adds 4 KiB: 431 from 16 KiB on
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// serve answers requests until ctx is done. Then it says so to whoever asks whether
// it is ready, and goes on for a moment, in which balancers learn to send nobody
// here; hurry cuts that short. At last it takes nothing new, and lets what is in
// flight finish.
func serve(ctx context.Context, hurry <-chan struct{}, moment time.Duration, l net.Listener, server *http.Server, log *slog.Logger) error {
	server.Handler = parting(ctx, server.Handler)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping", "after", moment, "drain", drain)
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-hurry:
	case <-time.After(moment):
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil {
		return errors.Join(fmt.Errorf("requests in flight were cut after %s: %w", drain, err), server.Close())
	}
	return nil
}

// parting closes each connection with its next answer once ctx is done, so that
// few are left open to be cut, of those that a balancer would send requests on.
func parting(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

var errStopping = errors.New("the program is stopping")

// readyUntil is ready, until ctx is done.
func readyUntil(ctx context.Context, ready func(context.Context) error) func(context.Context) error {
	return func(asked context.Context) error {
		if ctx.Err() != nil {
			return errStopping
		}
		return ready(asked)
	}
}
