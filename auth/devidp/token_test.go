package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

// asks wants UserInfo to answer the bearer of access with this status.
func (w *world) asks(access string, status int) *http.Response {
	w.t.Helper()
	r := w.form("/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+access)
	res := w.do(r)
	w.wants(res, status)
	return res
}

func (w *world) redeem(form url.Values) string {
	w.t.Helper()
	return w.object(w.post("/token", form), http.StatusOK)["access_token"].(string)
}

// notRedeemed wants a 400 with the error code.
func (w *world) notRedeemed(form url.Values, code string) {
	w.t.Helper()
	if got := w.object(w.post("/token", form), http.StatusBadRequest); got["error"] != code {
		w.t.Errorf("got %v, want %s", got, code)
	}
}

func TestReplayRevokes(t *testing.T) {
	w := newWorld(t)
	code := w.code()
	access := w.redeem(claim(code))
	bystander := w.redeem(claim(w.code()))
	w.asks(access, http.StatusOK)

	w.clock.Advance(4 * time.Minute) // a replay is noticed long after the code's own end
	w.notRedeemed(claim(code), "invalid_grant")
	w.asks(access, http.StatusUnauthorized)
	w.asks(bystander, http.StatusOK)
	w.notRedeemed(claim(code), "invalid_grant")
}

func TestCodeEndsAtSixtySeconds(t *testing.T) {
	w := newWorld(t)
	early, late := w.code(), w.code()
	w.clock.Advance(time.Minute - time.Nanosecond)
	w.redeem(claim(early))
	w.clock.Advance(time.Nanosecond)
	w.notRedeemed(claim(late), "invalid_grant")
}

func TestAccessTokenEndsAtFiveMinutes(t *testing.T) {
	w := newWorld(t)
	access := w.redeem(claim(w.code()))
	w.clock.Advance(5*time.Minute - time.Nanosecond)
	w.asks(access, http.StatusOK)
	w.clock.Advance(time.Nanosecond)
	w.asks(access, http.StatusUnauthorized)
}

func TestCodeIsBound(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change []string
		want   string
	}{
		{"unknown code", []string{"code", "AAAAAAAAAAAAAAAAAAAAAAAAAA"}, "invalid_grant"},
		{"no code", []string{"code", ""}, "invalid_grant"},
		{"no verifier", []string{"code_verifier", ""}, "invalid_grant"},
		{"wrong verifier", []string{"code_verifier", strings.Repeat("a", 43)}, "invalid_grant"},
		{"the challenge for a verifier", []string{"code_verifier", oauth2.S256ChallengeFromVerifier(verifier)}, "invalid_grant"},
		{"no redirect URI", []string{"redirect_uri", ""}, "invalid_grant"},
		{"another redirect URI", []string{"redirect_uri", "https://app.example/cb?tenant=1"}, "invalid_grant"},
		{"no grant type", []string{"grant_type", ""}, "invalid_request"},
		{"another grant type", []string{"grant_type", "refresh_token"}, "unsupported_grant_type"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.notRedeemed(claim(w.code(), tc.change...), tc.want)
		})
	}
}

func TestVerifierLength(t *testing.T) {
	for length, ok := range map[int]bool{42: false, 43: true, 128: true, 129: false} {
		w := newWorld(t)
		verifier := strings.Repeat("v", length)
		form := claim(w.code("code_challenge", oauth2.S256ChallengeFromVerifier(verifier)), "code_verifier", verifier)
		if ok {
			w.redeem(form)
		} else {
			w.notRedeemed(form, "invalid_grant")
		}
	}
}

// One wrong verifier uses a code up, so that none can be guessed.
func TestFailureSpendsTheCode(t *testing.T) {
	w := newWorld(t)
	code := w.code()
	w.notRedeemed(claim(code, "code_verifier", strings.Repeat("a", 43)), "invalid_grant")
	w.notRedeemed(claim(code), "invalid_grant")
}

// Another client can neither redeem a code nor spoil it or its token.
func TestForeignCode(t *testing.T) {
	w := newWorld(t)
	code := w.code()
	foreign := claim(code, "client_id", "other", "client_secret", "another secret")
	w.notRedeemed(foreign, "invalid_grant")
	access := w.redeem(claim(code))
	w.notRedeemed(foreign, "invalid_grant")
	w.asks(access, http.StatusOK)
}

