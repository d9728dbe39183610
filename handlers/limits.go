package handlers

import (
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

// limits slow down who asks too often (ASVS 2.4.1, 6.3.1). They are memory of
// this process and run on its clock, whatever a bench's clock says.
//
// What costs the server or a provider work is limited generously, per address: an
// office behind one address must not notice. Guessing is limited strictly.
type limits struct {
	starts    *auth.Limiter // of sign-ins at providers, per address
	callbacks *auth.Limiter // from providers, per address
	tokens    *auth.Limiter // handed to scripts, per address
	signIns   *auth.Limiter // with passwords, per address
	signUps   *auth.Limiter // likewise
	changes   *auth.Limiter // of a password, per user
	guesses   *auth.Patience
}

func newLimits(now func() time.Time) *limits {
	generous := func() *auth.Limiter { return &auth.Limiter{Burst: 600, Every: time.Minute / 600, Now: now} }
	strict := func() *auth.Limiter { return &auth.Limiter{Burst: 10, Every: time.Minute / 10, Now: now} }
	return &limits{
		starts: generous(), callbacks: generous(), tokens: generous(),
		signIns: strict(), signUps: strict(), changes: strict(),
		guesses: &auth.Patience{Free: 5, Most: 15 * time.Second, Forget: 15 * time.Minute, Now: now},
	}
}

// limit lets an address pass as often as l allows.
func (s *Site) limit(l *auth.Limiter) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if wait := l.Take(address(c)); wait > 0 {
				return s.tooOften(c, wait)
			}
			return next(c)
		}
	}
}

// tooOften says when to come back, in whole seconds.
func (s *Site) tooOften(c echo.Context, wait time.Duration) error {
	s.Log.WarnContext(c.Request().Context(), "rate_limited", "id", visitOf(c).id, "path", c.Path())
	p := *errRateLimited
	p.RetryAfter = (wait + time.Second - 1).Truncate(time.Second)
	return &p
}

// address is the client's, as far as one client has it to itself: of IPv6 the
// first half, because the other is for each to choose.
func address(c echo.Context) string {
	ip, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return c.RealIP()
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.String()
		}
	}
	return ip.String()
}
