package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sessionlab/auth"
	"sessionlab/auth/devidp"
	"sessionlab/auth/oauth"
	"sessionlab/db"
	"sessionlab/handlers"
	"sessionlab/views"
)

// stores holds the site's stores. Fields are nil or no-ops without a database.
type stores struct {
	Directory auth.Directory
	Users     auth.Epochs       // nil without a database
	Accounts  auth.Accounts     // nil without a database
	Sessions  auth.SessionStore // nil without a database
	Refresh   auth.RefreshStore // nil without a database
	Behind    auth.SessionStore // hybrid's session store, if different from Sessions
	Ready     func(context.Context) error
	db        *db.DB    // nil without a database
	redis     *db.Redis // nil without Redis
}

func openStore(ctx context.Context, cfg config, now func() time.Time, observe auth.Observer) (*stores, error) {
	if !cfg.needsDatabase() {
		return &stores{Directory: auth.NoDirectory{}, Ready: func(context.Context) error { return nil }}, nil
	}
	d, err := db.Open(ctx, string(cfg.Database), now)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	d.Observe = observe
	if cfg.Strategy != compare { // compare mode always reads, to show what a read costs
		if err := d.Recall(ctx); err != nil {
			d.Close()
			return nil, fmt.Errorf("DATABASE_URL: %w", err)
		}
	}
	rows := db.Sessions{DB: d}
	s := &stores{Directory: d, Users: d, Accounts: d, Sessions: rows, Refresh: rows, Ready: d.Ready, db: d}
	if cfg.usesRedis() {
		if err := s.openRedis(ctx, cfg, observe); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// openRedis opens Redis and keeps sessions there.
func (s *stores) openRedis(ctx context.Context, cfg config, observe auth.Observer) (err error) {
	if s.redis, err = db.OpenRedis(ctx, string(cfg.Redis)); err != nil {
		return fmt.Errorf("REDIS_URL: %w", err)
	}
	s.redis.Observe = observe
	s.Behind = db.RedisSessions{Redis: s.redis, Users: s.db}
	if cfg.Strategy != compare { // compare mode shows database with the table, too
		s.Sessions = s.Behind
	}
	tables := s.Ready
	s.Ready = func(ctx context.Context) error { return errors.Join(tables(ctx), s.redis.Ready(ctx)) }
	return nil
}

func (s *stores) Close() (err error) {
	if s.redis != nil {
		err = s.redis.Close()
	}
	return errors.Join(err, s.db.Close())
}

// sweepAfter is the time between the end of a session and its deletion: long enough that
// a clock running up to a month fast deletes no live session.
const sweepAfter = 31 * 24 * time.Hour

// sweep deletes rows that ended more than sweepAfter ago, at each tick until ctx is done.
// It does not begin at the start, when a machine's clock is most likely to be wrong.
func (s *stores) sweep(ctx context.Context, ticks <-chan time.Time, now func() time.Time, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		if n, err := s.db.Sweep(ctx, now().Add(-sweepAfter)); err != nil && ctx.Err() == nil {
			log.Warn("sweep", "error", err)
		} else if n > 0 {
			log.Info("sweep", "deleted", n)
		}
	}
}

// keyFile keeps a generated key beside the database, or where the program runs if
// the database is a server, so that a restart signs nobody out.
const keyFile = "sessionlab.key"

// loadKeys returns the key ring and a description of its source, for the banner.
func loadKeys(cfg config, random io.Reader) (ring *auth.KeyRing, from string, err error) {
	if cfg.Keys.KeyRing != nil {
		return cfg.Keys.KeyRing, "SESSION_KEYS", nil
	}
	if !cfg.needsDatabase() {
		key, err := auth.GenerateKey(random)
		if err != nil {
			return nil, "", err
		}
		ring, err := auth.NewKeyRing(key)
		return ring, "ephemeral: a restart signs everybody out; set SESSION_KEYS", err
	}
	name := cfg.keyFile()
	ring, err = readKeyFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := writeKeyFile(name, random, os.Link); err != nil {
			return nil, "", fmt.Errorf("SESSION_KEYS: not set, and a generated key could not be saved: %w", err)
		}
		ring, err = readKeyFile(name)
	}
	if err != nil {
		return nil, "", fmt.Errorf("SESSION_KEYS: not set, and %s cannot be used: %w", name, err)
	}
	return ring, name, nil
}

// keyFile returns where the generated key is.
func (c *config) keyFile() string {
	if db.IsPostgres(string(c.Database)) {
		return keyFile
	}
	return filepath.Join(filepath.Dir(string(c.Database)), keyFile)
}

func readKeyFile(name string) (*auth.KeyRing, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return auth.ParseKeyRing(strings.TrimSpace(string(content)))
}

// writeKeyFile makes a key under a name of its own and then links it into place, so that
// of several programs that start at once all end up with the same key. Some file systems
// have no links, such as exFAT and some mounts of containers: there the first program to
// create the file writes it in a single write.
func writeKeyFile(name string, random io.Reader, link func(oldname, newname string) error) error {
	key, err := auth.GenerateKey(random)
	if err != nil {
		return err
	}
	ring, err := auth.NewKeyRing(key)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), keyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	line := ring.Encode() + "\n"
	if err := writeOut(f, line); err != nil {
		return err
	}
	err = link(f.Name(), name)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			err = writeOut(f, line)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// writeOut writes text to f, syncs it and closes it.
