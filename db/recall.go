package db

import (
	"context"
	"errors"
	"runtime"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// A memory holds rows that were read since the database last changed. It never returns a
// row older than the last change, whether this process or another made the change.
//
// PRAGMA data_version reads no table. Asked again on one connection, it gives a different
// answer if anybody else has committed something in between
// (https://sqlite.org/pragma.html#pragma_data_version), and the connection that asks
// commits nothing. So two equal answers leave no room for a change between them. Hence
// three rules:
//
// - a lookup uses only a version check that started after the lookup did; lookups waiting
// at that time share it;
// - a row is cached under the version that its reader saw before reading;
// - a new version starts an empty cache, and the old one is dropped.
type memory struct {
	version func(context.Context) (int64, error) // puts the question
	close   func() error

	asking sync.Mutex // one question at a time
	shelf  *shelf     // of the last answer; guarded by asking

	mu   sync.Mutex
	next *question // not asked yet, so that more callers may wait for its answer; nil if there is none
}

// A question is one execution of the pragma, and what it came to.
type question struct {
	done  chan struct{} // closed when it is answered
	shelf *shelf        // nil if the version could not be read
}

const versionPragma = "PRAGMA data_version"

// maxRecalled bounds a shelf. A row takes about half a KiB.
const maxRecalled = 4096

// A shelf holds the rows that were read while the database stood at a version.
type shelf struct {
	version int64
	*lru.Cache[recalled, any]
}

// recalled identifies a row: by statement, and by arguments.
type recalled struct {
	by   statement
	a, b string
}

// Recall caches rows of one session or user where the engine can detect
// every change: SQLite can, and Postgres reads as before. Call it before the first use.
// Without changes a lookup costs a shared version check instead of a read; with many
// changes, both.
func (d *DB) Recall(ctx context.Context) error {
	f, ok := d.engine.(*file)
	if !ok {
		return nil
	}
	watching, err := pool(f.absolute, 1, readPragmas)
	if err != nil {
		return err
	}
	stmt, err := watching.PrepareContext(ctx, versionPragma)
	if err != nil {
		return errors.Join(err, watching.Close())
	}
	d.memory = &memory{
		version: func(ctx context.Context) (v int64, err error) {
			if err := f.lost(); err != nil {
				return 0, err
			}
			err = stmt.QueryRowContext(context.WithoutCancel(ctx)).Scan(&v)
			return v, err
		},
		close: func() error { return errors.Join(stmt.Close(), watching.Close()) },
	}
	return nil
}

// recall returns the row of that key as it is now, by reading it if need be.
func recall[V any](ctx context.Context, d *DB, key recalled, read func() (V, error)) (V, error) {
	if d.memory == nil {
		return read()
	}
	s := d.memory.now(ctx)
	if s == nil {
		return read()
	}
	if v, known := s.Get(key); known {
		// Observers count the version check as the read. It is reported here without its
		// duration, which is part of the step around it.
		d.observe(ctx, kindRead, versionPragma)(nil)
		return v.(V), nil
	}
	v, err := read()
	if err == nil {
		s.Add(key, v)
	}
	return v, err
}

// now returns the shelf of the database as it is, nil if nobody can tell.
func (m *memory) now(ctx context.Context) *shelf {
	m.mu.Lock()
	q := m.next
	if q != nil {
		m.mu.Unlock()
		<-q.done
		return q.shelf
	}
	q = &question{done: make(chan struct{})}
	m.next = q
	m.mu.Unlock()
	defer close(q.done)

	runtime.Gosched() // others who are about to ask may join
	m.asking.Lock()
	defer m.asking.Unlock()
	m.mu.Lock()
	m.next = nil // a caller that arrives later may know of a change that this check misses
	m.mu.Unlock()

	version, err := m.version(ctx)
	if err != nil {
		return nil // whoever asked reads the row, and learns what is wrong
	}
	if m.shelf == nil || m.shelf.version != version {
		rows, err := lru.New[recalled, any](maxRecalled)
		if err != nil {
			return nil
		}
		m.shelf = &shelf{version, rows}
	}
	q.shelf = m.shelf
	return q.shelf
}
