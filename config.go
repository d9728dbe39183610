package main

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"

	"sessionlab/auth"
	"sessionlab/db"
	"sessionlab/handlers"
)

// compare is the value of SESSION_STRATEGY that runs all of them.
const compare = "compare"

// config is every setting. Its types know what is right for them, so that a
// wrong value stops the start with one line that names the variable and never
// repeats the value.
type config struct {
	Addr       address  `env:"ADDR" envDefault:"localhost:8080"`
	BaseURL    origin   `env:"BASE_URL"`
	Strategy   strategy `env:"SESSION_STRATEGY" envDefault:"compare"`
	Seal       seal     `env:"SESSION_SEAL" envDefault:"securecookie"`
	Keys       keys     `env:"SESSION_KEYS"`
	Version    number   `env:"SESSION_VERSION" envDefault:"1"`
	Idle       lifetime `env:"SESSION_IDLE" envDefault:"168h"`
	Max        lifetime `env:"SESSION_MAX" envDefault:"720h"`
	RefreshAt  share    `env:"SESSION_REFRESH_AT" envDefault:"0.8"`
	HybridTTL  lifetime `env:"HYBRID_TTL" envDefault:"5m"`
	AccessTTL  lifetime `env:"ACCESS_TTL" envDefault:"15m"`
	RenewTTL   lifetime `env:"RENEW_TTL" envDefault:"10m"`
	Grace      grace    `env:"REFRESH_GRACE" envDefault:"10s"`
	DrainDelay grace    `env:"DRAIN_DELAY" envDefault:"2s"`
	Database   database `env:"DATABASE_URL" envDefault:"sessionlab.db"`
	Redis      redisURL `env:"REDIS_URL"`
	LabPublic  enabled  `env:"LAB_PUBLIC"`
	DevIDP     toggle   `env:"DEV_IDP" envDefault:"auto"`
	Proxies    prefixes `env:"TRUSTED_PROXIES"`

	StoreAccount onOff `env:"STORE_ACCOUNT" envDefault:"off"`

	GoogleID     string `env:"GOOGLE_CLIENT_ID"`
	GoogleSecret string `env:"GOOGLE_CLIENT_SECRET"`
	GitHubID     string `env:"GITHUB_CLIENT_ID"`
	GitHubSecret string `env:"GITHUB_CLIENT_SECRET"`
	OIDCIssuer   issuer `env:"OIDC_ISSUER"`
	OIDCID       string `env:"OIDC_CLIENT_ID"`
	OIDCSecret   string `env:"OIDC_CLIENT_SECRET"`
	OIDCName     string `env:"OIDC_NAME" envDefault:"OpenID"`
}

// readConfig reads the environment, and .env for what the environment does not
// set. Its errors are one line.
func readConfig(environ []string) (config, error) {
	vars, err := godotenv.Read(".env")
	_, nameless := vars[""] // what the library makes of a last line without "="
	if err != nil && !errors.Is(err, fs.ErrNotExist) || nameless {
		return config{}, errors.New(".env: want lines like NAME=value") // the cause quotes the file, secrets included
	}
	if vars == nil {
		vars = map[string]string{}
	}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		vars[name] = value
	}
	for name, value := range vars {
		if name == "" || value == "" {
			delete(vars, name) // an empty variable is an unset one
		}
	}
	var c config
	if err := env.ParseWithOptions(&c, env.Options{Environment: vars}); err != nil {
		return config{}, oneLine(err)
	}
	return c, c.check()
}

// oneLine names the first variable that is wrong. It drops the library's text,
// which may quote the value.
func oneLine(err error) error {
	var parse env.ParseError
	if !errors.As(err, &parse) {
		return errors.New("the environment cannot be read")
	}
	field, _ := reflect.TypeFor[config]().FieldByName(parse.Name)
	return fmt.Errorf("%s: want %w", field.Tag.Get("env"), parse.Err)
}

