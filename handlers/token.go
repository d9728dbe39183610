package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

var errNoAccessToken = &Problem{Status: 400, Code: "no_access_token", Title: "No access token", Text: "Only pair and rotation have access tokens, and only a session from cookies can get one."}

// apiToken hands the access token of the browser's session to a script, which
// keeps it in memory and shows it as a bearer token. A stale one is renewed
// first, so a client whose token has run out comes here again and goes on.
func (s *Site) apiToken(c echo.Context) error {
	v := VisitOf(c)
	if _, ok := v.Manager.Strategy.(auth.Bearer); !ok {
		return errNoAccessToken
	}
	value, err := v.Jar.Current(auth.SessionCookie(v.Manager.Name))
	if err != nil || v.Bearer != "" {
		return errNoAccessToken // a bearer token cannot be exchanged for another
	}
	return RenderJSON(c, struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"` // seconds
	}{value, "Bearer", int(v.Session.RenewAt.Sub(v.Manager.Now()).Seconds())})
}

// bearerToken returns the token of an Authorization header (RFC 6750 §2.1). It is read
// only under /api/; pages use cookies.
func bearerToken(r *http.Request) (token string, found bool) {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		return "", false
	}
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if len(values) > 1 {
		token = "" // ambiguous, so reject all of them
	}
	return strings.Trim(token, " "), strings.EqualFold(scheme, "Bearer")
}

// loadBearer loads the session of a bearer token into v. Cookies in the same request are
// ignored.
func (s *Site) loadBearer(v *Visit, r *http.Request, token string) {
	v.Bearer, v.Err = token, auth.ErrInvalid
	named := r.URL.Query().Has("strategy")
	for _, m := range s.Managers(r) {
		if _, ok := m.Strategy.(auth.Bearer); !ok || named && m.Name != v.Manager.Name {
			continue
		}
		v.Manager = m
		if v.Session, v.Err = m.LoadBearer(r.Context(), token); auth.Reason(v.Err) != "invalid" {
			return
		}
	}
}
