package db

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// These tests run over SQLite, and once more over Postgres where the variable
// TEST_DATABASE_URL names a server on which they may create schemas.

// overPostgres is set in the run over Postgres.
var overPostgres = os.Getenv("TEST_STORE") == "postgres"

// TestPostgres runs every test of this package over Postgres.
func TestPostgres(t *testing.T) {
	if overPostgres {
		t.Skip("this is that run")
	}
	service(t, "TEST_DATABASE_URL")
	args := []string{"-test.count=1"}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	again := exec.Command(os.Args[0], args...)
	again.Env = append(os.Environ(), "TEST_STORE=postgres")
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("over Postgres: %v\n%s", err, out)
	}
}

// sqliteOnly is for tests of what only files have, and have to fear.
func sqliteOnly(t testing.TB) {
	t.Helper()
	if overPostgres {
		t.Skip("about SQLite")
	}
}

// postgresOnly is for tests of what only servers have.
func postgresOnly(t testing.TB) {
	t.Helper()
	if !overPostgres {
		t.Skip("about Postgres: runs within TestPostgres")
	}
}

func open(t testing.TB) *DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "test.db"))
}

func openAt(t testing.TB, path string) *DB {
	t.Helper()
	d, err := Open(t.Context(), location(t, path), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// location is the database that a test calls path: the file, or under Postgres a
// schema that stands for it.
func location(t testing.TB, path string) string {
	t.Helper()
	if !overPostgres {
		return path
	}
	schema := fmt.Sprintf("test_%x", sha256.Sum256([]byte(path)))[:24]
	asAdmin(t, "CREATE SCHEMA IF NOT EXISTS "+schema)
	t.Cleanup(func() { asAdmin(t, "DROP SCHEMA IF EXISTS "+schema+" CASCADE") })
	u, err := url.Parse(os.Getenv("TEST_DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func asAdmin(t testing.TB, statement string) {
	t.Helper()
	admin, err := sql.Open("pgx", os.Getenv("TEST_DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// lock keeps writers out from outside, as somebody with a shell would, until it
// is released.
func lock(t *testing.T, path string) (release func()) {
	t.Helper()
	name, driver := dsn(path, nil), "sqlite"
	if overPostgres {
		name, driver = location(t, path), "pgx"
	}
	raw, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := raw.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if overPostgres {
		_, err := tx.Exec("LOCK TABLE users, accounts, sessions, refresh_tokens, benches, departed IN SHARE MODE")
		if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		tx.Rollback()
		raw.Close()
	}
}
