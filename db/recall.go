package db

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// A memory holds rows that were read since the database last changed. It never
// answers with one that is older than that, whoever changed it: this process, or a
// colleague with a shell.
//
// PRAGMA data_version reads no table. Asked again on one connection, it answers
// otherwise if anybody else has committed something in between
// (https://sqlite.org/pragma.html#pragma_data_version), and the connection that asks
// commits nothing. So two equal answers leave no room for a change between them.
// Hence three rules:
//
//   - who looks something up believes only an answer whose question was put after
//     they came; all who wait by then share it;
//   - a row is kept on the shelf of the answer that its reader had before reading;
//   - another answer begins an empty shelf, and nobody looks at the old one again.
type memory struct {
	version func(context.Context) (int64, error) // puts the question
	close   func() error

	asking sync.Mutex // one question at a time
	shelf  *shelf     // of the last answer; guarded by asking

	mu   sync.Mutex
	next *question // which was not put yet, so that one may still wait for its answer; nil if there is none
}

// A question is one execution of the pragma, and what it came to.
type question struct {
	done  chan struct{} // closed when it is answered
	shelf *shelf        // nil if nobody can tell
}

const versionPragma = "PRAGMA data_version"

// maxRecalled bounds a shelf. A row takes about half a KiB.
const maxRecalled = 4096

// A shelf is what was read while the database stood at a version.
type shelf struct {
	version int64
	mu      sync.Mutex
	rows    map[recalled]any
}

// recalled says which row: by which statement, and by which arguments.
type recalled struct {
	by   statement
	a, b string
}

// Recall lets reads of one session or one user remember what they read, where the
// engine can tell exactly whether that still stands: SQLite can, and Postgres reads
// as before. Call it before the first use. Where nothing changes, a request then
// costs its share of one question instead of a read, and where much does, both.
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
	if v, known := s.get(key); known {
		// To those who count, this is the read: the one thing that was asked of the
		// database. Its time is that of the step around it.
		d.observe(ctx, kindRead, versionPragma)(nil)
		return v.(V), nil
	}
	v, err := read()
	if err == nil {
		s.put(key, v)
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
	m.next = nil // who comes from now on may know of a change that this question misses
	m.mu.Unlock()

	version, err := m.version(ctx)
	if err != nil {
		return nil // whoever asked reads the row, and learns what is wrong
	}
	if m.shelf == nil || m.shelf.version != version {
		m.shelf = &shelf{version: version, rows: map[recalled]any{}}
	}
	q.shelf = m.shelf
	return q.shelf
}

func (s *shelf) get(key recalled) (any, bool) {
	if s == nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, known := s.rows[key]
	return v, known
}

func (s *shelf) put(key recalled, v any) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rows) >= maxRecalled {
		clear(s.rows)
	}
	s.rows[key] = v
}
