package handlers_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/auth/devidp"
	"sessionlab/auth/oauth"
	"sessionlab/db"
	"sessionlab/db/dbtest"
	"sessionlab/handlers"
	"sessionlab/static"
)

const (
	localURL = "http://localhost:8080"
	otherIDP = "https://other.example/idp" // a second provider, so that one can stand for another
	day      = 24 * time.Hour
)

// lifetimes are those of the default configuration.
var lifetimes = auth.Lifetimes{
	Idle: 7 * day, Max: 30 * day, RefreshAt: 0.8,
	Hybrid: 5 * time.Minute, Access: 15 * time.Minute, Renew: 10 * time.Minute, Grace: 10 * time.Second,
}

// A site is the whole program but its listener and its real clock.
type site struct {
	t testing.TB
	*handlers.Site
	clock   *clock
	db      *db.DB    // nil under cookie
	file    string    // or the URL of its database
	redis   *db.Redis // nil unless set
	network *network
	log     *journal
}

// settings are what a story needs to be different.
type settings struct {
	Strategy string               // compare, or one of them
	Public   bool                 // compare for many visitors, each with a bench of their own
	Seal     string               // securecookie if empty
	Key      string               // the one of all tests if empty
	BaseURL  string               // localURL if empty
	Life     auth.Lifetimes       // the default ones if zero
	Change   func(*handlers.Site) // the last word on the wiring; may be nil
	Alone    bool                 // no second provider
	File     string               // a database that is there already, as after a restart
	Redis    string               // where sessions are kept as REDIS_URL says, in a realm of their own; may be empty
}

func newSite(t testing.TB, strategy string) *site {
	return newSiteWith(t, settings{Strategy: strategy})
}

// newSiteWith wires a site as the program does.
func newSiteWith(t testing.TB, o settings) *site {
	t.Helper()
	if o.BaseURL == "" {
		o.BaseURL = localURL
	}
	if o.Seal == "" {
		o.Seal = "securecookie"
	}
	if o.Life == (auth.Lifetimes{}) {
		o.Life = lifetimes
	}
	base, err := url.Parse(o.BaseURL)
	must(t, err)
	s := &site{
		t: t, clock: &clock{now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)},
		network: &network{hosts: map[string]http.Handler{}}, log: &journal{},
	}
	log := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	realm := "site"
	if o.Redis != "" {
		realm += " " + rand.Text()
	}
	observe, text := auth.Receipts(s.clock.Now), textFrom(realm+o.File)

	key, err := auth.NewKey([]byte(cmp.Or(o.Key, "a key that only tests know, 0123456789")))
	must(t, err)
	ring, err := auth.NewKeyRing(key)
	must(t, err)
	vault := auth.Vault{Format: o.Seal, Ring: ring, Realm: realm, Version: func() int64 { return 1 }, Memo: auth.NewMemo(100), Observe: observe}
	assets, err := static.New()
	must(t, err)
	s.Site = &handlers.Site{
		BaseURL: base, Assets: assets, Directory: auth.NoDirectory{},
		Ready: func(context.Context) error { return nil }, Now: s.clock.Now, Text: text, Log: log,
		Providers: &oauth.Providers{
			BaseURL: o.BaseURL, Seal: vault.Sealer(oauth.FlowPurpose), Now: s.clock.Now, Text: text, Transport: s.network,
		},
	}
	s.IDP = s.addProvider("dev", o.BaseURL+"/idp")
	if !o.Alone {
		s.network.hosts["other.example"] = s.addProvider("oidc", otherIDP)
	}
	parts := auth.Parts{Sealer: vault.Sealer, Stored: vault.Stored, Realm: vault.Realm, Life: o.Life, Now: s.clock.Now, Text: text}
	if o.Strategy != "cookie" {
		if s.file = o.File; s.file == "" {
			s.file = dbtest.Name(t, filepath.Join(t.TempDir(), "sessionlab.db"))
		}
		s.db, err = db.Open(t.Context(), s.file, s.clock.Now)
		must(t, err)
		t.Cleanup(func() { s.db.Close() })
		s.db.Observe = observe
		if o.Strategy != "compare" {
			must(t, s.db.Recall(t.Context()))
		}
		s.Directory, s.Users, s.Enrich, s.Ready = s.db, s.db, handlers.EnrichFrom(s.db), s.db.Ready
		s.Accounts, s.Passwords = s.db, &auth.Passwords{Random: rand.Reader, Observe: observe}
		parts.Users, parts.Sessions, parts.Refresh = s.db, db.Sessions{DB: s.db}, db.Sessions{DB: s.db}
	}
	if o.Redis != "" {
		s.keepInRedis(o, &parts, observe)
	}
	if o.Strategy == "compare" {
		if compareMode == nil {
			t.Skip("the lab is not here")
		}
		compareMode(s, o.Public, parts, vault, observe, log)
	} else {
		kind, _ := auth.KindOf(o.Strategy)
		strategy, err := kind.New(parts)
		must(t, err)
		s.Single(&auth.Manager{
			Name: kind.Name, Strategy: strategy, SignOuts: vault.Sealer(auth.SignOutPurpose),
			Now: s.clock.Now, Observe: observe, Log: log,
		})
	}
	if o.Change != nil {
		o.Change(s.Site)
	}
	return s
}

