package handlerstest

import (
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// ToCallback goes through a sign-in as far as the address that the provider
// sends the browser back to.
func (b *Browser) ToCallback(provider string) *url.URL {
	b.Helper()
	b.Get("/sign-in?reason=signed_out&next=/sessions").Press("#sign-in-" + provider)
	return b.Parse(b.PressOnce("button[value=ada]"))
}

// Back requests a callback URL and follows the redirect. It checks that the response
// redirects to a URL without a code.
func (b *Browser) Back(to *url.URL) *Browser {
	b.Helper()
	w := b.Request(http.MethodGet, to.String(), nil, "cross-site")
	location := w.Header().Get("Location")
	if w.Code != 303 || !strings.HasPrefix(location, "/") || strings.Contains(location, "code=") || strings.Contains(location, "state=") {
		b.Errorf("callback: got %d to %q, want 303 to a clean path", w.Code, location)
	}
	if b.Has("script") || strings.Contains(w.Body.String(), "NASTY") {
		b.Errorf("callback: the body shows what came: %s", w.Body)
	}
	return b.Get(location)
}

func With(u *url.URL, pairs ...string) *url.URL {
	changed, query := *u, u.Query()
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			query.Del(pairs[i])
		} else {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	changed.RawQuery = query.Encode()
	return &changed
}

// PostAnswers makes the provider oidc use response_mode=form_post, as Apple does, with
// Apple's additional parameter "user".
func (s *Site) PostAnswers(user string) {
	for _, p := range s.Providers.List {
		p.FormPost = p.FormPost || p.ID == "oidc"
	}
	s.Network.hosts["other.example"] = Posting(s.Network.hosts["other.example"], user)
}

// Posting wraps a provider so that each redirect becomes a page with a form that posts
// the redirect's query and user. A real provider submits the form by script; here a
// button, #post, does.
func Posting(provider http.Handler, user string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); query.Get("response_mode") == "form_post" {
			query.Del("response_mode")
			r = r.Clone(r.Context())
			r.URL.RawQuery = query.Encode()
		}
		answer := httptest.NewRecorder()
		provider.ServeHTTP(answer, r)
		to, err := answer.Result().Location()
		if err != nil { // a page of its own
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			w.Write(answer.Body.Bytes())
			return
		}
		query := to.Query()
		query.Set("user", user)
		to.RawQuery = ""
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><form method="post" action="%s">`, to)
		for name := range query {
			fmt.Fprintf(w, `<input type="hidden" name="%s" value="%s">`, name, html.EscapeString(query.Get(name)))
		}
		fmt.Fprint(w, `<button id="post">Continue</button></form>`)
	})
}

// Posted presses the button of such a page, and goes no further than the first answer.
// The form is another site's, so the browser brings no SameSite=Lax cookie along.
func (b *Browser) Posted() *httptest.ResponseRecorder {
	b.Helper()
	action, values := b.Form("#post")
	return b.PostFrom("https://other.example", action, values)
}

// PostFrom sends a form of a page on another site.
func (b *Browser) PostFrom(origin, to string, values url.Values) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequest(http.MethodPost, b.Page.URL.ResolveReference(b.Parse(to)).String(), strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	kept := b.Cookies
	b.Cookies = map[string]Cookie{}
	w := b.Send(r)
	maps.Copy(kept, b.Cookies)
	b.Cookies = kept
	return w
}
