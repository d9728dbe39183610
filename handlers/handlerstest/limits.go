package handlerstest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// Try sends a form from an address, without a browser.
func (s *Site) Try(address, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, s.BaseURL.String()+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = address
	return s.Answer(r)
}

// Knock posts the password sign-in form directly, whether or not somebody is signed in.
func (b *Browser) Knock(email, password string) *Browser {
	b.Helper()
	return b.Post("/sign-in/password", url.Values{"email": {email}, "password": {password}})
}
