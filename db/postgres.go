package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// connections is how many a program opens at most: ten programs stay below
	// the hundred that PostgreSQL accepts unless told otherwise.
	connections = 8
	// connectionAge ends a connection now and then, so that one to a server which
	// stopped being the primary does not stay for ever.
	connectionAge = 15 * time.Minute

	connectWait  = 3 * time.Second
	postgresRead = 3 * time.Second // bounds a read, and its turn in the queue for a connection

	// schemaLock is the advisory lock of whoever migrates.
	schemaLock = 0x73657373_6c6162 // "sesslab"
)

// Codes of errors (PostgreSQL, appendix A).
const (
	notInRepertoire     = "22021" // a text with a zero byte, or that is not UTF-8
	serializationFailed = "40001"
	deadlockDetected    = "40P01"
	adminShutdown       = "57P01"
	crashShutdown       = "57P02"
)

// postgres is a server.
type postgres struct {
	config *pgx.ConnConfig
	max    int
}

var errPostgres = errors.New("postgres://user:password@host:5432/database, or keywords such as host=db dbname=app, with valid parameters; " +
	"in a URL, characters such as @ : / # ? of a user or password are percent-encoded")

// parsePostgres reads a URL, or keywords. Its errors say what it wants, and do not
// repeat it.
func parsePostgres(name string) (*postgres, error) {
	c, err := pgx.ParseConfig(name)
	if err != nil {
		return nil, errPostgres
	}
	p := &postgres{config: c, max: connections}
	if max, set := c.RuntimeParams["pool_max_conns"]; set { // what pgx's own pool calls it
		delete(c.RuntimeParams, "pool_max_conns")
		if p.max, err = strconv.Atoi(max); err != nil || p.max < 1 || p.max > 10000 {
			return nil, errors.New("pool_max_conns from 1 to 10000")
		}
	}
	if !p.plausible() {
		return nil, errPostgres
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectWait
	}
	for name, value := range map[string]string{
		"application_name":              "sessionlab",
		"client_encoding":               "UTF8",
		"default_transaction_isolation": "read committed", // each statement sees what was committed before it
		// The server must time out when the client does: a statement that hangs holds
		// locks.
		"statement_timeout":                   millisOf(defaultWait),
		"idle_in_transaction_session_timeout": millisOf(2 * defaultWait),
	} {
		if _, set := c.RuntimeParams[name]; !set {
			c.RuntimeParams[name] = value
		}
	}
	return p, nil
}

