package handlers_test

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// These stories run over SQLite, and once more over Postgres where the variable
// TEST_DATABASE_URL names a server on which they may create schemas.

// overPostgres is set in the run over Postgres.
var overPostgres = os.Getenv("TEST_STORE") == "postgres"

// TestPostgres tells every story of this package over Postgres, but those in a
// browser, which look at something else.
func TestPostgres(t *testing.T) {
	if overPostgres {
		t.Skip("this is that run")
	}
	service(t, "TEST_DATABASE_URL")
	args := []string{"-test.count=1", "-test.skip=^TestBrowser|^TestLabBrowser"}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	again := exec.Command(os.Args[0], args...)
	again.Env = append(os.Environ(), "TEST_STORE=postgres")
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("over Postgres: %v\n%s", err, out)
	}
}

// sqliteOnly is for stories about files.
func sqliteOnly(t testing.TB) {
	t.Helper()
	if overPostgres {
		t.Skip("about SQLite")
	}
}

// newDatabase names a database that is empty: a file, or a schema on the server.
func newDatabase(t testing.TB) string {
	t.Helper()
	if !overPostgres {
		return filepath.Join(t.TempDir(), "sessionlab.db")
	}
	server := os.Getenv("TEST_DATABASE_URL")
	u, err := url.Parse(server)
	must(t, err)
	schema := "test_" + strings.ToLower(rand.Text())
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	shell(t, server, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { shell(t, server, "DROP SCHEMA "+schema+" CASCADE") })
	return u.String()
}

// colleague opens a database as somebody with a shell would.
func colleague(t testing.TB, name string) *sql.DB {
	t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(name, "postgres") {
		driver = "pgx"
	}
	other, err := sql.Open(driver, name)
	must(t, err)
	t.Cleanup(func() { other.Close() })
	return other
}

func shell(t testing.TB, name, statement string) {
	t.Helper()
	other := colleague(t, name)
	defer other.Close()
	_, err := other.Exec(statement)
	must(t, err)
}
