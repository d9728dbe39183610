package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestEndSession(t *testing.T) {
	w := newWorld(t)
	answer := w.object(w.post("/token", claim(w.code())), http.StatusOK)
	hint := answer["id_token"].(string)
	w.clock.Advance(time.Hour) // an expired hint is a hint

	// The same token with another audience keeps no valid signature; nor does
	// one of a provider with another key.
	head, rest, _ := strings.Cut(hint, ".")
	body, signature, _ := strings.Cut(rest, ".")
	forged := head + "." + body[:len(body)-4] + "AAAA." + signature
	other := newWorld(t)
	foreign := other.object(other.post("/token", claim(other.code())), http.StatusOK)["id_token"].(string)

	for _, tc := range []struct {
		name   string
		params url.Values
		want   int // 303 for a redirect to signedOut
	}{
		{"nothing asked", nil, 200},
		{"hint only", url.Values{"id_token_hint": {hint}}, 200},
		{"by client", url.Values{"client_id": {"sessionlab"}, "post_logout_redirect_uri": {signedOut}}, 303},
		{"by hint", url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {signedOut}}, 303},
		{"by both", url.Values{"id_token_hint": {hint}, "client_id": {"sessionlab"}, "post_logout_redirect_uri": {signedOut}}, 303},
		{"by nobody", url.Values{"post_logout_redirect_uri": {signedOut}}, 400},
		{"unknown client", url.Values{"client_id": {"nobody"}, "post_logout_redirect_uri": {signedOut}}, 400},
		{"unregistered", url.Values{"client_id": {"sessionlab"}, "post_logout_redirect_uri": {"https://evil.example/"}}, 400},
		{"registered by another", url.Values{"client_id": {"other"}, "post_logout_redirect_uri": {signedOut}}, 400},
		{"for sign-in only", url.Values{"client_id": {"sessionlab"}, "post_logout_redirect_uri": {callback}}, 400},
		{"hint of another client", url.Values{"client_id": {"other"}, "id_token_hint": {hint}, "post_logout_redirect_uri": {signedOut}}, 400},
		{"forged hint", url.Values{"client_id": {"sessionlab"}, "id_token_hint": {forged}, "post_logout_redirect_uri": {signedOut}}, 400},
		{"foreign hint", url.Values{"id_token_hint": {foreign}, "post_logout_redirect_uri": {signedOut}}, 400},
		{"unsigned hint", url.Values{"id_token_hint": {"eyJhbGciOiJub25lIn0." + body + "."}, "post_logout_redirect_uri": {signedOut}}, 400},
		{"no token", url.Values{"id_token_hint": {"x"}}, 400},
		{"twice", url.Values{"client_id": {"sessionlab", "sessionlab"}}, 400},
		{"long state", url.Values{"client_id": {"sessionlab"}, "post_logout_redirect_uri": {signedOut}, "state": {strings.Repeat("x", 513)}}, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, res := range []*http.Response{w.get("/end-session", tc.params), w.post("/end-session", tc.params)} {
				if tc.want != http.StatusSeeOther {
					w.refused(res, tc.want)
					continue
				}
				if back := w.sentTo(res, signedOut); len(back) != 0 {
					t.Errorf("sent back with %v", back)
				}
			}
		})
	}

	back := w.sentTo(w.get("/end-session", url.Values{
		"client_id": {"sessionlab"}, "post_logout_redirect_uri": {signedOut}, "state": {"a&b"},
	}), signedOut)
	if back.Get("state") != "a&b" || len(back) != 1 {
		t.Errorf("sent back with %v, want the state alone", back)
	}
}

func TestMalformedEndSession(t *testing.T) {
	w := newWorld(t)
	r := w.form("/end-session", nil)
	r.Method, r.URL.RawQuery = "GET", "state=%zz"
	w.refused(w.do(r), http.StatusBadRequest)
	w.refused(w.post("/end-session", url.Values{"state": {strings.Repeat("x", 64<<10)}}), http.StatusRequestEntityTooLarge)
}
