// Package db keeps users, accounts and sessions in a database. It
// implements the stores that package auth asks for.
//
//	store, err := db.Open(ctx, "sessionlab.db", time.Now)
//	if err != nil { ... }
//	defer store.Close()
//	store.Observe = auth.Receipts(time.Now)
//	sessions := db.Sessions{DB: store} // an auth.SessionStore
//	user, err := store.SignIn(ctx, identity) // an auth.Directory and auth.Users
//
// Two pools lead to a SQLite file. Reads share a few connections that cannot write, and
// go on whatever writers do. Writes take turns on a single connection and take the write
// lock when they begin: a transaction that reads first and upgrades to a write lock later
// may fail. Those that wait at the same moment share a commit. A write is on disk before
// it returns.
//
// One pool leads to a Postgres server. Transactions run side by side there, each
// statement seeing what was committed before it; those that change what belongs
// to one user take turns.
//
// The package does not judge the sessions that it reads. A row that is not there is
// [auth.ErrNotFound]. A refused change is the error that the interfaces of package auth
// name, such as [auth.ErrRevoked]; every other error is a fault and tells nothing about
// the validity of a session. It starts no goroutine, and reads no clock but the one it is
// handed. It never sees a secret, only hashes.
//
// The statements stand in statements.go. They use TEXT and BIGINT, $1 and ON CONFLICT,
// and nothing that only one engine understands; engine-specific code is in sqlite.go or
// postgres.go.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sessionlab/auth"
)

// A DB is an open database. It is safe for use from many goroutines, and the
// file or server is safe for use from many processes. Set its fields before its
// first use.
type DB struct {
	// Observe is told of every statement: kind "read" or "write" and its text. It is also
	// told of the version check of DB.Recall when that replaced a read. The begin and the
	// commit of a transaction are of kind "transaction". It may be nil.
	Observe auth.Observer

	// Wait bounds a write: the time in the queue for the connection and that for another
	// process's lock, together. When it is over the write fails; a write that was being
	// committed at that moment may still succeed. 5.5 s unless set.
	Wait time.Duration

	now      func() time.Time
	read     *sql.DB
	write    *sql.DB
	queries  []query     // statements, and those that were added
	prepared []*sql.Stmt // each of them
	engine   engine
	group    *group        // of writers that share a commit; nil where they run side by side
	readWait time.Duration // bounds a read; zero where reads wait for nothing
	memory   *memory       // nil unless [DB.Recall] made one
}

// An engine implements what differs between kinds of databases.
type engine interface {
	String() string // to be shown: where it is, and no secret
	name() string   // as used in migration file names
	open(ctx context.Context, d *DB) error
	close(d *DB) error
	// ready tries a write that changes nothing, and returns its error.
	ready(ctx context.Context, d *DB) error
	// lost returns an error if the database is not the one that was opened.
	lost() error
	// plain turns an error of opening into one line.
	plain(err error) error
	// retryWrite reports whether to try a write again: err means a conflict with another
	// writer, and the failed write had no effect.
	retryWrite(err error) bool
	// retryRead reports whether to try a read again, which may fail after it was sent.
	retryRead(err error) bool
	// absent reports whether err means that the value cannot be stored, so no row can
	// match.
	absent(err error) bool
	// schema is the text of a migration, in the engine's own words.
	schema(text string) string
	// lockSchema keeps others from migrating until the transaction ends.
	lockSchema(ctx context.Context, t *tx) error
	// lockUser keeps other transactions from changing what belongs to a user
	// until this one ends, if they ask for the same lock.
	lockUser(ctx context.Context, t *tx, userID string) error
	// lockAdmins keeps other transactions from changing administrators, and these
	// users, until this one ends, if they ask for the same locks.
	lockAdmins(ctx context.Context, t *tx, userIDs ...string) error
}

const (
	defaultWait = 5500 * time.Millisecond
	readyWait   = time.Second
)

// Open opens a database, brings its schema up to date, and makes sure that it can be
// written to. The name is the path of a
// SQLite file, or means a Postgres database ([IsPostgres]). A missing file is
// created, readable by its owner alone; a missing directory is not. The clock
// stamps rows that record when they were made. Errors are one line that names the
// file or the server, and never a password.
func Open(ctx context.Context, name string, now func() time.Time) (*DB, error) {
	e, err := engineOf(name)
	if err != nil {
		return nil, fmt.Errorf("open database: want %w", err)
	}
	d := &DB{Wait: defaultWait, now: now, engine: e}
	if err := d.open(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("open database %s: %w", e, e.plain(err))
	}
	return d, nil
}

func (d *DB) open(ctx context.Context) (err error) {
	if err := d.engine.open(ctx, d); err != nil {
		return err
	}
	if err := d.migrate(ctx); err != nil {
		return err
	}
	if _, err := d.prepare(ctx, statements); err != nil {
		return err
	}
	// A database that is locked by another process counts as writable.
	if err := d.Ready(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) && !d.engine.retryWrite(err) {
		return err
	}
	return nil
}

// Ready returns an error unless a write succeeds now, within a second.
func (d *DB) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, min(d.Wait, readyWait))
	defer cancel()
	if err := d.engine.ready(ctx, d); err != nil {
		return fmt.Errorf("database not ready: %w", err)
	}
	return nil
}

// Close closes the database.
func (d *DB) Close() (err error) {
	if d.memory != nil {
		err = d.memory.close()
	}
	return errors.Join(err, d.engine.close(d))
}

// millis is a time as the tables keep it.
func millis(t time.Time) int64 { return t.UnixMilli() }

// instant is the time that a table kept; zero is none.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// nullMillis returns t in milliseconds, or nil if it is zero.
func nullMillis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return millis(t)
}

// flag returns a bool as the tables store it.
func flag(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
