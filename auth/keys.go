package auth

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// MinKeyBytes is the minimum length of a key, in bytes.
const MinKeyBytes = 32

// A Key is one secret of a ring. It is never used by itself: each purpose gets a
// key of its own, derived with HKDF (RFC 5869), so that a value sealed for one
// purpose opens under no other (ASVS 11.2.2).
type Key struct {
	ID     string // "kid": 8 hex digits, derived from the secret and safe to show
	secret []byte
}

// NewKey makes a key of at least [MinKeyBytes] secret bytes.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) < MinKeyBytes {
		return nil, fmt.Errorf("a key has %d bytes, want at least %d", len(secret), MinKeyBytes)
	}
	if weak(secret) {
		return nil, errors.New("key does not look random")
	}
	k := &Key{secret: append([]byte(nil), secret...)}
	k.ID = hex.EncodeToString(k.derive("kid", 4))
	return k, nil
}

// GenerateKey draws a new key from random.
func GenerateKey(random io.Reader) (*Key, error) {
	secret := make([]byte, MinKeyBytes)
	if _, err := io.ReadFull(random, secret); err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return NewKey(secret)
}

// Derive deterministically derives a key from k and label. Values sealed by one do not
// open with the other.
func (k *Key) Derive(label string) (*Key, error) {
	return NewKey(k.derive("key "+label, MinKeyBytes))
}

// encode returns the secret in the format of SESSION_KEYS.
func (k *Key) encode() string { return base64.StdEncoding.EncodeToString(k.secret) }

func (k *Key) derive(purpose string, n int) []byte {
	// HKDF fails only for lengths beyond 255 hashes.
	// Whatever the site is called, this label stays: with another, nothing that is sealed
	// would open.
	key, err := hkdf.Key(sha256.New, k.secret, nil, "sessionlab "+purpose, n)
	if err != nil {
		panic(err)
	}
	return key
}

// derived remembers the keys that were derived for one purpose.
type derived struct{ keys sync.Map } // *Key to []byte

func (d *derived) of(k *Key, purpose string) []byte {
	if key, ok := d.keys.Load(k); ok {
		return key.([]byte)
	}
	key := k.derive(purpose, 32)
	d.keys.Store(k, key)
	return key
}

// weak finds keys that somebody typed: 32 random bytes almost never hold fewer than 12
// different values.
func weak(secret []byte) bool {
	var seen [256]bool
	different := 0
	for _, b := range secret {
		if !seen[b] {
			seen[b] = true
			different++
		}
	}
	return different < 12
}

// A KeyRing holds the keys of a site, newest first. The newest key seals. A value is
// opened with the key whose ID it carries. It does not change once made.
type KeyRing struct {
	keys []*Key
}

// NewKeyRing makes a ring of at least one key, newest first.
func NewKeyRing(newestFirst ...*Key) (*KeyRing, error) {
	if len(newestFirst) == 0 {
		return nil, errors.New("no keys")
	}
	seen := map[string]bool{}
	for _, k := range newestFirst {
		if seen[k.ID] {
			return nil, errors.New("duplicate key")
		}
		seen[k.ID] = true
	}
	return &KeyRing{newestFirst}, nil
}

// ParseKeyRing reads SESSION_KEYS: base64 (standard or URL alphabet, padded or
// not), comma separated, newest first. Its errors never contain a key.
func ParseKeyRing(s string) (*KeyRing, error) {
	var keys []*Key
	for i, field := range strings.Split(s, ",") {
		secret, err := decodeKey(strings.TrimSpace(field))
		if err != nil {
			return nil, fmt.Errorf("key %d is not base64", i+1)
		}
		k, err := NewKey(secret)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		keys = append(keys, k)
	}
	return NewKeyRing(keys...)
}

func decodeKey(s string) ([]byte, error) {
	s = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "=")
	return base64.RawStdEncoding.DecodeString(s)
}

// Encode is the ring as [ParseKeyRing] reads it. It is secret.
func (r *KeyRing) Encode() string {
	var fields []string
	for _, k := range r.Keys() {
		fields = append(fields, k.encode())
	}
	return strings.Join(fields, ",")
}

// Keys returns the keys, newest first.
func (r *KeyRing) Keys() []*Key { return r.keys }

// Newest is the key that seals.
func (r *KeyRing) Newest() *Key { return r.Keys()[0] }

// Find returns the key with that id, or nil. It never tries another one.
func (r *KeyRing) Find(id string) *Key {
	for _, k := range r.Keys() {
		if k.ID == id {
			return k
		}
	}
	return nil
}
