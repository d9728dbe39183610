package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	readers     = 4             // more would only compete for the CPU
	readTimeout = 5000          // ms that a read waits, where the log is being recovered
	turn        = 100           // ms that a write waits for a lock before it lets the next one try
	mapped      = 1<<31 - 1<<16 // bytes of the file read without a system call: as many as SQLite maps
)

// A pragma is a setting of a connection, and what it reads back as.
type pragma struct{ name, value, reads string }

// Every connection has these. They belong in the data source name: set by a
// statement, they would hold on whichever connection of the pool ran it.
var pragmas = []pragma{
	{"foreign_keys", "1", "1"},
	{"synchronous", "FULL", "2"}, // committed writes survive a power failure
}

// Additional pragmas of reader and writer connections.
var (
	readPragmas = append([]pragma{
		{"busy_timeout", fmt.Sprint(readTimeout), fmt.Sprint(readTimeout)},
		{"query_only", "1", "1"},
	}, pragmas...)
	writePragmas = append([]pragma{
		// SQLite's own wait cannot be interrupted, and each write in the queue
		// would begin its own only when the one before gave up. So it is short,
		// and retried until [DB.Wait] is over.
		{"busy_timeout", fmt.Sprint(turn), fmt.Sprint(turn)},
		{"journal_mode", "WAL", "wal"}, // persistent, so readers find it set
		// The log is moved into the file before it grows long, and is then truncated:
		// otherwise it could fill a small disk.
		{"wal_autocheckpoint", "200", "200"},         // pages of 4 KiB
		{"journal_size_limit", "1048576", "1048576"}, // bytes
	}, pragmas...)
)

// open opens both pools and every connection in them.
func (f *file) open(ctx context.Context, d *DB) error {
	if f.path == "" {
		return errors.New("no file name")
	}
	path, err := filepath.Abs(f.path)
	if err != nil {
		return err
	}
	if f.info, err = createFile(path); err != nil {
		return err
	}
	f.absolute, d.group = path, &group{}
	if d.write, err = pool(path, 1, writePragmas); err != nil {
		return err
	}
	if d.read, err = pool(path, readers, readPragmas); err != nil {
		return err
	}
	// Several processes that switch a new file to WAL get in each other's way,
	// and SQLite does not wait there.
	ctx, cancel := context.WithTimeout(ctx, d.Wait)
	defer cancel()
	err = d.retryingWrite(ctx, func() error { return verify(ctx, d.write, 1, writePragmas) })
	if err != nil {
		return err
	}
	return d.retryingWrite(ctx, func() error { return verify(ctx, d.read, readers, readPragmas) })
}

// close closes writers last: the last connection to close moves the log into the
// file, which a reader could not.
func (f *file) close(d *DB) error {
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

// ready rewrites a page unchanged. If the disk is full, the write-ahead log may be the
// reason: it is checkpointed, and the write is tried again.
func (f *file) ready(ctx context.Context, d *DB) error {
	if err := f.lost(); err != nil {
		return err
	}
	write := func() error {
		_, err := d.write.ExecContext(ctx, "PRAGMA user_version = 0")
		return err
	}
	err := d.retryingWrite(ctx, write)
	if full(err) {
		if _, moved := d.write.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); moved == nil {
			err = d.retryingWrite(ctx, write)
		}
	}
	return err
}

// full reports whether there was no room for a write.
func full(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code()&0xff == sqlite3.SQLITE_IOERR)
}

// pool makes a pool of n connections that stay open. It opens none yet.
func pool(path string, n int, settings []pragma) (*sql.DB, error) {
	c, err := sqlite.NewConnector(dsn(path, settings))
	if err != nil {
		return nil, err
	}
	p := sql.OpenDB(c)
	p.SetMaxOpenConns(n)
	p.SetMaxIdleConns(n) // the default of two would close and open them all day
	return p, nil
}

// dsn names the file at an absolute path, whatever characters are in it, and the
// settings of each connection to it.
func dsn(path string, settings []pragma) string {
	q := url.Values{
		"_txlock":   {"immediate"},
		"_error_rc": {"1"}, // without it a failed open reads "out of memory"
		"_pragma":   {fmt.Sprintf("mmap_size(%d)", mapped)},
	}
	for _, p := range settings {
		q.Add("_pragma", p.name+"("+p.value+")")
	}
	slashed := "/" + strings.TrimPrefix(filepath.ToSlash(path), "/")
	name := url.URL{Scheme: "file", Path: slashed, RawQuery: q.Encode()}
	return name.String()
}

// verify opens all n connections of a pool at once and reads their settings
// back. SQLite ignores what it does not know or cannot do.
func verify(ctx context.Context, p *sql.DB, n int, settings []pragma) error {
	for range n {
		c, err := p.Conn(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		for _, s := range settings {
			var got string
			if err := c.QueryRowContext(ctx, "PRAGMA "+s.name).Scan(&got); err != nil {
				return fmt.Errorf("pragma %s: %w", s.name, err)
			}
			if got != s.reads {
				return fmt.Errorf("pragma %s is %s, want %s", s.name, got, s.reads)
			}
		}
	}
	return nil
}

// retryWrite reports whether somebody else holds the lock.
func (f *file) retryWrite(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

// A file is a SQLite database.
type file struct {
	path     string // as it was given
	absolute string
	info     fs.FileInfo                 // when it was opened
	log      atomic.Pointer[fs.FileInfo] // of the log beside it, when it was first seen
}

// SQLite needs no more: any Go string can be compared with a TEXT value, and a
// transaction holds the only lock from its beginning.
func (f *file) String() string                              { return f.path }
func (f *file) name() string                                { return "sqlite" }
func (f *file) plain(err error) error                       { return err }
func (f *file) retryRead(error) bool                        { return false }
func (f *file) absent(error) bool                           { return false }
func (f *file) schema(text string) string                   { return text }
func (f *file) lockSchema(context.Context, *tx) error       { return nil }
func (f *file) lockUser(context.Context, *tx, string) error { return nil }

func (f *file) lockAdmins(context.Context, *tx, ...string) error { return nil }

// creating guards the moment in which a new file is open outside SQLite: closing
// it would drop the locks that another handle in this process had on it
// (https://sqlite.org/howtocorrupt.html §2.2).
var creating sync.Mutex

// createFile makes an empty file for the owner alone, unless there is one. SQLite
// would let everybody read it. The log beside it gets the same mode.
func createFile(path string) (fs.FileInfo, error) {
	creating.Lock()
	defer creating.Unlock()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		if err := f.Close(); err != nil {
			return nil, err
		}
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("its directory is missing: %w", cause(err))
	case !errors.Is(err, fs.ErrExist):
		return nil, cause(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	return info, nil
}

// cause is the error without the path, which is named once already.
func cause(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// lost returns an error if the path no longer leads to the file that was opened, or to
// its log. SQLite goes on with files that were deleted, and what it writes is gone at
// the next start. The check costs two system calls. A file that is put back is found
// again; another file in its place, such as a backup, needs a restart.
func (f *file) lost() error {
	if err := same(f.absolute, f.info); err != nil {
		return err
	}
	log := f.absolute + "-wal"
	if known := f.log.Load(); known != nil {
		return same(log, *known)
	}
	info, err := os.Stat(log)
	if err == nil {
		f.log.CompareAndSwap(nil, &info)
	}
	return nil // none yet
}

func same(path string, opened fs.FileInfo) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(info, opened) {
		return errors.New("another file took the place of " + path)
	}
	return nil
}
