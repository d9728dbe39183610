package handlers_test

import (
	"log/slog"

	"sessionlab/auth"
	"sessionlab/auth/lab"
)

func init() {
	compareMode = func(s *site, parts auth.Parts, vault auth.Vault, observe auth.Observer, log *slog.Logger) {
		bench, err := lab.New(s.t.Context(), lab.Parts{
			Auth: parts, Vault: vault, Store: s.db, Ada: s.Ada(), Now: s.clock.Now, Observe: observe, Log: log,
		})
		must(s.t, err)
		bench.Site, bench.Host = s.Site, s.BaseURL.Host
		s.Compare(bench)
	}
}