func millisOf(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

var parameter = regexp.MustCompile(`^[A-Za-z_][\w.$]*$`)

// plausible reports whether no part of a password ended up in what is shown or logged, as
// happens if one of its characters was taken for its end, and whether user and password
// hold no control character: one such as a line break is surely a mistake.
func (p *postgres) plausible() bool {
	c := p.config
	for _, host := range p.hosts() {
		if !strings.HasPrefix(host, "/") && strings.ContainsAny(host, "@/?#") {
			return false
		}
	}
	for name := range c.RuntimeParams {
		if !parameter.MatchString(name) {
			return false
		}
	}
	return !strings.ContainsAny(c.Database, "@/?#") && !strings.ContainsFunc(c.User+c.Password, unicode.IsControl)
}

// hosts returns the hosts with their ports, in the order in which they are tried, or the
// directory of a socket.
func (p *postgres) hosts() (hosts []string) {
	add := func(host string, port uint16) {
		if !strings.HasPrefix(host, "/") {
			host = net.JoinHostPort(host, strconv.Itoa(int(port)))
		}
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	add(p.config.Host, p.config.Port)
	for _, other := range p.config.Fallbacks { // the same host without TLS, too
		add(other.Host, other.Port)
	}
	return hosts
}

func (p *postgres) String() string {
	if socket := p.config.Host; strings.HasPrefix(socket, "/") {
		return fmt.Sprintf("postgres:///%s?host=%s&port=%d", p.config.Database, socket, p.config.Port)
	}
	return "postgres://" + strings.Join(p.hosts(), ",") + "/" + p.config.Database
}
func (p *postgres) name() string { return "postgres" }

// open makes one pool for everything: Postgres keeps readers and writers apart
// by itself. A connection that broke is replaced when it is wanted next.
func (p *postgres) open(ctx context.Context, d *DB) error {
	pool := stdlib.OpenDB(*p.config)
	pool.SetMaxOpenConns(p.max)
	pool.SetMaxIdleConns(p.max)
	pool.SetConnMaxLifetime(connectionAge)
	d.read, d.write, d.readWait = pool, pool, postgresRead
	ctx, cancel := context.WithTimeout(ctx, d.Wait)
	defer cancel()
	var encoding string
	err := pool.QueryRowContext(ctx, "SELECT current_setting('server_encoding')").Scan(&encoding)
	if err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the encoding of the database is %s, want UTF8", encoding)
	}
	return nil
}

func (p *postgres) close(d *DB) error {
	if d.write == nil {
		return nil
	}
	return d.write.Close() // this also closes the prepared statements; closing each takes a round trip
}

// ready runs an UPDATE that matches no row on each table that a sign-in or a sign-out
// writes to. It detects a read-only server, a revoked privilege, and a table that is
// locked or missing, as after a failover to an empty database.
func (p *postgres) ready(ctx context.Context, d *DB) error {
	for _, nothing := range []string{
		"UPDATE users SET id = id WHERE false", "UPDATE accounts SET subject = subject WHERE false",
		"UPDATE sessions SET hash = hash WHERE false", "UPDATE refresh_tokens SET hash = hash WHERE false",
		"UPDATE session_lists SET realm = realm WHERE false",
	} {
		if _, err := d.write.ExecContext(ctx, nothing); err != nil {
			return p.plain(err)
		}
	}
	return nil
}

// lost returns nil: a server that lost its tables returns errors by itself.
func (p *postgres) lost() error { return nil }

// plain reduces a connection error to the server's message or, if there was none, to one
// line with the errors of all addresses.
func (p *postgres) plain(err error) error {
	var said *pgconn.PgError
	var failed *pgconn.ConnectError
	switch {
	case errors.As(err, &said):
		return said
	case errors.As(err, &failed):
		return errors.New(strings.Join(strings.Fields(failed.Error()), " "))
	}
	return err
}

// retryWrite reports whether a statement or a transaction was undone because it
// conflicted with another, and should be retried.
func (p *postgres) retryWrite(err error) bool {
	code := codeOf(err)
	return code == serializationFailed || code == deadlockDetected
}

// retryRead reports whether a connection was lost, as all are when the server restarts.
// The next one may be good: each is lost only once. If no connection can be made, a retry
// is of no use.
func (p *postgres) retryRead(err error) bool {
	var failed *pgconn.ConnectError
	if errors.As(err, &failed) {
		return false
	}
	switch codeOf(err) {
	case adminShutdown, crashShutdown, serializationFailed:
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// absent reports whether the value cannot be stored, so no row can match.
func (p *postgres) absent(err error) bool { return codeOf(err) == notInRepertoire }

func codeOf(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// schema lets text be compared by its bytes, as SQLite does: nested realms are selected
// as a range, which works in byte order only.
func (p *postgres) schema(text string) string {
	return strings.ReplaceAll(text, " TEXT", ` TEXT COLLATE "C"`)
}

// lockSchema waits until nobody else migrates, for as long as that takes.
func (p *postgres) lockSchema(ctx context.Context, t *tx) error {
	_, err := t.ExecContext(ctx, "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; "+
		fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", schemaLock))
	return err
}

// lockUser lets the transactions that change what belongs to a user take turns. Nobody
// who reads waits, nor who adds a row that refers to the user. The next statement sees
// everything that was committed before the turn came.
func (p *postgres) lockUser(ctx context.Context, t *tx, userID string) error {
	const text = "SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE"
	end := t.db.observe(ctx, kindRead, text)
	_, err := t.ExecContext(t.bounded, text, userID)
	end(err)
	return err
}

// lockAdmins locks the rows in the order of their ids, so that no two transactions wait
// for each other.
func (p *postgres) lockAdmins(ctx context.Context, t *tx, userIDs ...string) error {
	const text = "SELECT 1 FROM users WHERE role = 'admin' OR id = ANY($1) ORDER BY id FOR NO KEY UPDATE"
	end := t.db.observe(ctx, kindRead, text)
	_, err := t.ExecContext(t.bounded, text, userIDs)
	end(err)
	return err
}
