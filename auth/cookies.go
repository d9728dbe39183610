package auth

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cookie limits. Browsers silently drop a cookie whose name and value exceed 4,096 bytes
// (RFC 6265bis §5.6), and some count the attributes too.
const (
	maxSetCookie = 4050                 // bytes of one Set-Cookie line, name and attributes included
	maxChunks    = 3                    // cookies that one value may be spread over
	maxCookieAge = 400 * 24 * time.Hour // browsers keep no cookie longer (RFC 6265bis §5.5)
	attributes   = "; Path=/; Max-Age=; HttpOnly; Secure; SameSite=Lax"
	prefix       = "__Host-"
)

// A Jar is the cookies of one request, and what its response does to them. Every
// name carries the __Host- prefix, which browsers accept only from the host
// itself, over a secure connection, for the whole site: no sibling host can plant
// one. Names given to its methods are without the prefix.
//
// A value too long for one cookie is spread over name.1, name.2 and so on; the
// bare name does not exist then. A Jar is for one goroutine.
type Jar struct {
	in      []cookie
	bytes   int
	out     http.Header
	written []string // names in out
	keeps   bool     // does not clear
}

type cookie struct{ name, value string }

// NewJar reads the cookies of r; what is set goes to the headers of w, which must
// not have been written yet.
//
// It reads them as browsers write them and nothing more forgiving. Only spaces and
// tabs separate pairs (RFC 6265bis §5.8.3): a name that begins with any other
// white space is another cookie, which a sibling host can set.
func NewJar(w http.ResponseWriter, r *http.Request) *Jar {
	j := &Jar{out: w.Header()}
	for _, line := range r.Header["Cookie"] {
		j.bytes += len(line)
		for len(line) > 0 {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			name, value, found := strings.Cut(strings.Trim(pair, " \t"), "=")
			if name, ours := strings.CutPrefix(name, prefix); found && ours {
				j.in = append(j.in, cookie{name, value})
			}
		}
	}
	return j
}

// WithoutClear returns a jar of the same request and response that sets cookies but
// clears none. Code that only inspects sessions uses it, so that a later request still
// gets the refused session's reason.
func (j *Jar) WithoutClear() *Jar {
	k := *j
	k.keeps = true
	return &k
}

// Bytes is the length of the request's Cookie header.
func (j *Jar) Bytes() int { return j.bytes }

// Names returns the names of the request's cookies, each chunk under its own name.
func (j *Jar) Names() []string {
	names := make([]string, len(j.in))
	for i, c := range j.in {
		names[i] = c.name
	}
	return names
}

// Chunks returns the number of chunks of a request cookie; 0 if it is not chunked.
func (j *Jar) Chunks(name string) int {
	n := 0
	for _, c := range j.in {
		if isChunk(c.name, name) {
			n++
		}
	}
	return n
}

// Get returns the value of a cookie of the request, joined if it was spread,
// empty if there is none. A gap between chunks is [ErrInvalid]: half a value is
// no value.
func (j *Jar) Get(name string) (string, error) {
	if value, ok := j.lookup(name); ok {
		return value, nil
	}
	n := j.Chunks(name)
	if n > maxChunks {
		return "", ErrInvalid
	}
	var value strings.Builder
	for i := 1; i <= n; i++ {
		part, ok := j.lookup(chunk(name, i))
		if !ok {
			return "", ErrInvalid
		}
		value.WriteString(part)
	}
	return value.String(), nil
}

// CookieBudget bounds the Cookie header of one browser, in bytes: well below the 16 KiB
// of headers at which the server answers 431. [Jar.Size] tells how much of it is used.
const CookieBudget = 12 << 10

// Size returns the length in bytes of the Cookie header that the browser will send
// next, counting the cookies that begin with __Host- only.
func (j *Jar) Size() int {
	size := 0
	for _, c := range j.after().in {
		size += cookieSize(c.name, c.value)
	}
	return size
}

// Current returns the value that the browser will have after this response: what was set
// last, else what the request brought.
func (j *Jar) Current(name string) (string, error) { return j.after().Get(name) }

