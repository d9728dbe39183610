package labpages_test

import (
	"strings"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

func TestBearerInCompareMode(t *testing.T) {
	s := handlerstest.NewSite(t, "compare")
	laptop := handlerstest.NewBrowser(t, s).SignIn("ada")
	_, answer := laptop.API("POST", "/api/token?strategy=rotation")
	token := answer["access_token"].(string)
	if w := s.Bearer("/api/session", token); w.Code != 200 || !strings.Contains(w.Body.String(), `"strategy":"rotation"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := s.Bearer("/api/session?strategy=pair", token); w.Code != 401 {
		t.Errorf("a token of rotation passed for pair: %d", w.Code)
	}
}

// TestPromoteYourself is the difference between the two guards: one asks the
// database, the other what the session says.
func TestPromoteYourself(t *testing.T) {
	s := handlerstest.NewSite(t, "compare")
	laptop := handlerstest.NewBrowser(t, s).SignIn("ada")
	shows := map[string]time.Duration{
		"cookie": -1, "database": 0, "epoch": 0, "hybrid": 5 * time.Minute,
		"renew": 10 * time.Minute, "pair": 15 * time.Minute, "rotation": 15 * time.Minute,
	}
	guard := func(name, strategy string) int {
		code, _ := laptop.API("GET", "/api/guards/"+name+"?strategy="+strategy)
		return code
	}
	for strategy := range shows {
		if guard("claim", strategy) != 403 || guard("live", strategy) != 403 {
			t.Errorf("%s: a member passed a guard for admins", strategy)
		}
	}
	laptop.Get("/compare").Press("#do-make-admin")
	laptop.At("/compare", 200)
	began := s.Clock.Now()
	for _, after := range []time.Duration{0, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute} {
		s.Clock.Advance(began.Add(after).Sub(s.Clock.Now()))
		for strategy, opens := range shows {
			want := 403
			if opens >= 0 && after >= opens {
				want = 200
			}
			if got := guard("claim", strategy); got != want {
				t.Errorf("%s after %v: RequireClaimRole answered %d, want %d", strategy, after, got, want)
			}
			if got := guard("live", strategy); got != 200 {
				t.Errorf("%s after %v: RequireLiveRole answered %d, want 200", strategy, after, got)
			}
		}
	}
	laptop.Post("/compare/set-role", map[string][]string{"role": {"emperor"}})
	laptop.At("/compare/set-role", 400)
}

// TestDemotedInsideTheWindow holds case 5: a demoted admin is refused by the live
// guard although the snapshot still says admin, and nothing in the request helps.
func TestDemotedInsideTheWindow(t *testing.T) {
	s := handlerstest.NewSite(t, "compare")
	laptop := handlerstest.NewBrowser(t, s).SignIn("ada")
	laptop.Get("/compare").Press("#do-make-admin")
	s.Clock.Advance(5 * time.Minute)
	laptop.WantsAPI("GET", "/api/guards/claim?strategy=hybrid", 200, "")
	laptop.Get("/compare").Press("#do-make-member")
	laptop.WantsAPI("GET", "/api/guards/claim?strategy=hybrid", 200, "") // still inside the window
	for _, query := range []string{"", "&fresh=0", "&live=false", "&role=admin", "&guard=claim"} {
		laptop.WantsAPI("GET", "/api/guards/live?strategy=hybrid"+query, 403, "role_required")
	}
}
