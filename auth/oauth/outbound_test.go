package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
)

// testBrokenProvider breaks each endpoint in each way, inside a bubble in which
// waiting takes no time.
func testBrokenProvider(t *testing.T) {
	for how, failure := range broken {
		for _, path := range []string{"/token", "/jwks", "/userinfo"} {
			t.Run(path+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					op := newOP(t)
					op.userInfo = map[string]any{"sub": "ada-1815", "email": "ada@info.example"}
					op.claims = func(claims map[string]any) { delete(claims, "email") }
					ada := withOP(t, op).newBrowser()
					query := op.approve(ada.start("oidc"))
					op.replace(path, failure.answer)
					begin := time.Now()
					_, err := ada.callback("oidc", query)
					want := failure.want.Code
					if path == "/userinfo" && failure.want == oauth.ErrProvider {
						want = "" // it has nothing to say, now or later
					}
					if got := oauth.Code(err); got != want {
						t.Errorf("got %v (%s), want %s", err, got, want)
					}
					if took := time.Since(begin); took > 8*time.Second {
						t.Errorf("took %v, want 8 s at most", took)
					}

					synctest.Wait() // the key set's own goroutine lets go of the failure
					op.replace(path, nil)
					ada.mustFinish("oidc", op.approve(ada.start("oidc")))
				})
			})
		}
		for _, path := range []string{"/login/oauth/access_token", "/user", "/user/emails"} {
			t.Run("GitHub "+path+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g, s := withGitHub(t)
					browser := s.newBrowser()
					query := g.approve(browser.start("github"))
					g.instead[path] = failure.answer
					if path == "/user/emails" && failure.want == oauth.ErrProvider {
						browser.mustFinish("github", query) // addresses withheld
						return
					}
					browser.mustRefuse("github", query, failure.want)
				})
			})
		}
		t.Run("discovery "+how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				op := newOP(t)
				s := withOP(t, op)
				ada := s.newBrowser()
				op.replace("/.well-known/openid-configuration", failure.answer)
				begin := time.Now()
				_, err := ada.tryStart("oidc", oauth.StartOptions{})
				want := failure.want
				if want == oauth.ErrProvider { // it answers, but not as a provider
					want = oauth.ErrMisconfigured
				}
				if !errors.Is(err, want) {
					t.Errorf("got %v, want %s", err, want.Code)
				}
				if took := time.Since(begin); took > 2*time.Second {
					t.Errorf("took %v, want 2 s at most", took)
				}
				if n := ada.flows(); n != 0 {
					t.Errorf("%d flow cookies though no flow began", n)
				}
				time.Sleep(5 * time.Second) // of the bubble: the attempt ends

				op.replace("/.well-known/openid-configuration", nil)
				s.clock.Advance(5 * time.Second)
				ada.mustFinish("oidc", op.approve(ada.start("oidc")))
			})
		})
	}
}

// testSlowCallback has three answers come in time, each for itself, that are too
// late together.
func testSlowCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		op := newOP(t)
		op.userInfo = map[string]any{"sub": "ada-1815", "email": "ada@info.example"}
		op.claims = func(claims map[string]any) { delete(claims, "email") }
		s := withOP(t, op)
		ada := s.newBrowser()
		query := op.approve(ada.start("oidc"))
		s.network.serve("op.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select { // by the bubble's clock
			case <-time.After(3 * time.Second):
				op.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		}))
		begin := time.Now()
		ada.mustRefuse("oidc", query, oauth.ErrUnavailable)
		if took := time.Since(begin); took != 8*time.Second {
			t.Errorf("took %v, want 8 s", took)
		}
	})
}

// testDiscoveryShared has many people meet a provider for the first time.
func testDiscoveryShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		op := newOP(t)
		s := withOP(t, op)
		s.network.serve("op.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second) // of the bubble
			op.ServeHTTP(w, r)
		}))
		var wg sync.WaitGroup
		for range 20 {
			browser := s.newBrowser()
			wg.Go(func() {
				if _, err := browser.tryStart("oidc", oauth.StartOptions{}); err != nil {
					t.Errorf("start: %v", err)
				}
			})
		}
		wg.Wait()
		if n := op.calls["/.well-known/openid-configuration"].Load(); n != 1 {
			t.Errorf("discovery was asked for %d times, want once", n)
		}
	})
}

// testDiscoveryRetried counts what a dead provider is asked.
func testDiscoveryRetried(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	op.replace("/.well-known/openid-configuration", broken["500"].answer)
	asked := func() int { return int(op.calls["/.well-known/openid-configuration"].Load()) }
	if asked() != 0 {
		t.Error("a provider was asked before anybody wanted it")
	}
	for i, step := range []struct {
		after time.Duration
		asked int
	}{
		{0, 1}, {0, 1}, {5*time.Second - time.Millisecond, 1}, {time.Millisecond, 2}, {time.Second, 2},
		{-time.Hour, 3}, // a clock that was set back must not lock the provider out
	} {
		s.clock.Advance(step.after)
		if status := s.Available(t.Context()); !errors.Is(status[0].Err, oauth.ErrUnavailable) {
			t.Errorf("step %d: status %+v", i, status[0])
		}
		if asked() != step.asked {
			t.Errorf("step %d: asked %d times, want %d", i, asked(), step.asked)
		}
	}
	op.replace("/.well-known/openid-configuration", nil)
	s.clock.Advance(5 * time.Second)
	for range 3 {
		if status := s.Available(t.Context()); status[0].Err != nil {
			t.Errorf("status of the recovered provider: %v", status[0].Err)
		}
		s.clock.Advance(time.Hour)
	}
	if asked() != 4 {
		t.Errorf("asked %d times, want 4", asked())
	}
}

func TestAvailableWaitsOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		op := newOP(t)
		s := withOP(t, op)
		hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		for _, id := range []string{"a", "b"} {
			s.network.serve(id+".example", hang)
			s.List = append(s.List, &oauth.Provider{ID: id, Issuer: "https://" + id + ".example", ClientID: clientID})
		}
		s.List = append(s.List, oauth.NewGitHub(clientID, clientSecret))
		begin := time.Now()
		var got []string
		for _, status := range s.Available(t.Context()) {
			got = append(got, status.ID+" "+oauth.Code(status.Err))
		}
		want := []string{"oidc ", "a provider_unavailable", "b provider_unavailable", "github "}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("took %v, want 2 s", took)
		}
		if diff := cmp.Diff([]string{"https://github.com", "https://op.example"}, s.FormTargets()); diff != "" {
			t.Errorf("form targets (-want +got):\n%s", diff)
		}
		time.Sleep(5 * time.Second) // of the bubble: the attempts end
	})
}

func TestDiscoveryDocument(t *testing.T) {
	for name, bend := range map[string]func(map[string]any){
		"no authorization":       func(doc map[string]any) { delete(doc, "authorization_endpoint") },
		"no token endpoint":      func(doc map[string]any) { delete(doc, "token_endpoint") },
		"no keys":                func(doc map[string]any) { delete(doc, "jwks_uri") },
		"token over http":        func(doc map[string]any) { doc["token_endpoint"] = "http://op.example/token" },
		"script":                 func(doc map[string]any) { doc["authorization_endpoint"] = "javascript:alert(1)" },
		"policy in the host":     func(doc map[string]any) { doc["authorization_endpoint"] = "https://a;script-src*/x" },
		"UserInfo of a password": func(doc map[string]any) { doc["userinfo_endpoint"] = "https://u:p@op.example/" },
		"flag is text":           func(doc map[string]any) { doc["authorization_response_iss_parameter_supported"] = leak },
	} {
		t.Run(name, func(t *testing.T) {
			op := newOP(t)
			op.metadata = bend
			s := withOP(t, op)
			if _, err := s.newBrowser().tryStart("oidc", oauth.StartOptions{}); !errors.Is(err, oauth.ErrMisconfigured) {
				t.Errorf("got %v, want %s", err, oauth.ErrMisconfigured.Code)
			}
			if got := s.FormTargets(); len(got) != 0 {
				t.Errorf("form targets: %q", got)
			}
		})
	}
}

func TestKeysRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		op := newOP(t)
		ada := withOP(t, op).newBrowser()
		for range 2 {
			ada.mustFinish("oidc", op.approve(ada.start("oidc")))
			synctest.Wait() // until what was fetched is kept
		}
		if n := op.calls["/jwks"].Load(); n != 1 {
			t.Errorf("keys were fetched %d times, want once", n)
		}
		op.keys = []jose.JSONWebKey{keyOf(jose.RS256, "key-2")}
		ada.mustFinish("oidc", op.approve(ada.start("oidc")))
	})
}

// TestSignInOverTheWire uses the package's own transport and a true server.
func TestSignInOverTheWire(t *testing.T) {
	op := newOP(t)
	server := httptest.NewServer(op)
	t.Cleanup(server.Close)
	op.issuer = server.URL
	s := withOP(t, op)
	s.Transport = nil
	ada := s.newBrowser()
	ada.mustFinish("oidc", op.approve(ada.start("oidc")))

	for how, failure := range broken {
		if how == "silence" {
			continue // takes 5 s here; see testBrokenProvider
		}
		op.replace("/token", failure.answer)
		ada.mustRefuse("oidc", op.approve(ada.start("oidc")), failure.want)
	}
	query := op.approve(ada.start("oidc"))
	server.Close()
	ada.mustRefuse("oidc", query, oauth.ErrUnavailable)
}

// TestRestartMidFlow brings a callback to an instance that has yet to meet the
// provider, as after a restart.
func TestRestartMidFlow(t *testing.T) {
	op := newOP(t)
	before, after := withOP(t, op), withOP(t, op)
	after.Providers.Seal = before.Providers.Seal
	ada := before.newBrowser()
	query := op.approve(ada.start("oidc"))
	moved := after.newBrowser()
	moved.cookies = ada.cookies
	moved.mustFinish("oidc", query)
}

// TestPersonLeaves cancels the request in the middle of a callback.
func TestPersonLeaves(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	ada := s.newBrowser()
	query := op.approve(ada.start("oidc"))
	ctx, leave := context.WithCancel(t.Context())
	op.replace("/token", func(http.ResponseWriter, *http.Request) { leave() })
	ada.visit(func(jar *auth.Jar) {
		if _, err := s.Finish(ctx, jar, "oidc", query); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
	if ada.flows() != 0 {
		t.Error("the flow's cookie is still there")
	}
}

func TestErrorsSayWhat(t *testing.T) {
	g, s := withGitHub(t)
	browser := s.newBrowser()
	for code, want := range map[string]string{
		"incorrect_client_credentials": "provider misconfigured: token endpoint: status 200, incorrect_client_credentials",
		leak:                           "provider error: token endpoint: status 200, another error code",
	} {
		g.fail = code
		_, err := browser.callback("github", g.approve(browser.start("github")))
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if oauth.Code(errors.New("disk full")) != "" {
		t.Error("a fault of ours has a code")
	}
}
