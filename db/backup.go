package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrNotAFile says that a backup was requested of a database that is not a SQLite file.
// Use the server's own tools, such as pg_dump.
var ErrNotAFile = errors.New("not a SQLite file")

// epochLeap is the number by which a backup raises the epoch of every user: more than a
// user raises it between a backup and the day on which it is restored.
const epochLeap = 1 << 32

// Backup writes a copy of the database, as it is at one moment, into a new file that only
// its owner can read. Others may read and write meanwhile. The copy holds no sessions,
// and every user in it has a higher epoch: a backup must not bring back a session that
// was ended after it was made. Sealed sessions of strategies without an epoch are not in
// the database, so restoring does not end them. The copy contains no keys.
//
// It returns [ErrNotAFile] for a database that is a server, and [fs.ErrExist] if there is
// a file of that name.
func (d *DB) Backup(ctx context.Context, name string) (err error) {
	if _, ok := d.engine.(*file); !ok {
		return fmt.Errorf("back up %s: %w", d.engine, ErrNotAFile)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(name)
			err = fmt.Errorf("back up: %w", err)
		}
	}()
	if err := f.Close(); err != nil {
		return err
	}
	// The copy gets its name when its sessions are gone: an interrupted backup leaves
	// an empty file of that name.
	part, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.part") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	if err := part.Close(); err != nil {
		return err
	}
	if _, err := d.write.ExecContext(ctx, "VACUUM INTO ?", part.Name()); err != nil { // into an empty file
		return err
	}
	if err := removeSessions(ctx, part.Name()); err != nil {
		return err
	}
	if err := syncFile(part.Name()); err != nil {
		return err
	}
	return os.Rename(part.Name(), name)
}

// removeSessions deletes from the copy everything that could authenticate a browser.
func removeSessions(ctx context.Context, name string) error {
	db, err := sql.Open("sqlite", dsn(name, []pragma{{"foreign_keys", "1", "1"}, {"secure_delete", "1", "1"}}))
	if err != nil {
		return err
	}
	defer db.Close()
	for _, text := range []string{
		"DELETE FROM refresh_tokens", "DELETE FROM sessions", "DELETE FROM session_lists",
		fmt.Sprintf("UPDATE users SET epoch = epoch + %d", epochLeap), "VACUUM",
	} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	return db.Close()
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
