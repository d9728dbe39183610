package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Sealer protects claims while they lie in the browser. It must be bound to
// one purpose, so that no value of another purpose opens.
//
// Open must judge authenticity, type and session version, and must never check times:
// expiry is checked by the strategy. Its errors are [ErrInvalid] and [ErrVersion]. It
// returns no other errors, because it does no I/O.
type Sealer interface {
	Seal(ctx context.Context, c Claims) (string, error)
	Open(ctx context.Context, value string) (Claims, error)
}

// Claims are the contents of a sealed value. Type and version are the sealer's; a
// caller fills in the rest.
type Claims struct {
	IssuedAt  time.Time // when this value was sealed
	ExpiresAt time.Time // its own end
	EndsAt    time.Time // the absolute end, which no renewal moves
	Session   Session   // for the values that carry one
	Digest    string    // of the secret that the value belongs to, if it belongs to one
	Data      []byte    // JSON, for those that carry something else
}

// A Vault makes the sealers of one realm: a key per purpose from each
// key of the ring, and the session version in every value.
type Vault struct {
	Format  string // a name in [Formats]
	Ring    *KeyRing
	Realm   string       // part of every derived key, so that no realm opens the values of another
	Version func() int64 // the session version; raising it ends everything sealed for sessions
	Profile int          // maximum bytes of name and picture in one value; 0 means no limit
	Memo    *Memo        // may be nil
	Observe Observer     // may be nil
}

// Sealer returns the sealer for a purpose. The purpose is also the type that
// every value names.
func (v *Vault) Sealer(purpose string) Sealer { return v.sealer(purpose, v.Version) }

// Stored returns the sealer for a purpose whose values stay on the server. Raising the
// session version does not invalidate these values.
func (v *Vault) Stored(purpose string) Sealer {
	return v.sealer(purpose, func() int64 { return 0 })
}

func (v *Vault) sealer(purpose string, version func() int64) Sealer {
	name := v.Realm + "/" + purpose
	return &sealer{vault: v, purpose: purpose, version: version, name: v.Format + " " + name, format: formats[v.Format](name)}
}

// A format turns a payload into a cookie-safe string and back. Its algorithms are
// its own; a value cannot choose them (RFC 8725 §3.1). A value names its key, and
// open must use that key, which find returns, or fail.
type format interface {
	seal(k *Key, payload []byte) (string, error)
	open(find func(keyID string) *Key, value string) ([]byte, error)
}

var formats = map[string]func(purpose string) format{
	"securecookie": newSecureCookie,
	"jwt":          newJWT,
	"jwe":          newJWE,
}

// Formats names the seals that SESSION_SEAL may choose.
func Formats() []string { return []string{"securecookie", "jwt", "jwe"} }

// canonical reports whether each part is canonical base64. Decoders ignore some trailing
// bits and line breaks; an altered value must be rejected even if it decodes to the same
// bytes.
func canonical(enc *base64.Encoding, parts ...string) bool {
	for _, part := range parts {
		if _, err := enc.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return false
		}
	}
	return true
}

var errNotCanonical = errors.New("not canonical base64")

// errNoKey means that the key of a value is not in the ring.
var errNoKey = errors.New("no such key")

type sealer struct {
	vault   *Vault
	purpose string
	version func() int64
	name    string // of format, realm and purpose: no two sealers that open different values share it
	format  format
}

// Seal protects c with the newest key.
func (s *sealer) Seal(ctx context.Context, c Claims) (value string, err error) {
	defer observe(ctx, s.vault.Observe, "seal", s.purpose).done(&err)
	c.Session.User = c.Session.User.trimmed(s.vault.Profile)
	payload, err := json.Marshal(encodeClaims(c, s.purpose, s.version()))
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", s.purpose, err)
	}
	value, err = s.format.seal(s.vault.Ring.Newest(), payload)
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", s.purpose, err)
	}
	return value, nil
}

// Open uses the key that value names and no other: values of a key that was removed no
// longer open.
func (s *sealer) Open(ctx context.Context, value string) (_ Claims, err error) {
	defer observe(ctx, s.vault.Observe, "open seal", s.purpose).done(&err)
	if s.vault.Memo == nil || len(value) > maxMemoValue {
		claims, _, err := s.open(value)
		return claims, err
	}
	sum, version := sumOf(s.name, value), s.version()
	if claims, ok := s.vault.Memo.find(sum, s.vault.Ring, version); ok {
		return claims, nil
	}
	claims, keyID, err := s.open(value)
	if err == nil {
		s.vault.Memo.keep(sum, keyID, version, claims)
	}
	return claims, err
}

// open returns the contents of a value, and the key that opened it.
func (s *sealer) open(value string) (_ Claims, keyID string, err error) {
	find := func(id string) *Key {
		k := s.vault.Ring.Find(id)
		if k != nil {
			keyID = k.ID // id is a substring of the Cookie header and would keep all of it in memory
		}
		return k
	}
	payload, err := s.format.open(find, value)
	if err != nil {
		return Claims{}, "", ErrInvalid
	}
	var w wireClaims
	if err := json.Unmarshal(payload, &w); err != nil || w.Type != s.purpose {
		return Claims{}, "", ErrInvalid
	}
	if w.Version != s.version() {
		return Claims{}, "", ErrVersion
	}
	return w.decode(), keyID, nil
}