func TestClientAuthentication(t *testing.T) {
	for _, tc := range []struct {
		name           string
		user, password string // for Basic, if there is a user
		change         []string
		want           int
		code           string
	}{
		{"post", "", "", nil, 200, ""},
		{"basic", "sessionlab", url.QueryEscape(secret), []string{"client_id", "", "client_secret", ""}, 200, ""},
		{"basic and id", "sessionlab", url.QueryEscape(secret), []string{"client_secret", ""}, 200, ""},
		{"basic, not encoded", "sessionlab", secret, []string{"client_id", "", "client_secret", ""}, 401, "invalid_client"},
		{"basic, another id", "other", "another+secret", []string{"client_secret", ""}, 401, "invalid_client"},
		{"both", "sessionlab", url.QueryEscape(secret), nil, 400, "invalid_request"},
		{"neither", "", "", []string{"client_id", "", "client_secret", ""}, 401, "invalid_client"},
		{"no secret", "", "", []string{"client_secret", ""}, 401, "invalid_client"},
		{"wrong secret", "", "", []string{"client_secret", secret + "x"}, 401, "invalid_client"},
		{"wrong secret, basic", "sessionlab", "x", []string{"client_id", "", "client_secret", ""}, 401, "invalid_client"},
		{"another's secret", "", "", []string{"client_secret", "another secret"}, 401, "invalid_client"},
		{"unknown client", "", "", []string{"client_id", "nobody"}, 401, "invalid_client"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			code := w.code()
			r := w.form("/token", claim(code, tc.change...))
			if tc.user != "" {
				r.SetBasicAuth(tc.user, tc.password)
			}
			res := w.do(r)
			got := w.object(res, tc.want)
			if tc.code == "" {
				return
			}
			if got["error"] != tc.code {
				t.Errorf("got %v, want %s", got, tc.code)
			}
			if challenged := strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Basic "); challenged != (tc.want == 401) {
				t.Errorf("challenge: got %q", res.Header.Get("WWW-Authenticate"))
			}
			w.redeem(claim(code)) // who is not the client does not spend its code
		})
	}
}

func TestOtherSchemeIsNotTheClient(t *testing.T) {
	w := newWorld(t)
	r := w.form("/token", claim(w.code()))
	r.Header.Set("Authorization", "Bearer sessionlab")
	w.object(w.do(r), http.StatusUnauthorized)
}

func TestMalformedTokenRequests(t *testing.T) {
	w := newWorld(t)
	code := w.code()
	for _, name := range []string{"grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret"} {
		form := claim(code)
		form.Add(name, form.Get(name))
		w.notRedeemed(form, "invalid_request")
	}
	r := w.form("/token", nil)
	r.URL.RawQuery = claim(code).Encode() // parameters of the URL do not count
	w.object(w.do(r), http.StatusUnauthorized)

	w.object(w.post("/token", claim(code, "code_verifier", strings.Repeat("v", 64<<10))), http.StatusRequestEntityTooLarge)
	w.redeem(claim(code))
}

func TestOneRedemptionWins(t *testing.T) {
	w := newWorld(t)
	form := claim(w.code())
	statuses := make([]int, 16)
	var wg sync.WaitGroup
	for i := range statuses {
		wg.Go(func() { statuses[i] = w.post("/token", form).StatusCode })
	}
	wg.Wait()
	won := 0
	for _, status := range statuses {
		switch status {
		case http.StatusOK:
			won++
		case http.StatusBadRequest:
		default:
			t.Errorf("got %d", status)
		}
	}
	if won != 1 {
		t.Errorf("%d redemptions won, want 1", won)
	}
}

func TestUserInfoByScope(t *testing.T) {
	for scope, want := range map[string]map[string]any{
		"openid":         {"sub": "18151210"},
		"email openid":   {"sub": "18151210", "email": "ada@example.com", "email_verified": true},
		"openid profile": {"sub": "18151210", "name": "Ada Lovelace", "given_name": "Ada"},
	} {
		w := newWorld(t)
		access := w.redeem(claim(w.code("scope", scope)))
		if diff := cmp.Diff(want, w.object(w.asks(access, http.StatusOK), http.StatusOK)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", scope, diff)
		}
	}
}

func TestUserInfoRefuses(t *testing.T) {
	w := newWorld(t)
	code := w.code()
	for _, tc := range []struct{ header, challenge string }{
		{"", `Bearer realm="devidp"`},
		{"Basic c2Vzc2lvbmxhYjp4", `Bearer realm="devidp"`},
		{"Bearer", `Bearer realm="devidp", error="invalid_token"`},
		{"Bearer unknown", `Bearer realm="devidp", error="invalid_token"`},
		{"Bearer " + code, `Bearer realm="devidp", error="invalid_token"`}, // a code is not a token
	} {
		r := w.form("/userinfo", nil)
		if r.Method = "GET"; tc.header != "" {
			r.Header.Set("Authorization", tc.header)
		}
		res := w.do(r)
		w.object(res, http.StatusUnauthorized)
		if got := res.Header.Get("WWW-Authenticate"); got != tc.challenge {
			t.Errorf("%q: challenge: got %q, want %q", tc.header, got, tc.challenge)
		}
	}
}
