package oauth_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
)

// A clock stands still until it is told to advance.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A network answers outbound calls in process, by host. A host that is not there
// refuses the connection.
type network struct {
	mu    sync.Mutex
	hosts map[string]http.Handler
}

func (n *network) serve(host string, h http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts == nil {
		n.hosts = map[string]http.Handler{}
	}
	n.hosts[host] = h
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	h := n.hosts[r.URL.Host]
	n.mu.Unlock()
	if h == nil {
		return nil, errors.New("connection refused by " + leak)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// leak stands in everything that fakes say when they fail. No error may repeat it.
const leak = "PROVIDERTEXT"

const baseURL = "https://site.example"

// A site is the application, as far as it signs people in.
type site struct {
	testing.TB
	*oauth.Providers
	clock   *clock
	network *network
	vault   *auth.Vault
}

func newSite(t testing.TB, list ...*oauth.Provider) *site {
	t.Helper()
	key, err := auth.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := auth.NewKeyRing(key)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		TB:      t,
		clock:   &clock{now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)},
		network: &network{},
		vault:   &auth.Vault{Format: "securecookie", Ring: ring, Version: func() int64 { return 1 }},
	}
	s.Providers = &oauth.Providers{
		List: list, BaseURL: baseURL, Seal: s.vault.Sealer(oauth.FlowPurpose),
		RelaySeal: s.vault.Sealer(oauth.RelayPurpose), Now: s.clock.Now, Text: rand.Text, Transport: s.network,
	}
	return s
}

// A browser keeps the cookies that a site sets.
type browser struct {
	*site
	cookies map[string]string
}

func (s *site) newBrowser() *browser { return &browser{s, map[string]string{}} }

// visit makes one request: it brings the cookies and takes what is set.
func (b *browser) visit(handle func(*auth.Jar)) {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, baseURL, nil)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	handle(auth.NewJar(w, r))
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
}

// start begins a sign-in and returns where the browser is sent.
func (b *browser) start(id string) *url.URL { return b.startWith(id, oauth.StartOptions{}) }

func (b *browser) startWith(id string, o oauth.StartOptions) *url.URL {
	b.Helper()
	to, err := b.tryStart(id, o)
	if err != nil {
		b.Fatalf("start: %v", err)
	}
	return to
}

func (b *browser) tryStart(id string, o oauth.StartOptions) (*url.URL, error) {
	b.Helper()
	var to string
	var err error
	b.visit(func(jar *auth.Jar) { to, err = b.Start(b.Context(), jar, id, o) })
	if err != nil {
		b.discreet(err, nil)
		return nil, err
	}
	u, err := url.Parse(to)
	if err != nil {
		b.Fatal(err)
	}
	return u, nil
}

// callback brings the browser back from the provider.
func (b *browser) callback(id string, query url.Values) (result oauth.Result, err error) {
	b.Helper()
	b.visit(func(jar *auth.Jar) { result, err = b.Finish(b.Context(), jar, id, query) })
	if err != nil {
		b.discreet(err, query)
		if result.Identity != (auth.Identity{}) {
			b.Errorf("a failed sign-in has an identity: %+v", result.Identity)
		}
	}
	return result, err
}

// mustFinish ends a sign-in that must succeed.
func (b *browser) mustFinish(id string, query url.Values) oauth.Result {
	b.Helper()
	result, err := b.callback(id, query)
	if err != nil {
		b.Fatalf("finish: %v", err)
	}
	return result
}

// mustRefuse ends a sign-in that must fail in that way, and leave no cookie.
func (b *browser) mustRefuse(id string, query url.Values, want *oauth.Error) oauth.Result {
	b.Helper()
	result, err := b.callback(id, query)
	if !errors.Is(err, want) {
		b.Errorf("finish: got %v (%s), want %s", err, oauth.Code(err), want.Code)
	}
	if len(query["state"]) == 1 && b.has(query.Get("state")) {
		b.Errorf("the flow's cookie is still there after %v", err)
	}
	return result
}

// discreet checks that nothing that err can print is a secret, or a provider's.
func (b *browser) discreet(err error, query url.Values) {
	b.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(err.Error(), leak) {
			b.Errorf("the error repeats the provider: %v", err)
		}
		for _, name := range []string{"state", "code"} {
			if v := query.Get(name); len(v) > 8 && strings.Contains(err.Error(), v) {
				b.Errorf("the error shows the %s: %v", name, err)
			}
		}
		if auth.Refused(err) {
			b.Errorf("the error is a verdict on a session: %v", err)
		}
	}
}

// flows counts the browser's flow cookies.
func (b *browser) flows() (n int) {
	for name := range b.cookies {
		if strings.HasPrefix(name, "__Host-flow-") {
			n++
		}
	}
	return n
}

func (b *browser) has(state string) bool {
	_, ok := b.cookies["__Host-"+oauth.FlowCookie(state)]
	return ok
}

// copyOf is another browser with the same cookies.
func (b *browser) copyOf() *browser {
	thief := b.newBrowser()
	for name, value := range b.cookies {
		thief.cookies[name] = value
	}
	return thief
}

// newRequest is the cookies of a request that comes from nowhere.
func newRequest(cookies map[string]string) *auth.Jar {
	r := httptest.NewRequest(http.MethodGet, baseURL, nil)
	var pairs []string
	for name, value := range cookies {
		pairs = append(pairs, name+"="+value)
	}
	r.Header.Set("Cookie", strings.Join(pairs, "; "))
	return auth.NewJar(httptest.NewRecorder(), r)
}
