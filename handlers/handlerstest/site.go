// Package handlerstest provides complete sites and simulated browsers for tests. A [Site]
// is wired as in main, with a clock that stands still until it is told to advance. A
// [Browser] presses what is on its pages, and checks every answer that it gets.
package handlerstest

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
	"sessionlab/mail"
	"sessionlab/static"
)

const (
	LocalURL = "http://localhost:8080"
	OtherIDP = "https://other.example/idp" // a second provider, for tests that mix two up
	Day      = 24 * time.Hour
)

// Any is a strategy for tests that do not depend on it.
const Any = "cookie"

// Lifetimes are the lifetimes of the default configuration.
var Lifetimes = auth.Lifetimes{
	Idle: 7 * Day, Max: 30 * Day, RefreshAt: 0.8,
	Hybrid: 5 * time.Minute, Access: 15 * time.Minute, Renew: 10 * time.Minute, Grace: 30 * time.Second,
}

// A Site is the whole program except its listener and its real clock.
type Site struct {
	T testing.TB
	*handlers.Site
	Clock   *Clock
	DB      *db.DB    // nil under cookie
	File    string    // or the URL of its database
	Redis   *db.Redis // nil unless set
	Network *network
	Journal *journal
}

// Settings are the differences from the default site.
type Settings struct {
	Strategy  string               // its name
	LabPublic bool                 // with compare: for many visitors, each with a bench of their own
	Seal      string               // securecookie if empty
	Key       string               // the one of all tests if empty
	BaseURL   string               // LocalURL if empty
	Life      auth.Lifetimes       // the default ones if zero
	Change    func(*handlers.Site) // the last word on the wiring; may be nil
	Alone     bool                 // no second provider
	File      string               // a database that is there already, as after a restart
	Redis     string               // where sessions are kept as REDIS_URL says, in a realm of their own; may be empty
}

func NewSite(t testing.TB, strategy string) *Site {
	return NewSiteWith(t, Settings{Strategy: strategy})
}

// NewSiteWith wires a site as the program does.
func NewSiteWith(t testing.TB, o Settings) *Site {
	t.Helper()
	if o.BaseURL == "" {
		o.BaseURL = LocalURL
	}
	if o.Seal == "" {
		o.Seal = "securecookie"
	}
	if o.Life == (auth.Lifetimes{}) {
		o.Life = Lifetimes
	}
	base, err := url.Parse(o.BaseURL)
	Must(t, err)
	s := &Site{
		T: t, Clock: &Clock{now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)},
		Network: &network{hosts: map[string]http.Handler{}}, Journal: &journal{},
	}
	log := slog.New(handlers.LogHandler(slog.NewJSONHandler(s.Journal, &slog.HandlerOptions{Level: slog.LevelDebug})))
	realm := "site"
	if o.Redis != "" {
		realm += " " + rand.Text()
	}
	observe, text := auth.Receipts(s.Clock.Now), textFrom(realm+o.File)

	key, err := auth.NewKey([]byte(cmp.Or(o.Key, "a key that only tests know, 0123456789")))
	Must(t, err)
	ring, err := auth.NewKeyRing(key)
	Must(t, err)
	vault := auth.Vault{Format: o.Seal, Ring: ring, Realm: realm, Version: func() int64 { return 1 }, Memo: auth.NewMemo(100), Observe: observe}
	assets, err := static.New()
	Must(t, err)
	s.Site = &handlers.Site{
		BaseURL: base, Assets: assets,
		Ready: func(context.Context) error { return nil }, Now: s.Clock.Now, Text: text, Log: log,
		Providers: &oauth.Providers{
			BaseURL: o.BaseURL, Seal: vault.Sealer(oauth.FlowPurpose), RelaySeal: vault.Sealer(oauth.RelayPurpose), Now: s.Clock.Now, Text: text, Transport: s.Network, Log: log,
		},
	}
	s.IDP = s.addProvider("dev", o.BaseURL+"/idp")
	if !o.Alone {
		s.Network.hosts["other.example"] = s.addProvider("oidc", OtherIDP)
	}
	parts := auth.Parts{Sealer: vault.Sealer, Stored: vault.Stored, Realm: vault.Realm, Life: o.Life, Now: s.Clock.Now, Text: text}
	if o.Strategy == "cookie" {
		s.Directory = auth.NoDirectory{}
	} else {
		if s.File = o.File; s.File == "" {
			s.File = dbtest.Name(t, filepath.Join(t.TempDir(), "sessionlab.db"))
		}
		s.DB, err = db.Open(t.Context(), s.File, s.Clock.Now)
		Must(t, err)
		t.Cleanup(func() { s.DB.Close() })
		s.DB.Observe = observe
		if o.Strategy != "compare" {
			Must(t, s.DB.Recall(t.Context()))
		}
		s.Directory, s.Users, s.Enrich, s.Ready = s.DB, s.DB, handlers.EnrichFrom(s.DB), s.DB.Ready
		s.Accounts, s.Passwords = s.DB, &auth.Passwords{Random: rand.Reader, Observe: observe}
		parts.Users = s.DB
		parts.Sessions = db.Sessions{DB: s.DB}
		parts.Refresh = db.Sessions{DB: s.DB}
	}
	if o.Redis != "" {
		s.keepInRedis(o, &parts, observe)
	}
	if o.Strategy == "compare" {
		if CompareMode == nil {
			t.Fatal("compare mode needs the lab")
		}
		CompareMode(s, o.LabPublic, parts, vault, observe, log)
	} else {
		if s.DB != nil {
			s.Administration = db.Administration{DB: s.DB}
			s.Notes, err = db.OpenNotes(t.Context(), s.DB)
			Must(t, err)
			links, err := db.OpenLinks(t.Context(), s.DB)
			Must(t, err)
			outbox := &mail.Outbox{Now: s.Clock.Now, Log: log}
			s.Mailed = &handlers.Mailed{
				Links: links, Sender: outbox, Outbox: outbox, Seal: vault.Sealer(auth.LinkPurpose),
				Later: func(do func()) { do() }, Wait: 10 * time.Second,
			}
		}
		kind, _ := auth.KindOf(o.Strategy)
		strategy, err := kind.New(parts)
		Must(t, err)
		s.Single(&auth.Manager{
			Name: kind.Name, Strategy: strategy, SignOuts: vault.Sealer(auth.SignOutPurpose),
			Now: s.Clock.Now, Observe: observe, Log: log,
		})
	}
	if o.Change != nil {
		o.Change(s.Site)
	}
	return s
}

