package handlers_test

import (
	"net/http"
	"slices"
	"testing"

	"sessionlab/auth"
	"sessionlab/handlers/handlerstest"
)

// eachMode tells a story on a site in each mode; see [handlerstest.Modes].
func eachMode(t *testing.T, story func(*testing.T, *handlerstest.Site), strategies ...string) {
	t.Helper()
	for _, mode := range handlerstest.Modes(strategies...) {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			story(t, handlerstest.NewSite(t, mode))
		})
	}
}

// under reports whether a site signs people in under a strategy.
func under(site *handlerstest.Site, strategy string) bool {
	return slices.ContainsFunc(site.Managers(new(http.Request)), func(m *auth.Manager) bool { return m.Name == strategy })
}
