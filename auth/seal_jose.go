package auth

import (
	"encoding/base64"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// signed is the seal "jwt": a JSON Web Token (RFC 7519) with HS256. It is signed
// and not encrypted: whoever holds the cookie can read what it says, and pages
// say so. What must stay secret needs another seal.
type signed struct {
	purpose string
	keys    derived
}

func newJWT(purpose string) format { return &signed{purpose: "jwt " + purpose} }

func (f *signed) seal(k *Key, payload []byte) (string, error) {
	key := jose.SigningKey{Algorithm: jose.HS256, Key: f.keys.of(k, f.purpose)}
	s, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", k.ID))
	if err != nil {
		return "", err
	}
	object, err := s.Sign(payload)
	if err != nil {
		return "", err
	}
	return object.CompactSerialize()
}

func (f *signed) open(find func(string) *Key, value string) ([]byte, error) {
	if !canonical(base64.RawURLEncoding, strings.Split(value, ".")...) {
		return nil, errNotCanonical
	}
	object, err := jose.ParseSignedCompact(value, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return nil, err
	}
	k := find(object.Signatures[0].Protected.KeyID)
	if k == nil {
		return nil, errNoKey
	}
	return object.Verify(f.keys.of(k, f.purpose))
}

// encrypted is the seal "jwe": a JSON Web Encryption (RFC 7516) with a direct key
// and A256GCM. Encrypted and authenticated.
type encrypted struct {
	purpose string
	keys    derived
}

func newJWE(purpose string) format { return &encrypted{purpose: "jwe " + purpose} }

func (f *encrypted) seal(k *Key, payload []byte) (string, error) {
	to := jose.Recipient{Algorithm: jose.DIRECT, Key: f.keys.of(k, f.purpose)}
	e, err := jose.NewEncrypter(jose.A256GCM, to, (&jose.EncrypterOptions{}).WithHeader("kid", k.ID))
	if err != nil {
		return "", err
	}
	object, err := e.Encrypt(payload)
	if err != nil {
		return "", err
	}
	return object.CompactSerialize()
}

func (f *encrypted) open(find func(string) *Key, value string) ([]byte, error) {
	parts := strings.Split(value, ".")
	// With a direct key the second part, which nothing authenticates, is empty
	// (RFC 7516 §5.2, step 10; RFC 7518 §4.5).
	if !canonical(base64.RawURLEncoding, parts...) || len(parts) != 5 || parts[1] != "" {
		return nil, errNotCanonical
	}
	object, err := jose.ParseEncryptedCompact(value, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, err
	}
	k := find(object.Header.KeyID)
	if k == nil {
		return nil, errNoKey
	}
	return object.Decrypt(f.keys.of(k, f.purpose))
}
