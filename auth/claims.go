package auth

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"
	"unicode/utf8"
)

// wireClaims is the payload of every sealed value. Names are the registered ones
// of RFC 7519 and OpenID Connect Core §2 where there are any.
type wireClaims struct {
	Type      string          `json:"typ"`
	Version   int64           `json:"ver"`
	IssuedAt  numericDate     `json:"iat"`
	ExpiresAt numericDate     `json:"exp"`
	EndsAt    numericDate     `json:"end"`
	ID        string          `json:"sid,omitempty"`
	AuthTime  numericDate     `json:"auth_time,omitempty"`
	Subject   string          `json:"sub,omitempty"`
	Email     string          `json:"email,omitempty"`
	Name      string          `json:"name,omitempty"`
	Picture   string          `json:"picture,omitempty"`
	Role      string          `json:"role,omitempty"`
	Epoch     int64           `json:"epoch,omitempty"`
	Idle      numericDate     `json:"idle,omitempty"` // the session's idle end, where exp is only this value's
	Digest    string          `json:"digest,omitempty"`
	Device    string          `json:"device,omitempty"`
	Remember  bool            `json:"remember,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
}

func encodeClaims(c Claims, typ string, version int64) wireClaims {
	s := c.Session
	idle := dateOf(s.ExpiresAt)
	if s.ExpiresAt.Equal(c.ExpiresAt) {
		idle = 0
	}
	return wireClaims{
		Type: typ, Version: version,
		IssuedAt: dateOf(c.IssuedAt), ExpiresAt: dateOf(c.ExpiresAt), EndsAt: dateOf(c.EndsAt),
		ID: s.ID, AuthTime: dateOf(s.IssuedAt),
		Subject: s.User.ID, Email: s.User.Email, Name: s.User.Name, Picture: s.User.Picture, Role: s.User.Role,
		Epoch: s.User.Epoch, Idle: idle, Digest: c.Digest,
		Device: s.Device.Name, Remember: s.Remember, Data: c.Data,
	}
}

func (w wireClaims) decode() Claims {
	if w.Idle == 0 {
		w.Idle = w.ExpiresAt
	}
	return Claims{
		IssuedAt: w.IssuedAt.time(), ExpiresAt: w.ExpiresAt.time(), EndsAt: w.EndsAt.time(),
		Session: Session{
			ID:       w.ID,
			User:     User{ID: w.Subject, Email: w.Email, Name: w.Name, Picture: w.Picture, Role: w.Role, Epoch: w.Epoch},
			Device:   Device{Name: w.Device},
			IssuedAt: w.AuthTime.time(), ExpiresAt: w.Idle.time(), EndsAt: w.EndsAt.time(),
			Remember: w.Remember,
		},
		Digest: w.Digest,
		Data:   w.Data,
	}
}

// trimmed returns u with name and picture in at most most bytes in total; zero means no
// limit. The picture is dropped first.
func (u User) trimmed(most int) User {
	if most == 0 || len(u.Name)+len(u.Picture) <= most {
		return u
	}
	u.Picture = ""
	for len(u.Name) > most {
		_, last := utf8.DecodeLastRuneInString(u.Name)
		u.Name = u.Name[:len(u.Name)-last]
	}
	return u
}

// openSession opens a value that carries a session. It returns [ErrInvalid] if the
// session ID, the user ID or a time is missing, or if the value expires after the session
// ends, even if the seal is valid.
func openSession(ctx context.Context, seal Sealer, value string) (Claims, error) {
	c, err := seal.Open(ctx, value)
	if err != nil {
		return Claims{}, err
	}
	s := c.Session
	if s.ID == "" || s.User.ID == "" || s.IssuedAt.IsZero() || c.IssuedAt.IsZero() ||
		c.ExpiresAt.IsZero() || c.EndsAt.IsZero() || c.ExpiresAt.After(c.EndsAt) {
		return Claims{}, ErrInvalid
	}
	return c, nil
}

// numericDate is Unix time in milliseconds, written as RFC 7519 §2 wants it: in
// seconds, with a fraction where there is one. Zero is no date.
type numericDate int64

func dateOf(t time.Time) numericDate {
	if t.IsZero() {
		return 0
	}
	return numericDate(t.UnixMilli())
}

func (d numericDate) time() time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(d)).UTC()
}

func (d numericDate) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(d)/1000, 'f', -1, 64), nil
}

// maxDate is the end of the year 9999 in seconds, the last that RFC 3339 can write.
const maxDate = 253402300799

func (d *numericDate) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return err
	}
	if !(f >= 0 && f <= maxDate) {
		return errors.New("date out of range")
	}
	*d = numericDate(f*1000 + 0.5)
	return nil
}