// compareMode wires the bench of a site in compare mode, or the benches of a public
// one; nil where the lab was deleted. See lab_site_test.go.
var compareMode func(s *site, public bool, parts auth.Parts, vault auth.Vault, observe auth.Observer, log *slog.Logger)

// addProvider runs a development provider at issuer and configures it.
func (s *site) addProvider(id, issuer string) http.Handler {
	p, err := devidp.New(issuer, s.clock.Now, devidp.Client{
		ID: "sessionlab", Secret: "a client's secret", RedirectURIs: []string{s.BaseURL.String() + "/sign-in/" + id + "/callback"},
	})
	must(s.t, err)
	s.network.next = p.Transport(s.network.next)
	s.Providers.List = append(s.Providers.List, &oauth.Provider{
		ID: id, Name: "the provider " + id, Issuer: issuer, ClientID: "sessionlab", ClientSecret: "a client's secret",
	})
	return p
}

// answer makes one request, as a server would hand it over.
func (s *site) answer(r *http.Request) *httptest.ResponseRecorder {
	if r.Host == "" {
		r.Host = s.BaseURL.Host
	}
	if r.RemoteAddr == "" {
		r.RemoteAddr = "127.0.0.1:50000"
	}
	r.RequestURI = r.URL.RequestURI()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

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

// textFrom returns a source of text that looks random and is the same in every run.
func textFrom(label string) func() string {
	var n atomic.Int64
	return func() string {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", label, n.Add(1)))
		return base32.StdEncoding.EncodeToString(sum[:])[:26]
	}
}

// A network carries the site's calls to providers, and the browsers' to foreign
// hosts. It can be cut, and it can put words into a provider's mouth.
type network struct {
	next  http.RoundTripper
	hosts map[string]http.Handler
	down  atomic.Bool
	twist func(*http.Request) *http.Response // may be nil; a nil response lets the call through
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.down.Load() {
		return nil, errors.New("network down")
	}
	if n.twist != nil {
		if resp := n.twist(r); resp != nil {
			return resp, nil
		}
	}
	return n.next.RoundTrip(r)
}

// A journal is the log, kept.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// wants checks that an event was logged.
func (j *journal) wants(t testing.TB, event string) {
	t.Helper()
	if !strings.Contains(j.String(), `"msg":"`+event+`"`) {
		t.Errorf("the log has no %s", event)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rows counts a table's rows, as a colleague with a shell would.
func (s *site) rows(table string) (n int) {
	s.t.Helper()
	other := dbtest.Shell(s.t, s.file)
	defer other.Close()
	must(s.t, other.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
	return n
}
