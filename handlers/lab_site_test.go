package handlers_test

import (
	"log/slog"

	"sessionlab/auth"
	"sessionlab/auth/lab"
)

func init() {
	compareMode = func(s *site, public bool, parts auth.Parts, vault auth.Vault, observe auth.Observer, log *slog.Logger) {
		p := lab.Parts{Auth: parts, Vault: vault, Store: s.db, Ada: s.Ada(), Now: s.clock.Now, Observe: observe, Log: log}
		if public {
			benches, err := lab.NewBenches(s.t.Context(), p)
			must(s.t, err)
			benches.Site, benches.Host = s.Site, s.BaseURL.Host
			s.ComparePublic(benches)
			return
		}
		bench, err := lab.New(s.t.Context(), p)
		must(s.t, err)
		bench.Site, bench.Host = s.Site, s.BaseURL.Host
		s.Compare(bench)
	}
}
