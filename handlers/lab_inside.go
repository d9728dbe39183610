package handlers

import (
	"fmt"
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
	m.Receipt = &views.Receipt{
		Summary:  "Up to here, for the page that you are reading.",
		CookieIn: v.jar.Bytes(), Reads: v.receipt.Count("read"), Writes: v.receipt.Count("write"),
		Micros: int(l.site.Now().Sub(v.began).Microseconds()), Steps: stepViews(v.receipt.Steps()),
	}
	m.Sides = l.sides(c)
	for _, manager := range l.Bench.Managers() {
		m.Cookies = append(m.Cookies, l.apart(c, manager))
	}
	return views.LookInside(m)
}

// apart says what the cookie of a strategy is made of, never its value.
func (l *Lab) apart(c echo.Context, m *auth.Manager) views.CookieFact {
	v, name := visitOf(c), auth.SessionCookie(m.Name)
	f := views.CookieFact{
		Name: "__Host-" + name, Strategy: m.Name, Limit: 4096, Chunks: 1,
		Attributes: []string{"Path=/", "HttpOnly", "Secure", "SameSite=Lax", "no Domain"},
	}
	value, err := v.jar.Get(name)
	if err != nil || value == "" {
		f.Opaque = "This browser carries no cookie of this strategy."
		return f
	}
	f.Bytes = len(f.Name) + 1 + len(value)
	claims, err := l.Bench.Open(c.Request().Context(), m.Name, value)
	if err != nil {
		f.Opaque = fmt.Sprintf("%d random characters. They mean nothing by themselves: the server looks them up, by their SHA-256.", len(value))
		return f
	}
	now, s := m.Now(), claims.Session
	f.Payload = []views.Fact{
		{Label: "sid", Value: s.ID, Mono: true, Note: "the session's public id"},
		{Label: "sub", Value: s.User.ID, Mono: true, Note: "who: derived from issuer and subject"},
		{Label: "name", Value: s.User.Name}, {Label: "email", Value: s.User.Email},
		{Label: "role", Value: s.User.Role, Note: "as it was at the sign-in"},
		{Label: "auth_time", Time: when(s.IssuedAt, now), Note: "the sign-in"},
		{Label: "iat", Time: when(claims.IssuedAt, now), Note: "when this cookie was sealed"},
		{Label: "exp", Time: when(claims.ExpiresAt, now), Note: "the end if unused"},
		{Label: "end", Time: on(claims.EndsAt, now), Note: "the end for good, which no renewal moves"},
	}
	f.Note = "The browser sees none of this: the value is encrypted and authenticated, and only the server has the key."
	return f
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
	for _, m := range l.Bench.Managers() {
		session, err := v.session, error(nil)
		if m.Name != v.manager.Name {
			session, err = m.Load(c.Request().Context(), v.jar)
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
	value, _ := jar.Get(auth.SessionCookie(m.Name))
	facts[6] = views.Fact{Value: fmt.Sprintf("%d B", len(value)), Mono: true}
	return facts
}
