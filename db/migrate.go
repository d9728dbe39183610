package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrations embed.FS

// A migration is one step of the schema. Its number is its place, from 1. One whose
// name ends in an engine's, as in 0006_without_rowid.sqlite.sql, is a step for that
// engine alone; the others only count it.
type migration struct{ name, text string }

// afterwards is the part of a migration that cannot be written in SQL.
var afterwards = map[string]func(context.Context, *tx) error{
	"migrations/0007_emails.sql": canonicalEmails,
}

func (m migration) concerns(e engine) bool {
	engine := path.Ext(strings.TrimSuffix(m.name, ".sql"))
	return engine == "" || engine == "."+e.name()
}

// loadMigrations reads the files in the order of their numbers, which must have
// no gap.
func loadMigrations(dir fs.FS) ([]migration, error) {
	names, err := fs.Glob(dir, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	steps := make([]migration, len(names))
	for i, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s should be number %d", name, i+1)
		}
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		steps[i] = migration{name, string(text)}
	}
	return steps, nil
}

// errDone means that no migration is pending.
var errDone = errors.New("schema is up to date")

// migrationWait bounds a migration, and its turn behind those of others.
const migrationWait = 10 * time.Minute

// migrate brings the schema up to date, each step in a transaction that also records it.
// A lock is held while the version is read, so that any number of processes may start at
// the same time. The check that nothing is pending takes no lock.
func (d *DB) migrate(ctx context.Context) error {
	steps, err := loadMigrations(migrations)
	if err != nil {
		return err
	}
	if version, err := schemaVersion(ctx, d.read); err == nil && version == len(steps) {
		return nil
	}
	wait := d.Wait
	defer func() { d.Wait = wait }()
	d.Wait = migrationWait
	for err == nil {
		err = d.transact(ctx, func(tx *tx) error { return d.migrateOnce(ctx, tx, steps) })
	}
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// schemaVersion is the number of the last migration that was recorded.
func schemaVersion(ctx context.Context, from interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (version int, err error) {
	err = from.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_migrations`).Scan(&version)
	return version, err
}

func (d *DB) migrateOnce(ctx context.Context, tx *tx, steps []migration) error {
	if err := d.engine.lockSchema(ctx, tx); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations (
		version    BIGINT PRIMARY KEY,
		applied_at BIGINT NOT NULL
	)`)
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	switch {
	case version > len(steps):
		return fmt.Errorf("schema version %d is newer than the latest that this program supports, %d", version, len(steps))
	case version == len(steps):
		return errDone
	}
	step := steps[version]
	if step.concerns(d.engine) {
		if _, err := tx.ExecContext(ctx, d.engine.schema(step.text)); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if change := afterwards[step.name]; change != nil {
		if err := change(ctx, tx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO schema_migrations (version, applied_at) VALUES ($1, $2)`,
		version+1, millis(d.now()))
	return err
}

// A Migration is one step of the schema, and when it was made; zero if it has yet to be.
type Migration struct {
	Name      string // such as "0001_start.sql"
	AppliedAt time.Time
}

// Migrations returns the steps of the schema, in their order, without making any. A SQLite
// file that is not there is not created.
func Migrations(ctx context.Context, name string) (list []Migration, err error) {
	steps, err := loadMigrations(migrations)
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		list = append(list, Migration{Name: path.Base(step.name)})
	}
	e, err := engineOf(name)
	if err != nil {
		return nil, fmt.Errorf("open database: want %w", err)
	}
	if f, ok := e.(*file); ok {
		if _, err := os.Stat(f.path); errors.Is(err, fs.ErrNotExist) {
			return list, nil
		}
	}
	d := &DB{Wait: defaultWait, engine: e}
	defer d.Close()
	if err := e.open(ctx, d); err != nil {
		return nil, fmt.Errorf("open database %s: %w", e, e.plain(err))
	}
	rows, err := d.read.QueryContext(ctx, "SELECT version, applied_at FROM schema_migrations")
	if err != nil { // no table yet, or an empty database
		return list, nil
	}
	defer rows.Close()
	for rows.Next() {
		var version int
		var at int64
		if err := rows.Scan(&version, &at); err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		if version > len(list) {
			return nil, fmt.Errorf("schema version %d is newer than the latest that this program supports, %d", version, len(steps))
		}
		list[version-1].AppliedAt = instant(at)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return list, nil
}
