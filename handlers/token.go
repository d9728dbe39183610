package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

var errNoAccessToken = &Problem{Status: 400, Code: "no_access_token", Title: "No access token", Text: "This strategy has no access token to hand out: only pair and rotation do."}

// apiToken hands the access token of the browser's session to a script, which
// keeps it in memory and shows it as a bearer token. A stale one is renewed
// first, so a client whose token has run out comes here again and goes on.
func (s *Site) apiToken(c echo.Context) error {
	v := visitOf(c)
	if _, ok := v.manager.Strategy.(auth.Bearer); !ok {
		return errNoAccessToken
	}
	value, err := v.jar.Current(auth.SessionCookie(v.manager.Name))
	if err != nil || v.bearer {
		return errNoAccessToken // a bearer token buys no other
	}
	return renderJSON(c, struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"` // seconds
	}{value, "Bearer", int(v.session.RenewAt.Sub(v.manager.Now()).Seconds())})
}

// bearerToken returns the token of an Authorization header (RFC 6750 §2.1).
// Only under /api is it looked at: pages are for browsers.
func bearerToken(r *http.Request) (token string, found bool) {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		return "", false
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// bear learns from a bearer token who asks. Cookies that came along do not count:
// a client that shows a token means that one.
func (s *Site) bear(v *visit, r *http.Request, token string) {
	v.bearer, v.err = true, auth.ErrInvalid
	named := r.URL.Query().Has("strategy")
	for _, m := range s.Managers(r) {
		if _, ok := m.Strategy.(auth.Bearer); !ok || named && m.Name != v.manager.Name {
			continue
		}
		v.manager = m
		if v.session, v.err = m.Bear(r.Context(), token); auth.Reason(v.err) != "invalid" {
			return
		}
	}
}
