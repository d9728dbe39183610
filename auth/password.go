package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
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
	maxHashes   = 2               // at once: each takes 19 MiB and one core
	maxWaiting  = 64              // for their turn; whoever comes then is turned away at once
	hashWait    = 2 * time.Second // for one's turn
)

// ErrBusy says that too many passwords are being hashed. It is a fault.
var ErrBusy = errors.New("too many passwords at once")

// Passwords hashes passwords and checks them, with argon2id (RFC 9106), into the
// string format of the Password Hashing Competition. It must not be copied.
//
// Hashing is made to be expensive, so it is rationed: two at once, and who waits
// longer than two seconds gets [ErrBusy]. Otherwise whoever asks often enough
// would take the memory of the server.
type Passwords struct {
	Random  io.Reader // of salts, such as crypto/rand.Reader
	Observe Observer  // told of every hash; may be nil

	key     func(password, salt []byte, time, memory uint32, threads uint8, n uint32) []byte // argon2.IDKey; tests hold it up
	once    sync.Once
	turns   chan struct{} // one for each hash that is being made
	waiting chan struct{}
}

// Hash returns what to keep in place of a password.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(p.Random, salt); err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	h := phc{memory: hashMemory, time: hashTime, threads: hashThreads, salt: salt}
	var err error
	if h.sum, err = p.sum(ctx, h, password, hashBytes); err != nil {
		return "", err
	}
	return h.String(), nil
}

// Check says whether a password is the one that was hashed. An empty hash is
// that of an account that does not exist: nothing is right for it, and finding
// that out takes as long (ASVS 6.3.8).
func (p *Passwords) Check(ctx context.Context, hash, password string) (bool, error) {
	if hash == "" {
		nobody := phc{memory: hashMemory, time: hashTime, threads: hashThreads, salt: make([]byte, saltBytes)}
		_, err := p.sum(ctx, nobody, password, hashBytes)
		return false, err
	}
	h, err := parsePHC(hash)
	if err != nil {
		return false, err
	}
	sum, err := p.sum(ctx, h, password, uint32(len(h.sum)))
	return err == nil && subtle.ConstantTimeCompare(sum, h.sum) == 1, err
}

// sum waits for its turn and hashes.
func (p *Passwords) sum(ctx context.Context, h phc, password string, n uint32) (_ []byte, err error) {
	defer observe(ctx, p.Observe, "password", "hash").done(&err)
	p.once.Do(func() {
		p.turns, p.waiting = make(chan struct{}, maxHashes), make(chan struct{}, maxHashes+maxWaiting)
		if p.key == nil {
			p.key = argon2.IDKey
		}
	})
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		return nil, ErrBusy
	}
	wait, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-wait.Done():
		return nil, ErrBusy
	}
	return p.key([]byte(password), h.salt, h.time, h.memory, h.threads, n), nil
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
