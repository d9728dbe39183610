package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"sessionlab/auth"
)

// FlowPurpose is the purpose of the sealer that [Providers] needs: its own, so
// that a flow is never taken for a session, nor a session for a flow.
const FlowPurpose = "flow"

const (
	flowPrefix   = "flow-"          // of the cookie's name, before the flow's id
	flowLifetime = 10 * time.Minute // RFC 9700 gives none; a person may have to find a second factor
	maxFlows     = 5                // open flows of one browser: tabs
	maxSpent     = 10_000           // flow ids remembered
)

// A flow is what a browser must bring back with a callback. It lies sealed in a cookie of
// its own, so that sign-ins in several tabs do not interfere.
type flow struct {
	Provider string `json:"provider"`
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Next     string `json:"next"`
	Remember bool   `json:"remember"`
	Link     string `json:"link,omitempty"`
	Confirm  string `json:"confirm,omitempty"`
}

// flowCookie names the cookie of the flow with that state. The name is a one-way hash of
// the state, because names of cookies are shown in places where values are not.
func flowCookie(state string) string {
	sum := sha256.Sum256([]byte(state))
	return flowPrefix + hex.EncodeToString(sum[:8])
}

// openFlow sets the cookie of a new flow, and makes room for it. It returns how
// many bytes the flow has in the cookie.
func (p *Providers) openFlow(ctx context.Context, jar *auth.Jar, f flow) (int, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return 0, fmt.Errorf("encode flow: %w", err)
	}
	now := p.Now()
	end := now.Add(flowLifetime)
	value, err := p.Seal.Seal(ctx, auth.Claims{IssuedAt: now, ExpiresAt: end, EndsAt: end, Data: data})
	if err != nil {
		return 0, err
	}
	p.dropFlows(ctx, jar, maxFlows-1, len(value))
	if err := jar.Set(flowCookie(f.State), value, flowLifetime); err != nil {
		return 0, fmt.Errorf("set flow cookie: %w", err)
	}
	return len(value), nil
}

// MakeRoom expires the oldest flow cookies until the browser's cookies fit.
func (p *Providers) MakeRoom(ctx context.Context, jar *auth.Jar) { p.dropFlows(ctx, jar, maxFlows, 0) }

// dropFlows expires all flow cookies of the request that are no open flows, and
// then the oldest flows, until keep are left and there is room for so many bytes.
func (p *Providers) dropFlows(ctx context.Context, jar *auth.Jar, keep, bytes int) {
	type open struct {
		name   string
		issued time.Time
	}
	var flows []open
	for _, name := range flowCookies(jar) {
		value, err := jar.Get(name)
		if err == nil {
			var claims auth.Claims
			if claims, err = p.Seal.Open(ctx, value); err == nil && p.Now().Before(claims.ExpiresAt) {
				flows = append(flows, open{name, claims.IssuedAt})
				continue
			}
		}
		jar.Clear(name)
	}
	slices.SortStableFunc(flows, func(a, b open) int { return a.issued.Compare(b.issued) })
	const overhead = 64 // bytes of a name, and of what stands around it
	for i, f := range flows {
		if len(flows)-i <= keep && jar.Size()+bytes+overhead <= auth.CookieBudget {
			break
		}
		jar.Clear(f.name)
	}
}

// flowCookies names the request's flow cookies, each once.
func flowCookies(jar *auth.Jar) []string {
	var names []string
	for _, name := range jar.Names() {
		name, _, _ = strings.Cut(name, ".") // a chunk
		if strings.HasPrefix(name, flowPrefix) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// takeFlow finds the flow of a callback by its state and ends it in every case. It
// returns the flow also with an error, once it is known to be this browser's.
func (p *Providers) takeFlow(ctx context.Context, jar *auth.Jar, provider string, query url.Values) (flow, error) {
	for _, state := range query["state"] {
		jar.Clear(flowCookie(state))
	}
	for _, values := range query {
		if len(values) > 1 { // RFC 6749 §3.1
			return flow{}, ErrState.withDetail("a parameter came twice")
		}
	}
	state := query.Get("state")
	if state == "" {
		return flow{}, ErrState.withDetail("no state")
	}
	name := flowCookie(state)
	if p.spent.has(name) {
		return flow{}, ErrState.withDetail("used before")
	}
	value, err := jar.Get(name)
	switch {
	case err != nil:
		return flow{}, ErrState.withDetail("half a cookie")
	case value == "" && len(flowCookies(jar)) == 0 && looksLikeState(state):
		return flow{}, ErrCookieMissing
	case value == "":
		return flow{}, ErrState.withDetail("not of this browser")
	}
	claims, err := p.Seal.Open(ctx, value)
	if err != nil {
		// The seal's verdict is about a cookie of ours, not about a session.
		return flow{}, ErrState.withDetail("cookie not ours")
	}
	var f flow
	if err := json.Unmarshal(claims.Data, &f); err != nil {
		return flow{}, ErrState.withDetail("cookie holds no flow")
	}
	if !equal(f.State, state) {
		return flow{}, ErrState.withDetail("state differs")
	}
	now := p.Now()
	switch {
	case !p.spent.add(name, claims.ExpiresAt, now):
		return f, ErrState.withDetail("used before")
	case f.Provider != provider:
		return f, ErrState.withDetail("begun at another provider")
	case !now.Before(claims.ExpiresAt):
		return f, ErrFlowExpired
	}
	return f, nil
}

// looksLikeState reports whether Text could have drawn s.
func looksLikeState(s string) bool {
	return len(s) >= 20 && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// equal compares secrets in a time that depends on their lengths only. Nothing
// equals the empty string.
func equal(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// spent remembers the flows that came back, until they would have expired. It rejects a
// replayed flow cookie. It is in memory and holds 10,000 flows: other instances, or this
// one under a flood, rely on the provider, which accepts a code only once (RFC 6749
// §4.1.2).
type spent struct {
	mu    sync.Mutex
	names map[string]bool
	queue []spentFlow // in the order in which they came back
}

type spentFlow struct {
	name string
	end  time.Time
}

func (s *spent) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[name]
}

// add reports whether name was not there yet.
func (s *spent) add(name string, end, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names[name] {
		return false
	}
	for len(s.queue) > 0 && (!now.Before(s.queue[0].end) || len(s.queue) >= maxSpent) {
		delete(s.names, s.queue[0].name)
		s.queue = s.queue[1:]
	}
	if s.names == nil {
		s.names = map[string]bool{}
	}
	s.names[name] = true
	s.queue = append(s.queue, spentFlow{name, end})
	return true
}
