package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sessionlab/auth"
	"sessionlab/db"
	"sessionlab/handlers"
	"sessionlab/mail"
)

// The types of the mail settings.
type (
	smtpURL  string
	mailFrom string
)

func (s *smtpURL) UnmarshalText(b []byte) error {
	*s = smtpURL(b)
	_, err := mail.NewSMTP(string(b), "")
	return err
}

func (m *mailFrom) UnmarshalText(b []byte) error {
	*m = mailFrom(b)
	return mail.CheckFrom(string(b))
}

// mailWait bounds the work for one mail, after the answer.
const mailWait = 20 * time.Second

// newMailed returns the ways back in by email: with SMTP_URL by a mail server, without it
// on loopback by a page and the log, and elsewhere nil.
func newMailed(ctx context.Context, cfg config, d *db.DB, vault *auth.Vault, now func() time.Time, after *later, log *slog.Logger) (*handlers.Mailed, error) {
	m := &handlers.Mailed{Seal: vault.Sealer(auth.LinkPurpose), Later: after.run, Wait: mailWait}
	switch {
	case cfg.SMTP != "":
		smtp, err := mail.NewSMTP(string(cfg.SMTP), string(cfg.MailFrom))
		if err != nil {
			return nil, fmt.Errorf("SMTP_URL: want %w", err)
		}
		m.Sender = smtp
	case handlers.IsLoopback(cfg.BaseURL.Hostname()):
		m.Outbox = &mail.Outbox{Now: now, Log: log}
		m.Sender = m.Outbox
	default:
		return nil, nil
	}
	links, err := db.OpenLinks(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	m.Links = links
	return m, nil
}

// mailLine says where mail goes, for the banner; "" where there is no use for any.
func mailLine(cfg config, site *handlers.Site) string {
	switch {
	case site.Administration == nil:
		return ""
	case site.Mailed == nil:
		return "none: nobody can reset a password by email; set SMTP_URL and MAIL_FROM"
	case site.Mailed.Outbox != nil:
		return fmt.Sprintf("%s/dev/mail, and the log", cfg.BaseURL)
	}
	return fmt.Sprint(site.Mailed.Sender)
}

// maxLater bounds how many functions of a [later] run at a time.
const maxLater = 64

// later runs functions after the answers that they belong to. Those that exceed maxLater
// wait for nobody and do not run: a flood of requests for mail must not fill the memory.
type later struct {
	log     *slog.Logger
	group   sync.WaitGroup
	running atomic.Int64
}

func (l *later) run(do func()) {
	if l.running.Add(1) > maxLater {
		l.running.Add(-1)
		l.log.Warn("too much mail at once")
		return
	}
	l.group.Go(func() {
		defer l.running.Add(-1)
		do()
	})
}

// wait returns when nothing runs any more.
func (l *later) wait() { l.group.Wait() }
