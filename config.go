package main

import (
	"bytes"
	"context"
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"

	"sessionlab/auth"
	"sessionlab/db"
	"sessionlab/handlers"
)

// compare is the value of SESSION_STRATEGY that runs every strategy.
const compare = "compare"

// config holds every setting. Each type validates its own value: a wrong one stops
// startup with a one-line error that names the variable and never quotes the value. The
// tag "only" lists the strategies that use a setting.
type config struct {
	Addr       address   `env:"ADDR" envDefault:"localhost:8080"`
	BaseURL    origin    `env:"BASE_URL"`
	Strategy   strategy  `env:"SESSION_STRATEGY" envDefault:"compare"`
	Seal       seal      `env:"SESSION_SEAL" envDefault:"securecookie"`
	Keys       keys      `env:"SESSION_KEYS"`
	Version    number    `env:"SESSION_VERSION" envDefault:"1" only:"cookie epoch hybrid renew pair rotation"`
	Idle       lifetime  `env:"SESSION_IDLE" envDefault:"168h" only:"cookie database epoch hybrid pair rotation"`
	Max        lifetime  `env:"SESSION_MAX" envDefault:"720h"`
	RefreshAt  share     `env:"SESSION_REFRESH_AT" envDefault:"0.8" only:"cookie database epoch hybrid"`
	HybridTTL  lifetime  `env:"HYBRID_TTL" envDefault:"5m" only:"hybrid"`
	AccessTTL  lifetime  `env:"ACCESS_TTL" envDefault:"15m" only:"pair rotation"`
	RenewTTL   lifetime  `env:"RENEW_TTL" envDefault:"10m" only:"renew"`
	Grace      grace     `env:"REFRESH_GRACE" envDefault:"30s" only:"rotation"`
	DrainDelay grace     `env:"DRAIN_DELAY" envDefault:"2s"`
	Database   database  `env:"DATABASE_URL" envDefault:"sessionlab.db" only:"database epoch hybrid renew pair rotation"`
	Redis      redisURL  `env:"REDIS_URL" only:"database hybrid"`
	LabPublic  labSwitch `env:"LAB_PUBLIC"`
	DevIDP     toggle    `env:"DEV_IDP" envDefault:"auto"`
	Proxies    prefixes  `env:"TRUSTED_PROXIES"`

	PictureHosts origins  `env:"PICTURE_HOSTS"`
	MetricsAddr  address  `env:"METRICS_ADDR"`
	LogLevel     logLevel `env:"LOG_LEVEL" envDefault:"info"`
	StoreAccount onOff    `env:"STORE_ACCOUNT" envDefault:"off"`

	SMTP     smtpURL  `env:"SMTP_URL" only:"database epoch hybrid renew pair rotation"`
	MailFrom mailFrom `env:"MAIL_FROM" only:"database epoch hybrid renew pair rotation"`

	GoogleID     credential `env:"GOOGLE_CLIENT_ID"`
	GoogleSecret credential `env:"GOOGLE_CLIENT_SECRET"`
	GitHubID     credential `env:"GITHUB_CLIENT_ID"`
	GitHubSecret credential `env:"GITHUB_CLIENT_SECRET"`
	OIDCIssuer   issuer     `env:"OIDC_ISSUER"`
	OIDCID       credential `env:"OIDC_CLIENT_ID"`
	OIDCSecret   credential `env:"OIDC_CLIENT_SECRET"`
	OIDCName     label      `env:"OIDC_NAME" envDefault:"OpenID"`

	OIDCAuth     clientAuth `env:"OIDC_CLIENT_AUTH" envDefault:"auto"`
	OIDCForwards origins    `env:"OIDC_FORWARDS_TO"`

	OIDCProviders providerIDs `env:"OIDC_PROVIDERS"`

	OIDCScopes scopes       `env:"OIDC_SCOPES" envDefault:"openid email profile"`
	OIDCMode   responseMode `env:"OIDC_RESPONSE_MODE" envDefault:"query"`

	named   []openID // those of OIDC_PROVIDERS
	unnamed []string // variables of providers that OIDC_PROVIDERS does not name
}

// readConfig reads the environment, and .env for what the environment does not
// set. Its errors are one line.
func readConfig(environ []string) (config, error) {
	vars, err := readDotEnv()
	if err != nil {
		return config{}, err
	}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		vars[name] = value
	}
	for name, value := range vars {
		vars[name] = strings.TrimSpace(value) // a secret that was copied, or came out of a file, ends with a line break
		if name == "" || vars[name] == "" {
			delete(vars, name) // an empty variable is an unset one
		}
	}
	var c config
	if err := env.ParseWithOptions(&c, env.Options{Environment: vars}); err != nil {
		return config{}, oneLine(err, reflect.TypeFor[config](), "")
	}
	if err := c.readNamed(vars); err != nil {
		return config{}, err
	}
	return c, c.check()
}