// check is what no variable can know alone.
func (c *config) check() error {
	host, _, _ := net.SplitHostPort(string(c.Addr))
	if c.BaseURL.URL == nil {
		if !handlers.IsLoopback(host) {
			return errors.New("BASE_URL: want the site's public address, because ADDR is not on loopback")
		}
		c.BaseURL.URL = &url.URL{Scheme: "http", Host: string(c.Addr)}
	}
	local := handlers.IsLoopback(c.BaseURL.Hostname())
	switch {
	case c.BaseURL.Scheme == "http" && !local:
		return errors.New("BASE_URL: want https, because it is not on loopback")
	case bool(c.LabPublic) && c.Strategy != compare:
		return errors.New("LAB_PUBLIC: want it unset, because SESSION_STRATEGY is a single strategy, which has no lab")
	case c.Strategy == compare && !local && !bool(c.LabPublic):
		return errors.New("SESSION_STRATEGY: want a single strategy, because compare mode is for demonstrations and BASE_URL is not on loopback; LAB_PUBLIC=1 would give each visitor a bench of their own")
	case c.DevIDP == "on" && !local && !bool(c.LabPublic):
		return errors.New("DEV_IDP: want off, because with it everybody may be anybody and BASE_URL is not on loopback")
	case c.Keys.KeyRing == nil && !local:
		return errors.New("SESSION_KEYS: want keys, because BASE_URL is not on loopback; make one with: openssl rand -base64 32")
	case c.Max < c.Idle:
		return errors.New("SESSION_MAX: want at least SESSION_IDLE")
	}
	for _, p := range []struct{ a, b, nameA, nameB string }{
		{c.GoogleID, c.GoogleSecret, "GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"},
		{c.GitHubID, c.GitHubSecret, "GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"},
		{string(c.OIDCIssuer), c.OIDCID, "OIDC_ISSUER", "OIDC_CLIENT_ID"},
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

// listen opens the address, and where that chose a port puts it into the base URL.
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

// single is the strategy of a site without the lab.
func (c *config) single() string {
	if c.Strategy == compare {
		return "database"
	}
	return string(c.Strategy)
}

// needsDatabase says whether anything will be stored.
func (c *config) needsDatabase() bool {
	kind, _ := auth.KindOf(c.single())
	return kind.Database
}

// usesRedis says whether sessions will be kept in Redis: those of hybrid, and those
// of database where it runs alone.
func (c *config) usesRedis() bool {
	return c.Redis != "" && (c.Strategy == compare || c.Strategy == "hybrid" || c.Strategy == "database")
}

func (c *config) devIDP() bool {
	return c.DevIDP == "on" || c.DevIDP == "auto" && handlers.IsLoopback(c.BaseURL.Hostname())
}

// The types of settings. Each says what it wants, as the end of a sentence.
type (
	address  string
	origin   struct{ *url.URL }
	issuer   string
	strategy string
	seal     string
	keys     struct{ *auth.KeyRing }
	number   int64
	lifetime time.Duration
	grace    time.Duration
	share    float64
	database string
	redisURL string
	enabled  bool
	toggle   string
	onOff    string
	prefixes []netip.Prefix
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

func (o *origin) UnmarshalText(b []byte) error {
	u, err := url.Parse(string(b))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Hostname() == "" ||
		u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("an origin, such as https://app.example.com")
	}
	o.URL = &url.URL{Scheme: u.Scheme, Host: u.Host}
	return nil
}

func (i *issuer) UnmarshalText(b []byte) error {
	u, err := url.Parse(string(b))
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && !(u.Scheme == "http" && handlers.IsLoopback(u.Hostname())) {
		return errors.New("the issuer's https URL, exactly as its discovery document writes it")
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
		return errors.New("a whole number from 1")
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
		return errors.New("a share between 0 and 1, such as 0.8")
	}
	*s = share(v)
	return nil
}

func (e *enabled) UnmarshalText(b []byte) error {
	*e = true
	if string(b) != "1" {
		return errors.New("1, or it unset")
	}
	return nil
}

func (d *database) UnmarshalText(b []byte) error {
	*d = database(b)
	if db.IsPostgres(string(b)) {
		return db.Check(string(b))
	}
	if strings.Contains(string(b), "://") {
		return errors.New("the path of a SQLite file, or postgres://user:password@host:5432/database")
	}
	return nil
}

func (r *redisURL) UnmarshalText(b []byte) error {
	*r = redisURL(b)
	return db.CheckRedisURL(string(b))
}

func (p *prefixes) UnmarshalText(b []byte) error {
	for _, field := range strings.Split(string(b), ",") {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(field))
		if err != nil {
			return errors.New("CIDRs with commas between, such as 10.0.0.0/8")
		}
		*p = append(*p, prefix.Masked())
	}
	return nil
}
