// Package mail sends the site's mail: by SMTP, or in development to a page.
package mail

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// A Message is a plain text for one address.
type Message struct {
	To, Subject, Text string
}

// A Sender sends messages. Send must be safe for use from many goroutines, and must return
// when ctx ends.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

var (
	_ Sender = (*SMTP)(nil)
	_ Sender = (*Outbox)(nil)
)

// maxKept is how many messages an Outbox keeps.
const maxKept = 50

// A Kept is a message in an Outbox.
type Kept struct {
	Message
	At time.Time
}

// An Outbox keeps the latest messages in memory and writes them to a log, secrets
// included. It is for development on loopback.
type Outbox struct {
	Now func() time.Time
	Log *slog.Logger

	mu   sync.Mutex
	kept []Kept
}

// Send keeps m, in place of the oldest if there are too many.
func (o *Outbox) Send(ctx context.Context, m Message) error {
	o.mu.Lock()
	o.kept = append(o.kept, Kept{m, o.Now()})
	if len(o.kept) > maxKept {
		o.kept = slices.Delete(o.kept, 0, 1)
	}
	o.mu.Unlock()
	o.Log.InfoContext(ctx, "mail", "to", m.To, "subject", m.Subject, "text", m.Text)
	return nil
}

// Messages returns what was sent, newest first.
func (o *Outbox) Messages() []Kept {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := slices.Clone(o.kept)
	slices.Reverse(list)
	return list
}
