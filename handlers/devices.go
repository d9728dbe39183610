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

// sessions lists where the user is signed in, or says honestly that nobody knows.
func (s *Site) sessions(c echo.Context) error {
	devices, err := s.devices(c)
	if err != nil {
		return err
	}
	p := s.page(c.Request(), "Devices")
	if done := c.QueryParam("ended"); done != "" {
		p.Notice = &views.Notice{Kind: "done", Text: endedText(done, devices.Effect)}
	}
	return render(c.Response(), http.StatusOK, views.DevicesPage(p, devices))
}

func endedText(which, effect string) string {
	if which == "others" {
		return "All other sessions were ended. That takes effect " + effect + "."
	}
	return "That session was ended. It takes effect " + effect + "."
}

func (s *Site) devices(c echo.Context) (views.Devices, error) {
	v := visitOf(c)
	now := v.manager.Now()
	m := views.Devices{RememberedBy: v.manager.Name, ValidUntil: on(v.session.EndsAt, now)}
	if r, ok := v.manager.Strategy.(auth.Revoker); ok {
		m.CanEndAll, m.Effect = true, effect(r.Window())
	}
	lister, ok := v.manager.Strategy.(auth.Lister)
	if !ok {
		m.Unlisted = "This strategy keeps no list, so it cannot end a session it is not shown. This one ends by " +
			strings.TrimPrefix(m.ValidUntil.Text, "on ") + "."
		if m.CanEndAll {
			m.Unlisted = "This strategy keeps no list, so it cannot end one session that it is not shown, only all of yours at once. This one ends by " +
				strings.TrimPrefix(m.ValidUntil.Text, "on ") + "."
		}
		return m, nil
	}
	list, err := lister.Sessions(c.Request().Context(), v.session.User.ID)
	if err != nil {
		return m, unavailable(err)
	}
	for _, session := range list {
		browser, system, _ := strings.Cut(session.Device.Name, " on ")
		m.Sessions = append(m.Sessions, views.Device{
			ID: session.ID, Kind: deviceKind(browser, system), Browser: browser, System: system,
			SignedIn: when(session.IssuedAt, now), Ends: when(session.ExpiresAt, now), Current: session.ID == v.session.ID,
		})
	}
	return m, nil
}

func effect(window time.Duration) string {
	if window == 0 {
		return "at once"
	}
	return "within " + long(window)
}

// revokeOne, revokeOthers and revokeAll serve the page and the API alike: what
// differs is only how the answer is told.
func (s *Site) revokeOne(c echo.Context) error {
	v := visitOf(c)
	id := c.Param("id")
	n, err := s.revoke(c, auth.Target{UserID: v.session.User.ID, SessionID: id})
	if err != nil {
		return err
	}
	if n == 0 {
		return errUnknownSession
	}
	if id == v.session.ID {
		return s.endedHere(c, n)
	}
	return s.ended(c, n, "/sessions?ended=one")
}

func (s *Site) revokeOthers(c echo.Context) error {
	v := visitOf(c)
	n, err := s.revoke(c, auth.Target{UserID: v.session.User.ID, Except: v.session.ID})
	if err != nil {
		return err
	}
	return s.ended(c, n, "/sessions?ended=others")
}

func (s *Site) revokeAll(c echo.Context) error {
	n, err := s.revoke(c, auth.Target{UserID: visitOf(c).session.User.ID})
	if err != nil {
		return err
	}
	return s.endedHere(c, n)
}

func (s *Site) revoke(c echo.Context, t auth.Target) (int, error) {
	v := visitOf(c)
	r, ok := v.manager.Strategy.(auth.Revoker)
	if !ok {
		return 0, notRevocable(v.session, v.manager.Now())
	}
	n, err := r.Revoke(c.Request().Context(), t)
	switch {
	case errors.Is(err, auth.ErrNotRevocable):
		return 0, notRevocable(v.session, v.manager.Now())
	case err != nil:
		return 0, unavailable(err)
	}
	s.Log.InfoContext(c.Request().Context(), "revoke", "id", v.id, "strategy", v.manager.Name, "sessions", n)
	return n, nil
}

func notRevocable(session auth.Session, now time.Time) *Problem {
	return &Problem{
		Status: 400, Code: "not_revocable", Title: "This session cannot be ended from afar",
		Text: "This strategy remembers nothing on the server, so it cannot end a session it is not shown. It ends by " +
			strings.TrimPrefix(on(session.EndsAt, now).Text, "on ") + ".",
		ValidUntil: session.EndsAt,
	}
}

// ended tells how many sessions were revoked, and by when that holds.
func (s *Site) ended(c echo.Context, n int, page string) error {
	if !isAPI(c) {
		return c.Redirect(http.StatusSeeOther, page)
	}
	answer := struct {
		Revoked *int    `json:"revoked"`
		Within  float64 `json:"effectiveWithinSeconds"`
	}{Within: visitOf(c).manager.Strategy.(auth.Revoker).Window().Seconds()}
	if n >= 0 {
		answer.Revoked = &n
	}
	return renderJSON(c, answer)
}

// endedHere also signs this browser out, because its own session is among the
// revoked.
func (s *Site) endedHere(c echo.Context, n int) error {
	if err := s.forget(c, visitOf(c).manager); err != nil {
		return err
	}
	return s.ended(c, n, "/sign-in?reason=signed_out")
}

func isAPI(c echo.Context) bool { return strings.HasPrefix(c.Request().URL.Path, "/api/") }