// readDotEnv reads .env, if there is one.
func readDotEnv() (map[string]string, error) {
	content, err := os.ReadFile(".env")
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	vars, malformed := godotenv.UnmarshalBytes(bytes.TrimPrefix(content, []byte("\ufeff")))
	_, nameless := vars[""] // godotenv returns an empty name for a last line without "="
	if err != nil || malformed != nil || nameless || !utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0 {
		return nil, errors.New(".env: want lines like NAME=value, in UTF-8") // the cause quotes the file, secrets included
	}
	return vars, nil
}

// check validates the settings that depend on one another.
func (c *config) check() error {
	host, _, _ := net.SplitHostPort(string(c.Addr))
	if c.BaseURL.URL == nil {
		if err := c.BaseURL.UnmarshalText([]byte("http://" + c.Addr)); err != nil || !handlers.IsLoopback(host) {
			return errors.New("BASE_URL: want the site's public address, because ADDR is not on loopback")
		}
	}
	local := handlers.IsLoopback(c.BaseURL.Hostname())
	switch {
	case local && !handlers.IsLoopback(host):
		return errors.New("ADDR: want an address on loopback, because BASE_URL is: a site on loopback lets anyone sign in as anyone; to serve others set BASE_URL to the public address")
	case c.BaseURL.Scheme == "http" && !local:
		return errors.New("BASE_URL: want https, because it is not on loopback")
	case bool(c.LabPublic) && c.Strategy != compare:
		return errors.New("LAB_PUBLIC: want it unset, because SESSION_STRATEGY is a single strategy, which has no lab")
	case c.Strategy == compare && !local && !bool(c.LabPublic):
		return errors.New("SESSION_STRATEGY: want a single strategy, because compare mode is for demonstrations and BASE_URL is not on loopback; LAB_PUBLIC=1 would give each visitor a bench of their own")
	case c.DevIDP == "on" && !local && !bool(c.LabPublic):
		return errors.New("DEV_IDP: want off, because it lets anyone sign in as anyone and BASE_URL is not on loopback")
	case c.Keys.KeyRing == nil && !local:
		return errors.New("SESSION_KEYS: want keys, because BASE_URL is not on loopback; make one with: openssl rand -base64 32")
	case c.MetricsAddr != "" && !onLoopback(c.MetricsAddr):
		return errors.New("METRICS_ADDR: want an address on loopback, because whoever reads it learns about the site")
	case c.SMTP != "" && c.MailFrom == "":
		return errors.New("MAIL_FROM: want a value, because SMTP_URL is set")
	case c.SMTP == "" && c.MailFrom != "":
		return errors.New("SMTP_URL: want a value, because MAIL_FROM is set")
	case c.Max < c.Idle && c.Strategy != "renew":
		return errors.New("SESSION_MAX: want at least SESSION_IDLE")
	}
	for _, p := range []struct {
		a, b         credential
		nameA, nameB string
	}{
		{c.GoogleID, c.GoogleSecret, "GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"},
		{c.GitHubID, c.GitHubSecret, "GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"},
		{credential(c.OIDCIssuer), c.OIDCID, "OIDC_ISSUER", "OIDC_CLIENT_ID"},
	} {
		if (p.a == "") != (p.b == "") {
			missing, other := p.nameA, p.nameB
			if p.a != "" {
				missing, other = other, missing
			}
			return fmt.Errorf("%s: want a value, because %s is set", missing, other)
		}
	}
	if c.OIDCSecret != "" && c.OIDCIssuer == "" {
		return errors.New("OIDC_ISSUER: want a value, because OIDC_CLIENT_SECRET is set")
	}
	return nil
}

// checkSite returns an error if the settings do not fit the site that was made of them.
func (c *config) checkSite(site *handlers.Site) error {
	if site.IDP != nil && !handlers.IsLoopback(c.BaseURL.Hostname()) && !site.Isolated() {
		return errors.New("DEV_IDP: want off, because with it everybody may be anybody and BASE_URL is not on loopback")
	}
	return nil
}

