package oauth_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
)

// testFlowUsedOnce plays a callback again: in the same browser, and with cookies
// that were copied while the flow was open.
func testFlowUsedOnce(t *testing.T) {
	op := newOP(t)
	ada := withOP(t, op).newBrowser()
	query := op.approve(ada.start("oidc"))
	thief := ada.copyOf()
	ada.mustFinish("oidc", query)

	ada.mustRefuse("oidc", query, oauth.ErrState)
	thief.mustRefuse("oidc", query, oauth.ErrState)
	if n := op.calls["/token"].Load(); n != 1 {
		t.Errorf("the token endpoint was asked %d times, want once", n)
	}
}

// testFlowUsedOnceInParallel lets two requests race with the same cookie.
func testFlowUsedOnceInParallel(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	ada := s.newBrowser()
	query := op.approve(ada.start("oidc"))
	results := make(chan error, 8)
	var wg sync.WaitGroup
	for range cap(results) {
		racer := ada.copyOf()
		wg.Go(func() {
			_, err := racer.callback("oidc", query)
			results <- err
		})
	}
	wg.Wait()
	close(results)
	won := 0
	for err := range results {
		if err == nil {
			won++
		}
	}
	if won != 1 || op.calls["/token"].Load() != 1 {
		t.Errorf("%d of the callbacks won and %d asked for tokens, want one", won, op.calls["/token"].Load())
	}
}

func testFlowOfAnotherBrowser(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	mallory, ada := s.newBrowser(), s.newBrowser()
	query := op.approve(mallory.start("oidc"))

	ada.mustRefuse("oidc", query, oauth.ErrCookieMissing) // as if the browser had dropped it
	ada.start("oidc")
	ada.mustRefuse("oidc", query, oauth.ErrState)
	if n := ada.flows(); n != 1 {
		t.Errorf("%d flows are open, want Ada's own", n)
	}
	mallory.mustFinish("oidc", query)
}

func testStateMissing(t *testing.T) {
	op := newOP(t)
	ada := withOP(t, op).newBrowser()
	query := op.approve(ada.start("oidc"))
	code, state := query["code"], query["state"]

	for _, q := range []url.Values{
		{}, {"code": code}, {"code": code, "state": {""}}, {"code": code, "state": {"short"}},
		{"code": code, "state": {strings.Repeat("A", 26)}}, {"code": code, "state": {strings.Repeat("A", 8000)}},
	} {
		ada.mustRefuse("oidc", q, oauth.ErrState)
	}
	if !ada.has(state[0]) {
		t.Fatal("the open flow is gone, though no callback was its own")
	}
	empty := ada.newBrowser()
	empty.mustRefuse("oidc", url.Values{"code": code, "state": {"not one of ours"}}, oauth.ErrState)
	empty.mustRefuse("oidc", url.Values{"code": code}, oauth.ErrState)
}

func testStateTwice(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	for name, add := range map[string]func(url.Values){
		"state": func(q url.Values) { q.Add("state", q.Get("state")) },
		"code":  func(q url.Values) { q.Add("code", "another") },
		"error": func(q url.Values) { q["error"] = []string{"access_denied", "x"} },
	} {
		ada := s.newBrowser()
		query := op.approve(ada.start("oidc"))
		add(query)
		ada.mustRefuse("oidc", query, oauth.ErrState)
		if n := ada.flows(); n != 0 {
			t.Errorf("%s twice: %d flow cookies are left", name, n)
		}
	}
}

// testFlowOfAnotherProvider takes what was minted for one provider to another.
func testFlowOfAnotherProvider(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	s.List = append(s.List, oauth.NewGitHub(clientID, clientSecret))
	ada := s.newBrowser()

	query := op.approve(ada.start("oidc"))
	thief := ada.copyOf()
	ada.mustRefuse("github", query, oauth.ErrState)
	thief.mustRefuse("oidc", query, oauth.ErrState) // used, if in vain

	query = op.approve(ada.start("oidc"))
	ada.mustRefuse("nobody", query, oauth.ErrUnknownProvider)
	if _, err := ada.tryStart("nobody", oauth.StartOptions{}); oauth.Code(err) != "unknown_provider" {
		t.Errorf("start: got %v", err)
	}
}

