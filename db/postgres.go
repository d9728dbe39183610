package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

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

// IsPostgres says whether name is the URL of a Postgres database and not a file.
func IsPostgres(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// Display is a database's name to be shown: a file name as it is, and of a URL
// the host and the database, but neither user nor password nor parameters.
func Display(name string) string {
	if !IsPostgres(name) {
		return name
	}
	p, err := parsePostgres(name)
	if err != nil {
		return "postgres://"
	}
	return p.String()
}

// Check says what should stand in place of what is wrong with the URL of a
// Postgres database, without quoting it.
func Check(name string) error {
	_, err := parsePostgres(name)
	return err
}

// postgres is a server.
type postgres struct {
	config *pgx.ConnConfig
	max    int
}

var errPostgresURL = errors.New("a URL such as postgres://user:password@host:5432/database, with parameters that there are")

// parsePostgres reads a URL. Its errors say what it wants, and do not repeat it.
func parsePostgres(name string) (*postgres, error) {
	u, err := url.Parse(name)
	if err != nil || u.Host == "" && u.Query().Get("host") == "" {
		return nil, errPostgresURL
	}
	max := connections
	// What pgx's own pool calls it.
	if q := u.Query(); q.Has("pool_max_conns") {
		if max, err = strconv.Atoi(q.Get("pool_max_conns")); err != nil || max < 1 || max > 10000 {
			return nil, errors.New("pool_max_conns from 1 to 10000")
		}
		q.Del("pool_max_conns")
		u.RawQuery = q.Encode()
	}
	c, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, errPostgresURL
	}
	if !u.Query().Has("connect_timeout") {
		c.ConnectTimeout = connectWait
	}
	for name, value := range map[string]string{
		"application_name":              "sessionlab",
		"client_encoding":               "UTF8",
		"default_transaction_isolation": "read committed", // each statement sees what was committed before it
		// The server gives up when the client has: what hangs there holds locks.
		"statement_timeout":                   millisOf(defaultWait),
		"idle_in_transaction_session_timeout": millisOf(2 * defaultWait),
	} {
		if _, set := c.RuntimeParams[name]; !set {
			c.RuntimeParams[name] = value
		}
	}
	return &postgres{c, max}, nil
}

func millisOf(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func (p *postgres) String() string {
	return "postgres://" + net.JoinHostPort(p.config.Host, strconv.Itoa(int(p.config.Port))) + "/" + p.config.Database
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
	return d.write.Close() // and with it the statements, which one by one would be a question each
}

// ready asks whether this server takes writes: one that follows another, and one
// whose disk is full and was set to read only, do not.
func (p *postgres) ready(ctx context.Context, d *DB) error {
	var readOnly string
	err := d.write.QueryRowContext(ctx, "SELECT current_setting('transaction_read_only')").Scan(&readOnly)
	if err == nil && readOnly != "off" {
		err = errors.New("it only reads")
	}
	return err
}

// plain leaves of a failed connection what the server said. Without an answer
// there is an error for each address.
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

// again says whether a statement or a transaction was undone because it met
// another, and is to be made once more.
func (p *postgres) again(err error) bool {
	code := codeOf(err)
	return code == serializationFailed || code == deadlockDetected
}

// askAgain says whether a connection was lost, as all are when the server is
// started anew. The next one may be good: each is lost only once. Where no
// connection can be had it is no use to ask again.
func (p *postgres) askAgain(err error) bool {
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

// absent says whether no row can be meant, because no text in any row has such
// characters.
func (p *postgres) absent(err error) bool { return codeOf(err) == notInRepertoire }

func codeOf(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// schema lets text be compared by its bytes, as SQLite does: the realms within
// another are found as a range, which in the order of a language they are not.
func (p *postgres) schema(text string) string {
	return strings.ReplaceAll(text, " TEXT", ` TEXT COLLATE "C"`)
}

// lockSchema waits until nobody else migrates, for as long as that takes.
func (p *postgres) lockSchema(ctx context.Context, t *tx) error {
	_, err := t.ExecContext(ctx, "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; "+
		fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", schemaLock))
	return err
}

// lockUser lets the transactions that change what belongs to a user take turns.
// Nobody who reads waits, nor who adds a row that refers to the user. What the
// next statement sees was committed after the turn came.
func (p *postgres) lockUser(ctx context.Context, t *tx, userID string) error {
	const text = "SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE"
	end := t.db.observe(ctx, kindRead, text)
	_, err := t.ExecContext(t.bounded, text, userID)
	end(err)
	return err
}
