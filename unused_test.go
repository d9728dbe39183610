package main

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db"
	"sessionlab/e2e"
)

// unusedUnder are the settings that do nothing under a strategy.
var unusedUnder = map[string]string{
	"compare":  "SMTP_URL MAIL_FROM",
	"cookie":   "HYBRID_TTL ACCESS_TTL RENEW_TTL REFRESH_GRACE DATABASE_URL REDIS_URL SMTP_URL MAIL_FROM",
	"database": "SESSION_VERSION HYBRID_TTL ACCESS_TTL RENEW_TTL REFRESH_GRACE",
	"epoch":    "HYBRID_TTL ACCESS_TTL RENEW_TTL REFRESH_GRACE REDIS_URL",
	"hybrid":   "ACCESS_TTL RENEW_TTL REFRESH_GRACE",
	"renew":    "SESSION_IDLE SESSION_REFRESH_AT HYBRID_TTL ACCESS_TTL REFRESH_GRACE REDIS_URL",
	"pair":     "SESSION_REFRESH_AT HYBRID_TTL RENEW_TTL REFRESH_GRACE REDIS_URL",
	"rotation": "SESSION_REFRESH_AT HYBRID_TTL RENEW_TTL REDIS_URL",
}

// TestUnusedSettings: of all settings, each set to something that is not the default, a
// site names those that do nothing in its mode.
func TestUnusedSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	for mode, want := range unusedUnder {
		for base, besides := range map[string]string{"http://app.localhost:8080": "TRUSTED_PROXIES", "https://app.example.com": ""} {
			environ := []string{"SESSION_STRATEGY=" + mode, "BASE_URL=" + base}
			for name, value := range settings {
				switch name {
				case "SESSION_STRATEGY", "BASE_URL":
				case "LAB_PUBLIC", "DEV_IDP":
					if mode == compare {
						environ = append(environ, name+"="+value)
					}
				default:
					environ = append(environ, name+"="+value)
				}
			}
			c, err := readConfig(environ)
			if err != nil {
				t.Errorf("%s at %s: %v", mode, base, err)
				continue
			}
			got := slices.Sorted(slices.Values(c.unused()))
			if wanted := slices.Sorted(slices.Values(strings.Fields(want + " " + besides))); !slices.Equal(got, wanted) {
				t.Errorf("%s at %s: got %q, want %q", mode, base, got, wanted)
			}
			if c.needsDatabase() == slices.Contains(got, "DATABASE_URL") || c.usesRedis() == slices.Contains(got, "REDIS_URL") {
				t.Errorf("%s at %s: opens a database: %t, opens Redis: %t, and names %q", mode, base, c.needsDatabase(), c.usesRedis(), got)
			}
		}
	}
	for environ, want := range map[string]string{
		"": "",
		"SESSION_STRATEGY=cookie HYBRID_TTL=5m DATABASE_URL=sessionlab.db OIDC_NAME=OpenID": "", // as usual
		"OIDC_NAME=Company OIDC_CLIENT_AUTH=basic OIDC_FORWARDS_TO=https://login.example":   "OIDC_NAME OIDC_CLIENT_AUTH OIDC_FORWARDS_TO",
		"OIDC_SCOPES=openid OIDC_RESPONSE_MODE=form_post":                                   "OIDC_SCOPES OIDC_RESPONSE_MODE",
		"OIDC_GITLAP_ISSUER=https://gitlab.example OIDC_GITLAP_NAME=GitLab":                 "OIDC_GITLAP_ISSUER OIDC_GITLAP_NAME",
		"SESSION_STRATEGY=renew SESSION_MAX=1h":                                             "",
	} {
		if c, err := readConfig(strings.Fields(environ)); err != nil || strings.Join(c.unused(), " ") != want {
			t.Errorf("%q: got %q, %v, want %q", environ, c.unused(), err, want)
		}
	}
}

