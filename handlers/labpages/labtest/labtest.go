// Package labtest registers compare mode with handlerstest. Import it for its side
// effect.
package labtest

import (
	"log/slog"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/db"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

func init() { handlerstest.CompareMode = compareMode }

func compareMode(s *handlerstest.Site, public bool, parts auth.Parts, vault auth.Vault, observe auth.Observer, log *slog.Logger) {
	kept, err := db.OpenBenches(s.T.Context(), s.DB)
	handlerstest.Must(s.T, err)
	p := lab.Parts{Auth: parts, Vault: vault, Store: kept, Ada: labpages.Ada(s.Site), Now: s.Clock.Now, Observe: observe, Log: log}
	if public {
		benches, err := lab.NewBenches(s.T.Context(), p)
		handlerstest.Must(s.T, err)
		benches.Site, benches.Host = s.Site, s.BaseURL.Host
		labpages.ComparePublic(s.Site, benches)
		return
	}
	bench, err := lab.New(s.T.Context(), p)
	handlerstest.Must(s.T, err)
	bench.Site, bench.Host = s.Site, s.BaseURL.Host
	labpages.Compare(s.Site, bench)
}
