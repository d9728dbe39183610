package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	keyA = "3q2+78r+ur4BI0VniavN7wARIjNEVWZ3iJmqu8zd7v8="
	keyB = "mZiXlpWUk5KRkI+OjYyLiomIh4aFhIOCgYB/fn18e3o="
)

// TestConfigRefused: a wrong variable stops the start at once, with one line that
// names it and never repeats it.
func TestConfigRefused(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	write(t, dir, "text", "This is not a database, however one looks at it. "+strings.Repeat("no ", 1000))
	if err := os.Mkdir(filepath.Join(dir, "badkey"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "badkey/"+keyFile, "sEcReT")

	const public = "BASE_URL=https://app.example.com"
	cases := []struct {
		vars string // separated by blanks
		want string // how the line begins, after the program's name
	}{
		{"ADDR=8080", "ADDR: want host:port"},
		{"ADDR=localhost:http8", "ADDR: want host:port"},
		{"ADDR=localhost:65536", "ADDR: want host:port"},
		{"ADDR=" + taken.Addr().String(), "ADDR: want an address that is free"},
		{"ADDR=:0", "BASE_URL: want the site's public address"},
		{"ADDR=0.0.0.0:0", "BASE_URL: want the site's public address"},
		{"BASE_URL=app.example.com", "BASE_URL: want an origin"},
		{"BASE_URL=https://app.example.com/path", "BASE_URL: want an origin"},
		{"BASE_URL=https://sEcReT@app.example.com", "BASE_URL: want an origin"},
		{"BASE_URL=https://app.example.com?sEcReT", "BASE_URL: want an origin"},
		{"BASE_URL=ftp://localhost", "BASE_URL: want an origin"},
		{"BASE_URL=http://app.example.com", "BASE_URL: want https"},
		{"SESSION_STRATEGY=jwt", "SESSION_STRATEGY: want one of compare, cookie, database"},
		{public + " SESSION_KEYS=" + keyA, "SESSION_STRATEGY: want a single strategy"},
		{public + " SESSION_STRATEGY=cookie", "SESSION_KEYS: want keys"},
		{public + " SESSION_STRATEGY=cookie DEV_IDP=on SESSION_KEYS=" + keyA, "DEV_IDP: want off"},
		{"HYBRID_TTL=5", "HYBRID_TTL: want a duration"},
		{"ACCESS_TTL=0s", "ACCESS_TTL: want a duration"},
		{"RENEW_TTL=-10m", "RENEW_TTL: want a duration"},
		{"REFRESH_GRACE=2m", "REFRESH_GRACE: want a duration from 0s to 1m"},
		{"SESSION_SEAL=rot13", "SESSION_SEAL: want one of securecookie"},
		{"SESSION_KEYS=sEcReT", "SESSION_KEYS: want base64 keys"},
		{"SESSION_KEYS=sEcReT!!", "SESSION_KEYS: want base64 keys"},
		{"SESSION_KEYS=" + keyA + ",sEcReT", "SESSION_KEYS: want base64 keys"},
		{"SESSION_KEYS=" + keyA + ",", "SESSION_KEYS: want base64 keys"},
		{"SESSION_KEYS=" + keyA + "," + keyA, "SESSION_KEYS: want base64 keys"},
		{"SESSION_KEYS=" + strings.Repeat("A", 43), "SESSION_KEYS: want base64 keys"},
		{"SESSION_VERSION=0", "SESSION_VERSION: want a whole number from 1"},
		{"SESSION_VERSION=two", "SESSION_VERSION: want a whole number from 1"},
		{"SESSION_IDLE=7d", "SESSION_IDLE: want a duration"},
		{"SESSION_IDLE=999ms", "SESSION_IDLE: want a duration"},
		{"REDIS_URL=localhost:6379", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=http://:sEcReT@localhost", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=redis://:sEcReT@localhost/one", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=redis://:sEcReT@localhost?addr=sEcReT", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=redis://:sEcReT@localhost?sEcReT=1", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=redis://:sEcReT@127.0.0.1:9", "REDIS_URL: open Redis at 127.0.0.1:9: "},
		{"SESSION_STRATEGY=hybrid REDIS_URL=redis://:sEcReT@127.0.0.1:9?addr=127.0.0.1:9", "REDIS_URL: open Redis at 127.0.0.1:9 and 1 more, a cluster: "},
		{"LAB_PUBLIC=yes", "LAB_PUBLIC: want 1, or it unset"},
		{"LAB_PUBLIC=0", "LAB_PUBLIC: want 1, or it unset"},
		{"LAB_PUBLIC=1 SESSION_STRATEGY=database", "LAB_PUBLIC: want it unset, because SESSION_STRATEGY is a single strategy"},
		{"LAB_PUBLIC=1 DEV_IDP=on SESSION_STRATEGY=cookie SESSION_KEYS=" + keyA + " " + public, "LAB_PUBLIC: want it unset"},
		{"LAB_PUBLIC=1 " + public, "SESSION_KEYS: want keys"},
		{"LAB_PUBLIC=1 SESSION_KEYS=" + keyA + " BASE_URL=http://app.example.com", "BASE_URL: want https"},
		{"LAB_PUBLIC=1 SESSION_KEYS=" + keyA + " ADDR=0.0.0.0:0", "BASE_URL: want the site's public address"},
		{"SESSION_MAX=forever", "SESSION_MAX: want a duration"},
		{"SESSION_MAX=1h", "SESSION_MAX: want at least SESSION_IDLE"},
		{"SESSION_REFRESH_AT=1", "SESSION_REFRESH_AT: want a share"},
		{"SESSION_REFRESH_AT=NaN", "SESSION_REFRESH_AT: want a share"},
		{"DATABASE_URL=mysql://u:sEcReT@localhost/db", "DATABASE_URL: want the path of a SQLite file, or postgres://"},
		{"DATABASE_URL=postgres://u:sEc%%ReT@localhost/db", "DATABASE_URL: want a URL such as postgres://"},
		{"DATABASE_URL=postgresql://u:sEcReT@localhost/db?sslmode=never", "DATABASE_URL: want a URL such as postgres://"},
		{"DATABASE_URL=postgres://u:sEcReT@localhost/db?pool_max_conns=0", "DATABASE_URL: want pool_max_conns from 1"},
		{"DATABASE_URL=postgres://u:sEcReT@localhost:1/db", "DATABASE_URL: open database postgres://localhost:1/db: "},
		{"DATABASE_URL=none/such.db", "DATABASE_URL: "},
		{"DATABASE_URL=text", "DATABASE_URL: "},
		{"DATABASE_URL=.", "DATABASE_URL: "},
		{"DATABASE_URL=badkey/x.db", "SESSION_KEYS: not set, and badkey/sessionlab.key cannot be used"},
		{"DEV_IDP=yes", "DEV_IDP: want one of auto, on, off"},
		{"TRUSTED_PROXIES=10.0.0.1", "TRUSTED_PROXIES: want CIDRs"},
		{"GOOGLE_CLIENT_ID=id", "GOOGLE_CLIENT_SECRET: want a value, because GOOGLE_CLIENT_ID is set"},
		{"GOOGLE_CLIENT_SECRET=sEcReT", "GOOGLE_CLIENT_ID: want a value, because GOOGLE_CLIENT_SECRET is set"},
		{"GITHUB_CLIENT_ID=id", "GITHUB_CLIENT_SECRET: want a value, because GITHUB_CLIENT_ID is set"},
		{"GITHUB_CLIENT_SECRET=sEcReT", "GITHUB_CLIENT_ID: want a value, because GITHUB_CLIENT_SECRET is set"},
		{"OIDC_ISSUER=issuer.example", "OIDC_ISSUER: want the issuer's https URL"},
		{"OIDC_ISSUER=http://issuer.example OIDC_CLIENT_ID=id", "OIDC_ISSUER: want the issuer's https URL"},
		{"OIDC_ISSUER=https://issuer.example", "OIDC_CLIENT_ID: want a value"},
		{"OIDC_CLIENT_ID=id", "OIDC_ISSUER: want a value"},
		{"OIDC_CLIENT_SECRET=sEcReT", "OIDC_ISSUER: want a value"},
	}
	for _, c := range cases {
		t.Run(c.vars, func(t *testing.T) {
			line := refused(t, dir, strings.Fields(c.vars)...)
			if !strings.HasPrefix(line, c.want) {
				t.Errorf("got %q, want %q …", line, c.want)
			}
		})
	}
}

// refused starts the program, wants it to fail within two seconds, and returns
// the one line that it wrote.
func refused(t *testing.T, dir string, vars ...string) string {
	t.Helper()
	if !slices.ContainsFunc(vars, func(v string) bool { return strings.HasPrefix(v, "ADDR=") }) {
		vars = append(vars, "ADDR=localhost:0")
	}
	var out, log bytes.Buffer
	cmd := command(dir, vars...)
	cmd.Stdout, cmd.Stderr = &out, &log
	began := time.Now()
	overdue := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer overdue.Stop()
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("got %v, want exit status 1", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s, want 2s at most", took)
	}
	if out.Len() > 0 {
		t.Errorf("got %q on standard output, want nothing", out.String())
	}
	for _, secret := range []string{"sEcReT", keyA, keyB} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is repeated in %q", secret, log.String())
		}
	}
	line, rest, _ := strings.Cut(log.String(), "\n")
	if rest != "" {
		t.Errorf("got more than one line: %q", log.String())
	}
	line, found := strings.CutPrefix(line, "sessionlab: ")
	if !found {
		t.Errorf("got %q, want it to begin with the program's name", line)
	}
	return line
}

