package handlers

import (
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

// The JSON API. Times are RFC 3339 in UTC.

// sessionJSON has its times written out: the encoder would check each of them anew,
// which costs more than all the rest of it.
type sessionJSON struct {
	ID        string `json:"id"`
	IssuedAt  string `json:"issuedAt"`  // the sign-in
	RenewAt   string `json:"renewAt"`   // the next replacement of tokens; endsAt if there is none
	ExpiresAt string `json:"expiresAt"` // the end if unused
	EndsAt    string `json:"endsAt"`    // the absolute end
	Remember  bool   `json:"remember"`
}

func written(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

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
	v := visitOf(c)
	receipt := s.receipt(v) // before the extra reads, which are not the session's
	extra := s.enrich(c, v.session)
	return renderJSON(c, struct {
		Strategy string      `json:"strategy"`
		Session  sessionJSON `json:"session"`
		User     userJSON    `json:"user"`
		Extra    Extra       `json:"extra"`
		Receipt  receiptJSON `json:"receipt"`
	}{
		v.manager.Name,
		sessionJSON{
			v.session.ID, written(v.session.IssuedAt), written(v.session.RenewAt),
			written(v.session.ExpiresAt), written(v.session.EndsAt), v.session.Remember,
		},
		toJSON(v.session.User), extra, receipt,
	})
}

func (s *Site) receipt(v *visit) receiptJSON {
	return receiptJSON{
		Reads: v.receipt.Count("read"), Writes: v.receipt.Count("write"),
		Micros: s.Now().Sub(v.began).Microseconds(), CookieBytes: v.jar.Bytes(),
	}
}

func (s *Site) apiUser(c echo.Context) error { return renderJSON(c, toJSON(visitOf(c).session.User)) }

func toJSON(u auth.User) userJSON { return userJSON{u.ID, u.Email, u.Name, u.Picture, u.Role} }

func (s *Site) apiSessions(c echo.Context) error {
	v := visitOf(c)
	lister, ok := v.manager.Strategy.(auth.Lister)
	if !ok {
		return errNotListable
	}
	list, err := lister.Sessions(c.Request().Context(), v.session.User.ID)
	if err != nil {
		return unavailable(err)
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
		answer.Sessions[i] = entry{one.ID, one.ID == v.session.ID, one.Device.Name, one.IssuedAt, one.ExpiresAt}
	}
	return renderJSON(c, answer)
}
