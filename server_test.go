package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"sessionlab/db/dbtest"
	"sessionlab/e2e"
)

// TestStop: a program that is told to end answers what it has begun to answer,
// takes nothing new, and ends well.
func TestStop(t *testing.T) {
	p := start(t, t.TempDir(), e2e.StoredOnly)
	address, err := url.Parse(p.Base)
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, address.Host)
	const form = "next=%2Fdashboard"
	fmt.Fprintf(conn, "POST /sign-in/dev HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", address.Host, len(form))
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("got %q, %v, want the handler to ask for the body", line, err)
	}
	answers.ReadString('\n')

	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.Log.Await(t, "stopping")
	for deadline := time.Now().Add(dbtest.Patience); serves(address.Host); {
		// The listener closes right after the program has said so.
		if time.Now().After(deadline) {
			t.Fatal("new requests are still answered")
		}
	}
	io.WriteString(conn, form)
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("the request in flight: %v", err)
	}
	if got := resp.Header.Get("Location"); resp.StatusCode != 303 || !strings.HasPrefix(got, p.Base+"/idp/authorize?") {
		t.Errorf("the request in flight: got %d to %q, want 303 to the provider", resp.StatusCode, got)
	}
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code: got %d, want 0:\n%s", code, p.Log)
	}
}

// TestDrain: told to end, the program says at once that it is not ready, and serves
// on for a while, so that whoever balances loses no request. A person at a keyboard
// does not wait, and a second signal ends it at once.
func TestDrain(t *testing.T) {
	for _, second := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		p := start(t, t.TempDir(), e2e.StoredOnly, "DRAIN_DELAY=1m")
		v := e2e.Visit(t, p)
		v.SignIn("ada")
		v.Wants("/readyz", 200)
		p.Cmd.Process.Signal(syscall.SIGTERM)
		p.Log.Await(t, "stopping")
		for range 3 {
			v.Wants("/readyz", 503)
			if page := v.Wants("/api/session", 200); !page.Last {
				t.Error("the connection is kept open")
			}
		}
		p.Cmd.Process.Signal(second)
		if code := p.Wait(); code != 0 && second == os.Interrupt {
			t.Errorf("exit code after Ctrl-C: got %d, want 0:\n%s", code, p.Log)
		} else if code == 0 && second == syscall.SIGTERM {
			t.Error("the second SIGTERM was not the end")
		}
	}

	p := start(t, t.TempDir(), e2e.StoredOnly, "DRAIN_DELAY=1m")
	p.Cmd.Process.Signal(os.Interrupt)
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code after Ctrl-C: got %d, want 0:\n%s", code, p.Log)
	}
	p = start(t, t.TempDir(), e2e.StoredOnly, "DRAIN_DELAY=50ms")
	p.Cmd.Process.Signal(syscall.SIGHUP)
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code after SIGHUP: got %d, want 0:\n%s", code, p.Log)
	}
	p = start(t, t.TempDir(), e2e.StoredOnly, "DRAIN_DELAY=50ms")
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code: got %d, want 0:\n%s", code, p.Log)
	}
}

// serves reports whether somebody serves a new connection to address.
func serves(address string) bool {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: dbtest.Patience}
	resp, err := client.Get("http://" + address + "/healthz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(dbtest.Patience))
	return conn
}

// TestHeaderLimit: headers end at 16 KiB.
func TestHeaderLimit(t *testing.T) {
	v := e2e.Visit(t, start(t, t.TempDir(), e2e.CookieOnly))
	for size, want := range map[int]int{8 << 10: 200, 20 << 10: 431} {
		v.Carries["padding"] = strings.Repeat("x", size)
		if got := v.Get("/sign-in"); got.Status != want {
			t.Errorf("%d bytes: got %d, want %d", size, got.Status, want)
		}
	}
}

// TestSlowClients: who does not finish its request is cut off, and others are
// served meanwhile.
func TestSlowClients(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	reads := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	server := newServer(reads, log)
	for name, limit := range map[string]time.Duration{
		"header": server.ReadHeaderTimeout, "read": server.ReadTimeout, "write": server.WriteTimeout, "idle": server.IdleTimeout,
	} {
		if limit <= 0 || limit > time.Minute {
			t.Errorf("the limit for %s is %s, want one of a minute at most", name, limit)
		}
	}
	server.ReadHeaderTimeout, server.ReadTimeout = 20*time.Millisecond, 40*time.Millisecond

	ctx, stop := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, nil, 0, drainFor, l, server, log) }()
	for _, begins := range []string{
		"GET / HTTP/1.1\r\nHost: loc",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nfirst",
	} {
		slow := dial(t, l.Addr().String())
		io.WriteString(slow, begins)
		resp, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if _, err := io.Copy(io.Discard, slow); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: not cut off", begins)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
}

// TestStuckClient: a client that takes its answer slower than anybody waits for does
// not make a stop a failure.
func TestStuckClient(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	stuck, release := make(chan bool), make(chan bool)
	server := newServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		stuck <- true
		<-release
	}), log)
	ctx, stop := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, nil, 0, 10*time.Millisecond, l, server, log) }()
	io.WriteString(dial(t, l.Addr().String()), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-stuck
	stop()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
	close(release)
}
