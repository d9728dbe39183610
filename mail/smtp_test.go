package mail

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
)

// server is a mail server that takes one message and offers no TLS.
func server(t *testing.T) (address string, got <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	messages := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "220 test\r\n")
		var message strings.Builder
		inData := false
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			line := lines.Text()
			message.WriteString(line + "\n")
			switch {
			case inData && line == ".":
				inData = false
				messages <- message.String()
				fmt.Fprint(conn, "250 ok\r\n")
			case inData:
			case line == "DATA":
				inData = true
				fmt.Fprint(conn, "354 go on\r\n")
			case line == "QUIT":
				fmt.Fprint(conn, "221 bye\r\n")
				return
			default:
				fmt.Fprint(conn, "250 ok\r\n")
			}
		}
	}()
	return l.Addr().String(), messages
}

func TestSMTP(t *testing.T) {
	address, got := server(t)
	s, err := NewSMTP("smtp://"+address, "Example <no-reply@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	s.insecure = true
	if err := s.Send(t.Context(), Message{To: "ada@example.com", Subject: "Hello", Text: "A text.\n"}); err != nil {
		t.Fatal(err)
	}
	text := <-got
	for _, want := range []string{"MAIL FROM:<no-reply@example.com>", "RCPT TO:<ada@example.com>", "Subject: Hello", "A text."} {
		if !strings.Contains(text, want) {
			t.Errorf("the message lacks %q:\n%s", want, text)
		}
	}
}

// Nothing is sent to a server that offers no TLS.
func TestSMTPWantsTLS(t *testing.T) {
	address, got := server(t)
	s, err := NewSMTP("smtp://user:secret@"+address, "no-reply@example.com")
	if err != nil {
		t.Fatal(err)
	}
	err = s.Send(t.Context(), Message{To: "ada@example.com", Subject: "Hello", Text: "A text.\n"})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want an error without the password", err)
	}
	select {
	case text := <-got:
		t.Errorf("it was sent: %s", text)
	default:
	}
	if printed := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(printed, "secret") {
		t.Errorf("printed: %s", printed)
	}
}

// What comes from outside adds no header.
func TestSMTPHeaders(t *testing.T) {
	s := &SMTP{host: "127.0.0.1", port: 1, from: "no-reply@example.com"}
	for _, to := range []string{"ada@example.com\r\nBcc: eve@example.com", "ada@example.com, eve@example.com", ""} {
		if err := s.Send(t.Context(), Message{To: to}); err == nil || !strings.Contains(err.Error(), "address cannot be used") {
			t.Errorf("%q: got %v", to, err)
		}
	}
}
