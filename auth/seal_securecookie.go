package auth

import (
	"encoding/base64"
	"strings"
	"sync"

	"github.com/gorilla/securecookie"
)

// secureCookie is the seal of gorilla/securecookie: AES-256 in counter mode, then
// HMAC-SHA-256 over name and ciphertext. Encrypted and authenticated.
//
// The library's own clock cannot be set, so its age check is off and the times
// stand in the payload; its length limit is off because cookies are chunked.
type secureCookie struct {
	purpose string
	codecs  sync.Map // *Key to *securecookie.SecureCookie
}

func newSecureCookie(purpose string) format { return &secureCookie{purpose: purpose} }

func (f *secureCookie) codec(k *Key) *securecookie.SecureCookie {
	if c, ok := f.codecs.Load(k); ok {
		return c.(*securecookie.SecureCookie)
	}
	hash := k.derive("securecookie hash "+f.purpose, 32)
	block := k.derive("securecookie block "+f.purpose, 32)
	c := securecookie.New(hash, block).MaxAge(0).MaxLength(0).SetSerializer(securecookie.NopEncoder{})
	f.codecs.Store(k, c)
	return c
}

func (f *secureCookie) seal(k *Key, payload []byte) (string, error) {
	value, err := f.codec(k).Encode(f.purpose, payload)
	return k.ID + "." + value, err
}

func (f *secureCookie) open(find func(string) *Key, value string) (payload []byte, err error) {
	id, value, _ := strings.Cut(value, ".")
	k := find(id)
	if k == nil {
		return nil, errNoKey
	}
	if !canonical(base64.URLEncoding, value) {
		return nil, errNotCanonical
	}
	err = f.codec(k).Decode(f.purpose, value, &payload)
	return payload, err
}
