package labpages

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

// Inside shows the details of the request's session: its cookies, its expiry times, the
// same facts under the other strategies, and the cost of the request.
func (l *Lab) Inside(c echo.Context) handlers.Component {
	v := handlers.VisitOf(c)
	m := labviews.Inside{Timeline: timeline(v.Session, v.Manager.Now())}
	receipt := l.receipt(v, c.Request())
	receipt.Summary = "Up to here, for the page that you are reading."
	m.Receipt = &receipt
	m.More = []labviews.Section{
		{ID: "tampering", Title: "Cookie workbench", Note: "alter a copy, and see whom it fools", Href: workbenchPath, Select: "#workbench"},
		{ID: "growth", Title: "How large a cookie gets", Note: "and who gives up when", Href: fmt.Sprintf("%s?bytes=%d", sizesPath, startClaim), Select: ".sizes"},
		{ID: "code", Title: "Read the source", Note: "the lines that run", Href: sourceOf(v.Manager.Name), Select: "#source"},
	}
	m.Sides = l.sides(c)
	m.Guards = l.guardViews(c)
	for _, manager := range l.bench(c.Request()).Managers() {
		for _, name := range []string{auth.SessionCookie(manager.Name), auth.RefreshCookie(manager.Name)} {
			value, _ := v.Jar.Get(name)
			if value == "" && name == auth.RefreshCookie(manager.Name) {
				continue
			}
			f := l.cookieFact(c, manager.Name, name)
			if !f.Open && value != "" { // a page has no room for all of them
				f.Href, f.Payload, f.Note, f.Opaque = cookiesPath+name, nil, "", ""
			}
			m.Cookies = append(m.Cookies, f)
		}
	}
	return labviews.LookInside(m)
}

// guardViews tries both guards on this very request.
func (l *Lab) guardViews(c echo.Context) []labviews.Guard {
	asks := map[string]string{"claim": "what the session says", "live": "what the database says"}
	names := map[string]string{"claim": "RequireClaimRole", "live": "RequireLiveRole"}
	guards := l.guards()
	var out []labviews.Guard
	for _, name := range []string{"claim", "live"} {
		g := labviews.Guard{Name: names[name], Asks: asks[name], Finds: handlers.VisitOf(c).Session.User.Role, Cell: labviews.Cell{Verdict: "in", Word: "opens for an admin"}}
		if name == "live" {
			g.Finds = l.site.Extra(c, handlers.VisitOf(c).Session).Role
		}
		err := guards[name](func(echo.Context) error { return nil })(c)
		if err != nil {
			g.Cell = labviews.Cell{Verdict: "out", Word: "stays shut", Reason: handlers.ProblemOf(err).Code}
		}
		out = append(out, g)
	}
	return out
}

const cookiesPath = "/workbench/cookies/"

// cookie is the page of one cookie.
func (l *Lab) cookie(c echo.Context) error {
	for _, kind := range auth.Kinds() {
		if name := c.Param("name"); name == auth.SessionCookie(kind.Name) || name == auth.RefreshCookie(kind.Name) {
			p := l.site.Page(c.Request(), "__Host-"+name)
			return handlers.Render(c.Response(), http.StatusOK, labviews.CookiePage(p, l.cookieFact(c, kind.Name, name)))
		}
	}
	return handlers.ErrNotFound
}

// cookieFact returns the decoded contents of a cookie, never its raw value.
func (l *Lab) cookieFact(c echo.Context, strategy, name string) labviews.CookieFact {
	v, purpose := handlers.VisitOf(c), strategy // of the seal that it would be under
	if name == auth.RefreshCookie(strategy) {
		purpose += "-refresh"
	}
	f := labviews.CookieFact{
		Name: "__Host-" + name, Strategy: strategy, Limit: 4096, Chunks: 1,
		Attributes: []string{"Path=/", "HttpOnly", "Secure", "SameSite=Lax", "no Domain"},
	}
	value, err := v.Jar.Get(name)
	if err != nil || value == "" {
		f.Opaque = "This browser carries no such cookie."
		return f
	}
	f.Open = strategy == v.Manager.Name
	f.Chunks = max(1, v.Jar.Chunks(name))
	f.Bytes = len(f.Name) + len("=") + len(value)
	f.Limit *= f.Chunks
	claims, err := l.bench(c.Request()).Open(c.Request().Context(), purpose, value)
	if err != nil {
		f.Opaque = fmt.Sprintf("%d random characters. They mean nothing by themselves: the server looks them up, by their SHA-256.", len(value))
		return f
	}
	f.Payload = payload(claims, v.Manager.Now())
	f.Note = sealNotes[l.bench(c.Request()).Seal()]
	return f
}

// sealNotes say who can read a sealed cookie.
var sealNotes = map[string]string{
	"securecookie": "The browser sees none of this: the value is encrypted and authenticated, and only the server has the key.",
	"jwe":          "The browser sees none of this: the value is an encrypted token (JWE), and only the server has the key.",
	"jwt":          "Whoever holds the cookie can read all of this: the value is signed (JWT), not encrypted. It cannot be altered.",
}

