package handlers_test

import (
	"testing"

	"sessionlab/handlers/handlerstest"
	_ "sessionlab/handlers/labpages/labtest" // compare mode joins the modes that these tests run in
)

// A single strategy has no lab to reach.
func TestOneStrategyHasNoLab(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, strategy)).SignIn("ada")
		if ada.Has("#trust-"+strategy) || ada.Has("#inside") || ada.Has(`a[href="/compare"]`) {
			t.Errorf("the lab shows on the dashboard under %s", strategy)
		}
		for _, path := range []string{"/compare", "/compare/state"} {
			ada.Wants(path, 404)
		}
		for _, path := range []string{"/compare/steal", "/compare/reset", "/compare/set-role", "/strategy"} {
			if ada.Post(path, nil); ada.Page.Status != 404 {
				t.Errorf("POST %s under %s: got %d, want 404", path, strategy, ada.Page.Status)
			}
		}
	}
}

func TestNoSelfPromotionOutsideOfCompareMode(t *testing.T) {
	laptop := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "database")).SignIn("ada")
	for _, path := range []string{"/compare/set-role", "/api/guards/live"} {
		laptop.Post(path, map[string][]string{"role": {"admin"}})
		if laptop.Page.Status != 404 {
			t.Errorf("%s: got %d, want 404", path, laptop.Page.Status)
		}
	}
}
