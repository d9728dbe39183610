package handlers

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/views"
)

// freshFor is how long after a sign-in the user may change their account. Refreshing a
// session does not extend it (ASVS 7.5.1).
const freshFor = 10 * time.Minute

// requireConfirmed allows a request only if the strategy confirms its session with the
// server. A cached copy in a cookie, which may be minutes old, is not enough, and no part
// of the request can change that.
func (s *Site) requireConfirmed(next echo.HandlerFunc) echo.HandlerFunc {
	return s.RequireSession(func(c echo.Context) error {
		if err := s.confirm(c); err != nil {
			return err
		}
		return next(c)
	})
}

// requirePresent guards routes that change data: the server must confirm the session, and
// the user must exist and be enabled.
func (s *Site) requirePresent(next echo.HandlerFunc) echo.HandlerFunc {
	return s.requireConfirmed(func(c echo.Context) error {
		if err := s.checkUser(c); err != nil {
			return err
		}
		return next(c)
	})
}

// requireFresh guards routes that could hand over an account: it is requirePresent plus a
// sign-in within the last ten minutes. Ending sessions does not need it: that must be
// easy, and an attacker gains nothing by it except signing the owner out.
func (s *Site) requireFresh(next echo.HandlerFunc) echo.HandlerFunc {
	return s.requirePresent(s.checkFresh(next))
}

// checkFresh asks for a new sign-in unless the last one was within freshFor. The session
// must have been confirmed.
func (s *Site) checkFresh(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !fresh(VisitOf(c)) {
			return s.requireReauth(c)
		}
		return next(c)
	}
}

// fresh reports whether somebody signed in recently. A sign-in time in the future counts
// only up to freshFor, so that setting the clock back by seconds does no harm and by
// hours does not make an old sign-in fresh.
func fresh(v *Visit) bool { return v.Manager.Now().Sub(v.Session.IssuedAt).Abs() <= freshFor }

// confirm checks the session with the server and replaces the copy from the cookie with
// the server's version.
func (s *Site) confirm(c echo.Context) error {
	v, ctx := VisitOf(c), c.Request().Context()
	var session auth.Session
	var err error
	if v.Bearer != "" {
		session, err = v.Manager.ConfirmBearer(ctx, v.Bearer, v.Session)
	} else {
		session, err = v.Manager.Confirm(ctx, v.Jar, v.Session)
	}
	if err != nil {
		if auth.Refused(err) {
			v.Err = err
		}
		return Unavailable(err)
	}
	v.Session = session
	return nil
}

// checkUser checks that the user exists and is enabled, if users are stored.
func (s *Site) checkUser(c echo.Context) error {
	if s.Users == nil {
		return nil
	}
	_, err := s.liveUser(c)
	return err
}

// liveUser reads the session's user from the store. It refuses a user who does not exist
// or is disabled.
func (s *Site) liveUser(c echo.Context) (auth.User, error) {
	u, err := s.Users.User(c.Request().Context(), VisitOf(c).Session.User.ID)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return auth.User{}, auth.ErrRevoked
	case err != nil:
		return auth.User{}, Unavailable(err)
	case u.Disabled:
		return auth.User{}, auth.ErrDisabled
	}
	return u, nil
}

// requireReauth rejects the request. For a page it renders a form to sign in again, which
// leads back to next; the original action must be repeated.
func (s *Site) requireReauth(c echo.Context) error {
	if isAPI(c) {
		return errNotFresh
	}
	next := accountPath
	if strings.HasPrefix(c.Path(), adminPath) {
		next = adminUserPath(c.Param("id"))
	}
	if c.Request().Method == http.MethodGet {
		next = c.Request().URL.RequestURI()
	}
	proof, err := s.proof(c, next)
	if err != nil {
		return err
	}
	p := s.Page(c.Request(), errNotFresh.Title)
	return Render(c.Response(), errNotFresh.Status, views.ConfirmPage(p, proof))
}

// proof offers the ways in which this user can prove again who they are.
func (s *Site) proof(c echo.Context, next string) (views.Proof, error) {
	v := VisitOf(c)
	m := views.Proof{
		Name: v.Session.User.Name, Next: next, Remember: v.Session.Remember,
		SignedIn: views.Relative(v.Session.IssuedAt, v.Manager.Now()),
	}
	accounts, err := s.accountsOf(c)
	if err != nil {
		return m, err
	}
	offers := s.offers(c)
	for _, offer := range offers {
		if offer.Unavailable == "" && accounts.of(offer.ID) != nil {
			m.Providers = append(m.Providers, offer)
		}
	}
	if a := accounts.of(auth.PasswordProvider); a != nil {
		m.Mail = s.Mailed != nil
		if a.HasPassword {
			m.Email = a.Subject
		}
	}
	if m.Email == "" && !m.Mail && len(m.Providers) == 0 { // none of theirs is configured any more
		m.Providers = offers
	}
	return m, nil
}
