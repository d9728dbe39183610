package db

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sessionlab/db/dbtest"
)

// TestNames: a name means a file or a server, as one would expect, or it is refused. What
// is shown of it holds neither user, password nor parameters.
func TestNames(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, key := range []string{"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSERVICE"} {
		t.Setenv(key, "")
		os.Unsetenv(key)
	}
	for name, want := range map[string]string{ // what is shown
		"sessionlab.db":        "sessionlab.db",
		"data/app":             "data/app",
		"/var/lib/app.db":      "/var/lib/app.db",
		"./a:b=c?d.db":         "./a:b=c?d.db",
		"../app.db":            "../app.db",
		"/x/host=a dbname=b":   "/x/host=a dbname=b",
		"postgres":             "postgres",
		"my file (1) @home.db": "my file (1) @home.db",

		"postgres://u:hunter2@db.example:5432/app":              "postgres://db.example:5432/app",
		"postgresql://u:hunter2@db.example/app?sslmode=require": "postgres://db.example:5432/app",
		"postgres://db.example/app?user=u&password=hunter2":     "postgres://db.example:5432/app",
		"postgres://u:hun%40ter2%2F%23@[2001:db8::1]:6432/app":  "postgres://[2001:db8::1]:6432/app",
		"postgres://u:hunter2@a:1,b:2/app":                      "postgres://a:1,b:2/app",
		"postgres:///app?host=/run/postgresql&password=hunter2": "postgres:///app?host=/run/postgresql&port=5432",
		"postgres://u:hunter2@%2Frun%2Fpostgresql:6432/app":     "postgres:///app?host=/run/postgresql&port=6432",

		"host=db.example dbname=app user=u password=hunter2":       "postgres://db.example:5432/app",
		"password='hun ter2' port=6432 host=db.example dbname=app": "postgres://db.example:6432/app",
		"  host = /run/postgresql dbname=app password=hunter2":     "postgres:///app?host=/run/postgresql&port=5432",
		"host=a,b port=1,2 dbname=app password=hunter2":            "postgres://a:1,b:2/app",
	} {
		if err := Check(name); err != nil {
			t.Errorf("%q: got %v", name, err)
		}
		if got := Display(name); got != want {
			t.Errorf("%q: shown as %q, want %q", name, got, want)
		}
		if got, want := IsPostgres(name), strings.HasPrefix(want, "postgres://"); got != want {
			t.Errorf("%q: a Postgres database: got %t, want %t", name, got, want)
		}
	}
	for _, name := range []string{
		":memory:", "file:app.db", "file::memory:?cache=shared&_auth_pass=hunter2", "file:///var/lib/app.db",
		"sqlite:app.db", "sqlite://app.db", "sqlite3:///app.db?password=hunter2", "app.db?password=hunter2", "app.db?mode=ro",
		"mysql://u:hunter2@db.example/app", "u:hunter2@tcp(db.example)/app", "libsql://app.example?authToken=hunter2",
		"jdbc:postgresql://db.example/app?password=hunter2", "Postgres://u:hunter2@db.example/app", "postgres:hunter2@db.example/app",
		"postgres//u:hunter2@db.example/app", "db.example:5432", "DATABASE_URL=postgres://u:hunter2@db.example/app",
		"password=hunter2", "pasword=hunter2", "Server=db.example;Password=hunter2", "host=db.example password=hun ter2 dbname=app", "a=b.db",
		"postgres://u:hun@ter2@db.example/app", "postgres://u:12/hunter2@db.example/app", "postgres://u:hunter2%0A@db.example/app",
		"postgres://u%0A:hunter2@db.example/app", "host=db.example dbname=app password='hunter2\n'", "host=db.example dbname=app/hunter2@x",
		"postgres://db.example/app?hunter2@x/y", "postgres://db.example/app#hunter2", "postgres://db.example:hunter2/app", "postgres://db.example/app?sslmode=hunter2",
	} {
		err := Check(name)
		if err == nil {
			t.Errorf("%q: taken, as %s", name, Display(name))
			continue
		}
		if _, opened := Open(t.Context(), name, clock); opened == nil || !strings.Contains(opened.Error(), err.Error()) {
			t.Errorf("%q: Open: got %v, want %v", name, opened, err)
		}
		for _, said := range []string{err.Error(), Display(name)} {
			for _, secret := range []string{"hunter2", "ter2", "db.example", "\n"} {
				if strings.Contains(said, secret) {
					t.Errorf("%q: %q repeats it", name, said)
				}
			}
		}
	}
}

// TestNamesOfOneServer opens the server that the tests run over under each kind of name.
func TestNamesOfOneServer(t *testing.T) {
	server := dbtest.Server(t, "TEST_DATABASE_URL")
	t.Chdir(t.TempDir())
	c, err := pgx.ParseConfig(server)
	if err != nil {
		t.Fatal(err)
	}
	var sockets string
	shell := dbtest.Shell(t, server)
	if err := shell.QueryRow("SHOW unix_socket_directories").Scan(&sockets); err != nil {
		t.Fatal(err)
	}
	schema := "names_of_one_server"
	dbtest.Admin(t, "CREATE SCHEMA IF NOT EXISTS "+schema)
	t.Cleanup(func() { dbtest.Admin(t, "DROP SCHEMA "+schema+" CASCADE") })
	quote := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	}
	keywords := func(host string) string {
		return "host=" + quote(host) + " port=" + strconv.Itoa(int(c.Port)) + " user=" + quote(c.User) + " password=" + quote(c.Password) +
			" dbname=" + quote(c.Database) + " sslmode=prefer search_path=" + schema
	}
	for name, address := range map[string]string{
		"keywords": keywords(c.Host),
		"socket":   keywords(strings.TrimSpace(strings.Split(sockets, ",")[0])),
	} {
		d, err := Open(t.Context(), address, clock)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		signInAs(t, d, at("one", "ada"))
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob("*"); len(left) > 0 {
		t.Errorf("files were made: %q", left)
	}
}
