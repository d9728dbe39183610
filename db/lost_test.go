package db

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
)

// A file that was deleted, moved away, or replaced while the program runs takes no
// write and answers no read: both would be gone at the next start.
func TestFileIsLost(t *testing.T) {
	dbtest.SQLiteOnly(t)
	for name, lose := range map[string]func(path string) error{
		"deleted":     os.Remove,
		"moved":       func(path string) error { return os.Rename(path, path+".old") },
		"replaced":    func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)) },
		"log deleted": func(path string) error { return os.Remove(path + "-wal") },
	} {
		for _, recall := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "test.db")
			d := openAt(t, path)
			if recall {
				if err := d.Recall(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			s := Sessions{d}
			ada := signIn(t, d, "ada")
			r := session(ada, "laptop", 0)
			create(t, s, r)
			if _, err := s.Find(t.Context(), realm, r.Hash); err != nil {
				t.Fatal(err)
			}
			if err := lose(path); err != nil {
				t.Fatal(err)
			}
			fault(t, name+": create", s.Create(t.Context(), session(ada, "phone", 0), 20))
			fault(t, name+": end", s.End(t.Context(), realm, r.Hash, start))
			_, err := s.EndAll(t.Context(), realm, auth.Target{UserID: ada.ID, All: true}, start)
			fault(t, name+": end all", err)
			_, err = s.Find(t.Context(), realm, r.Hash)
			fault(t, name+": find", err)
			_, err = s.List(t.Context(), realm, ada.ID, start)
			fault(t, name+": list", err)
			fault(t, name+": ready", d.Ready(t.Context()))
			if name != "moved" {
				continue
			}
			if err := os.Rename(path+".old", path); err != nil {
				t.Fatal(err)
			}
			if err := d.Ready(t.Context()); err != nil {
				t.Errorf("put back: %v", err)
			}
			if err := s.Create(t.Context(), session(ada, "tablet", 0), 20); err != nil {
				t.Errorf("put back: %v", err)
			}
		}
	}
}

// A disk that is full stops writes and readiness, and nothing else; when there is
// room again all goes on without a new start, even where the log took the room.
func TestDiskIsFull(t *testing.T) {
	dbtest.SQLiteOnly(t)
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		if os.Getuid() == 0 && os.Getenv("REQUIRE_SERVICES") != "" {
			t.Logf("no small disk can be mounted here: %v: %s", err, out)
		}
		t.Skip("needs the right to mount a small disk")
	}
	t.Cleanup(func() { exec.Command("umount", dir).Run() })
	d := openAt(t, filepath.Join(dir, "test.db"))
	s := Sessions{d}
	ada := signIn(t, d, "ada")
	first := session(ada, "first", 0)
	create(t, s, first)
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 100<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	var full error
	for i := 0; full == nil && i < 20000; i++ {
		full = s.Create(t.Context(), session(ada, fmt.Sprint("s", i), time.Duration(i)), 20)
	}
	fault(t, "a sign-in on a full disk", full)
	if _, err := s.Find(t.Context(), realm, first.Hash); err != nil && !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("reading on a full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := d.Ready(t.Context()); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := s.Create(t.Context(), session(ada, "last", time.Hour), 20); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// What cannot be written to does not open, and says why in one line.
func TestOpenWhatCannotBeWritten(t *testing.T) {
	dbtest.PostgresOnly(t)
	name := dbtest.Name(t, filepath.Join(t.TempDir(), "readonly"))
	d, err := Open(t.Context(), name, clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	joint := "&"
	if !strings.Contains(name, "?") {
		joint = "?"
	}
	d, err = Open(t.Context(), name+joint+"default_transaction_read_only=on", clock)
	if err == nil {
		d.Close()
		t.Fatal("a database that only reads was opened")
	}
	if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("got %q, want one line that says why", err)
	}
}

// A server whose tables are gone, locked, or no longer ours to write is not ready, and
// is again as soon as they are back.
func TestServerIsNotReady(t *testing.T) {
	dbtest.PostgresOnly(t)
	d := open(t)
	for name, change := range map[string][2]string{
		"renamed": {"ALTER TABLE sessions RENAME TO away", "ALTER TABLE away RENAME TO sessions"},
	} {
		if err := d.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.write.Exec(change[0]); err != nil {
			t.Fatal(err)
		}
		fault(t, name, d.Ready(t.Context()))
		if _, err := d.write.Exec(change[1]); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := d.write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	fault(t, "locked", d.Ready(t.Context()))
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := d.Ready(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
