package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/views"
)

// freshFor is how long after a sign-in an account may be changed. It counts from
// the sign-in, which no refresh moves (ASVS 7.5.1).
const freshFor = 10 * time.Minute

// requireConfirmed lets pass whose session the server itself remembers. Copies of
// a session that save the asking, which may be minutes old, do not count, and
// nothing in a request can make them count.
func (s *Site) requireConfirmed(next echo.HandlerFunc) echo.HandlerFunc {
	return s.requireSession(func(c echo.Context) error {
		if err := s.confirm(c); err != nil {
			return err
		}
		return next(c)
	})
}

// requireFresh guards what would give an account away: it lets pass who signed in
// within the last ten minutes, whose session the server confirms, and whose
// account is there and enabled. Ending sessions does not need it: that must be
// easy, and who abuses it can only sign the owner out.
func (s *Site) requireFresh(next echo.HandlerFunc) echo.HandlerFunc {
	return s.requireConfirmed(func(c echo.Context) error {
		if err := s.present(c); err != nil {
			return err
		}
		if !fresh(visitOf(c)) {
			return s.askAgain(c)
		}
		return next(c)
	})
}

func fresh(v *visit) bool { return v.manager.Now().Sub(v.session.IssuedAt) <= freshFor }

// confirm replaces what a copy says of the session by what the server remembers.
func (s *Site) confirm(c echo.Context) error {
	v := visitOf(c)
	if v.bearer {
		return nil // shown without what would confirm it, and over soon by itself (RFC 6750 §5.3)
	}
	session, err := v.manager.Confirm(c.Request().Context(), v.jar, v.session)
	if err != nil {
		if auth.Refused(err) {
			v.err = err
		}
		return unavailable(err)
	}
	v.session = session
	return nil
}

// present reads the user, where users are stored.
func (s *Site) present(c echo.Context) error {
	if s.Users == nil {
		return nil
	}
	_, err := s.liveUser(c)
	return err
}

// liveUser reads the session's user as they are now: there, and enabled.
func (s *Site) liveUser(c echo.Context) (auth.User, error) {
	u, err := s.Users.User(c.Request().Context(), visitOf(c).session.User.ID)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return auth.User{}, auth.ErrRevoked
	case err != nil:
		return auth.User{}, unavailable(err)
	case u.Disabled:
		return auth.User{}, auth.ErrDisabled
	}
	return u, nil
}

// askAgain refuses, and on a page offers to prove again who one is and then to
// come back. What was about to be done has to be begun again.
func (s *Site) askAgain(c echo.Context) error {
	if isAPI(c) {
		return errNotFresh
	}
	next := accountPath
	if c.Request().Method == http.MethodGet {
		next = c.Request().URL.RequestURI()
	}
	proof, err := s.proof(c, next)
	if err != nil {
		return err
	}
	p := s.page(c.Request(), errNotFresh.Title)
	return render(c.Response(), errNotFresh.Status, views.ConfirmPage(p, proof))
}

// proof offers the ways in which this user can prove again who they are.
func (s *Site) proof(c echo.Context, next string) (views.Proof, error) {
	v := visitOf(c)
	m := views.Proof{
		Name: v.session.User.Name, Next: next, Remember: v.session.Remember,
		SignedIn: when(v.session.IssuedAt, v.manager.Now()),
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
		m.Email = a.Subject
	}
	if m.Email == "" && len(m.Providers) == 0 { // none of theirs is configured any more
		m.Providers = offers
	}
	return m, nil
}
