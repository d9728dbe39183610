package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// As long as the client or its redirect URI is in doubt, nothing is redirected.
func TestDoubtfulClientGetsPage(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change []string
	}{
		{"no client", []string{"client_id", ""}},
		{"unknown client", []string{"client_id", "nobody"}},
		{"no redirect URI", []string{"redirect_uri", ""}},
		{"another host", []string{"redirect_uri", "https://evil.example/sign-in/dev/callback"}},
		{"another path", []string{"redirect_uri", callback + "/.."}},
		{"another query", []string{"redirect_uri", callback + "?next=/"}},
		{"another case", []string{"redirect_uri", strings.ToUpper(callback)}},
		{"another client's", []string{"client_id", "other", "redirect_uri", "https://app.example/cb?tenant=1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.refused(w.get("/authorize", ask(tc.change...)), http.StatusBadRequest)
			for _, button := range []string{"persona", "deny"} {
				w.refused(w.post("/authorize", ask(append(tc.change, button, "ada")...)), http.StatusBadRequest)
			}
		})
	}
}

func TestRepeatedRedirectURIGetsPage(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"client_id", "redirect_uri"} {
		params := ask()
		params.Add(name, params.Get(name))
		w.refused(w.get("/authorize", params), http.StatusBadRequest)
	}
}

func TestBadRequestGoesBack(t *testing.T) {
	long := strings.Repeat("x", 513)
	for _, tc := range []struct {
		name   string
		change []string
		want   string
	}{
		{"no response type", []string{"response_type", ""}, "invalid_request"},
		{"implicit flow", []string{"response_type", "id_token"}, "unsupported_response_type"},
		{"fragment", []string{"response_mode", "fragment"}, "invalid_request"},
		{"no scope", []string{"scope", ""}, "invalid_scope"},
		{"not OpenID", []string{"scope", "profile openid2"}, "invalid_scope"},
		{"no PKCE", []string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		{"no challenge", []string{"code_challenge", ""}, "invalid_request"},
		{"no method", []string{"code_challenge_method", ""}, "invalid_request"},
		{"plain", []string{"code_challenge_method", "plain", "code_challenge", verifier}, "invalid_request"},
		{"short challenge", []string{"code_challenge", strings.Repeat("A", 42)}, "invalid_request"},
		{"long challenge", []string{"code_challenge", strings.Repeat("A", 44)}, "invalid_request"},
		{"line break in challenge", []string{"code_challenge", "\n" + strings.Repeat("A", 42)}, "invalid_request"},
		{"challenge not base64url", []string{"code_challenge", strings.Repeat("A", 42) + "+"}, "invalid_request"},
		{"long nonce", []string{"nonce", long}, "invalid_request"},
		{"request object", []string{"request", "e30.e30."}, "request_not_supported"},
		{"request URI", []string{"request_uri", "https://evil.example/"}, "request_uri_not_supported"},
		{"silently", []string{"prompt", "none"}, "login_required"},
		{"silently, but not", []string{"prompt", "none login"}, "invalid_request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			for _, res := range []*http.Response{
				w.get("/authorize", ask(tc.change...)),
				w.post("/authorize", ask(append(tc.change, "persona", "ada")...)),
			} {
				back := w.sentTo(res, callback)
				if back.Get("error") != tc.want || back.Get("state") != "state & more" || back.Get("iss") != issuer || back.Has("code") {
					t.Errorf("sent back with %v, want %s", back, tc.want)
				}
			}
		})
	}
}

// A state that is too long or there twice is not echoed.
func TestBadState(t *testing.T) {
	w := newWorld(t)
	twice := ask()
	twice.Add("state", "another")
	for _, params := range []url.Values{ask("state", strings.Repeat("x", 513)), twice} {
		back := w.sentTo(w.get("/authorize", params), callback)
		if back.Get("error") != "invalid_request" || back.Has("state") {
			t.Errorf("sent back with %v", back)
		}
	}
	if back := w.sentTo(w.post("/authorize", ask("state", strings.Repeat("x", 512), "persona", "ada")), callback); len(back.Get("state")) != 512 {
		t.Errorf("a state of 512 bytes: sent back with %v", back)
	}
	if back := w.sentTo(w.post("/authorize", ask("state", "", "persona", "ada")), callback); back.Has("state") {
		t.Errorf("no state: sent back with %v", back)
	}
}

