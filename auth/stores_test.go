package auth_test

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

// The suite runs over SQLite, and once more over Postgres where the variable
// TEST_DATABASE_URL names a server on which it may create schemas.

// overPostgres is set in the run over Postgres.
var overPostgres = os.Getenv("TEST_STORE") == "postgres"

// TestPostgres runs the tests of this package over Postgres.
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

// newDatabase names a database that is empty: a file, or a schema on the server.
func newDatabase(t testing.TB) string {
	t.Helper()
	if !overPostgres {
		return filepath.Join(t.TempDir(), "test.db")
	}
	server := os.Getenv("TEST_DATABASE_URL")
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	asAdmin(t, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { asAdmin(t, "DROP SCHEMA "+schema+" CASCADE") })
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
