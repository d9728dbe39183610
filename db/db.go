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
// Two pools lead to one file. Reads share a few connections that cannot write,
// and go on whatever writers do. Writes take turns on a single connection and
// take the write lock when they begin: a transaction that first reads and then
// asks for the lock may find that it cannot have it. What was answered is on
// disk.
//
// The package gives no verdicts. A row that is not there is [auth.ErrNotFound];
// every other error is a fault and says nothing about anybody's session, with the
// one exception of [auth.ErrDisabled] at a sign-in. It starts no goroutine, and
// reads no clock but the one it is handed. It never sees a secret, only hashes.
//
// The statements stand in statements.go. They use TEXT and BIGINT, $1 and ON
// CONFLICT, and nothing that only one engine understands; what is peculiar to
// SQLite stands in sqlite.go.
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
// file is safe for use from many processes. Set its fields before its first use.
type DB struct {
	// Observe is told of every statement: kind "read" or "write" and its text.
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
	file     file
}

const (
	defaultWait = 5500 * time.Millisecond
	readyWait   = time.Second
)

// Open opens the SQLite database at path, a plain file name, and brings its
// schema up to date. A missing file is created, readable by its owner alone; a
// missing directory is not. The clock stamps rows that record when they were
// made. Errors name the path.
func Open(ctx context.Context, path string, now func() time.Time) (*DB, error) {
	d := &DB{Wait: defaultWait, now: now}
	err := d.open(ctx, path)
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return d, nil
}

func (d *DB) open(ctx context.Context, path string) (err error) {
	if err := d.openSQLite(ctx, path); err != nil {
		return err
	}
	if err := d.migrate(ctx); err != nil {
		return err
	}
	return d.prepare(ctx)
}

// Ready says whether a write would succeed now, within a second: that the lock
// can be had and that the file is still the one that was opened.
func (d *DB) Ready(ctx context.Context) error {
	if err := d.file.check(); err != nil {
		return fmt.Errorf("database not ready: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, min(d.Wait, readyWait))
	defer cancel()
	tx, err := d.begin(ctx)
	if err != nil {
		return fmt.Errorf("database not ready: %w", err)
	}
	if err := tx.Rollback(); err != nil {
		return fmt.Errorf("database not ready: %w", err)
	}
	return nil
}

// Close closes the database. Writers close last: the last connection to close
// moves the log into the file, which a reader could not.
func (d *DB) Close() error {
	var errs []error
	for _, s := range d.prepared {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	for _, pool := range []*sql.DB{d.read, d.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
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
