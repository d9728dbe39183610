package main

import (
	"context"
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
)

// store is what the site remembers with. Without a database it remembers
// nothing, and every field says so.
type store struct {
	Directory auth.Directory
	Users     auth.Epochs       // nil without a database
	Accounts  auth.Accounts     // nil without a database
	Sessions  auth.SessionStore // nil without a database
	Refresh   auth.RefreshStore // nil without a database
	Behind    auth.SessionStore // behind hybrid, if another than Sessions
	Ready     func(context.Context) error
	db        *db.DB    // nil without a database
	redis     *db.Redis // nil without Redis
}

func openStore(ctx context.Context, cfg config, observe auth.Observer) (*store, error) {
	if !cfg.needsDatabase() {
		return &store{Directory: auth.NoDirectory{}, Ready: func(context.Context) error { return nil }}, nil
	}
	d, err := db.Open(ctx, string(cfg.Database), time.Now)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	d.Observe = observe
	if cfg.Strategy != compare { // which shows what a read costs
		if err := d.Recall(ctx); err != nil {
			d.Close()
			return nil, fmt.Errorf("DATABASE_URL: %w", err)
		}
	}
	rows := db.Sessions{DB: d}
	s := &store{Directory: d, Users: d, Accounts: d, Sessions: rows, Refresh: rows, Ready: d.Ready, db: d}
	if err := s.openRedis(ctx, cfg, observe); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// openRedis moves sessions to Redis if the site is set to: those of hybrid, and
// those of database where nothing is compared with it.
func (s *store) openRedis(ctx context.Context, cfg config, observe auth.Observer) (err error) {
	if !cfg.usesRedis() {
		return nil
	}
	if s.redis, err = db.OpenRedis(ctx, string(cfg.Redis)); err != nil {
		return fmt.Errorf("REDIS_URL: %w", err)
	}
	s.redis.Observe = observe
	s.Behind = db.RedisSessions{Redis: s.redis, Users: s.Users}
	if cfg.Strategy != compare {
		s.Sessions = s.Behind
	}
	tables := s.Ready
	s.Ready = func(ctx context.Context) error { return errors.Join(tables(ctx), s.redis.Ready(ctx)) }
	return nil
}

func (s *store) Close() (err error) {
	if s.redis != nil {
		err = s.redis.Close()
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// sweep deletes what is over, at once and then every hour, until ctx is done.
func (s *store) sweep(ctx context.Context, now func() time.Time, log *slog.Logger) {
	if s.db == nil {
		return
	}
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		if n, err := s.db.Sweep(ctx, now()); err != nil && ctx.Err() == nil {
			log.Warn("sweep", "error", err)
		} else if n > 0 {
			log.Info("sweep", "deleted", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// keyFile keeps a generated key beside the database, or where the program runs if
// the database is a server, so that a restart signs nobody out.
const keyFile = "sessionlab.key"

// loadKeys returns the key ring and where it comes from, for people to read.
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
	name := keyFile
	if !db.IsPostgres(string(cfg.Database)) {
		name = filepath.Join(filepath.Dir(string(cfg.Database)), keyFile)
	}
	ring, err = readKeyFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := writeKeyFile(name, random); err != nil {
			return nil, "", fmt.Errorf("SESSION_KEYS: not set, and no key could be kept instead: %w", err)
		}
		ring, err = readKeyFile(name)
	}
	if err != nil {
		return nil, "", fmt.Errorf("SESSION_KEYS: not set, and %s cannot be used: %w", name, err)
	}
	return ring, name, nil
}

func readKeyFile(name string) (*auth.KeyRing, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return auth.ParseKeyRing(strings.TrimSpace(string(content)))
}

// writeKeyFile makes a key under a name of its own and then links it into place,
// so that of several programs that start at once all end up with the same key.
func writeKeyFile(name string, random io.Reader) error {
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
	_, err = fmt.Fprintln(f, ring.Encode())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// lasting is the vault of what is no session: it must be secret whatever seal
// sessions have, and outlive a new session version.
func lasting(vault auth.Vault) *auth.Vault {
	vault.Format, vault.Version = "securecookie", func() int64 { return 1 }
	return &vault
}

// newProviders returns the providers that are configured and, where it runs, the
// embedded one, which the site reaches as it would any other.
func newProviders(cfg config, vault *auth.Vault, text func() string) (*oauth.Providers, http.Handler, error) {
	base := cfg.BaseURL.String()
	p := &oauth.Providers{
		BaseURL: base, Seal: vault.Sealer(oauth.FlowPurpose), Now: time.Now, Text: text, Transport: oauth.NewTransport(),
	}
	var idp http.Handler
	if cfg.devIDP() {
		const id = "sessionlab"
		secret := text()
		dev, err := devidp.New(base+"/idp", time.Now, devidp.Client{
			ID: id, Secret: secret, Name: "sessionlab",
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
		p.List = append(p.List, oauth.NewGoogle(cfg.GoogleID, cfg.GoogleSecret))
	}
	if cfg.GitHubID != "" {
		p.List = append(p.List, oauth.NewGitHub(cfg.GitHubID, cfg.GitHubSecret))
	}
	if cfg.OIDCIssuer != "" {
		p.List = append(p.List, &oauth.Provider{
			ID: "oidc", Name: cfg.OIDCName, Issuer: string(cfg.OIDCIssuer), ClientID: cfg.OIDCID, ClientSecret: cfg.OIDCSecret,
		})
	}
	return p, idp, nil
}

// newKeeper keeps the provider's tokens, if the site is set to.
func newKeeper(cfg config, vault *auth.Vault, accounts auth.Accounts) *auth.AccountKeeper {
	if cfg.StoreAccount != "on" {
		return nil
	}
	return &auth.AccountKeeper{
		Cookie: vault.Sealer(auth.AccountPurpose), Row: vault.Sealer(auth.AccountRowPurpose),
		Store: accounts, Max: cfg.lifetimes().Max, Now: time.Now,
	}
}

// banner says in a few lines what runs and where. It shows no secret.
func banner(w io.Writer, cfg config, site *handlers.Site, store *store, keys string) {
	var providers []string
	strategy := cfg.single()
	if site.Extension != nil {
		strategy = compare + ": all of them at once"
		if cfg.LabPublic {
			strategy += ", on a bench of each visitor's own"
		}
	}
	for _, p := range site.Providers.List {
		providers = append(providers, p.ID)
	}
	if len(providers) == 0 {
		providers = []string{"none: nobody can sign in; set GOOGLE_CLIENT_ID, GITHUB_CLIENT_ID or OIDC_ISSUER"}
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
	fmt.Fprintf(w, "Open %s/\n", cfg.BaseURL)
}