// CompareMode wires the bench of a site in compare mode, or the benches of a public one.
// The package labtest sets it.
var CompareMode func(s *Site, public bool, parts auth.Parts, vault auth.Vault, observe auth.Observer, log *slog.Logger)

// Modes returns the modes in which to run a test that is for these strategies.
func Modes(strategies ...string) []string {
	if CompareMode != nil {
		return append([]string{"compare"}, strategies...)
	}
	return strategies
}

// Under returns a site for each strategy.
func Under(t testing.TB, strategies ...string) map[string]*Site {
	sites := map[string]*Site{}
	if CompareMode != nil { // one site has them all
		all := NewSite(t, "compare")
		for _, strategy := range strategies {
			sites[strategy] = all
		}
		return sites
	}
	for _, strategy := range strategies {
		sites[strategy] = NewSite(t, strategy)
	}
	return sites
}

// addProvider runs a development provider at issuer and configures it.
func (s *Site) addProvider(id, issuer string) http.Handler {
	p, err := devidp.New(issuer, s.Clock.Now, devidp.Client{
		ID: "sessionlab", Secret: "a client's secret", RedirectURIs: []string{s.BaseURL.String() + "/sign-in/" + id + "/callback"},
	})
	Must(s.T, err)
	s.Network.next = p.Transport(s.Network.next)
	s.Providers.List = append(s.Providers.List, &oauth.Provider{
		ID: id, Name: "the provider " + id, Issuer: issuer, ClientID: "sessionlab", ClientSecret: "a client's secret",
	})
	return p
}

// Answer makes one request, as a server would hand it over: from this machine, unless
// the test says from where.
func (s *Site) Answer(r *http.Request) *httptest.ResponseRecorder {
	if r.Host == "" {
		r.Host = s.BaseURL.Host
	}
	if r.RemoteAddr == "" || r.RemoteAddr == "192.0.2.1:1234" { // what httptest.NewRequest makes up
		r.RemoteAddr = "127.0.0.1:50000"
	}
	r.RequestURI = r.URL.RequestURI()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// A Clock stands still until it is told to advance.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *Clock) Advance(d time.Duration) {
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

// A network carries the site's calls to providers, and the browsers' to foreign hosts. It
// can be taken down (Down), and it can replace a provider's response (Twist).
type network struct {
	next  http.RoundTripper
	hosts map[string]http.Handler
	Down  atomic.Bool
	Twist func(*http.Request) *http.Response // may be nil; a nil response lets the call through
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.Down.Load() {
		return nil, errors.New("network down")
	}
	if n.Twist != nil {
		if resp := n.Twist(r); resp != nil {
			return resp, nil
		}
	}
	return n.next.RoundTrip(r)
}

// A journal is the log, kept.
type journal struct {
	mu   sync.Mutex
	Text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.Text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.Text.String()
}

// Wants checks that an event was logged.
func (j *journal) Wants(t testing.TB, event string) {
	t.Helper()
	if !strings.Contains(j.String(), `"msg":"`+event+`"`) {
		t.Errorf("the log has no %s", event)
	}
}

func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Rows counts a table's rows over a separate database connection.
func (s *Site) Rows(table string) (n int) {
	s.T.Helper()
	other := dbtest.Shell(s.T, s.File)
	defer other.Close()
	Must(s.T, other.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
	return n
}

// SetRole changes the role of a user over a separate database connection.
func (s *Site) SetRole(userID, role string) {
	s.T.Helper()
	s.change("UPDATE users SET role = $1 WHERE id = $2", role, userID)
}

// Disable disables a user over a separate database connection.
func (s *Site) Disable(userID string) {
	s.T.Helper()
	s.change("UPDATE users SET disabled_at = $1, epoch = epoch + 1 WHERE id = $2", s.Clock.Now().UnixMilli(), userID)
}

// change changes one row as a colleague with a shell would.
func (s *Site) change(statement string, args ...any) {
	s.T.Helper()
	other := dbtest.Shell(s.T, s.File)
	defer other.Close()
	result, err := other.Exec(statement, args...)
	Must(s.T, err)
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		s.T.Fatalf("%s: changed %d rows, %v", statement, n, err)
	}
}
