package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sessionlab/e2e"
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
	e2e.Write(t, dir, "text", "This is not a database, however one looks at it. "+strings.Repeat("no ", 1000))
	if err := os.Mkdir(filepath.Join(dir, "badkey"), 0o700); err != nil {
		t.Fatal(err)
	}
	e2e.Write(t, dir, "badkey/"+keyFile, "sEcReT")

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
		{"ADDR=0.0.0.0:0 BASE_URL=http://localhost:8080", "ADDR: want an address on loopback, because BASE_URL is"},
		{"ADDR=:0 BASE_URL=http://localhost:8080", "ADDR: want an address on loopback, because BASE_URL is"},
		{"ADDR=[::]:0 BASE_URL=http://[::1]:8080", "ADDR: want an address on loopback, because BASE_URL is"},
		{"ADDR=192.0.2.1:0 BASE_URL=https://app.localhost", "ADDR: want an address on loopback, because BASE_URL is"},
		{"BASE_URL=app.example.com", "BASE_URL: want an origin"},
		{"BASE_URL=https://app.example.com/path", "BASE_URL: want an origin"},
		{"BASE_URL=https://sEcReT@app.example.com", "BASE_URL: want an origin"},
		{"BASE_URL=https://app.example.com?sEcReT", "BASE_URL: want an origin"},
		{"BASE_URL=ftp://localhost", "BASE_URL: want an origin"},
		{"BASE_URL=http://app.example.com", "BASE_URL: want https"},
		{"SESSION_STRATEGY=jwt", "SESSION_STRATEGY: want one of "},
		{public + " SESSION_KEYS=" + e2e.KeyA, "SESSION_STRATEGY: want a single strategy"},
		{public + " SESSION_STRATEGY=cookie", "SESSION_KEYS: want keys"},
		{public + " SESSION_STRATEGY=cookie DEV_IDP=on SESSION_KEYS=" + e2e.KeyA, "DEV_IDP: want off"},
		{"HYBRID_TTL=5", "HYBRID_TTL: want a duration"},
		{"ACCESS_TTL=0s", "ACCESS_TTL: want a duration"},
		{"RENEW_TTL=-10m", "RENEW_TTL: want a duration"},
		{"REFRESH_GRACE=2m", "REFRESH_GRACE: want a duration from 0s to 1m"},
		{"SESSION_SEAL=rot13", "SESSION_SEAL: want one of securecookie"},
		{"SESSION_KEYS=sEcReT", "SESSION_KEYS: want base64 keys"},
		{"SESSION_KEYS=sEcReT!!", "SESSION_KEYS: want base64 keys"},
		{"SESSION_KEYS=" + e2e.KeyA + ",sEcReT", "SESSION_KEYS: want base64 keys"},
		{"SESSION_KEYS=" + e2e.KeyA + ",", "SESSION_KEYS: want base64 keys"},
		{"SESSION_KEYS=" + e2e.KeyA + "," + e2e.KeyA, "SESSION_KEYS: want base64 keys"},
		{"SESSION_KEYS=" + strings.Repeat("A", 43), "SESSION_KEYS: want base64 keys"},
		{"SESSION_VERSION=0", "SESSION_VERSION: want a whole number, at least 1"},
		{"SESSION_VERSION=two", "SESSION_VERSION: want a whole number, at least 1"},
		{"SESSION_IDLE=7d", "SESSION_IDLE: want a duration"},
		{"SESSION_IDLE=999ms", "SESSION_IDLE: want a duration"},
		{"REDIS_URL=localhost:6379", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=http://:sEcReT@localhost", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=redis://:sEcReT@localhost/one", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=redis://:sEcReT@localhost?addr=sEcReT", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=redis://:sEcReT@localhost?sEcReT=1", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=redis://u:12#sEcReT@localhost", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=redis://localhost:6379/0#sEcReT", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=redis://:sEcReT%0A@localhost", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=redis://:sEcReT%0A@localhost?addr=localhost:1", "REDIS_URL: want redis://host:port"},
		{"REDIS_URL=unix://:sEcReT@/run/redis.sock", "REDIS_URL: want redis://host:port"},
		{"SESSION_STRATEGY=database REDIS_URL=redis://:sEcReT@127.0.0.1:9", "REDIS_URL: open Redis at 127.0.0.1:9: "},
		{"SESSION_STRATEGY=hybrid REDIS_URL=redis://:sEcReT@127.0.0.1:9?addr=127.0.0.1:9", "REDIS_URL: open Redis at 127.0.0.1:9 and 1 more, a cluster: "},
		{"LAB_PUBLIC=yes", "LAB_PUBLIC: want 1, or no value"},
		{"LAB_PUBLIC=0", "LAB_PUBLIC: want 1, or no value"},
		{"LAB_PUBLIC=1 SESSION_STRATEGY=database", "LAB_PUBLIC: want it unset, because SESSION_STRATEGY is a single strategy"},
		{"LAB_PUBLIC=1 DEV_IDP=on SESSION_STRATEGY=cookie SESSION_KEYS=" + e2e.KeyA + " " + public, "LAB_PUBLIC: want it unset"},
		{"LAB_PUBLIC=1 " + public, "SESSION_KEYS: want keys"},
		{"LAB_PUBLIC=1 SESSION_KEYS=" + e2e.KeyA + " BASE_URL=http://app.example.com", "BASE_URL: want https"},
		{"LAB_PUBLIC=1 SESSION_KEYS=" + e2e.KeyA + " ADDR=0.0.0.0:0", "BASE_URL: want the site's public address"},
		{"SESSION_MAX=forever", "SESSION_MAX: want a duration"},
		{e2e.DatabaseOnly + " SESSION_MAX=1h", "SESSION_MAX: want at least SESSION_IDLE"},
		{"SESSION_REFRESH_AT=1", "SESSION_REFRESH_AT: want a fraction"},
		{"SESSION_REFRESH_AT=NaN", "SESSION_REFRESH_AT: want a fraction"},
		{"DATABASE_URL=mysql://u:sEcReT@localhost/db", "DATABASE_URL: want the path of a SQLite file, postgres://"},
		{"DATABASE_URL=file:sEcReT.db", "DATABASE_URL: want the path of a SQLite file, postgres://"},
		{"DATABASE_URL=:memory:", "DATABASE_URL: want the path of a SQLite file, postgres://"},
		{"DATABASE_URL=app.db?_auth_pass=sEcReT", "DATABASE_URL: want the path of a SQLite file, postgres://"},
		{"DATABASE_URL=password=sEcReT", "DATABASE_URL: want the path of a SQLite file, postgres://"},
		{"DATABASE_URL=postgres://u:sEc%%ReT@localhost/db", "DATABASE_URL: want postgres://"},
		{"DATABASE_URL=postgres://u:sEc@ReT@localhost/db", "DATABASE_URL: want postgres://"},
		{"DATABASE_URL=postgresql://u:sEcReT@localhost/db?sslmode=never", "DATABASE_URL: want postgres://"},
		{"DATABASE_URL=postgres://u:sEcReT@localhost/db?pool_max_conns=0", "DATABASE_URL: want pool_max_conns from 1"},
		{"DATABASE_URL=postgres://u:sEcReT@localhost:1/db", "DATABASE_URL: open database postgres://localhost:1/db: "},
		{"DATABASE_URL=none/such.db", "DATABASE_URL: "},
		{"DATABASE_URL=text", "DATABASE_URL: "},
		{"DATABASE_URL=.", "DATABASE_URL: "},
		{"DATABASE_URL=badkey/x.db", "SESSION_KEYS: not set, and badkey/sessionlab.key cannot be used"},
		{"OIDC_PROVIDERS=git-hub", "OIDC_PROVIDERS: want at most 10 different names"},
		{"OIDC_PROVIDERS=Okta", "OIDC_PROVIDERS: want at most 10 different names"},
		{"OIDC_PROVIDERS=github", "OIDC_PROVIDERS: want at most 10 different names"},
		{"OIDC_PROVIDERS=password", "OIDC_PROVIDERS: want at most 10 different names"},
		{"OIDC_PROVIDERS=okta,,", "OIDC_PROVIDERS: want at most 10 different names"},
		{"OIDC_PROVIDERS=okta,okta", "OIDC_PROVIDERS: want at most 10 different names"},
		{"OIDC_PROVIDERS=a,b,c,d,e,f,g,h,i,j,k", "OIDC_PROVIDERS: want at most 10 different names"},
		{"OIDC_PROVIDERS=okta", "OIDC_OKTA_ISSUER: want a value, because OIDC_PROVIDERS names okta"},
		{"OIDC_PROVIDERS=okta OIDC_OKTA_ISSUER=https://okta.example", "OIDC_OKTA_CLIENT_ID: want a value, because OIDC_PROVIDERS names okta"},
		{"OIDC_PROVIDERS=okta OIDC_OKTA_ISSUER=http://sEcReT.example OIDC_OKTA_CLIENT_ID=x", "OIDC_OKTA_ISSUER: want the issuer's https URL"},
		{"OIDC_PROVIDERS=okta OIDC_OKTA_ISSUER=https://okta.example OIDC_OKTA_CLIENT_ID=sEcReT\x07", "OIDC_OKTA_CLIENT_ID: want the printable ASCII"},
		{"OIDC_PROVIDERS=okta OIDC_OKTA_ISSUER=https://okta.example OIDC_OKTA_CLIENT_ID=x OIDC_OKTA_CLIENT_AUTH=sEcReT", "OIDC_OKTA_CLIENT_AUTH: want one of"},
		{"OIDC_PROVIDERS=okta OIDC_OKTA_ISSUER=https://okta.example OIDC_OKTA_CLIENT_ID=x OIDC_OKTA_SCOPES=email", "OIDC_OKTA_SCOPES: want scopes"},
		{"OIDC_PROVIDERS=a,b OIDC_A_ISSUER=https://i.example OIDC_A_CLIENT_ID=x OIDC_B_ISSUER=https://i.example OIDC_B_CLIENT_ID=y", "OIDC_B_ISSUER: want an issuer that no other provider has"},
		{"GOOGLE_CLIENT_ID=g GOOGLE_CLIENT_SECRET=s OIDC_ISSUER=https://accounts.google.com OIDC_CLIENT_ID=y", "OIDC_ISSUER: want an issuer that no other provider has"},
		{"OIDC_PROVIDERS=a OIDC_A_ISSUER=https://i.example OIDC_A_CLIENT_ID=x OIDC_ISSUER=https://i.example OIDC_CLIENT_ID=y", "OIDC_A_ISSUER: want an issuer that no other provider has"},
		{"SMTP_URL=mail.example.com", "SMTP_URL: want smtps://"},
		{"SMTP_URL=https://u:sEcReT@mail.example.com MAIL_FROM=a@example.com", "SMTP_URL: want smtps://"},
		{"SMTP_URL=smtp://u:sEc%ReT@mail.example.com MAIL_FROM=a@example.com", "SMTP_URL: want smtps://"},
		{"SMTP_URL=smtp://u:sEcReT@mail.example.com:0 MAIL_FROM=a@example.com", "SMTP_URL: want a port"},
		{"SMTP_URL=smtp://u@mail.example.com MAIL_FROM=a@example.com", "SMTP_URL: want both a user and a password"},
		{"SMTP_URL=smtp://u:sEcReT@mail.example.com", "MAIL_FROM: want a value, because SMTP_URL is set"},
		{"MAIL_FROM=a@example.com", "SMTP_URL: want a value, because MAIL_FROM is set"},
		{"SMTP_URL=smtp://mail.example.com MAIL_FROM=sEcReT", "MAIL_FROM: want an address"},
		{"METRICS_ADDR=9090", "METRICS_ADDR: want host:port"},
		{"METRICS_ADDR=0.0.0.0:9090", "METRICS_ADDR: want an address on loopback"},
		{"PICTURE_HOSTS=http://pictures.example", "PICTURE_HOSTS: want https origins"},
		{"PICTURE_HOSTS=https://sEcReT.example/path", "PICTURE_HOSTS: want https origins"},
		{"LOG_LEVEL=verbose", "LOG_LEVEL: want one of debug, info, warn, error"},
		{"DEV_IDP=yes", "DEV_IDP: want one of auto, on, off"},
		{"TRUSTED_PROXIES=10.0.0.1", "TRUSTED_PROXIES: want CIDRs"},
		{"TRUSTED_PROXIES=::ffff:10.0.0.0/104", "TRUSTED_PROXIES: want CIDRs"},
		{"OIDC_ISSUER=https://u:sEcReT@issuer.example OIDC_CLIENT_ID=id", "OIDC_ISSUER: want the issuer's https URL"},
		{"GOOGLE_CLIENT_ID=id", "GOOGLE_CLIENT_SECRET: want a value, because GOOGLE_CLIENT_ID is set"},
		{"GOOGLE_CLIENT_SECRET=sEcReT", "GOOGLE_CLIENT_ID: want a value, because GOOGLE_CLIENT_SECRET is set"},
		{"GITHUB_CLIENT_ID=id", "GITHUB_CLIENT_SECRET: want a value, because GITHUB_CLIENT_ID is set"},
		{"GITHUB_CLIENT_SECRET=sEcReT", "GITHUB_CLIENT_ID: want a value, because GITHUB_CLIENT_SECRET is set"},
		{"OIDC_ISSUER=issuer.example", "OIDC_ISSUER: want the issuer's https URL"},
		{"OIDC_ISSUER=http://issuer.example OIDC_CLIENT_ID=id", "OIDC_ISSUER: want the issuer's https URL"},
		{"OIDC_ISSUER=https://u:sEcReT@issuer.example OIDC_CLIENT_ID=id", "OIDC_ISSUER: want the issuer's https URL"},
		{"OIDC_ISSUER=https://issuer.example", "OIDC_CLIENT_ID: want a value"},
		{"OIDC_FORWARDS_TO=http://login.example", "OIDC_FORWARDS_TO: want https origins"},
		{"OIDC_FORWARDS_TO=https://login.example;script-src", "OIDC_FORWARDS_TO: want https origins"},
		{"OIDC_CLIENT_ID=id", "OIDC_ISSUER: want a value"},
		{"OIDC_CLIENT_SECRET=sEcReT", "OIDC_ISSUER: want a value"},
		{"OIDC_ISSUER=https://login.microsoftonline.com/common/v2.0 OIDC_CLIENT_ID=id", "OIDC_ISSUER: want the issuer of one tenant"},
		{"OIDC_ISSUER=https://login.microsoftonline.com/Organizations/v2.0/ OIDC_CLIENT_ID=id", "OIDC_ISSUER: want the issuer of one tenant"},
		{"OIDC_ISSUER=https://login.microsoftonline.us/consumers/v2.0 OIDC_CLIENT_ID=id", "OIDC_ISSUER: want the issuer of one tenant"},
		{"OIDC_RESPONSE_MODE=fragment", "OIDC_RESPONSE_MODE: want one of query, form_post"},
		{"OIDC_SCOPES=email,profile", "OIDC_SCOPES: want scopes with spaces between, openid among them"},
		{"OIDC_SCOPES=openid\"", "OIDC_SCOPES: want scopes with spaces between, openid among them"},
		{"OIDC_CLIENT_AUTH=private_key_jwt", "OIDC_CLIENT_AUTH: want one of auto, basic, post"},
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

// refused starts the program in dir with exactly these variables and returns the one
// line with which it fails.
func refused(t *testing.T, dir string, vars ...string) string {
	t.Helper()
	if !slices.ContainsFunc(vars, func(v string) bool { return strings.HasPrefix(v, "ADDR=") }) {
		vars = append(vars, "ADDR=localhost:0")
	}
	return e2e.Fails(t, command(dir, vars...))
}

// TestKeywordsOfPostgres: a connection string of keywords is no file, and its password
// is nobody's to read.
func TestKeywordsOfPostgres(t *testing.T) {
	dir := t.TempDir()
	line := refused(t, dir, "DATABASE_URL=host=127.0.0.1 port=1 dbname=app user=ada password=sEcReT")
	if want := "DATABASE_URL: open database postgres://127.0.0.1:1/app: "; !strings.HasPrefix(line, want) {
		t.Errorf("got %q, want %q …", line, want)
	}
	if left := e2e.Files(t, dir); len(left) > 0 {
		t.Errorf("files were made: %q", left)
	}
}

func TestConfigGood(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, vars := range []string{
		"",
		"ADDR=127.0.0.1:0", "ADDR=[::1]:0", "ADDR=localhost:8080 BASE_URL=http://app.localhost:8080/",
		"SESSION_STRATEGY=rotation SESSION_SEAL=jwe REFRESH_GRACE=0s ACCESS_TTL=1m",
		"SESSION_STRATEGY=renew SESSION_SEAL=jwt RENEW_TTL=1m HYBRID_TTL=9600h",
		"SESSION_STRATEGY=cookie SESSION_SEAL=securecookie SESSION_KEYS=" + e2e.KeyA + "," + e2e.KeyB + " SESSION_VERSION=7",
		"SESSION_IDLE=1s SESSION_MAX=9600h SESSION_REFRESH_AT=0.5",
		"SESSION_KEYS=" + strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(e2e.KeyB), "="),
		"ADDR=0.0.0.0:443 BASE_URL=https://app.example.com SESSION_STRATEGY=database SESSION_KEYS=" + e2e.KeyA,
		"ADDR=0.0.0.0:443 BASE_URL=https://app.example.com LAB_PUBLIC=1 DEV_IDP=on SESSION_KEYS=" + e2e.KeyA,
		"LAB_PUBLIC=1", // on this machine, to try it
		"TRUSTED_PROXIES=10.0.0.0/8,::1/128 DEV_IDP=off DATABASE_URL=other.db",
		"OIDC_ISSUER=http://localhost:9/ OIDC_CLIENT_ID=public OIDC_NAME=Company OIDC_CLIENT_AUTH=post OIDC_SCOPES=openid OIDC_RESPONSE_MODE=form_post",
		"OIDC_ISSUER=https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0 OIDC_CLIENT_ID=id",
		"OIDC_ISSUER=https://id.example/common OIDC_CLIENT_ID=id",
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

// settings are a good value for each variable, all of which go together.
var settings = map[string]string{
	"ADDR": "localhost:0", "BASE_URL": "http://app.localhost:8080",
	"SESSION_STRATEGY": "compare", "SESSION_SEAL": "jwe", "SESSION_KEYS": e2e.KeyA + "," + e2e.KeyB, "SESSION_VERSION": "2",
	"SESSION_IDLE": "100h", "SESSION_MAX": "200h", "SESSION_REFRESH_AT": "0.5",
	"HYBRID_TTL": "1m", "ACCESS_TTL": "2m", "RENEW_TTL": "3m", "REFRESH_GRACE": "4s", "DRAIN_DELAY": "5s", "LOG_LEVEL": "debug", "PICTURE_HOSTS": "https://pictures.company.example", "METRICS_ADDR": "localhost:9090",
	"SMTP_URL": "smtps://user:sEcReT@mail.example.com:465", "MAIL_FROM": "The site <mailer@company.example>",
	"DATABASE_URL": "other.db", "REDIS_URL": "redis://:sEcReT@localhost", "STORE_ACCOUNT": "on",
	"LAB_PUBLIC": "1", "DEV_IDP": "on", "TRUSTED_PROXIES": "192.0.2.0/24",
	"GOOGLE_CLIENT_ID": "google id", "GOOGLE_CLIENT_SECRET": "sEcReT 1", "GITHUB_CLIENT_ID": "github id", "GITHUB_CLIENT_SECRET": "sEcReT 2",
	"OIDC_ISSUER": "https://issuer.example/a", "OIDC_CLIENT_ID": "oidc id", "OIDC_CLIENT_SECRET": "sEcReT 3", "OIDC_NAME": "Our Company",
	"OIDC_CLIENT_AUTH": "basic", "OIDC_FORWARDS_TO": "https://login.corporation.example,http://localhost:9",
	"OIDC_SCOPES": "openid email name", "OIDC_RESPONSE_MODE": "query",
	"OIDC_PROVIDERS": "auth0,keycloak", "OIDC_AUTH0_ISSUER": "https://auth0.example", "OIDC_AUTH0_CLIENT_ID": "auth0 id", "OIDC_AUTH0_CLIENT_SECRET": "sEcReT 4",
	"OIDC_AUTH0_NAME": "Our Customers", "OIDC_AUTH0_CLIENT_AUTH": "post", "OIDC_AUTH0_FORWARDS_TO": "https://company.example", "OIDC_AUTH0_SCOPES": "openid email",
	"OIDC_AUTH0_RESPONSE_MODE": "query", "OIDC_KEYCLOAK_ISSUER": "https://keycloak.example/realms/one", "OIDC_KEYCLOAK_CLIENT_ID": "keycloak id",
}

// TestSettingsAreTrimmed: no setting has white space around it, as a secret has that was
// copied or came out of a file, and none a line break in it.
func TestSettingsAreTrimmed(t *testing.T) {
	t.Chdir(t.TempDir())
	read := func(changed, value string) (config, error) {
		var environ []string
		for name, good := range settings {
			if name == changed {
				good = value
			}
			environ = append(environ, name+"="+good)
		}
		return readConfig(environ)
	}
	show := func(c config) string {
		var ring string
		if c.Keys.KeyRing != nil {
			ring = c.Keys.Encode()
		}
		c.Keys = keys{}
		return render(c) + ring
	}
	want, err := read("", "")
	if err != nil {
		t.Fatal(err)
	}
	names := variables()
	for name := range settings {
		if named.MatchString(name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		good, is := settings[name]
		if !is {
			t.Errorf("%s: want a good value among the settings of this test", name)
			continue
		}
		for _, around := range []string{" ", "\n", "\r\n", "\t \v", "\u00a0", "\u3000"} {
			if got, err := read(name, around+good+around); err != nil || show(got) != show(want) {
				t.Errorf("%s with %q around it: got %v, %v", name, around, show(got), err)
			}
		}
		for _, within := range []string{"\n", "\r\n", "\x00", "\x1b[1m", "\u0085"} {
			first, second := good[:len(good)/2], good[len(good)/2:]
			got, err := read(name, first+within+second)
			if err == nil && show(got) != show(want) { // base64 may be folded
				t.Errorf("%s with %q in it: taken", name, within)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), name+": want ") || len(second) > 4 && strings.Contains(err.Error(), second) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%s with %q in it: got %q", name, within, err)
			}
		}
	}
	for _, name := range []string{"GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_AUTH0_CLIENT_ID", "OIDC_AUTH0_CLIENT_SECRET"} {
		for _, odd := range []string{"\u200bsEcReT", "sEcReT\ufeff", "“sEcReT”", "sEcRéT", "sEcReT\xff"} {
			if _, err := read(name, odd); err == nil || !strings.HasPrefix(err.Error(), name+": want ") || strings.Contains(err.Error(), "sEc") {
				t.Errorf("%s=%q: got %v, want it to be refused and not repeated", name, odd, err)
			}
		}
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
	e2e.Write(t, ".", ".env", string(example))
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
	e2e.Write(t, dir, ".env", "SESSION_STRATEGY=cookie\nSESSION_KEYS="+e2e.KeyA+"\nDEV_IDP=off\n")
	p := start(t, dir, "DEV_IDP=on")
	for subject, want := range map[string]string{"strategy": "cookie", "keys": "SESSION_KEYS", "providers": "dev", "database": "none"} {
		if got := p.Says(subject); got != want {
			t.Errorf("%s: got %q, want %q", subject, got, want)
		}
	}
	if strings.Contains(strings.Join(p.Banner, "\n")+p.Log.String(), e2e.KeyA) {
		t.Error("the key is printed")
	}
	p.Stop()
	// As Windows writes it.
	e2e.Write(t, dir, ".env", "\ufeffSESSION_STRATEGY=cookie\r\nSESSION_KEYS="+e2e.KeyA+"\r\n")
	p = start(t, dir)
	for subject, want := range map[string]string{"strategy": "cookie", "keys": "SESSION_KEYS"} {
		if got := p.Says(subject); got != want {
			t.Errorf("%s after a byte-order mark: got %q, want %q", subject, got, want)
		}
	}
	p.Stop()
	for _, content := range []string{"\xff\xfeX\x00=\x00s\x00E\x00\n\x00", "\xfe\xff\x00X\x00=\x00s\x00\n", "X=sEcReT\xff", "sEcReT", "GITHUB_CLIENT_SECRET sEcReT", `SESSION_KEYS="sEcReT`, "SESSION_KEYS='sEcReT\nX=1"} {
		e2e.Write(t, dir, ".env", content)
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
	if got, want := p.Says("providers"), "dev, google, github, oidc"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	body := e2e.Visit(t, p).Wants("/sign-in", 200, "/sign-in/dev", "/sign-in/github", "Company").Body
	if strings.Contains(body, `formaction="/sign-in/oidc"`) {
		t.Error("a provider that does not answer is offered")
	}
	p.Stop()
	if want := `provider_failed provider=oidc issuer=http://127.0.0.1:9 reason=provider_unavailable error="provider unavailable: discovery: connection refused"`; strings.Count(p.Log.String(), want) != 1 {
		t.Errorf("got %s, want one line with %s", p.Log, want)
	}
	if strings.Contains(strings.Join(p.Banner, "\n")+p.Log.String(), "sEcReT") {
		t.Error("a secret is printed")
	}
	p = start(t, t.TempDir(), "SESSION_STRATEGY=cookie", "DEV_IDP=off")
	if got, want := p.Says("providers"), "none: nobody can sign in"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q …", got, want)
	}
	e2e.Visit(t, p).Wants("/idp/authorize", 404)
}

// variables are the names of all settings.
func variables() (names []string) {
	settings := reflect.TypeFor[config]()
	for i := range settings.NumField() {
		if field := settings.Field(i); field.IsExported() {
			names = append(names, field.Tag.Get("env"))
		}
	}
	return names
}

func render(c config) string { return fmt.Sprintf("%+v", c) }
