package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/views"
)

// shownDevices is how many devices the dashboard shows; /sessions shows all.
const shownDevices = 4

const landingTitle = "Sign-in that you can read"

// landing is the first page.
func (s *Site) landing(c echo.Context) error {
	v := visitOf(c)
	p := s.page(c.Request(), landingTitle)
	p.Notice = farewell(v.err)
	if s.Extension != nil {
		return s.Extension.Landing(c, p)
	}
	kind, _ := auth.KindOf(v.manager.Name)
	return render(c.Response(), http.StatusOK, views.LandingPage(p, views.Landing{
		Strategy: kind.Name, Gloss: kind.Gloss, SignedIn: v.signedIn(),
		Facts: []views.Fact{
			{Label: "Sign-in", Value: "OAuth with PKCE, state and nonce; Google, GitHub and any OpenID provider by a setting"},
			{Label: "Table reads per request", Value: kind.Reads, Mono: true},
			{Label: "Sessions", Value: "GET /api/session", Mono: true, Note: "who you are, until when, as JSON"},
		},
	}))
}

// farewell says on an open page why the session that came with the request is
// over, or that nobody can tell; nil when there is nothing to say.
func farewell(err error) *views.Notice {
	switch reason := auth.Reason(err); {
	case err == nil || reason == "no_session":
		return nil
	case reason == "":
		return &views.Notice{Kind: "warn", Title: errStore.Title + ".", Text: errStore.Text}
	default:
		words := refusals[reason]
		return &views.Notice{Kind: "info", Title: words.title + ".", Text: words.text}
	}
}

// dashboard is the page "Your session".
func (s *Site) dashboard(c echo.Context) error {
	v := visitOf(c)
	extra := s.enrich(c, v.session)
	devices, err := s.devices(c)
	if err != nil { // a session that needs no store at this moment is shown all the same
		s.Log.WarnContext(c.Request().Context(), "devices not listed", "id", v.id, "error", err)
		devices.Unlisted = "Nobody can tell at this moment where else you are signed in: the storage does not answer."
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
	now, kind := v.manager.Now(), kindOf(v.manager)
	role, note := extra.Role, "asked just now"
	if role == "" {
		role, note = v.session.User.Role, "as it was when this session was sealed"
	}
	m := views.Dashboard{
		Name: v.session.User.Name, Email: v.session.User.Email, Role: role, RoleNote: note,
		RememberedBy: kind.Name, Gloss: kind.Gloss,
		IdleEnd: when(v.session.ExpiresAt, now), FinalEnd: on(v.session.EndsAt, now),
		Facts: []views.Fact{
			{Label: "Signed in", Time: when(v.session.IssuedAt, now), Note: v.session.Device.Name},
			{Label: "Session", Value: v.session.ID, Mono: true, Note: "its public id: no secret"},
		},
		Devices: devices,
	}
	if !extra.MemberSince.IsZero() {
		m.Facts = append(m.Facts, views.Fact{Label: "First sign-in", Time: when(extra.MemberSince, s.Now())})
	}
	if s.Extension != nil {
		m.Inside = s.Extension.Inside(c)
	}
	return render(c.Response(), http.StatusOK, views.DashboardPage(s.page(c.Request(), "Your session"), m))
}

func kindOf(m *auth.Manager) auth.Kind {
	kind, _ := auth.KindOf(m.Name)
	return kind
}
