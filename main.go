// Sessionlab signs people in with OAuth and keeps them signed in with sessions. See
// README.md.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"sessionlab/auth"
	"sessionlab/db"
	"sessionlab/handlers"
	"sessionlab/static"
)

func main() {
	c := &invocation{environ: os.Environ(), now: time.Now, out: os.Stdout, log: os.Stderr}
	os.Exit(runCommand(context.Background(), os.Args[1:], c))
}

// run runs the whole program: it serves until ctx is done, and cfg.DrainDelay longer
// unless hurry is closed. It reads the time only from now.
func run(ctx context.Context, hurry <-chan struct{}, now func() time.Time, environ []string, out, logTo io.Writer) error {
	cfg, err := readConfig(environ)
	if err != nil {
		return err
	}
	listener, err := cfg.listen(ctx)
	if err != nil {
		return err
	}
	defer listener.Close()
	log := newLog(cfg, logTo)
	observe, err := cfg.observer(ctx, now)
	if err != nil {
		return err
	}

	store, err := openStore(ctx, cfg, now, observe)
	if err != nil {
		return err
	}
	if store.db != nil {
		defer store.Close()
	}
	ring, keys, err := loadKeys(cfg, rand.Reader)
	if err != nil {
		return err
	}
	vault := newVault(cfg, ring, observe)
	providers, idp, err := newProviders(cfg, withoutVersion(vault), now, rand.Text, log)
	if err != nil {
		return err
	}
	assets, err := static.New()
	if err != nil {
		return err
	}
	after := later{log: log}
	defer after.wait()
	site := &handlers.Site{
		BaseURL: cfg.BaseURL.URL, Assets: assets, Providers: providers, IDP: idp,
		Directory: store.Directory, Users: store.Users, Ready: readyUntil(ctx, store.Ready),
		Accounts: store.Accounts, Passwords: &auth.Passwords{Random: rand.Reader, Observe: observe},
		Tokens:  newKeeper(cfg, withoutVersion(vault), store.Accounts, now),
		Proxies: cfg.Proxies, PictureHosts: cfg.PictureHosts, Now: now, Text: rand.Text, Log: log,
	}
	if store.db != nil {
		site.Enrich = handlers.EnrichFrom(store.db)
		if cfg.Strategy != compare { // compare mode has no administrators, because visitors can sign in as anyone
			site.Administration = db.Administration{DB: store.db}
			if site.Mailed, err = newMailed(ctx, cfg, store.db, withoutVersion(vault), now, &after, log); err != nil {
				return err
			}
			if site.Notes, err = db.OpenNotes(ctx, store.db); err != nil {
				return fmt.Errorf("DATABASE_URL: %w", err)
			}
		}
	}
	kind, _ := auth.KindOf(cfg.single())
	parts := newParts(cfg, store, vault, now)
	strategy, err := kind.New(parts)
	if err != nil {
		return err
	}
	site.Single(&auth.Manager{
		Name: kind.Name, Strategy: strategy, SignOuts: vault.Sealer(auth.SignOutPurpose), Now: now, Observe: observe, Log: log,
	})

	if cfg.Strategy == compare {
		stop, err := openLab(ctx, cfg, site, store, parts, vault, observe, log)
		if err != nil {
			return err
		}
		defer stop()
	}

	if err := cfg.checkSite(site); err != nil {
		return err
	}
	if err := banner(ctx, out, cfg, site, store, keys); err != nil {
		return err
	}
	if store.db != nil {
		go store.sweep(ctx, time.Tick(time.Hour), now, log)
	}
	return serve(ctx, hurry, time.Duration(cfg.DrainDelay), drainFor, listener, newServer(site, log), log)
}

func newLog(cfg config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.Level(cfg.LogLevel)}
	if handlers.IsLoopback(cfg.BaseURL.Hostname()) {
		return slog.New(handlers.LogHandler(slog.NewTextHandler(w, options)))
	}
	return slog.New(handlers.LogHandler(slog.NewJSONHandler(w, options)))
}
