package handlers_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

// apiClient is an example of a script that calls the API of a site under `pair`
// or `rotation`. It keeps the access token in memory and nowhere else: not in
// local storage, not in a file. What outlives it is the browser's refresh cookie,
// which no script can read.
//
// A call that comes back with 401 gets a new token and is made once more. That is
// all it takes to survive the quarter of an hour that a token lives.
type apiClient struct {
	token string

	// exchange is POST /api/token with the browser's cookies: in a page,
	// fetch("/api/token", {method: "POST"}).
	exchange func() *http.Response
	// call makes a request; in a page, fetch with an Authorization header.
	call func(*http.Request) *http.Response
}

var errSignedOut = errors.New("signed out: send the person to /sign-in")

func (c *apiClient) get(path string) (*http.Response, error) {
	for range 2 {
		if c.token != "" {
			r := httptest.NewRequest(http.MethodGet, handlerstest.LocalURL+path, nil)
			r.Header.Set("Authorization", "Bearer "+c.token)
			if resp := c.call(r); resp.StatusCode != http.StatusUnauthorized {
				return resp, nil
			}
		}
		var answer struct {
			AccessToken string `json:"access_token"`
			ExpiresIn   int    `json:"expires_in"` // seconds; a client need not count them
		}
		resp := c.exchange()
		if resp.StatusCode != http.StatusOK {
			return nil, errSignedOut
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			return nil, err
		}
		c.token = answer.AccessToken
	}
	return nil, errSignedOut
}

func TestClientSurvivesExpiry(t *testing.T) {
	for _, strategy := range []string{"pair", "rotation"} {
		s := handlerstest.NewSite(t, strategy)
		laptop := handlerstest.NewBrowser(t, s).SignIn("ada")
		client := &apiClient{
			exchange: func() *http.Response { return laptop.Request("POST", "/api/token", nil, "same-origin").Result() },
			call:     func(r *http.Request) *http.Response { return s.Answer(r).Result() }, // no cookies
		}
		for hour := range 5 {
			resp, err := client.get("/api/user")
			if err != nil {
				t.Fatalf("%s, hour %d: %v", strategy, hour, err)
			}
			if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || len(resp.Header["Set-Cookie"]) != 0 {
				t.Errorf("%s: got %d %s, with %d cookies", strategy, resp.StatusCode, body, len(resp.Header["Set-Cookie"]))
			}
			s.Clock.Advance(time.Hour)
		}
		laptop.Get("/sessions").Press("#header-sign-out")
		s.Clock.Advance(15 * time.Minute)
		if _, err := client.get("/api/user"); !errors.Is(err, errSignedOut) {
			t.Errorf("%s: got %v, want %v", strategy, err, errSignedOut)
		}
	}
}
