package db

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// start is the time at which every virtual clock of these tests begins.
var start = time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)

func clock() time.Time { return start }

// newest is the number of the last migration.
var newest = func() int {
	steps, err := loadMigrations(migrations)
	if err != nil {
		panic(err)
	}
	return len(steps)
}()

// fault fails the test unless err is one: neither success nor a verdict, and no
// row that is missing.
func fault(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || auth.Refused(err) || errors.Is(err, auth.ErrNotFound) {
		t.Errorf("%s: got %v, want a fault", what, err)
	}
}

func TestPragmasOnEveryConnection(t *testing.T) {
	dbtest.SQLiteOnly(t)
	d := open(t)
	for _, pool := range []struct {
		name string
		*sql.DB
		size int
		want map[string]string
	}{
		{"write", d.write, 1, map[string]string{"query_only": "0"}},
		{"read", d.read, 4, map[string]string{"query_only": "1", "busy_timeout": "5000"}},
	} {
		if got := pool.Stats().OpenConnections; got != pool.size {
			t.Errorf("%s pool: got %d open connections, want %d", pool.name, got, pool.size)
		}
		want := map[string]string{"journal_mode": "wal", "foreign_keys": "1", "synchronous": "2", "mmap_size": "2147418112"}
		for name, value := range pool.want {
			want[name] = value
		}
		for range pool.size {
			c, err := pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for name, value := range want {
				var got string
				if err := c.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&got); err != nil || got != value {
					t.Errorf("%s pool: %s is %q, %v; want %q", pool.name, name, got, err, value)
				}
			}
		}
	}
}

func TestPragmaThatDoesNotTakeIsNamed(t *testing.T) {
	dbtest.SQLiteOnly(t)
	d := open(t)
	err := verify(t.Context(), d.read, 1, []pragma{{"journal_mode", "DELETE", "delete"}})
	if err == nil || !strings.Contains(err.Error(), "journal_mode") {
		t.Errorf("got %v, want an error that names journal_mode", err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	dbtest.SQLiteOnly(t)
	d := open(t)
	_, err := d.read.Exec("DELETE FROM users")
	fault(t, "delete on a reader", err)
}

func TestOpenAnyFileName(t *testing.T) {
	dbtest.SQLiteOnly(t)
	dir := t.TempDir()
	for _, name := range []string{"plain.db", "with space.db", "what?mode=ro", "a#b.db", "100%.db", "%41.db", "ünï.db", "a:b", "c&_pragma=foreign_keys(0)"} {
		openAt(t, filepath.Join(dir, name))
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s: got mode %o, want 600", name, got)
		}
		if info, err := os.Stat(filepath.Join(dir, name+"-wal")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s-wal: got %v, %v; want mode 600", name, info, err)
		}
	}
}

func TestOpenRelativePath(t *testing.T) {
	dbtest.SQLiteOnly(t)
	t.Chdir(t.TempDir())
	openAt(t, "here.db")
	if _, err := os.Stat("here.db"); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dbtest.SQLiteOnly(t)
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	const words = "Dear diary, this is certainly not a database, however long it is read.\n"
	if err := os.WriteFile(text, []byte(strings.Repeat(words, 40)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	d := openAt(t, newer)
	if _, err := d.write.Exec("INSERT INTO schema_migrations VALUES (7001, 0)"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, want string }{
		{"", "no file name"},
		{filepath.Join(dir, "no", "such.db"), "its directory is missing"},
		{dir, "not a regular file"},
		{text, "file is not a database"},
		{newer, "version 7001 is newer than"},
	} {
		d, err := Open(t.Context(), test.path, clock)
		if err == nil {
			d.Close()
			t.Errorf("%q: opened", test.path)
			continue
		}
		for _, want := range []string{test.path, test.want} {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, want)
			}
		}
	}
	if b, err := os.ReadFile(text); err != nil || string(b) != strings.Repeat(words, 40) {
		t.Error("the file that is no database was changed")
	}
}

func TestOpenReadOnly(t *testing.T) {
	dbtest.SQLiteOnly(t)
	if os.Geteuid() == 0 {
		t.Skip("nothing is read-only for root")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "test.db")
	openAt(t, path).Close()
	if err := errors.Join(os.Chmod(path, 0o400), os.Chmod(dir, 0o500)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o700) })
	for _, path := range []string{path, filepath.Join(dir, "new.db")} {
		_, err := Open(t.Context(), path, clock)
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want an error that names %s", err, path)
		}
	}
}

func TestOpenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	d := openAt(t, path)
	ada := signIn(t, d, "ada")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: got %v, want no log left", err)
	}
	d = openAt(t, path)
	if got, err := d.User(t.Context(), ada.ID); err != nil || got != ada {
		t.Errorf("got %+v, %v; want %+v", got, err, ada)
	}
	if n := count(t, d, "schema_migrations"); n != newest {
		t.Errorf("got %d recorded migrations, want %d", n, newest)
	}
}

// A start has nothing to wait for where the schema is up to date, whoever writes.
func TestOpenWhileLocked(t *testing.T) {
	dbtest.SQLiteOnly(t) // Postgres locks a table even to prepare a statement
	path := filepath.Join(t.TempDir(), "test.db")
	ada := signIn(t, openAt(t, path), "ada")
	defer lock(t, path)()
	d := openAt(t, path)
	if got, err := d.User(t.Context(), ada.ID); err != nil || got != ada {
		t.Errorf("got %+v, %v; want %+v", got, err, ada)
	}
}

func TestOpenTenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	name := dbtest.Name(t, path)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			d, err := Open(t.Context(), name, clock)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { d.Close() })
		})
	}
	all.Wait()
	if n := count(t, openAt(t, path), "schema_migrations"); n != newest {
		t.Errorf("got %d recorded migrations, want %d", n, newest)
	}
}

func TestReady(t *testing.T) {
	dbtest.SQLiteOnly(t)
	path := filepath.Join(t.TempDir(), "test.db")
	d := openAt(t, path)
	if err := d.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	release, wait := lock(t, path), d.Wait
	d.Wait = 50 * time.Millisecond
	fault(t, "ready while locked", d.Ready(t.Context()))
	release()
	d.Wait = wait
	if err := d.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	fault(t, "ready without a file", d.Ready(t.Context()))
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fault(t, "ready beside another file", d.Ready(t.Context()))
	if err := os.Rename(path+".old", path); err != nil {
		t.Fatal(err)
	}
	if err := d.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func count(t *testing.T, d *DB, from string) (n int) {
	t.Helper()
	if err := d.read.QueryRow("SELECT COUNT(*) FROM " + from).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
