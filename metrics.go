package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sessionlab/auth"
	"sessionlab/handlers"
)

// metrics counts the steps of requests and how long they take, for Prometheus.
type metrics struct {
	registry *prometheus.Registry
	steps    *prometheus.HistogramVec
	now      func() time.Time
}

func newMetrics(now func() time.Time) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), now: now, steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "session_step_seconds",
		Help:    "Duration of the steps of requests, by kind and result: ok, the code of a verdict, or fault.",
		Buckets: prometheus.ExponentialBuckets(1e-5, 4, 10), // 10 µs to 2.6 s
	}, []string{"kind", "result"})}
	m.registry.MustRegister(m.steps, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe is an [auth.Observer]. What a step is called is not counted: it may be the text
// of a statement.
func (m *metrics) observe(_ context.Context, kind, _ string) func(error) {
	began := m.now()
	return func(err error) {
		result := "ok"
		switch {
		case auth.Refused(err):
			result = auth.Reason(err)
		case err != nil && !errors.Is(err, auth.ErrNotFound):
			result = "fault"
		}
		m.steps.WithLabelValues(kind, result).Observe(m.now().Sub(began).Seconds())
	}
}

// serve answers GET /metrics at an address until ctx is done.
func (m *metrics) serve(ctx context.Context, address string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	go server.Serve(l)
	return nil
}

func onLoopback(a address) bool {
	host, _, _ := net.SplitHostPort(string(a))
	return handlers.IsLoopback(host)
}