// listen listens on Addr. If BaseURL has port 0, it is given the port that the system
// chose.
func (c *config) listen(ctx context.Context) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", string(c.Addr))
	if err != nil {
		return nil, fmt.Errorf("ADDR: want an address that is free: %w", err)
	}
	if host, port, _ := net.SplitHostPort(c.BaseURL.Host); port == "0" {
		c.BaseURL.Host = net.JoinHostPort(host, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return l, nil
}

func (c *config) lifetimes() auth.Lifetimes {
	return auth.Lifetimes{
		Idle: time.Duration(c.Idle), Max: time.Duration(c.Max), RefreshAt: float64(c.RefreshAt),
		Hybrid: time.Duration(c.HybridTTL), Access: time.Duration(c.AccessTTL),
		Renew: time.Duration(c.RenewTTL), Grace: time.Duration(c.Grace),
	}
}

func (c *config) version() int64 { return int64(c.Version) }

// single returns the name of the site's strategy.
func (c *config) single() string {
	if c.Strategy == compare { // one of the strategies that it runs
		return "database"
	}
	return string(c.Strategy)
}

// needsDatabase reports whether the strategy needs a database.
func (c *config) needsDatabase() bool {
	kind, _ := auth.KindOf(c.single())
	return kind.Database
}

// usesRedis reports whether sessions will be kept in Redis: hybrid's, and database's when
// it is the only strategy.
func (c *config) usesRedis() bool {
	return c.Redis != "" && (c.Strategy == compare || c.Strategy == "hybrid" || c.Strategy == "database")
}

func (c *config) devIDP() bool {
	return c.DevIDP == "on" || c.DevIDP == "auto" && handlers.IsLoopback(c.BaseURL.Hostname())
}

// The types of settings. The errors of their UnmarshalText complete the phrase "NAME: want …".
type (
	address   string
	issuer    string
	strategy  string
	seal      string
	keys      struct{ *auth.KeyRing }
	number    int64
	lifetime  time.Duration
	grace     time.Duration
	share     float64
	database  string
	redisURL  string
	labSwitch bool
	toggle    string
	onOff     string
	logLevel  slog.Level
	prefixes  []netip.Prefix
)

var (
	_ encoding.TextUnmarshaler = (*address)(nil)
	_ encoding.TextUnmarshaler = (*prefixes)(nil)
)

func (a *address) UnmarshalText(b []byte) error {
	_, port, err := net.SplitHostPort(string(b))
	if n, e := strconv.Atoi(port); err != nil || e != nil || n < 0 || n > 65535 {
		return errors.New("host:port, such as localhost:8080")
	}
	*a = address(b)
	return nil
}

func (i *issuer) UnmarshalText(b []byte) error {
	u, err := url.Parse(string(b))
	if err != nil || bytes.ContainsFunc(b, unicode.IsControl) || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && !(u.Scheme == "http" && handlers.IsLoopback(u.Hostname())) {
		return errors.New("the issuer's https URL, exactly as its discovery document writes it")
	}
	if ofManyTenants(u) {
		return errors.New("the issuer of one tenant, such as https://login.microsoftonline.com/TENANT-ID/v2.0, because this issuer serves many tenants")
	}
	*i = issuer(b)
	return nil
}

func (s *strategy) UnmarshalText(b []byte) error {
	names := []string{compare}
	for _, kind := range auth.Kinds() {
		names = append(names, kind.Name)
	}
	*s = strategy(b)
	return oneOf(string(b), names)
}

func (s *seal) UnmarshalText(b []byte) error {
	*s = seal(b)
	return oneOf(string(b), auth.Formats())
}

func (t *toggle) UnmarshalText(b []byte) error {
	*t = toggle(b)
	return oneOf(string(b), []string{"auto", "on", "off"})
}

func (o *onOff) UnmarshalText(b []byte) error {
	*o = onOff(b)
	return oneOf(string(b), []string{"on", "off"})
}

func (l *logLevel) UnmarshalText(b []byte) error {
	if err := oneOf(string(b), []string{"debug", "info", "warn", "error"}); err != nil {
		return err
	}
	return (*slog.Level)(l).UnmarshalText(b)
}

func oneOf(s string, names []string) error {
	if slices.Contains(names, s) {
		return nil
	}
	return fmt.Errorf("one of %s", strings.Join(names, ", "))
}

func (k *keys) UnmarshalText(b []byte) error {
	ring, err := auth.ParseKeyRing(string(b))
	if err != nil {
		return fmt.Errorf("base64 keys of at least %d random bytes, newest first, with commas between: %w", auth.MinKeyBytes, err)
	}
	k.KeyRing = ring
	return nil
}

func (n *number) UnmarshalText(b []byte) error {
	v, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || v < 1 {
		return errors.New("a whole number, at least 1")
	}
	*n = number(v)
	return nil
}

func (d *lifetime) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v < time.Second || v > 400*24*time.Hour {
		return errors.New("a duration from 1s to 9600h, such as 168h")
	}
	*d = lifetime(v)
	return nil
}

func (g *grace) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v < 0 || v > time.Minute {
		return errors.New("a duration from 0s to 1m, such as 10s")
	}
	*g = grace(v)
	return nil
}

func (s *share) UnmarshalText(b []byte) error {
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || !(v > 0 && v < 1) {
		return errors.New("a fraction between 0 and 1, such as 0.8")
	}
	*s = share(v)
	return nil
}

func (e *labSwitch) UnmarshalText(b []byte) error {
	*e = true
	if string(b) != "1" {
		return errors.New("1, or no value")
	}
	return nil
}

func (d *database) UnmarshalText(b []byte) error {
	*d = database(b)
	if bytes.ContainsFunc(b, unicode.IsControl) {
		return errors.New("a name without control characters")
	}
	return db.Check(string(b))
}

func (r *redisURL) UnmarshalText(b []byte) error {
	*r = redisURL(b)
	return db.CheckRedisURL(string(b))
}

func (p *prefixes) UnmarshalText(b []byte) error {
	for _, field := range strings.Split(string(b), ",") {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(field))
		if err != nil || prefix.Addr().Is4In6() { // which would match nothing
			return errors.New("CIDRs with commas between, such as 10.0.0.0/8")
		}
		*p = append(*p, prefix.Masked())
	}
	return nil
}