// after returns the jar of the browser's next request.
func (j *Jar) after() *Jar {
	after := &Jar{}
	for _, line := range j.out["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if base, ours := strings.CutPrefix(c.Name, prefix); err == nil && ours && c.MaxAge >= 0 {
			after.in = append(after.in, cookie{base, c.Value})
		}
	}
	for _, c := range j.in {
		if !slices.Contains(j.written, c.name) {
			after.in = append(after.in, c)
		}
	}
	return after
}

// Set sets a cookie for maxAge; with zero, until the browser closes. It spreads a long
// value and expires leftover chunks of the old value. A value that does not fit is
// [ErrTooLarge], and then nothing is set.
func (j *Jar) Set(name, value string, maxAge time.Duration) error {
	maxAge = min(maxAge, maxCookieAge)
	room := maxSetCookie - len(prefix) - len(name) - len("=") - len(attributes) - len("34560000")
	if len(value) <= room {
		j.expire(j.chunks(name))
		j.set(name, value, maxAge)
		return nil
	}
	room -= len(".8")
	n := (len(value) + room - 1) / room
	if n > maxChunks {
		return fmt.Errorf("%w: %s needs %d cookies, at most %d", ErrTooLarge, name, n, maxChunks)
	}
	j.drop(name)
	for i := 1; i <= n; i++ {
		end := min(len(value), room)
		j.set(chunk(name, i), value[:end], maxAge)
		value = value[end:]
	}
	return nil
}

// Clear expires a cookie and all its chunks, those of the request and those that this
// response has set. Nothing else needs clearing: all cookies have Path=/, so the request
// carried every one.
func (j *Jar) Clear(name string) {
	if !j.keeps {
		j.drop(name)
	}
}

func (j *Jar) drop(name string) {
	j.expire(j.chunks(name))
	_, bare := j.lookup(name)
	if bare || slices.Contains(j.written, name) {
		j.expire([]string{name})
	}
}

func (j *Jar) lookup(name string) (string, bool) {
	for _, c := range j.in {
		if c.name == name {
			return c.value, true
		}
	}
	return "", false
}

// chunks returns the chunks of name that the browser has or is about to get.
func (j *Jar) chunks(name string) []string {
	var names []string
	for _, c := range j.in {
		if isChunk(c.name, name) {
			names = append(names, c.name)
		}
	}
	for _, n := range j.written {
		if isChunk(n, name) && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// isChunk reports whether s is name followed by a dot and a chunk number.
func isChunk(s, name string) bool {
	base, n, found := strings.Cut(s, ".")
	return found && base == name && n != "" && strings.Trim(n, "0123456789") == ""
}

func chunk(name string, i int) string { return name + "." + strconv.Itoa(i) }

func (j *Jar) expire(names []string) {
	for _, name := range names {
		j.write(name, &http.Cookie{MaxAge: -1})
	}
}

func (j *Jar) set(name, value string, maxAge time.Duration) {
	c := &http.Cookie{Value: value}
	if maxAge != 0 {
		// Rounded up: the server's clock decides, and a cookie sent after expiry is
		// refused by the server, but one the browser dropped early is lost.
		if c.MaxAge = int((maxAge + time.Second - 1) / time.Second); c.MaxAge <= 0 {
			c.MaxAge = -1
		}
	}
	j.write(name, c)
}

// write puts one Set-Cookie line, in place of an earlier one of the same name: a
// response never both sets and expires a cookie.
func (j *Jar) write(name string, c *http.Cookie) {
	c.Name, c.Path, c.HttpOnly, c.Secure, c.SameSite = prefix+name, "/", true, true, http.SameSiteLaxMode
	lines, start := j.out["Set-Cookie"], c.Name+"="
	for i, line := range lines {
		if strings.HasPrefix(line, start) {
			lines[i] = c.String()
			return
		}
	}
	j.out["Set-Cookie"] = append(lines, c.String())
	j.written = append(j.written, name)
}
