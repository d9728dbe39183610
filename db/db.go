// Package db keeps users, accounts, sessions and benches in a database. It
// implements the stores that package auth asks for.
//
//	store, err := db.Open(ctx, "sessionlab.db", time.Now)
//	if err != nil { ... }
//	defer store.Close()
//	store.Observe = auth.Receipts(time.Now)
//	sessions := db.Sessions{DB: store} // an auth.SessionStore
//	user, err := store.SignIn(ctx, identity) // an auth.Directory and auth.Users
//
// Two pools lead to a SQLite file. Reads share a few connections that cannot write,
// and go on whatever writers do. Writes take turns on a single connection and
// take the write lock when they begin: a transaction that first reads and then
// asks for the lock may find that it cannot have it. Those that wait at the same
// moment share a commit. What was answered is on disk.
//
// One pool leads to a Postgres server. Transactions run side by side there, each
// statement seeing what was committed before it; those that change what belongs
// to one user take turns.
//
// The package gives no verdicts. A row that is not there is [auth.ErrNotFound];
// every other error is a fault and says nothing about anybody's session, with the
// one exception of [auth.ErrDisabled] at a sign-in. It starts no goroutine, and
// reads no clock but the one it is handed. It never sees a secret, only hashes.
//
// The statements stand in statements.go. They use TEXT and BIGINT, $1 and ON
// CONFLICT, and nothing that only one engine understands; what is peculiar to an
// engine stands in sqlite.go or postgres.go.
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
	// Observe is told of every statement: kind "read" or "write" and its text. Of
	// the question that [DB.Recall] makes reads ask it is told where that answered.
	// The begin and the commit of a transaction are of kind "transaction". It may
	// be nil.
	Observe auth.Observer

	// Wait bounds a write: the time in the queue for the connection and that for
	// another process's lock, together. When it is over the write fails; one that
	// was being committed at that moment may stand nevertheless. 5.5 s unless set.
	Wait time.Duration

	now      func() time.Time
	read     *sql.DB
	write    *sql.DB
	prepared [len(statements)]*sql.Stmt
	engine   engine
	group    *group        // of writers that share a commit; nil where they run side by side
	readWait time.Duration // bounds a read; zero where reads wait for nothing
	memory   *memory       // nil unless [DB.Recall] made one
}

// An engine is what is peculiar to a kind of database.
type engine interface {
	String() string // to be shown: where it is, and no secret
	name() string   // as the names of migrations have it
	open(ctx context.Context, d *DB) error
	close(d *DB) error
	// ready says why a write would not succeed now.
	ready(ctx context.Context, d *DB) error
	// plain says in one line what opening came to.
	plain(err error) error
	// again says whether to try a write again: err means that somebody else was in
	// the way, and that what failed so has done nothing.
	again(err error) bool
	// askAgain says whether to try a read again, which may fail after it was sent.
	askAgain(err error) bool
	// absent says whether err means that no row can have such a value.
	absent(err error) bool
	// schema is the text of a migration, in the engine's own words.
	schema(text string) string
	// lockSchema keeps others from migrating until the transaction ends.
	lockSchema(ctx context.Context, t *tx) error
	// lockUser keeps other transactions from changing what belongs to a user
	// until this one ends, if they ask for the same lock.
	lockUser(ctx context.Context, t *tx, userID string) error
}

const (
	defaultWait = 5500 * time.Millisecond
	readyWait   = time.Second
)

// Open opens a database and brings its schema up to date. The name is that of a
// SQLite file, or the URL of a Postgres database ([IsPostgres]). A missing file is
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

func engineOf(name string) (engine, error) {
	if IsPostgres(name) {
		return parsePostgres(name)
	}
	return &file{path: name}, nil
}

func (d *DB) open(ctx context.Context) (err error) {
	if err := d.engine.open(ctx, d); err != nil {
		return err
	}
	if err := d.migrate(ctx); err != nil {
		return err
	}
	return d.prepare(ctx)
}

// Ready says whether a write would succeed now, within a second.
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

// nullMillis is a time that may not have come.
func nullMillis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return millis(t)
}

// flag is a claim as the tables keep it.
func flag(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
