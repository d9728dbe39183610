// Package dbtest gives a test a database of its own, and finds the servers that it
// needs. Only tests import it.
//
// The tests of auth, db and handlers run over SQLite, and once more over Postgres
// where TEST_DATABASE_URL names a server on which they may create schemas.
// TEST_REDIS_URL and TEST_REDIS_CLUSTER_URL name servers for tests that want one. A
// test without its server is skipped, or fails where REQUIRE_SERVICES is 1.
package dbtest

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

const database = "TEST_DATABASE_URL"

// Postgres reports whether this is the run over Postgres. It asks each time, because what
// is read before the first test does not count when go test looks for a cached result.
func Postgres() bool { return os.Getenv("TEST_STORE") == "postgres" }

// RerunOnPostgres runs the tests of a package once more, over Postgres; flags are
// additional flags for the test program. A package calls it from a test named
// TestPostgres.
func RerunOnPostgres(t *testing.T, flags ...string) {
	if Postgres() {
		t.Skip("this is that run")
	}
	Server(t, database)
	if testing.Short() {
		flags = append(flags, "-test.short")
	}
	run := exec.Command(os.Args[0], append(flags, "-test.count=1")...)
	run.Env = append(os.Environ(), "TEST_STORE=postgres")
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("over Postgres: %v\n%s", err, out)
	}
}

// Server is the address of the server that an environment variable names.
func Server(t testing.TB, variable string) string {
	t.Helper()
	address := os.Getenv(variable)
	if address == "" {
		Missing(t, variable+" is not set: .ci/run starts such a server")
	}
	return address
}

// RequireCommand skips or fails the test if a command is not installed.
func RequireCommand(t testing.TB, command string) {
	t.Helper()
	if _, err := exec.LookPath(command); err != nil {
		Missing(t, "there is no "+command+": .ci/run installs it")
	}
}

// Missing skips a test that lacks what it needs, or fails it where nothing may be
// missing.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("REQUIRE_SERVICES") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Patience bounds every wait. Nothing waits that long unless it is broken.
const Patience = 20 * time.Second

// Poll waits until something holds.
func Poll(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(Patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %s", what, Patience)
		}
	}
}

// SQLiteOnly skips a test that applies to SQLite files only.
func SQLiteOnly(t testing.TB) {
	t.Helper()
	if Postgres() {
		t.Skip("about SQLite")
	}
}

// PostgresOnly skips a test of what only servers have.
func PostgresOnly(t testing.TB) {
	t.Helper()
	if !Postgres() {
		t.Skip("about Postgres: runs within TestPostgres")
	}
}

// Name names the database that a test calls path, for db.Open. It is the file, or
// under Postgres a schema that stands for it and goes when the test is over.
func Name(t testing.TB, path string) string {
	t.Helper()
	if !Postgres() {
		return path
	}
	return Schema(t, path)
}

// Schema names a schema of a test's own on the Postgres server, which goes when the
// test is over.
func Schema(t testing.TB, label string) string {
	t.Helper()
	schema := fmt.Sprintf("test_%x", sha256.Sum256([]byte(label)))[:24]
	Admin(t, "CREATE SCHEMA IF NOT EXISTS "+schema)
	t.Cleanup(func() { Admin(t, "DROP SCHEMA IF EXISTS "+schema+" CASCADE") })
	u, err := url.Parse(Server(t, database))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// Admin executes a statement on the Postgres server, in no schema of a test.
func Admin(t testing.TB, statement string) {
	t.Helper()
	admin := Shell(t, Server(t, database))
	defer admin.Close()
	if _, err := admin.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// Shell opens a database directly, bypassing package db, until the test is over.
func Shell(t testing.TB, name string) *sql.DB {
	t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(name, "postgres") {
		driver = "pgx"
	}
	other, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return other
}
