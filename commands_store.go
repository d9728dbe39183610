package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sessionlab/auth"
	"sessionlab/db"
)

// newKey prints a key for SESSION_KEYS.
func newKey(_ context.Context, c *invocation) error {
	ring, err := newRing()
	if err != nil {
		return err
	}
	return c.print(map[string]string{"key": ring.Encode()}, func(w io.Writer) { fmt.Fprintln(w, ring.Encode()) })
}

// newRing returns a ring of a new key, followed by older ones.
func newRing(older ...*auth.Key) (*auth.KeyRing, error) {
	key, err := auth.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return auth.NewKeyRing(append([]*auth.Key{key}, older...)...)
}

// keptKeys returns the keys that serve made because SESSION_KEYS is not set.
func (c *config) keptKeys() (*auth.KeyRing, error) {
	if !c.needsDatabase() {
		return nil, errors.New("without a database no key is kept, so there is nothing to rotate; see keys new")
	}
	ring, err := readKeyFile(c.keyFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("no key was made yet, so there is nothing to rotate; see keys new")
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used: %w", c.keyFile(), err)
	}
	return ring, nil
}

// rotateKeys prints a new value for SESSION_KEYS with a new key first. It changes
// nothing.
func rotateKeys(_ context.Context, c *invocation) error {
	cfg, err := readConfig(c.environ)
	if err != nil {
		return err
	}
	ring := cfg.Keys.KeyRing
	if ring == nil {
		if ring, err = cfg.keptKeys(); err != nil {
			return fmt.Errorf("SESSION_KEYS: not set, and %w", err)
		}
	}
	next, err := newRing(ring.Keys()...)
	if err != nil {
		return err
	}
	return c.print(map[string]string{"sessionKeys": next.Encode()}, func(w io.Writer) { fmt.Fprintf(w, "SESSION_KEYS=%s\n", next.Encode()) })
}

// storedConfig reads the settings of a site with a database.
func storedConfig(c *invocation) (config, error) {
	cfg, err := readConfig(c.environ)
	if err == nil && !cfg.needsDatabase() {
		err = fmt.Errorf("SESSION_STRATEGY: want a strategy with a database, because %s has none", cfg.Strategy)
	}
	return cfg, err
}

func migrationStatus(ctx context.Context, c *invocation) error {
	cfg, err := storedConfig(c)
	if err != nil {
		return err
	}
	return printMigrations(ctx, c, cfg)
}

func migrateUp(ctx context.Context, c *invocation) error {
	cfg, err := storedConfig(c)
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, string(cfg.Database), c.now)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	if err := d.Close(); err != nil {
		return err
	}
	return printMigrations(ctx, c, cfg)
}

func printMigrations(ctx context.Context, c *invocation, cfg config) error {
	list, err := db.Migrations(ctx, string(cfg.Database))
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	type printed struct {
		Name      string     `json:"name"`
		AppliedAt *time.Time `json:"appliedAt"` // null if it is pending
	}
	all := make([]printed, len(list))
	for i, m := range list {
		all[i].Name = m.Name
		if !m.AppliedAt.IsZero() {
			all[i].AppliedAt = &m.AppliedAt
		}
	}
	return c.print(all, func(w io.Writer) {
		for _, m := range all {
			at := "pending"
			if m.AppliedAt != nil {
				at = day(*m.AppliedAt)
			}
			fmt.Fprintf(w, "%s\t%s\n", m.Name, at)
		}
	})
}

// backup copies a SQLite database, which may be in use.
func backup(ctx context.Context, c *invocation) error {
	cfg, err := storedConfig(c)
	if err != nil {
		return err
	}
	if db.IsPostgres(string(cfg.Database)) {
		return errors.New("DATABASE_URL: want a SQLite file; for Postgres use pg_dump")
	}
	if err := cfg.databaseExists(); err != nil {
		return err
	}
	d, err := db.Open(ctx, string(cfg.Database), c.now)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	defer d.Close()
	name, err := filepath.Abs(c.args[0])
	if err != nil {
		return err
	}
	if err := d.Backup(ctx, name); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	result := struct {
		File  string `json:"file"`
		Bytes int64  `json:"bytes"`
	}{name, info.Size()}
	return c.print(result, func(w io.Writer) { fmt.Fprintf(w, "file\t%s\nbytes\t%d\n", result.File, result.Bytes) })
}
