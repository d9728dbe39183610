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

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

const database = "TEST_DATABASE_URL"

// Postgres says whether this is the run over Postgres. It asks each time, because what
// is read before the first test does not count when go test looks for a cached result.
func Postgres() bool { return os.Getenv("TEST_STORE") == "postgres" }

// Again runs the tests of a package once more, over Postgres; flags are further ones
// of the test program. A package calls it from a test of the name TestPostgres.
func Again(t *testing.T, flags ...string) {
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

// Installed wants a command that a test needs.
func Installed(t testing.TB, command string) {
	t.Helper()
	if _, err := exec.LookPath(command); err != nil {
		Missing(t, "there is no "+command+": .ci/run installs it")
	}
}

// Missing skips a test that lacks what it needs, or fails it where nothing may lack.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("REQUIRE_SERVICES") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// SQLiteOnly skips a test of what only files have, and have to fear.
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
	schema := fmt.Sprintf("test_%x", sha256.Sum256([]byte(path)))[:24]
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

// Shell opens a database as somebody with a shell would, until the test is over.
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
