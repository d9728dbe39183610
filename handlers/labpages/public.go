package labpages

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/handlers"
)

// A public lab: every visitor has a bench of their own, and with it keys, sessions
// and users that no other visitor meets.

// ComparePublic turns the site into compare mode for visitors who do not know each
// other.
func ComparePublic(s *handlers.Site, benches *lab.Benches) *Lab {
	l := extend(s, &Lab{Benches: benches, site: s, visitors: benches.Visitors(), limits: newLabLimits(s.Now)})
	people := benches.People()
	s.Directory, s.Accounts = people, people
	if s.Tokens != nil && s.Tokens.Store != nil {
		s.Tokens.Store = people
	}
	return l
}

// Isolated reports whether each visitor has a bench of their own.
func (l *Lab) Isolated() bool { return l.Benches != nil }

// Tenant returns the id of the visitor's bench, which has users of its own; empty where
// there is one bench for everybody.
func (l *Lab) Tenant(r *http.Request) string {
	if l.Benches == nil {
		return ""
	}
	return l.bench(r).Visitor()
}

// labLimits bound what one address may ask of a public lab. A classroom behind one
// address must not notice.
type labLimits struct {
	benches *auth.Limiter // made
	acts    *auth.Limiter // buttons pressed
	waits   *auth.Limiter // of those, what makes dozens of requests or more
	costs   *auth.Limiter // runs that measure the cost, of which the server has one at a time
}

func newLabLimits(now func() time.Time) labLimits {
	return labLimits{
		benches: &auth.Limiter{Burst: 120, Every: 5 * time.Second, Now: now},
		acts:    &auth.Limiter{Burst: 600, Every: time.Minute / 600, Now: now},
		waits:   &auth.Limiter{Burst: 20, Every: 6 * time.Second, Now: now},
		costs:   &auth.Limiter{Burst: 3, Every: 3 * time.Minute, Now: now},
	}
}

// enter attaches the visitor's bench to the request. A visitor without a bench, whose
// request leaves nothing behind, gets a temporary one for this request, so that viewing a
// page stores neither a row nor a cookie.
func (l *Lab) enter(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if lab.From(r.Context()) != nil || strings.HasPrefix(r.URL.Path, "/static/") || strings.HasPrefix(r.URL.Path, "/idp/") {
			return next(c)
		}
		if r.Method == http.MethodPost {
			if wait := l.limits.acts.Take(handlers.ClientAddress(c)); wait > 0 {
				return l.site.RateLimited(c, wait)
			}
		}
		jar := auth.NewJar(c.Response(), r)
		b, release, err := l.Benches.Take(r.Context(), l.visitors.Of(r.Context(), jar))
		if errors.Is(err, auth.ErrNotFound) {
			b, release, err = l.begin(c, jar)
		}
		if err != nil {
			return handlers.Unavailable(err)
		}
		defer release()
		c.SetRequest(c.Request().WithContext(b.With(c.Request().Context())))
		return next(c)
	}
}

// begin starts a visitor who has no bench. It drops their old cookies, which belong to no
// existing bench.
func (l *Lab) begin(c echo.Context, jar *auth.Jar) (*lab.Bench, func(), error) {
	ctx, wallet := c.Request().Context(), lab.NewWallet(c.Request())
	if l.visitors.Forget(jar) {
		ctx = context.WithValue(ctx, clearedKey{}, true)
	}
	wallet.Forget()
	wallet.Tell(c.Response().Header())
	r := c.Request().Clone(ctx)
	wallet.Send(r)
	c.SetRequest(r)
	if !needsBench(r) {
		return l.Benches.Passing(), func() {}, nil
	}
	if wait := l.limits.benches.Take(handlers.ClientAddress(c)); wait > 0 {
		return nil, nil, l.site.RateLimited(c, wait)
	}
	b, release, err := l.Benches.Make(r.Context())
	if err != nil {
		return nil, nil, err
	}
	if err := l.visitors.Name(r.Context(), jar, b.Visitor()); err != nil {
		release()
		return nil, nil, err
	}
	return b, release, nil
}

// needsBench reports whether a request leaves something behind on a bench.
func needsBench(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path != runPath || strings.HasPrefix(r.URL.Path, "/sign-in/") && strings.HasSuffix(r.URL.Path, "/callback")
}

// cleared reports whether this visitor's bench is gone.
func cleared(r *http.Request) bool { return r.Context().Value(clearedKey{}) != nil }

type clearedKey struct{}

const clearedNote = "Your bench lay unused and was cleared away, with its sessions and its people. You start with a new one."