// payload returns the contents of a sealed value, with the meaning of its terms.
func payload(claims auth.Claims, now time.Time) []views.Fact {
	s := claims.Session
	facts := []views.Fact{
		{Label: "sid", Value: s.ID, Mono: true, Note: "the session's public id"},
		{Label: "sub", Value: s.User.ID, Mono: true, Note: "who: derived from issuer and subject"},
	}
	if s.User.Name != "" {
		facts = append(facts, views.Fact{Label: "name", Value: s.User.Name}, views.Fact{Label: "email", Value: s.User.Email},
			views.Fact{Label: "role", Value: s.User.Role, Note: "a copy, as old as this value"})
	}
	facts = append(facts,
		views.Fact{Label: "auth_time", Time: views.Relative(s.IssuedAt, now), Note: "the sign-in"},
		views.Fact{Label: "iat", Time: views.Relative(claims.IssuedAt, now), Note: "when this value was sealed"},
		views.Fact{Label: "exp", Time: views.Relative(claims.ExpiresAt, now), Note: "this value's own end"},
	)
	if !s.ExpiresAt.Equal(claims.ExpiresAt) {
		facts = append(facts, views.Fact{Label: "idle", Time: views.Relative(s.ExpiresAt, now), Note: "the session's end if unused"})
	}
	if claims.Digest != "" {
		facts = append(facts, views.Fact{Label: "digest", Value: claims.Digest[:8] + "…", Mono: true, Note: "of the secret that it is worth nothing without"})
	}
	return append(facts, views.Fact{Label: "end", Time: views.OnDay(claims.EndsAt, now), Note: "the end for good, which no renewal moves"})
}

func timeline(s auth.Session, now time.Time) *labviews.Timeline {
	after := func(t time.Time) int { return int(t.Sub(s.IssuedAt).Seconds()) }
	t := &labviews.Timeline{
		Now: after(now), Idle: after(s.ExpiresAt), Absolute: after(s.EndsAt),
		NowLabel: "now", IdleLabel: "ends if unused: " + views.Relative(s.ExpiresAt, now).Text,
		AbsoluteLabel: "ends for good: " + views.OnDay(s.EndsAt, now).Text,
	}
	if s.RenewAt.Before(s.EndsAt) {
		t.Refresh, t.RefreshLabel = after(s.RenewAt), "a request from here slides it: "+views.Relative(s.RenewAt, now).Text
	}
	return t
}

// sides loads the request's session under every strategy and returns the results side by
// side.
func (l *Lab) sides(c echo.Context) *labviews.Sides {
	v := handlers.VisitOf(c)
	sides := &labviews.Sides{Rows: []labviews.SideRow{
		{Label: "Session", Note: "public id"}, {Label: "Signed in"}, {Label: "Next refresh"}, {Label: "Ends if unused"},
		{Label: "Ends for good"}, {Label: "Role", Note: "what the session says"}, {Label: "Cookie"}, {Label: "Table reads per request"},
		{Label: "Can be ended from elsewhere"},
	}}
	for _, m := range l.bench(c.Request()).Managers() {
		session, err := v.Session, error(nil)
		if m.Name != v.Manager.Name {
			session, err = m.Load(c.Request().Context(), v.Jar.WithoutClear())
		}
		kind := m.Kind()
		column := labviews.SideColumn{Name: kind.Name, Gloss: kind.Summary, Chosen: m.Name == v.Manager.Name}
		column.Verdict = sideVerdict(err)
		sides.Columns = append(sides.Columns, column)
		for i, fact := range sideFacts(m, session, err, v.Jar) {
			sides.Rows[i].Cells = append(sides.Rows[i].Cells, fact)
		}
	}
	return sides
}

func sideVerdict(err error) labviews.Cell {
	switch {
	case err == nil:
		return labviews.Cell{Verdict: "in"}
	case auth.Refused(err):
		return labviews.Cell{Verdict: "out", Reason: reasonWord(auth.Reason(err))}
	default:
		return labviews.Cell{Verdict: "fault"}
	}
}

func sideFacts(m *auth.Manager, s auth.Session, err error, jar *auth.Jar) []views.Fact {
	now, kind := m.Now(), m.Kind()
	ended := views.Fact{Value: "no: it keeps no list"}
	if r, ok := m.Strategy.(auth.Revoker); ok {
		ended.Value = "yes, " + views.Within(r.Window())
		if _, ok := m.Strategy.(auth.Lister); !ok {
			ended.Value = "only all of them together, " + views.Within(r.Window())
		}
	}
	facts := []views.Fact{{Value: "–"}, {Value: "–"}, {Value: "–"}, {Value: "–"}, {Value: "–"}, {Value: "–"},
		{Value: "–"}, {Value: kind.Reads, Mono: true}, ended}
	if err != nil {
		return facts
	}
	facts[0] = views.Fact{Value: s.ID, Mono: true}
	facts[1] = views.Fact{Time: views.Relative(s.IssuedAt, now)}
	facts[2] = views.Fact{Time: views.Relative(s.RenewAt, now)}
	if !s.RenewAt.Before(s.EndsAt) {
		facts[2] = views.Fact{Value: "never again"}
	}
	facts[3] = views.Fact{Time: views.Relative(s.ExpiresAt, now)}
	facts[4] = views.Fact{Time: views.OnDay(s.EndsAt, now)}
	facts[5] = views.Fact{Value: s.User.Role}
	access, _ := jar.Get(auth.SessionCookie(m.Name))
	refresh, _ := jar.Get(auth.RefreshCookie(m.Name))
	facts[6] = views.Fact{Value: fmt.Sprintf("%d B", len(access)+len(refresh)), Mono: true}
	return facts
}