// testFlowIsNoSession swaps the values of two purposes under one key ring.
func testFlowIsNoSession(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	session := s.vault.Sealer("session-cookie")
	ada := s.newBrowser()
	query := op.approve(ada.start("oidc"))
	name := "__Host-" + oauth.FlowCookie(query.Get("state"))

	if _, err := session.Open(t.Context(), ada.cookies[name]); err == nil {
		t.Error("a flow opens as a session")
	}
	claims, err := s.Seal.Open(t.Context(), ada.cookies[name])
	if err != nil {
		t.Fatal(err)
	}
	forged, err := session.Seal(t.Context(), claims)
	if err != nil {
		t.Fatal(err)
	}
	ada.cookies[name] = forged
	ada.mustRefuse("oidc", query, oauth.ErrState)
}

// testFlowOfAnotherState puts a good cookie of one flow under another's name.
func testFlowOfAnotherState(t *testing.T) {
	op := newOP(t)
	ada := withOP(t, op).newBrowser()
	first, second := op.approve(ada.start("oidc")), op.approve(ada.start("oidc"))
	ada.cookies["__Host-"+oauth.FlowCookie(second.Get("state"))] = ada.cookies["__Host-"+oauth.FlowCookie(first.Get("state"))]
	ada.mustRefuse("oidc", second, oauth.ErrState)
	ada.mustFinish("oidc", first)
}

func testSixthFlow(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	ada := s.newBrowser()
	var open []url.Values
	for range 6 {
		open = append(open, op.approve(ada.start("oidc")))
		s.clock.Advance(time.Second)
		if n := ada.flows(); n > 5 {
			t.Fatalf("%d flows are open, want 5 at most", n)
		}
	}
	if ada.has(open[0].Get("state")) {
		t.Error("the oldest flow is still open")
	}
	ada.mustRefuse("oidc", open[0], oauth.ErrState)
	for _, query := range open[1:] {
		ada.mustFinish("oidc", query)
	}
}

// testWorthlessFlowsGoFirst fills a browser with what opens no more.
func testWorthlessFlowsGoFirst(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	ada := s.newBrowser()
	good := op.approve(ada.start("oidc"))
	for i := range 5 {
		ada.cookies[fmt.Sprintf("__Host-flow-junk%d", i)] = "junk"
	}
	ada.cookies["__Host-flow-chunked.1"] = "half"
	ada.cookies["__Host-flow-chunked.3"] = "a value"
	ada.cookies["__Host-session-cookie"] = "not ours to touch"
	ada.start("oidc")
	if n := ada.flows(); n != 2 {
		t.Errorf("%d flow cookies, want the good one and the new one: %v", n, ada.cookies)
	}
	if ada.cookies["__Host-session-cookie"] == "" {
		t.Error("the session's cookie is gone")
	}
	ada.mustFinish("oidc", good)
}

func testFlowExpires(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	ada := s.newBrowser()

	query := op.approve(ada.startWith("oidc", oauth.StartOptions{Next: "/sessions"}))
	s.clock.Advance(10*time.Minute - time.Millisecond)
	ada.mustFinish("oidc", query)

	query = op.approve(ada.startWith("oidc", oauth.StartOptions{Next: "/sessions"}))
	s.clock.Advance(10 * time.Minute)
	if got := ada.mustRefuse("oidc", query, oauth.ErrFlowExpired); got.Next != "/sessions" {
		t.Errorf("next of the expired flow: got %q, want /sessions", got.Next)
	}
}

