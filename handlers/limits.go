package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

// limits are the rate limits (ASVS 2.4.1, 6.3.1). They live in this process's memory and
// use its clock.
//
// What costs the server or a provider work is limited generously, per address: an
// office behind one address must not notice. Guessing is limited strictly.
type limits struct {
	starts    *auth.Limiter // sign-ins started at a provider, per address
	callbacks *auth.Limiter // callbacks, per address
	tokens    *auth.Limiter // access tokens issued to scripts, per address
	signIns   *auth.Limiter // with passwords, per guesser
	signUps   *auth.Limiter // likewise
	changes   *auth.Limiter // of a password, per user and guesser
	mailAsks  *auth.Limiter // for emailed links, per guesser
	mailbox   *auth.Limiter // likewise, per address that they go to
	guesses   *auth.Guesses // at passwords, per account and guesser
}

func newLimits(now func() time.Time) *limits {
	generous := func() *auth.Limiter { return &auth.Limiter{Burst: 600, Every: time.Minute / 600, Now: now} }
	strict := func() *auth.Limiter { return &auth.Limiter{Burst: 10, Every: time.Minute / 10, Now: now} }
	return &limits{
		starts: generous(), callbacks: generous(), tokens: generous(),
		signIns: strict(), signUps: strict(), changes: strict(), mailAsks: strict(),
		mailbox: &auth.Limiter{Burst: 5, Every: 3 * time.Minute, Now: now},
		guesses: &auth.Guesses{
			Free: 5, Most: time.Hour, Forget: 24 * time.Hour, Now: now,
			Alarm: &auth.Limiter{Burst: 20, Every: 3 * time.Minute, Now: now},
		},
	}
}

// guesser returns the key of the strict limits: the tenant and the client address.
func (s *Site) guesser(c echo.Context) string { return s.tenant(c.Request()) + " " + ClientAddress(c) }

// Limit applies the rate limit l to each client address.
func (s *Site) Limit(l *auth.Limiter) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if wait := l.Take(ClientAddress(c)); wait > 0 {
				return s.RateLimited(c, wait)
			}
			return next(c)
		}
	}
}

// RateLimited says when to come back, in whole seconds.
func (s *Site) RateLimited(c echo.Context, wait time.Duration) error {
	return s.rateLimited(c.Request(), wait)
}

func (s *Site) rateLimited(r *http.Request, wait time.Duration) error {
	s.Log.WarnContext(r.Context(), "rate_limited", "id", VisitFrom(r.Context()).ID, "path", r.URL.Path)
	p := *errRateLimited
	p.RetryAfter = (wait + time.Second - 1).Truncate(time.Second)
	return &p
}
