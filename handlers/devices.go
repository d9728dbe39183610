package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/views"
)

// sessions lists the user's sessions, or says that the strategy keeps no list.
func (s *Site) sessions(c echo.Context) error {
	devices, err := s.devices(c)
	if err != nil {
		return err
	}
	current := func(d views.Device) bool { return d.Current }
	listed := devices.Unlisted != "" || slices.ContainsFunc(devices.Sessions, current)
	if err := s.confirmUnlisted(c, listed); err != nil {
		return err
	}
	p := s.Page(c.Request(), "Devices")
	if done := c.QueryParam("ended"); done != "" {
		p.Notice = &views.Notice{Kind: "done", Text: endedText(done, devices.Effect)}
	}
	return Render(c.Response(), http.StatusOK, views.DevicesPage(p, devices))
}

// confirmUnlisted checks the current session with the server if it is missing from the
// list of sessions, because then it may have been revoked.
func (s *Site) confirmUnlisted(c echo.Context, listed bool) error {
	if listed {
		return nil
	}
	return s.confirm(c)
}

func endedText(which, effect string) string {
	if which == "others" {
		return "All other sessions were ended. That takes effect " + effect + "."
	}
	return "That session was ended. It takes effect " + effect + "."
}

func (s *Site) devices(c echo.Context) (views.Devices, error) {
	v := VisitOf(c)
	now := v.Manager.Now()
	m := views.Devices{RememberedBy: v.Manager.Name, ValidUntil: views.OnDay(v.Session.EndsAt, now)}
	if r, ok := v.Manager.Strategy.(auth.Revoker); ok {
		m.CanEndAll, m.Effect = true, views.Within(r.Window())
	}
	lister, ok := v.Manager.Strategy.(auth.Lister)
	if !ok {
		m.Unlisted = "This strategy keeps no list, so it cannot end a session it is not shown. This one ends by " +
			strings.TrimPrefix(m.ValidUntil.Text, "on ") + "."
		if m.CanEndAll {
			m.Unlisted = "This strategy keeps no list, so it cannot end one session that it is not shown, only all of yours at once. This one ends by " +
				strings.TrimPrefix(m.ValidUntil.Text, "on ") + "."
		}
		return m, nil
	}
	list, err := lister.Sessions(c.Request().Context(), v.Session.User.ID)
	if err != nil {
		return m, Unavailable(err)
	}
	for _, session := range list {
		browser, system, _ := strings.Cut(session.Device.Name, " on ")
		m.Sessions = append(m.Sessions, views.Device{
			ID: session.ID, Kind: auth.DeviceKind(browser, system), Browser: browser, System: system,
			SignedIn: views.Relative(session.IssuedAt, now), Ends: views.Relative(session.ExpiresAt, now), Current: session.ID == v.Session.ID,
		})
	}
	return m, nil
}

// revokeOne, revokeOthers and revokeAll serve the page and the API alike: only the form
// of the response differs.
func (s *Site) revokeOne(c echo.Context) error {
	v := VisitOf(c)
	id := c.Param("id")
	if id == "" {
		return errNoSessionID
	}
	n, err := s.revoke(c, auth.Target{UserID: v.Session.User.ID, SessionID: id})
	if err != nil {
		return err
	}
	if n == 0 {
		return errUnknownSession
	}
	if id == v.Session.ID {
		return s.endedHere(c, n)
	}
	return s.ended(c, n, "/sessions?ended=one")
}

func (s *Site) revokeOthers(c echo.Context) error {
	v := VisitOf(c)
	n, err := s.revoke(c, auth.Target{UserID: v.Session.User.ID, Except: v.Session.ID})
	if err != nil {
		return err
	}
	return s.ended(c, n, "/sessions?ended=others")
}

func (s *Site) revokeAll(c echo.Context) error {
	v := VisitOf(c)
	n, err := s.revoke(c, auth.Target{UserID: v.Session.User.ID, All: true, Known: v.Session.ID})
	if err != nil {
		return err
	}
	return s.endedHere(c, n)
}

func (s *Site) revoke(c echo.Context, t auth.Target) (int, error) {
	v := VisitOf(c)
	r, ok := v.Manager.Strategy.(auth.Revoker)
	if !ok {
		return 0, notRevocable(v.Session, v.Manager.Now())
	}
	n, err := r.Revoke(c.Request().Context(), t)
	switch {
	case errors.Is(err, auth.ErrNotRevocable):
		return 0, notRevocable(v.Session, v.Manager.Now())
	case err != nil:
		return 0, Unavailable(err)
	}
	s.Log.InfoContext(c.Request().Context(), "revoke", "id", v.ID, "strategy", v.Manager.Name, "sessions", n)
	return n, nil
}

func notRevocable(session auth.Session, now time.Time) *Problem {
	return &Problem{
		Status: 400, Code: "not_revocable", Title: "This session cannot be ended from afar",
		Text: "This strategy remembers nothing on the server, so it cannot end a session it is not shown. It ends by " +
			strings.TrimPrefix(views.OnDay(session.EndsAt, now).Text, "on ") + ".",
		ValidUntil: session.EndsAt,
	}
}

// ended responds after a revocation: a redirect to page, or for the API the number of
// revoked sessions and the delay until that takes effect.
func (s *Site) ended(c echo.Context, n int, page string) error {
	if !isAPI(c) {
		return c.Redirect(http.StatusSeeOther, page)
	}
	answer := struct {
		Revoked *int    `json:"revoked"`
		Within  float64 `json:"effectiveWithinSeconds"`
	}{Within: VisitOf(c).Manager.Strategy.(auth.Revoker).Window().Seconds()}
	if n >= 0 {
		answer.Revoked = &n
	}
	return RenderJSON(c, answer)
}

// endedHere also signs this browser out, because its own session is among the
// revoked.
func (s *Site) endedHere(c echo.Context, n int) error {
	if err := s.forget(c, VisitOf(c).Manager); err != nil {
		return err
	}
	return s.ended(c, n, "/sign-in?reason=signed_out")
}
