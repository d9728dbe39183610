// Sessionlab signs people in with OAuth and remembers them by sessions: under
// every strategy at once, to compare them, or under one, as a starter for a site
// of your own. See README.md.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/handlers"
	"sessionlab/static"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	hurry, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(hurry, stop)
	if err := run(ctx, hurry.Done(), os.Environ(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "sessionlab:", err)
		os.Exit(1)
	}
}

// run is the whole program: it serves until ctx is done, and then a moment longer
// unless there is reason to hurry.
func run(ctx context.Context, hurry <-chan struct{}, environ []string, out, logTo io.Writer) error {
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
	observe := auth.Receipts(time.Now)

	store, err := openStore(ctx, cfg, observe)
	if err != nil {
		return err
	}
	defer store.Close()
	ring, keys, err := loadKeys(cfg, rand.Reader)
	if err != nil {
		return err
	}
	vault := auth.Vault{
		Format: string(cfg.Seal), Ring: ring, Realm: "site", Version: cfg.version, Memo: auth.NewMemo(8192), Observe: observe,
	}
	providers, idp, err := newProviders(cfg, lasting(vault), rand.Text)
	if err != nil {
		return err
	}
	assets, err := static.New()
	if err != nil {
		return err
	}
	site := &handlers.Site{
		BaseURL: cfg.BaseURL.URL, Assets: assets, Providers: providers, IDP: idp,
		Directory: store.Directory, Users: store.Users, Ready: readyUntil(ctx, store.Ready),
		Accounts: store.Accounts, Passwords: &auth.Passwords{Random: rand.Reader, Observe: observe},
		Tokens:  newKeeper(cfg, lasting(vault), store.Accounts),
		Proxies: cfg.Proxies, Now: time.Now, Text: rand.Text, Log: log,
	}
	if store.db != nil {
		site.Enrich = handlers.EnrichFrom(store.db)
	}
	kind, _ := auth.KindOf(cfg.single())
	parts := auth.Parts{
		Sealer: vault.Sealer, Stored: vault.Stored, Users: store.Users, Sessions: store.Sessions, Refresh: store.Refresh,
		Behind: store.Behind, Realm: vault.Realm, Life: cfg.lifetimes(), Now: time.Now, Text: rand.Text,
	}
	strategy, err := kind.New(parts)
	if err != nil {
		return err
	}
	site.Single(&auth.Manager{
		Name: kind.Name, Strategy: strategy, SignOuts: vault.Sealer(auth.SignOutPurpose), Now: time.Now, Observe: observe, Log: log,
	})

	// The lab, for SESSION_STRATEGY=compare. A starter deletes this block.
	if cfg.Strategy == compare {
		parts := lab.Parts{Auth: parts, Vault: vault, Store: store.db, Ada: site.Ada(), Now: time.Now, Observe: observe, Log: log}
		if cfg.LabPublic {
			benches, err := lab.NewBenches(ctx, parts)
			if err != nil {
				return err
			}
			benches.Site, benches.Host = site, cfg.BaseURL.Host
			site.ComparePublic(benches)
			go benches.Sweep(ctx, time.Tick(time.Hour))
		} else {
			bench, err := lab.New(ctx, parts)
			if err != nil {
				return err
			}
			bench.Site, bench.Host = site, cfg.BaseURL.Host
			site.Compare(bench)
		}
		defer site.Extension.(*handlers.Lab).Stop()
	}
	// The end of the lab.

	banner(out, cfg, site, store, keys)
	go store.sweep(ctx, time.Now, log)
	return serve(ctx, hurry, time.Duration(cfg.DrainDelay), listener, newServer(site, log), log)
}

func newLog(cfg config, w io.Writer) *slog.Logger {
	if handlers.IsLoopback(cfg.BaseURL.Hostname()) {
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}
