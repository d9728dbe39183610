package main

import (
	"context"
	"log/slog"
	"time"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/db"
	"sessionlab/handlers"
	"sessionlab/handlers/labpages"
)

// openLab switches the site to compare mode. The returned function stops the lab's
// background work.
func openLab(ctx context.Context, cfg config, site *handlers.Site, store *stores, made auth.Parts, vault auth.Vault, observe auth.Observer, log *slog.Logger) (stop func(), err error) {
	benchStore, err := db.OpenBenches(ctx, store.db)
	if err != nil {
		return nil, err
	}
	parts := lab.Parts{Auth: made, Vault: vault, Store: benchStore, Ada: labpages.Ada(site), Now: made.Now, Observe: observe, Log: log}
	if cfg.LabPublic {
		benches, err := lab.NewBenches(ctx, parts)
		if err != nil {
			return nil, err
		}
		benches.Site, benches.Host = site, cfg.BaseURL.Host
		go benches.Sweep(ctx, time.Tick(time.Hour))
		return labpages.ComparePublic(site, benches).Stop, nil
	}
	bench, err := lab.New(ctx, parts)
	if err != nil {
		return nil, err
	}
	bench.Site, bench.Host = site, cfg.BaseURL.Host
	return labpages.Compare(site, bench).Stop, nil
}