func writeOut(f *os.File, text string) error {
	_, err := f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// observer returns the observer that fills the receipts of requests and, if METRICS_ADDR is
// set, another one beside it whose counts are served there until ctx is done.
func (c *config) observer(ctx context.Context, now func() time.Time) (auth.Observer, error) {
	if c.MetricsAddr == "" {
		return auth.Receipts(now), nil
	}
	m := newMetrics(now)
	if err := m.serve(ctx, string(c.MetricsAddr)); err != nil {
		return nil, fmt.Errorf("METRICS_ADDR: want an address that is free: %w", err)
	}
	return auth.Observers(auth.Receipts(now), m.observe), nil
}

// newVault returns the vault of the site's sessions.
func newVault(cfg config, ring *auth.KeyRing, observe auth.Observer) auth.Vault {
	return auth.Vault{
		Format: string(cfg.Seal), Ring: ring, Realm: "site", Version: cfg.version, Memo: auth.NewMemo(8192), Observe: observe,
	}
}

// newParts returns the dependencies of the strategies.
func newParts(cfg config, store *stores, vault auth.Vault, now func() time.Time) auth.Parts {
	return auth.Parts{
		Sealer: vault.Sealer, Stored: vault.Stored, Users: store.Users, Sessions: store.Sessions, Refresh: store.Refresh,
		Behind: store.Behind, Apart: store.redis != nil && cfg.Strategy != compare, Realm: vault.Realm, Life: cfg.lifetimes(), Now: now, Text: rand.Text,
	}
}

// withoutVersion returns a vault for values that outlive a version bump. It always
// encrypts, whatever SESSION_SEAL is.
func withoutVersion(vault auth.Vault) *auth.Vault {
	vault.Format, vault.Version = "securecookie", func() int64 { return 1 }
	return &vault
}

// newProviders returns the providers that are configured and, where it runs, the
// embedded one, which the site reaches as it would any other.
func newProviders(cfg config, vault *auth.Vault, now func() time.Time, text func() string, log *slog.Logger) (*oauth.Providers, http.Handler, error) {
	base := cfg.BaseURL.String()
	p := &oauth.Providers{
		BaseURL: base, Seal: vault.Sealer(oauth.FlowPurpose), RelaySeal: vault.Sealer(oauth.RelayPurpose),
		Now: now, Text: text, Transport: oauth.NewTransport(), Log: log,
	}
	var idp http.Handler
	if cfg.devIDP() {
		const id = "sessionlab"
		secret := text()
		dev, err := devidp.New(base+"/idp", now, devidp.Client{
			ID: id, Secret: secret, Name: views.Brand,
			RedirectURIs: []string{base + "/sign-in/dev/callback"}, PostLogoutURIs: []string{base + "/"},
		})
		if err != nil {
			return nil, nil, err
		}
		idp, p.Transport = dev, dev.Transport(p.Transport)
		p.List = append(p.List, &oauth.Provider{
			ID: "dev", Name: "the embedded provider", Issuer: base + "/idp", ClientID: id, ClientSecret: secret,
		})
	}
	if cfg.GoogleID != "" {
		p.List = append(p.List, oauth.NewGoogle(string(cfg.GoogleID), string(cfg.GoogleSecret)))
	}
	if cfg.GitHubID != "" {
		p.List = append(p.List, oauth.NewGitHub(string(cfg.GitHubID), string(cfg.GitHubSecret)))
	}
	for _, o := range cfg.openIDs() {
		p.List = append(p.List, o.provider())
	}
	return p, idp, nil
}

// newKeeper returns the keeper of providers' tokens, or nil if STORE_ACCOUNT is off.
func newKeeper(cfg config, vault *auth.Vault, accounts auth.Accounts, now func() time.Time) *auth.AccountKeeper {
	if cfg.StoreAccount != "on" {
		return nil
	}
	return &auth.AccountKeeper{
		Cookie: vault.Sealer(auth.AccountPurpose), Row: vault.Sealer(auth.AccountRowPurpose),
		Store: accounts, Max: cfg.lifetimes().Max, Now: now,
	}
}

// banner says in a few lines what runs and where. It shows no secret.
func banner(ctx context.Context, w io.Writer, cfg config, site *handlers.Site, store *stores, keys string) error {
	var providers []string
	strategy := cfg.single()
	if cfg.Strategy == compare {
		strategy = compare + ": every strategy at once"
		if cfg.LabPublic {
			strategy += ", one private bench per visitor"
		}
	}
	for _, p := range site.Providers.List {
		providers = append(providers, p.ID)
	}
	if len(providers) == 0 {
		who := "nobody can sign in"
		if site.Accounts != nil {
			who = "people sign in by password only"
		}
		providers = []string{"none: " + who + "; set GOOGLE_CLIENT_ID, GITHUB_CLIENT_ID or OIDC_ISSUER"}
	}
	database := "none"
	if cfg.needsDatabase() {
		database = db.Display(string(cfg.Database))
	}
	fmt.Fprintf(w, "strategy   %s\nseal       %s\nkeys       %s\nproviders  %s\ndatabase   %s\n",
		strategy, cfg.Seal, keys, strings.Join(providers, ", "), database)
	if store.redis != nil {
		fmt.Fprintf(w, "redis      %s\n", store.redis)
	}
	if site.Administration != nil {
		admins, err := site.Administration.Members(ctx, auth.MemberQuery{Role: auth.RoleAdmin, Limit: 1})
		if err != nil {
			return fmt.Errorf("DATABASE_URL: %w", err)
		}
		if len(admins) == 0 {
			fmt.Fprintf(w, "admin      none yet; to promote a user who has signed in: sessionlab users role EMAIL admin\n")
		}
	}
	if line := mailLine(cfg, site); line != "" {
		fmt.Fprintf(w, "mail       %s\n", line)
	}
	if names := cfg.unused(); len(names) > 0 {
		fmt.Fprintf(w, "unused     %s (no effect with the other settings)\n", strings.Join(names, ", "))
	}
	fmt.Fprintf(w, "Open %s/\n", cfg.BaseURL)
	return nil
}