// TestUnusedSettingsAreNamed: the program says so when it starts, in one line.
func TestUnusedSettingsAreNamed(t *testing.T) {
	p := start(t, t.TempDir(), "SESSION_STRATEGY=cookie", "REDIS_URL=redis://:sEcReT@localhost", "DATABASE_URL=other.db", "HYBRID_TTL=5m")
	if got, want := p.Says("unused"), "DATABASE_URL, REDIS_URL (no effect with the other settings)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p = start(t, t.TempDir(), e2e.DatabaseOnly)
	if got := p.Says("unused"); got != "" {
		t.Errorf("nothing unused is set: got %q", got)
	}
}

// TestUnusedLifetimes asks the strategies: a setting does nothing if a session lives the
// same with another value.
func TestUnusedLifetimes(t *testing.T) {
	usual := auth.Lifetimes{
		Idle: 20 * time.Minute, Max: time.Hour, RefreshAt: 0.5,
		Hybrid: time.Minute, Access: 2 * time.Minute, Renew: 3 * time.Minute, Grace: 10 * time.Second,
	}
	changes := map[string]func(*auth.Lifetimes){
		"SESSION_IDLE":       func(l *auth.Lifetimes) { l.Idle = 10 * time.Minute },
		"SESSION_MAX":        func(l *auth.Lifetimes) { l.Max = 50 * time.Minute },
		"SESSION_REFRESH_AT": func(l *auth.Lifetimes) { l.RefreshAt = 0.9 },
		"HYBRID_TTL":         func(l *auth.Lifetimes) { l.Hybrid *= 2 },
		"ACCESS_TTL":         func(l *auth.Lifetimes) { l.Access *= 2 },
		"RENEW_TTL":          func(l *auth.Lifetimes) { l.Renew *= 2 },
		"REFRESH_GRACE":      func(l *auth.Lifetimes) { l.Grace = 0 },
	}
	for _, kind := range auth.Kinds() {
		before := life(t, kind, usual)
		for name, change := range changes {
			changed := usual
			change(&changed)
			same := life(t, kind, changed) == before
			if named := slices.Contains(strings.Fields(unusedUnder[kind.Name]), name); same != named {
				t.Errorf("%s under %s: makes no difference: %t, named as unused: %t", name, kind.Name, same, named)
			}
		}
	}
}

// life is the story of a session that is used every half minute, and spends each refresh
// token a second time.
func life(t *testing.T, kind auth.Kind, l auth.Lifetimes) string {
	t.Helper()
	ctx, now := t.Context(), time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	d, err := db.Open(ctx, filepath.Join(t.TempDir(), "test.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	key, err := auth.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := auth.NewKeyRing(key)
	if err != nil {
		t.Fatal(err)
	}
	vault := auth.Vault{Format: "securecookie", Ring: ring, Realm: "site", Version: func() int64 { return 1 }}
	rows := db.Sessions{DB: d}
	s, err := kind.New(auth.Parts{
		Sealer: vault.Sealer, Stored: vault.Stored, Users: d, Sessions: rows, Refresh: rows, Realm: "site", Life: l, Now: clock, Text: rand.Text,
	})
	if err != nil {
		t.Fatal(err)
	}
	user, err := d.SignIn(ctx, auth.Identity{Issuer: "https://issuer.example", Subject: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	session, tokens, err := s.Issue(ctx, auth.SignIn{User: user, Remember: true})
	var story strings.Builder
	for began := now; err == nil && now.Sub(began) < 2*time.Hour; now = now.Add(30 * time.Second) {
		fmt.Fprintln(&story, now.Sub(began), session.RenewAt.Sub(began), session.ExpiresAt.Sub(began), session.EndsAt.Sub(began))
		session, err = s.Authenticate(ctx, tokens)
		if err == nil && now.Before(session.RenewAt) || err != nil && err != auth.ErrStale {
			continue
		}
		spent := tokens
		if session, tokens, err = s.Renew(ctx, spent); err == nil {
			now = now.Add(5 * time.Second)
			_, _, again := s.Renew(ctx, spent)
			fmt.Fprintln(&story, "again:", again)
		}
	}
	fmt.Fprintln(&story, err)
	return story.String()
}
