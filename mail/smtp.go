package mail

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// SMTP sends by a mail server, over TLS. Printing it reveals no secret.
type SMTP struct {
	host, user, password string
	port                 int
	implicit             bool // TLS from the first byte, and not by STARTTLS
	insecure             bool // no TLS; for tests
	from                 string
}

// NewSMTP returns a sender for a URL such as smtps://user:secret@mail.example.com:465.
// With smtp:// the server must offer STARTTLS: without TLS nothing is sent. The errors
// complete the phrase "want …" and contain no part of the URL.
func NewSMTP(address, from string) (*SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || strings.ContainsFunc(address, unicode.IsControl) || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("smtps://user:password@host:465, or smtp:// and port 587 for STARTTLS; % in a password is written as %25, and other special characters likewise")
	}
	s := &SMTP{host: u.Hostname(), implicit: u.Scheme == "smtps", from: from, port: 587}
	if s.implicit {
		s.port = 465
	}
	if p := u.Port(); p != "" {
		if s.port, err = strconv.Atoi(p); err != nil || s.port < 1 || s.port > 65535 {
			return nil, errors.New("a port from 1 to 65535")
		}
	}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	if (s.user == "") != (s.password == "") {
		return nil, errors.New("both a user and a password, or neither")
	}
	return s, nil
}

// CheckFrom returns an error unless from is an address, with or without a name.
func CheckFrom(from string) error {
	if _, err := mail.ParseAddress(from); err != nil || strings.ContainsFunc(from, unicode.IsControl) {
		return errors.New("an address, such as Example <no-reply@example.com>")
	}
	return nil
}

// String names the server.
func (s *SMTP) String() string { return fmt.Sprintf("%s:%d", s.host, s.port) }

// GoString is String, so that no way of printing shows the password.
func (s *SMTP) GoString() string { return s.String() }

// Send connects, sends m and disconnects.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg := gomail.NewMsg()
	if err := errors.Join(msg.From(s.from), msg.To(m.To)); err != nil {
		return errors.New("send mail: address cannot be used") // the cause quotes it
	}
	msg.Subject(m.Subject)
	msg.SetDate()
	msg.SetMessageID()
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	options := []gomail.Option{gomail.WithPort(s.port), gomail.WithTLSPolicy(gomail.TLSMandatory)}
	if s.insecure {
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.implicit {
		options = append(options, gomail.WithSSL())
	}
	if s.user != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.user), gomail.WithPassword(s.password))
	}
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	return nil
}
