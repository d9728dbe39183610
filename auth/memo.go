package auth

import (
	"crypto/sha256"

	lru "github.com/hashicorp/golang-lru/v2"
)

// A Memo caches the claims of opened values, because the same cookie arrives with each
// request and opening it costs ten times as much as a cache hit. It is bounded: it evicts
// the least recently used values.
//
// It changes no answer. What it knows is bound to the purpose and to the whole
// value, dies with the key that opened it and with the session version, and time
// is judged by whoever asks, at each request. One Memo may serve many vaults.
type Memo struct {
	known *lru.Cache[[sha256.Size]byte, memo]
}

type memo struct {
	keyID   string
	version int64
	claims  Claims
}

// maxMemoValue is the longest value, in bytes, that is remembered: so that
// entries bound bytes too.
const maxMemoValue = 4 << 10

// NewMemo returns a Memo of at most that many entries. Each takes about 1 KiB, and never
// more than 8; an entry keeps no part of the request in memory.
func NewMemo(entries int) *Memo {
	known, err := lru.New[[sha256.Size]byte, memo](max(entries, 1))
	if err != nil {
		panic(err) // fails only for a size below one
	}
	return &Memo{known}
}

// find returns what value said under a purpose, if its key is still in the ring.
func (m *Memo) find(sum [sha256.Size]byte, ring *KeyRing, version int64) (Claims, bool) {
	if m == nil {
		return Claims{}, false
	}
	k, ok := m.known.Get(sum)
	if !ok || k.version != version || ring.Find(k.keyID) == nil {
		return Claims{}, false
	}
	return k.claims, true
}

func (m *Memo) keep(sum [sha256.Size]byte, keyID string, version int64, c Claims) {
	if m != nil {
		m.known.Add(sum, memo{keyID, version, c})
	}
}

// sumOf tells values apart, and the purposes they were shown for.
func sumOf(purpose, value string) [sha256.Size]byte {
	buf := make([]byte, 0, 1<<10)
	buf = append(buf, purpose...)
	buf = append(buf, 0)
	return sha256.Sum256(append(buf, value...))
}
