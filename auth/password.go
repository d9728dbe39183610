package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// The parameters of argon2id: the second choice of RFC 9106 scaled down as
// OWASP's Password Storage Cheat Sheet recommends for servers.
const (
	hashMemory  = 19 << 10 // KiB
	hashTime    = 2
	hashThreads = 1
	saltBytes   = 16
	hashBytes   = 32
	maxHashes   = 2               // at a time: each takes 19 MiB and one core
	maxWaiting  = 64              // for their turn
	hashWait    = 2 * time.Second // for one's turn
)

// ErrBusy says that too many passwords are being hashed. It is a fault.
var ErrBusy = errors.New("too many passwords at once")

// Passwords hashes passwords with argon2id (RFC 9106), into the string format of the
// Password Hashing Competition, and checks them. It must not be copied.
//
// Hashing is made to be expensive, so it is limited: two run at a time, and a caller that
// waits longer than two seconds gets ErrBusy. Otherwise a flood of sign-ins could exhaust
// the server's memory. Clients take turns (see [WithClient]), so that a client with many
// requests delays only its own.
type Passwords struct {
	Random  io.Reader // of salts, such as crypto/rand.Reader
	Observe Observer  // told of every hash; may be nil

	key   func(password, salt []byte, time, memory uint32, threads uint8, n uint32) []byte // argon2.IDKey if nil; tests replace it to block hashing
	turns turns
}

// preferred are the parameters of new hashes.
var preferred = phc{memory: hashMemory, time: hashTime, threads: hashThreads}

// Hash returns what to keep in place of a password.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	h := preferred
	h.salt = make([]byte, saltBytes)
	if _, err := io.ReadFull(p.Random, h.salt); err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	var err error
	if h.sum, err = p.sum(ctx, h, normalize(password), hashBytes); err != nil {
		return "", err
	}
	return h.String(), nil
}

// Check reports whether a password is the one that was hashed, and whether the hash is
// dated: made with other parameters, or of the bytes as they were typed, before
// passwords were normalized. A dated hash should be replaced.
//
// An empty hash stands for an account that does not exist. No password matches it, and
// the check takes as long as any other (ASVS 6.3.8).
func (p *Passwords) Check(ctx context.Context, hash, password string) (right, dated bool, err error) {
	h := preferred
	h.salt, h.sum = make([]byte, saltBytes), make([]byte, hashBytes)
	if hash != "" {
		if h, err = parsePHC(hash); err != nil {
			return false, false, err
		}
	}
	for i, form := range forms(password) {
		sum, err := p.sum(ctx, h, form, uint32(len(h.sum)))
		if err != nil {
			return false, false, err
		}
		if hash != "" && subtle.ConstantTimeCompare(sum, h.sum) == 1 {
			return true, i > 0 || h.outdated(), nil
		}
	}
	return false, false, nil
}

// forms returns the byte strings that may have been hashed for password: its normal form
// and, for older hashes, the raw input. It returns none for a password that is too long.
func forms(password string) (list []string) {
	normal := normalize(password)
	if len(normal) <= MaxPassword {
		list = append(list, normal)
	}
	if password != normal && len(password) <= MaxPassword {
		list = append(list, password)
	}
	return list
}

// sum waits for a slot and hashes.
func (p *Passwords) sum(ctx context.Context, h phc, password string, n uint32) (_ []byte, err error) {
	defer observe(ctx, p.Observe, "password", "hash").done(&err)
	wait, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	if err := p.turns.take(wait); err != nil {
		return nil, err
	}
	defer p.turns.give()
	key := p.key
	if key == nil {
		key = argon2.IDKey
	}
	return key([]byte(password), h.salt, h.time, h.memory, h.threads, n), nil
}

// A phc is a hash with what is needed to make it again.
type phc struct {
	memory, time uint32
	threads      uint8
	salt, sum    []byte
}

var errHash = errors.New("stored password hash cannot be read")

func (h phc) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads, b64(h.salt), b64(h.sum))
}

// outdated reports whether a hash of today would have other parameters.
func (h phc) outdated() bool {
	return h.memory != preferred.memory || h.time != preferred.time || h.threads != preferred.threads || len(h.sum) != hashBytes
}

// parsePHC reads a stored hash. What it costs to check is bounded, whoever wrote
// it: 64 MiB, 10 passes, 4 threads.
func parsePHC(s string) (h phc, err error) {
	field := strings.Split(s, "$")
	if len(field) != 6 || field[0] != "" || field[1] != "argon2id" || field[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errHash
	}
	_, err = fmt.Sscanf(field[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads)
	if err != nil || h.memory > 64<<10 || h.time < 1 || h.time > 10 || h.threads < 1 || h.threads > 4 {
		return phc{}, errHash
	}
	h.salt, err = base64.RawStdEncoding.DecodeString(field[4])
	if err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return phc{}, errHash
	}
	h.sum, err = base64.RawStdEncoding.DecodeString(field[5])
	if err != nil || len(h.sum) < 16 || len(h.sum) > 64 {
		return phc{}, errHash
	}
	return h, nil
}
