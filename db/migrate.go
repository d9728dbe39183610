package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
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

// errDone says that there is nothing left to migrate.
var errDone = errors.New("schema is up to date")

// migrationWait bounds a migration, and its turn behind those of others.
const migrationWait = 10 * time.Minute

// migrate brings the schema up to date, each step in a transaction that also
// records it. A lock is held while the version is read, so that any number of
// processes may start at once; but not to see that there is nothing to do.
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
		return fmt.Errorf("schema is of version %d, newer than this program, which knows %d", version, len(steps))
	case version == len(steps):
		return errDone
	}
	step := steps[version]
	if step.concerns(d.engine) {
		if _, err := tx.ExecContext(ctx, d.engine.schema(step.text)); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO schema_migrations (version, applied_at) VALUES ($1, $2)`,
		version+1, millis(d.now()))
	return err
}
