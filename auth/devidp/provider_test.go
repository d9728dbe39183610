package devidp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"sessionlab/auth/devidp"
)

const (
	issuer    = "http://localhost:8080/idp"
	callback  = "http://localhost:8080/sign-in/dev/callback"
	signedOut = "http://localhost:8080/"
	secret    = "correct horse: battery%staple+"
	verifier  = "a-verifier-is-43-to-128-characters-long-0000"
)

// A clock stands still unless it is told otherwise.
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

// A world is a provider, two clients of it and a browser, without a network.
type world struct {
	t        testing.TB
	clock    *clock
	provider *devidp.Provider
	http     *http.Client // follows no redirects
}

func newWorld(t testing.TB) *world {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	p, err := devidp.New(issuer, c.Now,
		devidp.Client{
			ID: "sessionlab", Secret: secret, Name: "Some <App>",
			RedirectURIs:   []string{callback, "https://app.example/cb?tenant=1"},
			PostLogoutURIs: []string{signedOut},
		},
		devidp.Client{ID: "other", Secret: "another secret", RedirectURIs: []string{callback}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, clock: c, provider: p, http: &http.Client{
		Transport:     p.Transport(noNetwork{}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

type noNetwork struct{}

func (noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, errors.New("no network: " + r.URL.String())
}

func (w *world) do(r *http.Request) *http.Response {
	w.t.Helper()
	res, err := w.http.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { res.Body.Close() })
	return res
}

func (w *world) get(path string, params url.Values) *http.Response {
	w.t.Helper()
	r, err := http.NewRequest("GET", issuer+path+"?"+params.Encode(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do(r)
}

func (w *world) post(path string, form url.Values) *http.Response {
	w.t.Helper()
	return w.do(w.form(path, form))
}

func (w *world) form(path string, form url.Values) *http.Request {
	w.t.Helper()
	r, err := http.NewRequest("POST", issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// ask returns a good authorization request, changed by pairs of name and value;
// an empty value removes the name.
func ask(pairs ...string) url.Values {
	v := url.Values{
		"client_id":             {"sessionlab"},
		"redirect_uri":          {callback},
		"response_type":         {"code"},
		"scope":                 {"openid profile email"},
		"state":                 {"state & more"},
		"nonce":                 {"nonce"},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(verifier)},
		"code_challenge_method": {"S256"},
	}
	return with(v, pairs...)
}

// claim returns a good token request for code, changed like that of ask.
func claim(code string, pairs ...string) url.Values {
	v := url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {callback},
		"code_verifier": {verifier},
		"client_id":     {"sessionlab"},
		"client_secret": {secret},
	}
	return with(v, pairs...)
}

func with(v url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		} else {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

// code lets Ada sign in and returns the code that the client receives.
func (w *world) code(pairs ...string) string {
	w.t.Helper()
	code := w.sentTo(w.post("/authorize", ask(append(pairs, "persona", "ada")...)), callback).Get("code")
	if len(code) < 26 { // 128 bits in base 32
		w.t.Fatalf("code %q is too short", code)
	}
	return code
}

// sentTo wants a redirect to uri and returns the parameters it adds.
func (w *world) sentTo(res *http.Response, uri string) url.Values {
	w.t.Helper()
	w.wants(res, http.StatusSeeOther)
	added, ok := strings.CutPrefix(res.Header.Get("Location"), uri)
	if !ok {
		w.t.Fatalf("sent to %q, want %q", res.Header.Get("Location"), uri)
	}
	v, err := url.ParseQuery(strings.TrimLeft(added, "?&"))
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// refused wants a page with this status, and no redirect.
func (w *world) refused(res *http.Response, status int) {
	w.t.Helper()
	w.wants(res, status)
	if to := res.Header.Get("Location"); to != "" {
		w.t.Errorf("sent to %q, want no redirect", to)
	}
	if got := res.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		w.t.Errorf("content type: got %q, want a page", got)
	}
}

func (w *world) wants(res *http.Response, status int) {
	w.t.Helper()
	if res.StatusCode != status {
		body, _ := io.ReadAll(res.Body)
		w.t.Fatalf("got %s, want %d: %s", res.Status, status, body)
	}
}

// object reads a JSON answer.
func (w *world) object(res *http.Response, status int) map[string]any {
	w.t.Helper()
	w.wants(res, status)
	if got := res.Header.Get("Content-Type"); got != "application/json" {
		w.t.Errorf("content type: got %q, want application/json", got)
	}
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		w.t.Errorf("cache control: got %q, want no-store", got)
	}
	var v map[string]any
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		w.t.Fatal(err)
	}
	return v
}

func TestNewRefuses(t *testing.T) {
	good := devidp.Client{ID: "a", Secret: "s", RedirectURIs: []string{callback}}
	for _, tc := range []struct {
		name, issuer string
		now          func() time.Time
		client       devidp.Client
	}{
		{"no issuer", "", time.Now, good},
		{"relative issuer", "/idp", time.Now, good},
		{"other scheme", "ftp://localhost/idp", time.Now, good},
		{"trailing slash", issuer + "/", time.Now, good},
		{"query", issuer + "?", time.Now, good},
		{"fragment", issuer + "#a", time.Now, good},
		{"user", "http://me@localhost/idp", time.Now, good},
		{"pattern", "http://localhost/{idp}", time.Now, good},
		{"space", "http://localhost/i dp", time.Now, good},
		{"no clock", issuer, nil, good},
		{"no client id", issuer, time.Now, devidp.Client{Secret: "s", RedirectURIs: []string{callback}}},
		{"no secret", issuer, time.Now, devidp.Client{ID: "a", RedirectURIs: []string{callback}}},
		{"no redirect URI", issuer, time.Now, devidp.Client{ID: "a", Secret: "s"}},
		{"script", issuer, time.Now, devidp.Client{ID: "a", Secret: "s", RedirectURIs: []string{"javascript:alert(1)"}}},
		{"relative URI", issuer, time.Now, devidp.Client{ID: "a", Secret: "s", RedirectURIs: []string{"/callback"}}},
		{"URI with fragment", issuer, time.Now, devidp.Client{ID: "a", Secret: "s", RedirectURIs: []string{callback + "#"}}},
		{"bad sign-out URI", issuer, time.Now, devidp.Client{ID: "a", Secret: "s", RedirectURIs: []string{callback}, PostLogoutURIs: []string{"::"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := devidp.New(tc.issuer, tc.now, tc.client); err == nil {
				t.Error("accepted")
			}
		})
	}
	if _, err := devidp.New("https://login.example", time.Now, good); err != nil {
		t.Errorf("an issuer without a path: %v", err)
	}
}

func TestDiscovery(t *testing.T) {
	w := newWorld(t)
	got := w.object(w.get("/.well-known/openid-configuration", nil), http.StatusOK)
	want := map[string]any{
		"issuer":                                         issuer,
		"authorization_endpoint":                         issuer + "/authorize",
		"token_endpoint":                                 issuer + "/token",
		"userinfo_endpoint":                              issuer + "/userinfo",
		"jwks_uri":                                       issuer + "/jwks",
		"end_session_endpoint":                           issuer + "/end-session",
		"response_types_supported":                       []any{"code"},
		"response_modes_supported":                       []any{"query"},
		"grant_types_supported":                          []any{"authorization_code"},
		"subject_types_supported":                        []any{"public"},
		"id_token_signing_alg_values_supported":          []any{"ES256"},
		"code_challenge_methods_supported":               []any{"S256"},
		"token_endpoint_auth_methods_supported":          []any{"client_secret_basic", "client_secret_post"},
		"scopes_supported":                               []any{"openid", "profile", "email"},
		"authorization_response_iss_parameter_supported": true,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"claims_supported": []any{"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash",
			"name", "given_name", "email", "email_verified"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestKeysArePublic(t *testing.T) {
	w := newWorld(t)
	keys := w.object(w.get("/jwks", nil), http.StatusOK)["keys"].([]any)
	if len(keys) != 1 {
		t.Fatalf("got %d keys, want 1", len(keys))
	}
	key := keys[0].(map[string]any)
	if key["kty"] != "EC" || key["crv"] != "P-256" || key["alg"] != "ES256" || key["use"] != "sig" || key["kid"] == "" {
		t.Errorf("got %v, want an ES256 signing key", key)
	}
	if _, ok := key["d"]; ok {
		t.Error("the private key is published")
	}
}

func TestRouting(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"POST", "/.well-known/openid-configuration", 405, "GET, HEAD"},
		{"POST", "/jwks", 405, "GET, HEAD"},
		{"PUT", "/authorize", 405, "GET, HEAD, POST"},
		{"GET", "/token", 405, "POST"},
		{"DELETE", "/userinfo", 405, "GET, HEAD, POST"},
		{"PATCH", "/end-session", 405, "GET, HEAD, POST"},
		{"POST", "/style.css", 405, "GET, HEAD"},
		{"GET", "/", 404, ""},
		{"GET", "/authorize/", 404, ""},
		{"GET", "/page.html", 404, ""},
	} {
		t.Run(fmt.Sprint(tc.method, " ", tc.path), func(t *testing.T) {
			r, err := http.NewRequest(tc.method, issuer+tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			res := w.do(r)
			if res.StatusCode != tc.status || res.Header.Get("Allow") != tc.allow {
				t.Errorf("got %s, Allow %q; want %d, %q", res.Status, res.Header.Get("Allow"), tc.status, tc.allow)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	want := http.Header{
		"Cache-Control": {"no-store"},
		"Content-Security-Policy": {"default-src 'none'; style-src 'self'; " +
			"form-action 'self' http://localhost:8080 https://app.example; " +
			"frame-ancestors 'none'; base-uri 'none'"},
		"Referrer-Policy":        {"same-origin"},
		"X-Content-Type-Options": {"nosniff"},
	}
	for _, res := range []*http.Response{
		w.get("/authorize", ask()),
		w.get("/authorize", nil),
		w.get("/end-session", nil),
		w.get("/unknown", nil),
		w.get("/token", nil),
		w.post("/authorize", ask("persona", "ada")),
		w.post("/token", nil),
	} {
		for name := range want {
			if diff := cmp.Diff(want[name], res.Header[name]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", res.Request.URL.Path, name, diff)
			}
		}
	}
	css := w.get("/style.css", nil)
	if got := css.Header.Get("Cache-Control"); !strings.Contains(got, "max-age") || css.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style sheet: got %q, %q", got, css.Header.Get("Content-Type"))
	}
}