func TestPromptsThatAsk(t *testing.T) {
	w := newWorld(t)
	for _, prompt := range []string{"login", "consent", "select_account", "login consent"} {
		w.wants(w.get("/authorize", ask("prompt", prompt)), http.StatusOK)
	}
}

func TestUnknownPersona(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"", "mallory", "Ada", "18151210"} {
		w.refused(w.post("/authorize", ask("persona", name)), http.StatusBadRequest)
	}
	both := ask("persona", "ada")
	both.Add("persona", "grace")
	w.refused(w.post("/authorize", both), http.StatusBadRequest)
}

func TestRedirectURIKeepsItsQuery(t *testing.T) {
	w := newWorld(t)
	const uri = "https://app.example/cb?tenant=1"
	back := w.sentTo(w.post("/authorize", ask("redirect_uri", uri, "persona", "grace")), uri+"&")
	if back.Get("code") == "" {
		t.Errorf("sent back with %v", back)
	}
}

func TestMalformedRequests(t *testing.T) {
	w := newWorld(t)
	r := w.form("/authorize", nil)
	r.URL.RawQuery = ask("persona", "ada").Encode() // a POST is read from its body only
	w.refused(w.do(r), http.StatusBadRequest)

	r = w.form("/authorize", nil)
	r.Method, r.URL.RawQuery = "GET", "client_id=sessionlab;%zz"
	w.refused(w.do(r), http.StatusBadRequest)

	w.refused(w.post("/authorize", ask("persona", strings.Repeat("x", 64<<10))), http.StatusRequestEntityTooLarge)
}

// FuzzAuthorize sends a query to the page and, as a form, to what is behind it.
// Whatever it says, the browser is only ever sent to a registered URI.
func FuzzAuthorize(f *testing.F) {
	f.Add(ask().Encode())
	f.Add(ask("persona", "ada").Encode())
	f.Add(ask("prompt", "none", "deny", "1").Encode())
	f.Add(ask("redirect_uri", "https://app.example/cb?tenant=1", "scope", "openid").Encode())
	f.Add(ask("redirect_uri", "//evil.example").Encode())
	f.Add(ask().Encode() + "&redirect_uri=https://evil.example/")
	f.Add("client_id=sessionlab&redirect_uri=" + callback + "&state=%0d%0aLocation:%20//evil.example")
	f.Add("client_id=%zz;&=&")
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, query string) {
		for _, method := range []string{"GET", "POST"} {
			r, err := http.NewRequest(method, issuer+"/authorize", strings.NewReader(query))
			if err != nil {
				t.Fatal(err)
			}
			if r.Header.Set("Content-Type", "application/x-www-form-urlencoded"); method == "GET" {
				r.URL.RawQuery, r.Body = query, nil
			}
			res, err := w.http.Transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			switch res.StatusCode {
			case 200, 400, 413:
				if to := res.Header.Get("Location"); to != "" {
					t.Errorf("%s: %s with a location, %q", method, res.Status, to)
				}
			case 303:
				to, err := url.Parse(res.Header.Get("Location"))
				if err != nil {
					t.Fatal(err)
				}
				back := to.Query()
				to.RawQuery = ""
				if uri := to.String(); uri != callback && uri != "https://app.example/cb" {
					t.Errorf("%s: sent to %q", method, uri)
				}
				if back.Get("iss") != issuer || back.Has("code") == back.Has("error") {
					t.Errorf("%s: sent back with %v", method, back)
				}
			default:
				t.Errorf("%s: got %s", method, res.Status)
			}
		}
	})
}
