package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/views"
)

// shownDevices bounds the devices that the dashboard shows; /sessions shows all.
const shownDevices = 4

const LandingTitle = "Sign-in that you can read"

// landing is the first page.
func (s *Site) landing(c echo.Context) error {
	v := VisitOf(c)
	p := s.Page(c.Request(), LandingTitle)
	p.Notice = sessionNotice(v.Err)
	if s.Extension != nil {
		return s.Extension.Landing(c, p)
	}
	kind, _ := auth.KindOf(v.Manager.Name)
	return Render(c.Response(), http.StatusOK, views.LandingPage(p, views.Landing{
		Strategy: kind.Name, Gloss: kind.Summary, SignedIn: v.SignedIn(),
		Facts: []views.Fact{
			{Label: "Sign-in", Value: "OAuth with PKCE, state and nonce; Google, GitHub and any OpenID provider by a setting"},
			{Label: "Table reads per request", Value: kind.Reads, Mono: true},
			{Label: "Sessions", Value: "GET /api/session", Mono: true, Note: "who you are, until when, as JSON"},
		},
	}))
}

// sessionNotice returns a notice for a public page that says why the request's session
// ended, or that the store is unavailable; nil if there is nothing to say.
func sessionNotice(err error) *views.Notice {
	switch reason := auth.Reason(err); {
	case err == nil || reason == "no_session":
		return nil
	case reason == "":
		return &views.Notice{Kind: "warn", Title: errStore.Title + ".", Text: errStore.Text}
	default:
		return notice("info", reason)
	}
}

// dashboard is the page "Your session".
func (s *Site) dashboard(c echo.Context) error {
	v := VisitOf(c)
	extra := s.Extra(c, v.Session)
	devices, err := s.devices(c)
	if err != nil { // still show a session that needs no store right now
		s.Log.WarnContext(c.Request().Context(), "devices not listed", "id", v.ID, "error", err)
		devices.Unlisted = "We cannot tell right now where else you are signed in: the storage does not answer."
	}
	if n := len(devices.Sessions); n > shownDevices {
		// However old, this browser is among those that are shown.
		slices.SortStableFunc(devices.Sessions, func(a, b views.Device) int {
			switch {
			case a.Current == b.Current:
				return 0
			case a.Current:
				return -1
			}
			return 1
		})
		devices.Sessions, devices.More = devices.Sessions[:shownDevices], n-shownDevices
	}
	now, kind := v.Manager.Now(), v.Manager.Kind()
	role, note := extra.Role, "asked just now"
	if role == "" {
		role, note = v.Session.User.Role, "as it was when this session was sealed"
	}
	m := views.Dashboard{
		Name: v.Session.User.Name, Email: v.Session.User.Email, Role: role, RoleNote: note,
		RememberedBy: kind.Name, Gloss: kind.Summary,
		IdleEnd: views.Relative(v.Session.ExpiresAt, now), FinalEnd: views.OnDay(v.Session.EndsAt, now),
		Facts: []views.Fact{
			{Label: "Signed in", Time: views.Relative(v.Session.IssuedAt, now), Note: v.Session.Device.Name},
			{Label: "Session", Value: v.Session.ID, Mono: true, Note: "its public id: no secret"},
		},
		Devices: devices,
	}
	if !extra.MemberSince.IsZero() {
		m.Facts = append(m.Facts, views.Fact{Label: "First sign-in", Time: views.Relative(extra.MemberSince, s.Now())})
	}
	if s.Extension != nil {
		m.Inside = s.Extension.Inside(c)
	}
	return Render(c.Response(), http.StatusOK, views.DashboardPage(s.Page(c.Request(), "Your session"), m))
}
