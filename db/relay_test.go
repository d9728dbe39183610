package db

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// A relay stands between the program and the server, on the way that each byte
// takes. It can hold everything up, cut every connection, and let nobody in.
type relay struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	pass     chan struct{} // closed while bytes pass
	closed   bool          // to newcomers
	open     map[net.Conn]bool
}

// through returns the relay to a server, and the URL with which to go through it.
func through(t *testing.T, name string) (*relay, string) {
	t.Helper()
	u, err := url.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: u.Host, pass: make(chan struct{}), open: map[net.Conn]bool{}}
	close(r.pass)
	go r.serve()
	t.Cleanup(func() { l.Close(); r.flow(); r.cut() })
	u.Host = l.Addr().String()
	return r, u.String()
}

func (r *relay) serve() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.to)
		r.mu.Lock()
		if r.closed || err != nil {
			client.Close()
			if server != nil {
				server.Close()
			}
		} else {
			r.open[client], r.open[server] = true, true
			go r.carry(client, server)
			go r.carry(server, client)
		}
		r.mu.Unlock()
	}
}

func (r *relay) carry(from, to net.Conn) {
	defer to.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		r.mu.Lock()
		pass := r.pass
		r.mu.Unlock()
		<-pass
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if err != io.EOF {
				from.Close()
			}
			return
		}
	}
}

// stall lets no byte pass until flow.
func (r *relay) stall() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pass = make(chan struct{})
}

func (r *relay) flow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.pass:
	default:
		close(r.pass)
	}
}

// cut ends every connection there is.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		c.Close()
		delete(r.open, c)
	}
}

// shut keeps newcomers out until it is told to let them in again.
func (r *relay) shut(closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = closed
}

// recovers asks for as long as it takes until do works again.
func recovers(t *testing.T, what string, do func(context.Context) error) {
	t.Helper()
	var err error
	for t.Context().Err() == nil {
		if err = do(t.Context()); err == nil {
			return
		}
		fault(t, what, err)
		if t.Failed() {
			return
		}
	}
}
