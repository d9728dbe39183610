package handlerstest

import "net/http/httptest"

// Bearer asks the API with a token and without cookies.
func (s *Site) Bearer(path, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", LocalURL+path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return s.Answer(r)
}
