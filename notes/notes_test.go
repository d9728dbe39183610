package notes

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestNew(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		text, want string
		err        error
	}{
		{" buy milk\r\nand bread \n", "buy milk\nand bread", nil},
		{strings.Repeat("ä", MaxText), strings.Repeat("ä", MaxText), nil},
		{strings.Repeat("ä", MaxText+1), "", ErrLong},
		{" \t\n", "", ErrEmpty},
		{"\xff", "", ErrText},
		{"a\x00b", "", ErrText}, // Postgres could not store it
	} {
		n, err := New("id", test.text, now)
		if !errors.Is(err, test.err) || n.Text != test.want {
			t.Errorf("%.20q: got %.20q, %v; want %.20q, %v", test.text, n.Text, err, test.want, test.err)
		}
		if err == nil && (n.ID != "id" || !n.CreatedAt.Equal(now)) {
			t.Errorf("%.20q: got %+v", test.text, n)
		}
	}
}
