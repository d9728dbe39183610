package handlers_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"sessionlab/auth"
	"sessionlab/db/dbtest"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

// These races are run at the gap: what happens meanwhile happens between the check
// and what follows from it, at a point that the test chooses.

// gap runs do once, when a step of a kind has been done.
type gap struct {
	kind string
	do   func()
}

func (g *gap) observe(_ context.Context, kind, _ string) func(error) {
	return func(error) {
		if do := g.do; do != nil && kind == g.kind {
			g.do = nil
			do()
		}
	}
}

// newGappedSite returns a site whose password hashes have a gap behind them.
func newGappedSite(t *testing.T, o handlerstest.Settings) (*handlerstest.Site, *gap) {
	g := &gap{kind: "password"}
	o.Change = func(s *handlers.Site) { s.Passwords.Observe = auth.Observers(s.Passwords.Observe, g.observe) }
	return handlerstest.NewSiteWith(t, o), g
}

// wherePeopleAreStored runs a story under every strategy with users, over SQL and,
// where sessions can live there, over Redis.
func wherePeopleAreStored(t *testing.T, story func(*testing.T, handlerstest.Settings)) {
	for _, strategy := range []string{"database", "epoch", "hybrid", "renew", "pair", "rotation"} {
		storyUnder(t, strategy, story)
	}
}

func whereSessionsCanBeEnded(t *testing.T, story func(*testing.T, handlerstest.Settings)) {
	for _, strategy := range []string{"database", "epoch", "hybrid", "rotation"} {
		storyUnder(t, strategy, story)
	}
}

func storyUnder(t *testing.T, strategy string, story func(*testing.T, handlerstest.Settings)) {
	t.Run(strategy, func(t *testing.T) { story(t, handlerstest.Settings{Strategy: strategy}) })
	if strategy == "database" || strategy == "hybrid" {
		t.Run(strategy+"/redis", func(t *testing.T) {
			story(t, handlerstest.Settings{Strategy: strategy, Redis: dbtest.Server(t, "TEST_REDIS_URL")})
		})
	}
}

// TestPasswordChangesWhileItIsUsed: a sign-in with the old password that was checked
// before the change and goes on after it gets no session.
func TestPasswordChangesWhileItIsUsed(t *testing.T) {
	wherePeopleAreStored(t, func(t *testing.T, o handlerstest.Settings) {
		site, gap := newGappedSite(t, o)
		for name, meanwhile := range map[string]func(ada *handlerstest.Browser){
			"changed": func(ada *handlerstest.Browser) {
				ada.Get("/account").Fill("current", handlerstest.AdasPassword).Fill("password", handlerstest.NewPassword).Press("#set-password").At("/account", 200)
			},
			"disabled": func(ada *handlerstest.Browser) {
				site.Disable(ada.UserID())
			},
		} {
			ada, thief, email := handlerstest.NewBrowser(t, site), handlerstest.NewBrowser(t, site), name+"@example.org"
			ada.SignUp(email, handlerstest.AdasPassword)
			gap.do = func() { meanwhile(ada) }
			thief.Get("/sign-in")
			thief.Request(http.MethodPost, "/sign-in/password", handlerstest.Form("email", email, "password", handlerstest.AdasPassword), "same-origin")
			if gap.do != nil {
				t.Fatalf("%s: nothing happened meanwhile", name)
			}
			thief.WantsAPI("GET", "/api/session", 401, "")
			if held := thief.Value("session-" + o.Strategy); held != "" {
				t.Errorf("%s: the old password still got a session", name)
			}
		}
	})
}

// TestSignOutEverywhereStopsWhatIsInFlight: what a thief has begun does not give the
// account away after the owner has ended all sessions.
func TestSignOutEverywhereStopsWhatIsInFlight(t *testing.T) {
	whereSessionsCanBeEnded(t, func(t *testing.T, o handlerstest.Settings) {
		site, gap := newGappedSite(t, o)
		manager := site.Managers(new(http.Request))[0]
		if _, revokes := manager.Strategy.(auth.Revoker); !revokes {
			t.Fatalf("%s ends no sessions", o.Strategy)
		}
		ada, thief := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
		thief.Steal(ada)
		user := ada.UserID()
		revokeAll := func() { ada.WantsAPI("POST", "/api/sessions/revoke-all", 200, "") }

		// A first password, which waits for its hash.
		gap.do = revokeAll
		thief.Get("/account")
		thief.Request(http.MethodPost, "/account/password", handlerstest.Form("password", handlerstest.NewPassword), "same-origin")
		if gap.do != nil {
			t.Fatal("no hash was made")
		}
		id, _ := auth.PasswordIdentity("ada@example.com", "")
		if _, _, err := site.DB.Password(t.Context(), id); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("the thief has set a password: %v", err)
		}
		site.Clock.Advance(handlerstest.Lifetimes.Access)
		thief.WantsAPI("GET", "/api/session", 401, "")

		// A link, which waits at the provider.
		ada.SignIn("ada")
		thief.Steal(ada)
		callback := thief.LinkCallback("oidc", "linus")
		thief.Get(handlerstest.LocalURL + "/dashboard")
		site.Network.Twist = func(r *http.Request) *http.Response {
			site.Network.Twist = nil
			revokeAll()
			return nil
		}
		thief.Visit(http.MethodGet, callback, nil, "cross-site")
		if list, err := site.DB.Accounts(t.Context(), user); err != nil || len(list) != 1 {
			t.Errorf("the thief has linked an account: %v, %v", list, err)
		}
	})
}

// TestNobodyIsReissuedAfterwards: whoever changes a password gets a new session only
// while the one that asked still stands.
func TestNobodyIsReissuedAfterwards(t *testing.T) {
	wherePeopleAreStored(t, func(t *testing.T, o handlerstest.Settings) {
		site := handlerstest.NewSiteWith(t, o)
		manager := site.Managers(new(http.Request))[0]
		if _, revokes := manager.Strategy.(auth.Revoker); !revokes {
			return
		}
		ada, thief := handlerstest.NewBrowser(t, site).SignIn("ada"), handlerstest.NewBrowser(t, site)
		thief.Steal(ada)
		// Between the new password and the new session. Under epoch ada is out by then,
		// since the number that the password raised is hers too.
		id := ada.UserID()
		changed := &meanwhile{store: site.Accounts, do: func() { ada.WantsAPI("POST", "/api/sessions/revoke-all", 200, "") }}
		if _, lists := manager.Strategy.(auth.Lister); !lists {
			changed.do = func() { handlerstest.Must(t, site.DB.RaiseEpoch(t.Context(), id)) }
		}
		site.Site.Accounts = changed
		thief.Get("/account")
		thief.Request(http.MethodPost, "/account/password", handlerstest.Form("password", handlerstest.NewPassword), "same-origin")
		if changed.do != nil {
			t.Fatal("no password was set")
		}
		site.Clock.Advance(handlerstest.Lifetimes.Access)
		thief.WantsAPI("GET", "/api/session", 401, "")
	})
}

// meanwhile does something once a password was set.
type meanwhile struct {
	store
	do func()
}

type store = auth.Accounts

func (m *meanwhile) SetPassword(ctx context.Context, by auth.Standing, id auth.Identity, old, hash string) (auth.User, error) {
	u, err := m.store.SetPassword(ctx, by, id, old, hash)
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return u, err
}
