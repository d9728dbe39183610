package handlers

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/views"
)

// Inside takes this request's session apart: its cookie, its ends, the same facts
// under the other strategies, and what the request cost.
func (l *Lab) Inside(c echo.Context) Component {
	v := visitOf(c)
	m := views.Inside{Timeline: timeline(v.session, v.manager.Now())}
	receipt := l.receipt(v, c.Request())
	receipt.Summary = "Up to here, for the page that you are reading."
	m.Receipt = &receipt
	m.More = []views.Section{
		{ID: "tampering", Title: "Cookie workbench", Note: "alter a copy, and see whom it fools", Href: workbenchPath, Select: "#workbench"},
		{ID: "growth", Title: "How large a cookie gets", Note: "and who gives up when", Href: fmt.Sprintf("%s?bytes=%d", sizesPath, startClaim), Select: ".sizes"},
		{ID: "code", Title: "Read the source", Note: "the lines that run", Href: sourceOf(v.manager.Name), Select: "#source"},
	}
	m.Sides = l.sides(c)
	m.Guards = l.guardViews(c)
	for _, manager := range l.bench(c.Request()).Managers() {
		for _, name := range []string{auth.SessionCookie(manager.Name), auth.RefreshCookie(manager.Name)} {
			value, _ := v.jar.Get(name)
			if value == "" && name == auth.RefreshCookie(manager.Name) {
				continue
			}
			f := l.apart(c, manager.Name, name)
			if !f.Open && value != "" { // a page has no room for all of them
				f.Href, f.Payload, f.Note, f.Opaque = cookiesPath+name, nil, "", ""
			}
			m.Cookies = append(m.Cookies, f)
		}
	}
	return views.LookInside(m)
}

// guardViews tries both guards on this very request.
func (l *Lab) guardViews(c echo.Context) []views.Guard {
	asks := map[string]string{"claim": "what the session says", "live": "what the database says"}
	names := map[string]string{"claim": "RequireClaimRole", "live": "RequireLiveRole"}
	guards := l.guards()
	var out []views.Guard
	for _, name := range []string{"claim", "live"} {
		g := views.Guard{Name: names[name], Asks: asks[name], Finds: visitOf(c).session.User.Role, Cell: views.Cell{Verdict: "in", Word: "opens for an admin"}}
		if name == "live" {
			g.Finds = l.site.enrich(c, visitOf(c).session).Role
		}
		err := guards[name](func(echo.Context) error { return nil })(c)
		if err != nil {
			g.Cell = views.Cell{Verdict: "out", Word: "stays shut", Reason: problemOf(err).Code}
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
			p := l.site.page(c.Request(), "__Host-"+name)
			return render(c.Response(), http.StatusOK, views.CookiePage(p, l.apart(c, kind.Name, name)))
		}
	}
	return errNotFound
}

// apart says what a cookie of a strategy is made of, never its value.
func (l *Lab) apart(c echo.Context, strategy, name string) views.CookieFact {
	v, purpose := visitOf(c), strategy // of the seal that it would be under
	if name == auth.RefreshCookie(strategy) {
		purpose += "-refresh"
	}
	f := views.CookieFact{
		Name: "__Host-" + name, Strategy: strategy, Limit: 4096, Chunks: 1,
		Attributes: []string{"Path=/", "HttpOnly", "Secure", "SameSite=Lax", "no Domain"},
	}
	value, err := v.jar.Get(name)
	if err != nil || value == "" {
		f.Opaque = "This browser carries no such cookie."
		return f
	}
	f.Open = strategy == v.manager.Name
	f.Chunks = max(1, v.jar.Chunks(name))
	f.Bytes = len(f.Name) + len("=") + len(value)
	f.Limit *= f.Chunks
	claims, err := l.bench(c.Request()).Open(c.Request().Context(), purpose, value)
	if err != nil {
		f.Opaque = fmt.Sprintf("%d random characters. They mean nothing by themselves: the server looks them up, by their SHA-256.", len(value))
		return f
	}
	f.Payload = payload(claims, v.manager.Now())
	f.Note = sealNotes[l.bench(c.Request()).Seal()]
	return f
}

// sealNotes say who can read a sealed cookie.
var sealNotes = map[string]string{
	"securecookie": "The browser sees none of this: the value is encrypted and authenticated, and only the server has the key.",
	"jwe":          "The browser sees none of this: the value is an encrypted token (JWE), and only the server has the key.",
	"jwt":          "Whoever holds the cookie can read all of this: the value is signed (JWT), not encrypted. It cannot be altered.",
}

