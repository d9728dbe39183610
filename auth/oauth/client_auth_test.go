package oauth_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sessionlab/auth/oauth"
)

// A client authenticates as it is registered, which no document of the provider says.
func TestClientAuthentication(t *testing.T) {
	both := []string{"client_secret_post", "client_secret_basic"}
	for name, test := range map[string]struct {
		setting    oauth.ClientAuth
		listed     []string
		registered string
		tried      string // in the first sign-in, and in the second
		refused    bool
	}{
		"basic, both listed":    {"", both, "basic", "basic, basic", false},
		"post, both listed":     {"", both, "post", "basic post, post", false},
		"either, both listed":   {"", both, "", "basic, basic", false},
		"basic, nothing listed": {"", nil, "basic", "basic, basic", false},
		"post, nothing listed":  {"", nil, "post", "basic post, post", false},
		"post, post listed":     {"", both[:1], "post", "post, post", false},
		"basic, post listed":    {"", both[:1], "basic", "post basic, basic", false},
		"neither":               {"", both, "private_key_jwt", "basic post, basic post", true},
		"set to basic":          {oauth.ClientAuthBasic, both[:1], "basic", "basic, basic", false},
		"set to post":           {oauth.ClientAuthPost, both[1:], "post", "post, post", false},
		"set wrong":             {oauth.ClientAuthPost, both, "basic", "post, post", true},
	} {
		t.Run(name, func(t *testing.T) {
			op := newOP(t)
			op.method = test.registered
			op.metadata = func(doc map[string]any) { doc["token_endpoint_auth_methods_supported"] = test.listed }
			s := withOP(t, op)
			s.List[0].Auth = test.setting
			ada := s.newBrowser()
			var tried []string
			for range 2 {
				op.tried = nil
				_, err := ada.callback("oidc", op.approve(ada.start("oidc")))
				if errors.Is(err, oauth.ErrMisconfigured) != test.refused || (err != nil) != test.refused {
					t.Errorf("finish: got %v, want refused: %t", err, test.refused)
				}
				tried = append(tried, strings.Join(op.tried, " "))
			}
			if got := strings.Join(tried, ", "); got != test.tried {
				t.Errorf("tried %s, want %s", got, test.tried)
			}
		})
	}
}

// Only an answer that refuses the client is a reason to show the code once more.
func TestClientAuthenticationIsTriedOnce(t *testing.T) {
	for name, failure := range map[string]http.HandlerFunc{
		"invalid_grant":       func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "invalid_grant") },
		"unauthorized_client": func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "unauthorized_client") },
		"401 without a code":  func(w http.ResponseWriter, _ *http.Request) { refuse(w, 401, "") },
		"403 invalid_client":  func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, "invalid_client") },
		"503 invalid_client":  func(w http.ResponseWriter, _ *http.Request) { refuse(w, 503, "invalid_client") },
		"500":                 broken["500"].answer,
		"HTML":                broken["HTML"].answer,
	} {
		op := newOP(t)
		op.replace("/token", failure)
		ada := withOP(t, op).newBrowser()
		if _, err := ada.callback("oidc", op.approve(ada.start("oidc"))); err == nil {
			t.Errorf("%s: signed in", name)
		}
		if n := op.calls["/token"].Load(); n != 1 {
			t.Errorf("%s: the code was shown %d times, want once", name, n)
		}
	}
}

// A provider that spends the code even where it refuses the client costs one sign-in.
func TestClientAuthenticationAfterASpentCode(t *testing.T) {
	op := newOP(t)
	op.method = "post"
	ada := withOP(t, op).newBrowser()
	op.replace("/token", func(w http.ResponseWriter, r *http.Request) {
		if _, _, basic := r.BasicAuth(); basic {
			op.mu.Lock()
			clear(op.grants)
			op.mu.Unlock()
		}
		op.token(w, r)
	})
	ada.mustRefuse("oidc", op.approve(ada.start("oidc")), oauth.ErrProvider)
	ada.mustFinish("oidc", op.approve(ada.start("oidc")))
	if want := []string{"basic", "post", "post"}; !slices.Equal(op.tried, want) {
		t.Errorf("tried %q, want %q", op.tried, want)
	}
}
