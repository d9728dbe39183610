package lab

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sessionlab/auth"
)

// MaxClaim bounds what [Bench.Size] seals, in bytes.
const MaxClaim = 12 << 10

// A Size is how many bytes a session takes under one seal.
type Size struct {
	Seal    string
	JSON    int   // what is sealed
	Sealed  int   // the value of the cookie
	Cookies []int // name and value of each cookie that it is spread over; none if it does not fit
	Lines   int   // the Set-Cookie lines, together
	Header  int   // the Cookie header that the browser sends back
}

// Size really seals a session of the user with one more claim of so many bytes,
// under each seal, and sets the cookie.
func (b *Bench) Size(ctx context.Context, u auth.User, claim int) (sizes []Size, err error) {
	if claim < 0 || claim > MaxClaim {
		return nil, fmt.Errorf("a claim of %d bytes: want 0 to %d", claim, MaxClaim)
	}
	now := b.Now()
	session := auth.Session{ID: b.parts.Auth.Text(), User: u, IssuedAt: now, Device: auth.Device{Name: "Firefox on Linux"}, Remember: true}
	claims := auth.Claims{IssuedAt: now, ExpiresAt: now.Add(7 * 24 * time.Hour), EndsAt: now.Add(30 * 24 * time.Hour), Session: session}
	if claim > 0 {
		claims.Data = []byte(`"` + strings.Repeat("x", claim) + `"`)
	}
	json := 0
	for _, format := range auth.Formats() {
		vault := *b.stage.Load().vault
		vault.Format, vault.Memo, vault.Observe = format, nil, nil
		value, err := vault.Sealer("cookie").Seal(ctx, claims)
		if err != nil {
			return nil, err
		}
		s := Size{Seal: format, Sealed: len(value)}
		if format == "jwt" { // which can be read, and all seal the same
			_, rest, _ := strings.Cut(value, ".")
			payload, _, _ := strings.Cut(rest, ".")
			json = base64.RawURLEncoding.DecodedLen(len(payload))
		}
		a := &answer{header: http.Header{}}
		err = auth.NewJar(a, &http.Request{}).Set(auth.SessionCookie("cookie"), value, 7*24*time.Hour)
		if err != nil && !errors.Is(err, auth.ErrTooLarge) {
			return nil, err
		}
		w := &Wallet{cookies: map[string]string{}}
		if s.Lines = w.take(a.header); s.Lines > 0 {
			s.Header = len("Cookie: " + w.header())
		}
		for _, c := range w.changes {
			s.Cookies = append(s.Cookies, len(c.Name)+len("=")+len(c.Value))
		}
		sizes = append(sizes, s)
	}
	for i := range sizes {
		sizes[i].JSON = json
	}
	return sizes, nil
}