// payload is what a sealed value says, with what its terms mean.
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
		views.Fact{Label: "auth_time", Time: when(s.IssuedAt, now), Note: "the sign-in"},
		views.Fact{Label: "iat", Time: when(claims.IssuedAt, now), Note: "when this value was sealed"},
		views.Fact{Label: "exp", Time: when(claims.ExpiresAt, now), Note: "this value's own end"},
	)
	if !s.ExpiresAt.Equal(claims.ExpiresAt) {
		facts = append(facts, views.Fact{Label: "idle", Time: when(s.ExpiresAt, now), Note: "the session's end if unused"})
	}
	if claims.Digest != "" {
		facts = append(facts, views.Fact{Label: "digest", Value: claims.Digest[:8] + "…", Mono: true, Note: "of the secret that it is worth nothing without"})
	}
	return append(facts, views.Fact{Label: "end", Time: on(claims.EndsAt, now), Note: "the end for good, which no renewal moves"})
}

func timeline(s auth.Session, now time.Time) *views.Timeline {
	after := func(t time.Time) int { return int(t.Sub(s.IssuedAt).Seconds()) }
	t := &views.Timeline{
		Now: after(now), Idle: after(s.ExpiresAt), Absolute: after(s.EndsAt),
		NowLabel: "now", IdleLabel: "ends if unused: " + when(s.ExpiresAt, now).Text,
		AbsoluteLabel: "ends for good: " + on(s.EndsAt, now).Text,
	}
	if s.RenewAt.Before(s.EndsAt) {
		t.Refresh, t.RefreshLabel = after(s.RenewAt), "a request from here slides it: "+when(s.RenewAt, now).Text
	}
	return t
}

// sides asks every strategy about this very request and puts the answers next to
// each other.
func (l *Lab) sides(c echo.Context) *views.Sides {
	v := visitOf(c)
	sides := &views.Sides{Rows: []views.SideRow{
		{Label: "Session", Note: "public id"}, {Label: "Signed in"}, {Label: "Next refresh"}, {Label: "Ends if unused"},
		{Label: "Ends for good"}, {Label: "Role", Note: "what the session says"}, {Label: "Cookie"}, {Label: "Table reads per request"},
		{Label: "Can be ended from elsewhere"},
	}}
	for _, m := range l.bench(c.Request()).Managers() {
		session, err := v.session, error(nil)
		if m.Name != v.manager.Name {
			session, err = m.Load(c.Request().Context(), v.jar.Keeping())
		}
		kind := kindOf(m)
		column := views.SideColumn{Name: kind.Name, Gloss: kind.Gloss, Chosen: m.Name == v.manager.Name}
		column.Verdict = sideVerdict(err)
		sides.Columns = append(sides.Columns, column)
		for i, fact := range sideFacts(m, session, err, v.jar) {
			sides.Rows[i].Cells = append(sides.Rows[i].Cells, fact)
		}
	}
	return sides
}

func sideVerdict(err error) views.Cell {
	switch {
	case err == nil:
		return views.Cell{Verdict: "in"}
	case auth.Refused(err):
		return views.Cell{Verdict: "out", Reason: reasonWord(auth.Reason(err))}
	default:
		return views.Cell{Verdict: "fault"}
	}
}

func sideFacts(m *auth.Manager, s auth.Session, err error, jar *auth.Jar) []views.Fact {
	now, kind := m.Now(), kindOf(m)
	ended := views.Fact{Value: "no: it keeps no list"}
	if r, ok := m.Strategy.(auth.Revoker); ok {
		ended.Value = "yes, " + effect(r.Window())
		if _, ok := m.Strategy.(auth.Lister); !ok {
			ended.Value = "only all at once, " + effect(r.Window())
		}
	}
	facts := []views.Fact{{Value: "–"}, {Value: "–"}, {Value: "–"}, {Value: "–"}, {Value: "–"}, {Value: "–"},
		{Value: "–"}, {Value: kind.Reads, Mono: true}, ended}
	if err != nil {
		return facts
	}
	facts[0] = views.Fact{Value: s.ID, Mono: true}
	facts[1] = views.Fact{Time: when(s.IssuedAt, now)}
	facts[2] = views.Fact{Time: when(s.RenewAt, now)}
	if !s.RenewAt.Before(s.EndsAt) {
		facts[2] = views.Fact{Value: "never again"}
	}
	facts[3] = views.Fact{Time: when(s.ExpiresAt, now)}
	facts[4] = views.Fact{Time: on(s.EndsAt, now)}
	facts[5] = views.Fact{Value: s.User.Role}
	access, _ := jar.Get(auth.SessionCookie(m.Name))
	refresh, _ := jar.Get(auth.RefreshCookie(m.Name))
	facts[6] = views.Fact{Value: fmt.Sprintf("%d B", len(access)+len(refresh)), Mono: true}
	return facts
}