// testProviderRefuses brings back what providers say instead of a code.
func testProviderRefuses(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	for reason, want := range map[string]*oauth.Error{
		"access_denied": oauth.ErrCancelled, "server_error": oauth.ErrProvider,
		"login_required": oauth.ErrProvider, leak: oauth.ErrProvider, "": oauth.ErrProvider,
	} {
		ada := s.newBrowser()
		query := op.approve(ada.startWith("oidc", oauth.StartOptions{Next: "/sessions", Remember: true}))
		query.Set("error", reason)
		query.Set("error_description", leak)
		got := ada.mustRefuse("oidc", query, want)
		if got.Next != "/sessions" || !got.Remember {
			t.Errorf("%s: got %+v, want what the flow was for", reason, got)
		}
	}
	ada := s.newBrowser()
	query := op.approve(ada.start("oidc"))
	query.Del("code")
	ada.mustRefuse("oidc", query, oauth.ErrProvider)
	if n := op.calls["/token"].Load(); n != 0 {
		t.Errorf("the token endpoint was asked %d times, want never", n)
	}
}

// testCodeNeedsVerifier puts a stolen code into a flow of the thief's own.
func testCodeNeedsVerifier(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	ada, mallory := s.newBrowser(), s.newBrowser()
	stolen := op.approve(ada.start("oidc"))
	own := op.approve(mallory.start("oidc"))
	own.Set("code", stolen.Get("code"))
	mallory.mustRefuse("oidc", own, oauth.ErrProvider)
}

func TestFlowsDiffer(t *testing.T) {
	op := newOP(t)
	ada := withOP(t, op).newBrowser()
	seen := map[string]bool{}
	for range 3 {
		q := ada.start("oidc").Query()
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if seen[q.Get(name)] {
				t.Errorf("%s %q came twice", name, q.Get(name))
			}
			seen[q.Get(name)] = true
		}
	}
	for name, value := range ada.cookies {
		for secret := range seen {
			if strings.Contains(name, secret) || strings.Contains(value, secret) {
				t.Errorf("cookie %s shows a secret of its flow", name)
			}
		}
	}
}

func FuzzFlowCookie(f *testing.F) {
	op := newOP(f)
	s := withOP(f, op)
	ada := s.newBrowser()
	query := op.approve(ada.start("oidc"))
	name := "__Host-" + oauth.FlowCookie(query.Get("state"))
	good := ada.cookies[name]
	for _, seed := range []string{good, "", ".", good + ".", strings.ToUpper(good), good[:len(good)/2], "00000000." + good} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		jar := newRequest(map[string]string{name: value})
		// Blanks, quotes and spare bits of base64 do not make it another cookie.
		same, _ := jar.Get(oauth.FlowCookie(query.Get("state")))
		if _, err := s.Seal.Open(t.Context(), same); err == nil {
			return
		}
		if _, err := s.Finish(t.Context(), jar, "oidc", query); oauth.Code(err) == "" {
			t.Errorf("got %v for a cookie that does not open", err)
		}
		if _, err := s.Start(t.Context(), newRequest(map[string]string{name: value}), "oidc", oauth.StartOptions{}); err != nil {
			t.Errorf("start: %v", err)
		}
	})
}

func FuzzCallback(f *testing.F) {
	op := newOP(f)
	s := withOP(f, op)
	ada := s.newBrowser()
	good := op.approve(ada.start("oidc"))
	for _, seed := range []string{
		good.Encode(), "", "state=&code=", "error=access_denied", "state=a&state=b", "iss=x&state=%00",
		good.Encode() + "&error=access_denied", good.Encode() + "&iss=https%3A%2F%2Fop.example",
		"state=" + strings.Repeat("A", 26) + "&code=x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		query, _ := url.ParseQuery(raw)
		for _, cookies := range []map[string]string{nil, {"__Host-flow-0123456789abcdef": "junk"}} {
			for _, id := range []string{"oidc", raw} {
				result, err := s.Finish(t.Context(), newRequest(cookies), id, query)
				if err == nil || result.Identity != (auth.Identity{}) {
					t.Errorf("signed in without a flow: %+v", result)
				}
				if oauth.Code(err) == "" {
					t.Errorf("no code for %v", err)
				}
			}
		}
	})
}
