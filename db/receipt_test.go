package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
	"sessionlab/db/dbtest"
	"sessionlab/handlers"
	"sessionlab/static"
)

// seen is what the database itself was asked to do, counted beneath database/sql,
// where no observer of ours is.
type seen struct {
	mu                          sync.Mutex
	reads, writes, transactions int
}

func (s *seen) run(query string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(strings.TrimSpace(query), "SELECT") {
		s.reads++
	} else {
		s.writes++
	}
}

// counted is the engine's connector, connection and statement, each with its count.
type (
	countedConnector struct {
		driver.Connector
		seen *seen
	}
	countedConn struct {
		connection
		seen *seen
	}
	countedStmt struct {
		prepared
		query string
		seen  *seen
	}
	connection interface {
		driver.Conn
		driver.ConnPrepareContext
		driver.ConnBeginTx
		driver.ExecerContext
		driver.QueryerContext
		driver.SessionResetter
		driver.Validator
	}
	prepared interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	}
)

func (c countedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return countedConn{conn.(connection), c.seen}, nil
}

func (c countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.connection.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return countedStmt{s.(prepared), query, c.seen}, nil
}

func (c countedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.seen.mu.Lock()
	c.seen.transactions++
	c.seen.mu.Unlock()
	return c.connection.BeginTx(ctx, o)
}

func (c countedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.seen.run(query)
	return c.connection.ExecContext(ctx, query, args)
}

func (c countedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.seen.run(query)
	return c.connection.QueryContext(ctx, query, args)
}

func (s countedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.seen.run(s.query)
	return s.prepared.ExecContext(ctx, args)
}

func (s countedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.seen.run(s.query)
	return s.prepared.QueryContext(ctx, args)
}

// openCounted is an open database whose engine counts.
func openCounted(t *testing.T) (*DB, *seen) {
	t.Helper()
	path, n := filepath.Join(t.TempDir(), "test.db"), &seen{}
	d := openAt(t, path)
	for _, p := range []struct {
		pool     **sql.DB
		size     int
		settings []pragma
	}{{&d.read, readers, readPragmas}, {&d.write, 1, writePragmas}} {
		c, err := sqlite.NewConnector(dsn(path, p.settings))
		if err != nil {
			t.Fatal(err)
		}
		(*p.pool).Close()
		*p.pool = sql.OpenDB(countedConnector{c, n})
		(*p.pool).SetMaxOpenConns(p.size)
		(*p.pool).SetMaxIdleConns(p.size)
	}
	d.engine.(*file).log.Store(nil) // the last connection to close took the log along
	d.queries, d.prepared = nil, nil
	if _, err := d.prepare(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
	return d, n
}

// A countedSite runs one strategy on a counted database.
type countedSite struct {
	*testing.T
	*handlers.Site
	manager *auth.Manager
	seen    *seen
	now     time.Time
	cookies map[string]string
}

func newCountedSite(t *testing.T, kind auth.Kind) (*countedSite, auth.User) {
	t.Helper()
	d, n := openCounted(t)
	s := &countedSite{T: t, seen: n, now: start, cookies: map[string]string{}}
	now := func() time.Time { return s.now }
	observe := auth.Receipts(now)
	d.Observe = observe
	key, err := auth.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := auth.NewKeyRing(key)
	if err != nil {
		t.Fatal(err)
	}
	vault := auth.Vault{Format: "securecookie", Ring: ring, Realm: "test", Version: func() int64 { return 1 }, Observe: observe}
	day := 24 * time.Hour
	strategy, err := kind.New(auth.Parts{
		Sealer: vault.Sealer, Stored: vault.Stored, Users: d, Sessions: Sessions{d}, Refresh: Sessions{d}, Realm: "test",
		Life: auth.Lifetimes{Idle: 7 * day, Max: 30 * day, RefreshAt: 0.8, Hybrid: 5 * time.Minute, Access: 15 * time.Minute, Renew: 10 * time.Minute, Grace: 10 * time.Second},
		Now:  now, Text: rand.Text,
	})
	if err != nil {
		t.Fatal(err)
	}
	assets, err := static.New()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	s.manager = &auth.Manager{Name: kind.Name, Strategy: strategy, SignOuts: vault.Sealer(auth.SignOutPurpose), Now: now, Observe: observe, Log: log}
	s.Site = &handlers.Site{
		BaseURL: &url.URL{Scheme: "http", Host: "localhost"}, Assets: assets, Directory: d, Users: d, Accounts: d, Ready: d.Ready,
		Providers: &oauth.Providers{}, Now: now, Text: rand.Text, Log: log,
	}
	s.Single(s.manager)
	return s, signIn(t, d, "ada")
}

// take obeys the Set-Cookie lines of an answer.
func (s *countedSite) take(h http.Header) {
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if s.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(s.cookies, c.Name)
		}
	}
}

// request makes a request with the cookies of the browser.
func (s *countedSite) request(method, path string, r *auth.Receipt) *http.Request {
	req := httptest.NewRequestWithContext(auth.WithReceipt(s.Context(), r), method, "http://localhost"+path, nil)
	req.RemoteAddr = "127.0.0.1:50000"
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, value := range s.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return req
}

