package handlers

import (
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

// The JSON API. Times are RFC 3339 in UTC.

// sessionJSON holds formatted times, because encoding/json validates the output of every
// MarshalJSON call again, which costs more than all the rest of the encoding.
type sessionJSON struct {
	ID        string `json:"id"`
	IssuedAt  string `json:"issuedAt"`  // the sign-in
	RenewAt   string `json:"renewAt"`   // the next replacement of tokens; endsAt if there is none
	ExpiresAt string `json:"expiresAt"` // the end if unused
	EndsAt    string `json:"endsAt"`    // the absolute end
	Remember  bool   `json:"remember"`
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

type userJSON struct {
	ID      string `json:"id"`
	Email   string `json:"email"`
	Name    string `json:"name"`
	Picture string `json:"picture"`
	Role    string `json:"role"` // what the session says
}

type receiptJSON struct {
	Reads       int   `json:"reads"`
	Writes      int   `json:"writes"`
	Micros      int64 `json:"micros"`
	CookieBytes int   `json:"cookieBytes"`
}

func (s *Site) apiSession(c echo.Context) error {
	v := VisitOf(c)
	receipt := s.receipt(v) // before the extra reads, which are not the session's
	extra := s.Extra(c, v.Session)
	return RenderJSON(c, struct {
		Strategy string      `json:"strategy"`
		Session  sessionJSON `json:"session"`
		User     userJSON    `json:"user"`
		Extra    Extra       `json:"extra"`
		Receipt  receiptJSON `json:"receipt"`
	}{
		v.Manager.Name,
		sessionJSON{
			v.Session.ID, formatTime(v.Session.IssuedAt), formatTime(v.Session.RenewAt),
			formatTime(v.Session.ExpiresAt), formatTime(v.Session.EndsAt), v.Session.Remember,
		},
		toJSON(v.Session.User), extra, receipt,
	})
}

func (s *Site) receipt(v *Visit) receiptJSON {
	return receiptJSON{
		Reads: v.Receipt.Count("read"), Writes: v.Receipt.Count("write"),
		Micros: s.Now().Sub(v.Began).Microseconds(), CookieBytes: v.Jar.Bytes(),
	}
}

func (s *Site) apiUser(c echo.Context) error { return RenderJSON(c, toJSON(VisitOf(c).Session.User)) }

func toJSON(u auth.User) userJSON { return userJSON{u.ID, u.Email, u.Name, u.Picture, u.Role} }

func (s *Site) apiSessions(c echo.Context) error {
	v := VisitOf(c)
	lister, ok := v.Manager.Strategy.(auth.Lister)
	if !ok {
		return errNotListable
	}
	list, err := lister.Sessions(c.Request().Context(), v.Session.User.ID)
	if err != nil {
		return Unavailable(err)
	}
	current := func(one auth.Session) bool { return one.ID == v.Session.ID }
	if err := s.confirmUnlisted(c, slices.ContainsFunc(list, current)); err != nil {
		return err
	}
	type entry struct {
		ID        string    `json:"id"`
		Current   bool      `json:"current"`
		Device    string    `json:"device"`
		IssuedAt  time.Time `json:"issuedAt"`
		ExpiresAt time.Time `json:"expiresAt"`
	}
	answer := struct {
		Sessions []entry `json:"sessions"`
	}{make([]entry, len(list))}
	for i, one := range list {
		answer.Sessions[i] = entry{one.ID, one.ID == v.Session.ID, one.Device.Name, one.IssuedAt, one.ExpiresAt}
	}
	return RenderJSON(c, answer)
}
