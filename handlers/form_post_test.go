package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sessionlab/handlers/handlerstest"
)

const appleUser = `{"name":{"firstName":"Augusta","lastName":"King"}}`

// toPost goes through a sign-in as far as the page that posts the answer.
func toPost(b *handlerstest.Browser) *handlerstest.Browser {
	b.Helper()
	return b.Get("/sign-in?reason=signed_out&next=/sessions").Press("#sign-in-oidc").Press("button[value=ada]")
}

// relays checks that a posted callback goes on by GET, and that no cookie was involved.
func relays(t *testing.T, w *httptest.ResponseRecorder) (location string) {
	t.Helper()
	location = w.Header().Get("Location")
	u, err := url.Parse(location)
	handlerstest.Must(t, err)
	if query := u.Query(); w.Code != 303 || u.Host != "" || u.Path != "/sign-in/oidc/callback" || len(query) != 1 || len(location) > 2100 {
		t.Errorf("got %d to %q, want 303 to the callback with one parameter", w.Code, location)
	}
	if set := w.Header()["Set-Cookie"]; len(set) > 0 {
		t.Errorf("cookies are set: %q", set)
	}
	return handlerstest.LocalURL + location
}

// A provider that posts its answers signs people in, in a browser that brings no cookie
// along with another site's form.
func TestFormPost(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"cookie", "database"} {
		site := handlerstest.NewSite(t, strategy)
		site.PostAnswers(appleUser)
		ada := handlerstest.NewBrowser(t, site)
		location := relays(t, toPost(ada).Posted())
		if ada.Visit(http.MethodGet, location, nil, "cross-site").At("/sessions", 200); !strings.Contains(ada.Page.Find("header").Text(), "Ada Lovelace") {
			t.Errorf("%s: the posted name counts for more than the provider's: %s", strategy, ada.Page.Find("header").Text())
		}
		ada.Visit(http.MethodGet, location, nil, "cross-site").At("/sign-in", 200).Told("flow_invalid")
		ada.Wants("/dashboard", 200)

		// Signed in or not, a post changes nothing by itself.
		before := ada.CookieHeader()
		relays(t, ada.PostFrom("https://evil.example", "/sign-in/oidc/callback", handlerstest.Form("state", "x", "code", "y")))
		w := toPost(ada).Request(http.MethodPost, handlerstest.LocalURL+"/sign-in/oidc/callback", handlerstest.Form("state", "x", "code", "y"), "cross-site") // and the cookies with it
		relays(t, w)
		if !strings.Contains(ada.CookieHeader(), before) {
			t.Error("a post changed the browser's cookies")
		}
	}
}

// The answer is checked when it arrives by GET, against the flow of this browser.
func TestFormPostRefused(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	site.PostAnswers("")
	ada, eve := handlerstest.NewBrowser(t, site), handlerstest.NewBrowser(t, site)

	evesAnswer := relays(t, toPost(eve).Posted())
	ada.Visit(http.MethodGet, evesAnswer, nil, "cross-site").Told("flow_cookie_missing")
	toPost(ada)
	ada.Visit(http.MethodGet, evesAnswer, nil, "cross-site").Told("flow_invalid")

	late := relays(t, toPost(ada).Posted())
	site.Clock.Advance(time.Minute)
	ada.Visit(http.MethodGet, late, nil, "cross-site").Told("flow_expired")

	action, values := toPost(ada).Form("#post")
	values.Add("state", "another")
	ada.PostFrom("https://other.example", action, values)
	ada.Get(ada.Page.Header.Get("Location")).Told("flow_invalid")

	action, values = toPost(ada).Form("#post")
	for name, refused := range map[string]struct {
		values url.Values
		kind   string
		status int
		code   string
	}{
		"too large": {handlerstest.Form("code", strings.Repeat("x", 70<<10)), "application/x-www-form-urlencoded", 413, "body_too_large"},
		"no form":   {values, "text/plain", 400, "bad_form"},
	} {
		r := httptest.NewRequest(http.MethodPost, action, strings.NewReader(refused.values.Encode()))
		r.Header.Set("Content-Type", refused.kind)
		r.Header.Set("Origin", "https://other.example")
		if ada.Send(r); ada.Page.Status != refused.status || ada.Page.Header["Set-Cookie"] != nil {
			t.Errorf("%s: got %d and the cookies %q, want %d", name, ada.Page.Status, ada.Page.Header["Set-Cookie"], refused.status)
		}
	}
	ada.WantsAPI("GET", "/api/session", 401, "no_session")
	site.Journal.Wants(t, "sign_in_failed")
}

// The exception is for one address of one provider. Everything else that another site
// posts is refused.
func TestFormPostOpensNothingElse(t *testing.T) {
	t.Parallel()
	site := handlerstest.NewSite(t, "database")
	site.PostAnswers("")
	ada := handlerstest.NewBrowser(t, site).SignIn("ada")
	for _, path := range []string{
		"/sign-out", "/sign-in/oidc", "/sign-in/password", "/sign-up", "/sessions/revoke-all", "/api/sessions/revoke-all",
		"/sign-in/dev/callback", "/sign-in/oidc/callback/", "/sign-in//callback", "/sign-in/oidc/callback/callback", "/nothing",
	} {
		for _, origin := range []string{"https://other.example", "null"} {
			if ada.PostFrom(origin, path, handlerstest.Form("state", "x")); ada.Page.Status != 403 {
				t.Errorf("POST %s from %s: got %d, want 403", path, origin, ada.Page.Status)
			}
		}
	}
	for _, method := range []string{"PUT", "DELETE", "PATCH"} {
		if ada.Request(method, "/sign-in/oidc/callback", nil, "same-origin"); ada.Page.Status != 405 {
			t.Errorf("%s: got %d, want 405", method, ada.Page.Status)
		}
	}
	if ada.Post("/sign-in/dev/callback", nil); ada.Page.Status != 405 {
		t.Errorf("a provider that does not post: got %d, want 405", ada.Page.Status)
	}
	ada.Wants("/dashboard", 200)
}