// cost runs do and returns what the receipt says of it, once that is what the
// database saw.
func (s *countedSite) cost(what string, do func(*auth.Receipt)) (reads, writes, transactions int) {
	s.Helper()
	s.seen.reads, s.seen.writes, s.seen.transactions = 0, 0, 0
	r := &auth.Receipt{}
	do(r)
	reads, writes = r.Count("read"), r.Count("write")
	for _, step := range r.Steps() {
		if step.Kind == "transaction" && step.Name == "begin" {
			transactions++
		}
	}
	if got, want := fmt.Sprint(reads, writes, transactions), fmt.Sprint(s.seen.reads, s.seen.writes, s.seen.transactions); got != want {
		s.Errorf("%s: the receipt has reads, writes and transactions %s, the database saw %s", what, got, want)
	}
	return reads, writes, transactions
}

// asks makes a request through the site and wants a status.
func (s *countedSite) asks(method, path string, status int) func(*auth.Receipt) {
	return func(r *auth.Receipt) {
		s.Helper()
		w := httptest.NewRecorder()
		s.ServeHTTP(w, s.request(method, path, r))
		if w.Code != status {
			s.Errorf("%s %s: got %d, want %d: %s", method, path, w.Code, status, w.Body)
		}
		s.take(w.Header())
	}
}

// TestReceiptIsTrue: what a receipt counts is what the database did, for each
// strategy and everything that happens to a session; and a request reads no more
// than the table of strategies says.
func TestReceiptIsTrue(t *testing.T) {
	dbtest.SQLiteOnly(t) // whose driver counts
	// As the table has it: reads of a request, and of one that renews, or one
	// transaction in place of those.
	limits := map[string]struct{ plain, renewal, transactions int }{
		"cookie": {0, 0, 0}, "renew": {0, 1, 0}, "epoch": {1, 1, 0}, "database": {1, 1, 0},
		"hybrid": {0, 1, 0}, "pair": {0, 1, 0}, "rotation": {0, 0, 1},
	}
	for _, kind := range auth.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s, ada := newCountedSite(t, kind)
			limit := limits[kind.Name]
			if said := regexp.MustCompile(`\d`).FindString(kind.Reads); said != fmt.Sprint(limit.plain) {
				t.Errorf("the page says %q reads, want %d", kind.Reads, limit.plain)
			}
			enter := func(r *auth.Receipt) {
				w := httptest.NewRecorder()
				req := s.request("GET", "/", r)
				in := auth.SignIn{User: ada, Device: auth.Device{Name: "Firefox"}, Remember: true}
				if err := auth.IssueAll(req.Context(), auth.NewJar(w, req), in, s.manager); err != nil {
					t.Fatal(err)
				}
				s.take(w.Header())
			}
			s.cost("sign in", enter)
			s.cost("sign in again", enter)

			reads, writes, _ := s.cost("ask", s.asks("GET", "/api/user", 200))
			if reads > limit.plain || writes != 0 {
				t.Errorf("a request: got %d reads and %d writes, want %d and none", reads, writes, limit.plain)
			}
			s.cost("look at the dashboard", s.asks("GET", "/dashboard", 200))

			before := fmt.Sprint(s.cookies)
			session, err := s.manager.Load(t.Context(), auth.NewJar(httptest.NewRecorder(), s.request("GET", "/", nil)))
			if err != nil {
				t.Fatal(err)
			}
			s.now = session.RenewAt
			reads, _, transactions := s.cost("ask when renewal is due", s.asks("GET", "/api/user", 200))
			if reads > limit.renewal || transactions > limit.transactions {
				t.Errorf("a renewal: got %d reads and %d transactions, want at most %d and %d", reads, transactions, limit.renewal, limit.transactions)
			}
			if kind.Name != "database" && fmt.Sprint(s.cookies) == before {
				t.Error("nothing was renewed")
			}

			_, lists := s.manager.Strategy.(auth.Lister)
			_, revokes := s.manager.Strategy.(auth.Revoker)
			switch {
			case lists:
				s.cost("list", s.asks("GET", "/api/sessions", 200))
				s.cost("revoke the others", s.asks("POST", "/api/sessions/revoke-others", 200))
			case revokes:
				s.cost("revoke the others", s.asks("POST", "/api/sessions/revoke-others", 400))
			}
			s.cost("sign out", s.asks("POST", "/sign-out", 303))
			s.cost("sign in after that", enter)
			if revokes {
				_, writes, _ = s.cost("revoke all", s.asks("POST", "/api/sessions/revoke-all", 200))
				if writes == 0 {
					t.Error("revoking all wrote nothing")
				}
			} else {
				s.cost("revoke all", s.asks("POST", "/api/sessions/revoke-all", 400))
			}
			s.cost("ask after that", func(r *auth.Receipt) {
				w := httptest.NewRecorder()
				s.ServeHTTP(w, s.request("GET", "/api/user", r))
				s.take(w.Header())
			})
		})
	}
}