func TestConfigGood(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, vars := range []string{
		"",
		"ADDR=127.0.0.1:0", "ADDR=[::1]:0", "ADDR=localhost:8080 BASE_URL=http://app.localhost:8080/",
		"SESSION_STRATEGY=rotation SESSION_SEAL=jwe REFRESH_GRACE=0s ACCESS_TTL=1m",
		"SESSION_STRATEGY=renew SESSION_SEAL=jwt RENEW_TTL=1m HYBRID_TTL=9600h",
		"SESSION_STRATEGY=cookie SESSION_SEAL=securecookie SESSION_KEYS=" + keyA + "," + keyB + " SESSION_VERSION=7",
		"SESSION_IDLE=1s SESSION_MAX=9600h SESSION_REFRESH_AT=0.5",
		"SESSION_KEYS=" + strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(keyB), "="),
		"ADDR=0.0.0.0:443 BASE_URL=https://app.example.com SESSION_STRATEGY=database SESSION_KEYS=" + keyA,
		"ADDR=0.0.0.0:443 BASE_URL=https://app.example.com LAB_PUBLIC=1 DEV_IDP=on SESSION_KEYS=" + keyA,
		"LAB_PUBLIC=1", // on this machine, to try it
		"TRUSTED_PROXIES=10.0.0.0/8,::1/128 DEV_IDP=off DATABASE_URL=other.db",
		"OIDC_ISSUER=http://localhost:9/ OIDC_CLIENT_ID=public OIDC_NAME=Company",
		"REDIS_URL=redis://localhost", "REDIS_URL=rediss://user:word@redis.example:6380/1", "REDIS_URL=redis://a:1?addr=b:2&addr=c:3",
		"SESSION_STRATEGY= SESSION_KEYS= ADDR= SESSION_VERSION=", // empty is unset
	} {
		t.Run(vars, func(t *testing.T) {
			if _, err := readConfig(strings.Fields(vars)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEnvExample: the example is the default, and it forgets nothing.
func TestEnvExample(t *testing.T) {
	example, err := os.ReadFile(".env.example")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	want, err := readConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, ".", ".env", string(example))
	got, err := readConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.BaseURL.String() != want.BaseURL.String() {
		t.Errorf("BASE_URL: got %s, want %s", got.BaseURL, want.BaseURL)
	}
	got.BaseURL, want.BaseURL = origin{}, origin{}
	if a, b := render(got), render(want); a != b {
		t.Errorf("got  %s\nwant %s", a, b)
	}
	for _, name := range variables() {
		if !strings.Contains("\n"+string(example), "\n"+name+"=") {
			t.Errorf(".env.example does not mention %s", name)
		}
	}
}

// TestDotEnv: .env is read, the environment wins, and a broken one keeps its secrets.
func TestDotEnv(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".env", "SESSION_STRATEGY=cookie\nSESSION_KEYS="+keyA+"\nDEV_IDP=off\n")
	p := start(t, dir, "DEV_IDP=on")
	for subject, want := range map[string]string{"strategy": "cookie", "keys": "SESSION_KEYS", "providers": "dev", "database": "none"} {
		if got := p.says(subject); got != want {
			t.Errorf("%s: got %q, want %q", subject, got, want)
		}
	}
	if strings.Contains(strings.Join(p.banner, "\n")+p.log.String(), keyA) {
		t.Error("the key is printed")
	}
	p.stop()
	for _, content := range []string{"sEcReT", "GITHUB_CLIENT_SECRET sEcReT", `SESSION_KEYS="sEcReT`, "SESSION_KEYS='sEcReT\nX=1"} {
		write(t, dir, ".env", content)
		if line := refused(t, dir); !strings.HasPrefix(line, ".env: want lines") {
			t.Errorf("%q: got %q, want it to name .env", content, line)
		}
	}
}

// TestProviders: variables make providers appear, and one that cannot be reached
// does not stop the start.
func TestProviders(t *testing.T) {
	p := start(t, t.TempDir(), "SESSION_STRATEGY=cookie",
		"GOOGLE_CLIENT_ID=google-id", "GOOGLE_CLIENT_SECRET=sEcReT",
		"GITHUB_CLIENT_ID=github-id", "GITHUB_CLIENT_SECRET=sEcReT",
		"OIDC_ISSUER=http://127.0.0.1:9", "OIDC_CLIENT_ID=oidc-id", "OIDC_NAME=Company")
	if got, want := p.says("providers"), "dev, google, github, oidc"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	body := visit(t, p).wants("/sign-in", 200, "/sign-in/dev", "/sign-in/github", "Company").body
	if strings.Contains(body, `formaction="/sign-in/oidc"`) {
		t.Error("a provider that does not answer is offered")
	}
	p.stop()
	if strings.Contains(strings.Join(p.banner, "\n")+p.log.String(), "sEcReT") {
		t.Error("a secret is printed")
	}
	p = start(t, t.TempDir(), "SESSION_STRATEGY=cookie", "DEV_IDP=off")
	if got, want := p.says("providers"), "none: nobody can sign in"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q …", got, want)
	}
	visit(t, p).wants("/idp/authorize", 404)
}

// variables are the names of all settings.
func variables() (names []string) {
	settings := reflect.TypeFor[config]()
	for i := range settings.NumField() {
		names = append(names, settings.Field(i).Tag.Get("env"))
	}
	return names
}

func render(c config) string { return fmt.Sprintf("%+v", c) }
