package db

import (
	"path/filepath"
	"testing"

	"sessionlab/db/dbtest"
)

// TestPostgres runs every test of this package over Postgres.
func TestPostgres(t *testing.T) { dbtest.RerunOnPostgres(t) }

func open(t testing.TB) *DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "test.db"))
}

func openAt(t testing.TB, path string) *DB {
	t.Helper()
	d, err := Open(t.Context(), dbtest.Name(t, path), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// lock keeps writers out from outside, as somebody with a shell would, until it
// is released.
func lock(t *testing.T, path string) (release func()) {
	t.Helper()
	name := dsn(path, nil)
	if dbtest.Postgres() {
		name = dbtest.Name(t, path)
	}
	raw := dbtest.Shell(t, name)
	tx, err := raw.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if dbtest.Postgres() {
		_, err := tx.Exec("LOCK TABLE users, accounts, sessions, refresh_tokens, departed IN SHARE MODE")
		if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		tx.Rollback()
		raw.Close()
	}
}
