package handlerstest

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
)

const Firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"

// IPhone is the User-Agent header of a phone.
const IPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Version/26.0 Mobile/15E148 Safari/604.1"

// A Browser visits the site without JavaScript. It presses what is on the page and keeps
// cookies as browsers do. It checks every response against rules that hold for the whole
// site: see [Browser.judge].
type Browser struct {
	testing.TB
	Site    *Site
	Agent   string
	Old     bool // sends no Sec-Fetch-Site, as Safari before 16.4
	Cookies map[string]Cookie
	Page    page
}

// A Cookie with a zero Ends is a session cookie and is deleted when the browser closes.
type Cookie struct {
	Value    string
	Ends     time.Time
	Readable bool // by script
}

// A page is the last answer that a browser got.
type page struct {
	*goquery.Document
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
}

func NewBrowser(t testing.TB, s *Site) *Browser {
	return &Browser{TB: t, Site: s, Agent: Firefox, Cookies: map[string]Cookie{}, Page: page{URL: s.BaseURL}}
}

// Get types an address.
func (b *Browser) Get(path string) *Browser {
	b.Helper()
	return b.Visit(http.MethodGet, path, nil, "none")
}

// Post sends a form that stands on a page of the site.
func (b *Browser) Post(path string, form url.Values) *Browser {
	b.Helper()
	return b.Visit(http.MethodPost, path, form, "same-origin")
}

// Visit makes a request and follows redirects.
func (b *Browser) Visit(method, path string, form url.Values, site string) *Browser {
	b.Helper()
	for range 10 {
		w := b.Request(method, path, form, site)
		if w.Code < 300 || w.Code > 399 {
			return b
		}
		from := b.Page.URL
		path, method, form = w.Header().Get("Location"), http.MethodGet, nil
		if b.Page.URL.ResolveReference(b.Parse(path)).Host != from.Host && site != "none" {
			site = "cross-site"
		}
	}
	b.Fatalf("redirected without an end, last to %s", path)
	return b
}

// Request makes one request without following redirects. The response becomes the current
// page.
func (b *Browser) Request(method, path string, form url.Values, site string) *httptest.ResponseRecorder {
	b.Helper()
	to := b.Page.URL.ResolveReference(b.Parse(path))
	to.Fragment = "" // stays in the browser
	r := httptest.NewRequest(method, to.String(), strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.origin(to))
	}
	if site != "" && !b.Old {
		r.Header.Set("Sec-Fetch-Site", site)
	}
	return b.Send(r)
}

// origin is the Origin header of a form on the current page (Fetch, "append a request
// Origin header").
func (b *Browser) origin(to *url.URL) string {
	from := b.Page.URL
	other := from.Scheme != to.Scheme || from.Host != to.Host
	switch b.Page.Header.Get("Referrer-Policy") {
	case "no-referrer":
		return "null"
	case "same-origin":
		if other {
			return "null"
		}
	}
	return from.Scheme + "://" + from.Host
}

// Send sends r with the browser's User-Agent and cookies, and stores the cookies that the
// response sets.
func (b *Browser) Send(r *http.Request) *httptest.ResponseRecorder {
	b.Helper()
	r.Header.Set("User-Agent", b.Agent)
	ours := r.URL.Host == "" || r.URL.Host == b.Site.BaseURL.Host
	var w *httptest.ResponseRecorder
	switch handler := b.Site.Network.hosts[r.URL.Host]; {
	case ours:
		if header := b.CookieHeader(); header != "" {
			r.Header.Set("Cookie", header)
		}
		w = b.Site.Answer(r)
		b.judge(r, w)
		b.take(w)
	case handler != nil:
		w = httptest.NewRecorder()
		handler.ServeHTTP(w, r)
	default:
		b.Fatalf("sent to a foreign host: %s", r.URL)
	}
	b.Page = page{URL: r.URL, Status: w.Code, Header: w.Header(), Body: w.Body.String()}
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(w.Body.Bytes()))
	Must(b, err)
	b.Page.Document = doc
	return w
}

func (b *Browser) Parse(address string) *url.URL {
	b.Helper()
	u, err := url.Parse(address)
	Must(b, err)
	return u
}

// CookieHeader returns the Cookie header, without expired cookies.
func (b *Browser) CookieHeader() string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(b.Cookies)) {
		if c := b.Cookies[name]; c.Ends.IsZero() || b.Site.Clock.Now().Before(c.Ends) {
			pairs = append(pairs, name+"="+c.Value)
		}
	}
	return strings.Join(pairs, "; ")
}

// take stores the response's cookies. [Browser.judge] has already checked that browsers
// would accept them.
func (b *Browser) take(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		kept := Cookie{Value: c.Value, Readable: !c.HttpOnly}
		if c.MaxAge > 0 {
			kept.Ends = b.Site.Clock.Now().Add(time.Duration(c.MaxAge) * time.Second)
		}
		if c.MaxAge < 0 {
			delete(b.Cookies, c.Name)
		} else {
			b.Cookies[c.Name] = kept
		}
	}
}

// Press presses a button of the current page: its form goes off, as it would
// without a script.
func (b *Browser) Press(selector string) *Browser {
	b.Helper()
	action, values := b.Form(selector)
	return b.Post(action, values)
}

// PressOnce presses a button without following the redirect, and returns its Location.
func (b *Browser) PressOnce(selector string) (location string) {
	b.Helper()
	action, values := b.Form(selector)
	w := b.Request(http.MethodPost, action, values, "same-origin")
	if w.Code != http.StatusSeeOther {
		b.Fatalf("%s: got %d, want 303:\n%s", selector, w.Code, b.Text())
	}
	return w.Header().Get("Location")
}

// Form returns what a button would send, and where.
func (b *Browser) Form(selector string) (action string, values url.Values) {
	b.Helper()
	button := b.One(selector)
	form := button.Closest("form")
	if button.Is("[type=button], [disabled]") || form.AttrOr("method", "get") != "post" {
		b.Fatalf("%s posts no form", selector)
	}
	action = button.AttrOr("formaction", form.AttrOr("action", b.Page.URL.String()))
	values = url.Values{}
	form.Find("input").Each(func(_ int, input *goquery.Selection) {
		name, named := input.Attr("name")
		_, checked := input.Attr("checked")
		if _, off := input.Attr("disabled"); !named || off || input.Is("[type=checkbox], [type=radio]") && !checked {
			return
		}
		values.Add(name, input.AttrOr("value", ""))
	})
	if name, named := button.Attr("name"); named {
		values.Add(name, button.AttrOr("value", ""))
	}
	return action, values
}

// Follow clicks a link of the current page.
func (b *Browser) Follow(selector string) *Browser {
	b.Helper()
	href, ok := b.One(selector).Attr("href")
	if !ok {
		b.Fatalf("%s is no link", selector)
	}
	return b.Visit(http.MethodGet, href, nil, "same-origin")
}

// Untick clears a box of the current page.
func (b *Browser) Untick(selector string) *Browser {
	b.Helper()
	b.One(selector).RemoveAttr("checked")
	return b
}

// One finds the one element that selector names.
func (b *Browser) One(selector string) *goquery.Selection {
	b.Helper()
	found := b.Page.Find(selector)
	if found.Length() != 1 {
		b.Fatalf("%s has %d of %s, want one:\n%s", b.Page.URL, found.Length(), selector, b.Text())
	}
	return found
}

// Has reports whether the current page has such an element.
func (b *Browser) Has(selector string) bool { return b.Page.Find(selector).Length() > 0 }

// Text returns the text of the current page.
func (b *Browser) Text() string {
	return strings.Join(strings.Fields(b.Page.Find("main").Text()), " ")
}

// SignIn goes through the forms of the site and of its provider.
func (b *Browser) SignIn(persona string) *Browser {
	b.Helper()
	return b.SignInAt("dev", persona)
}

func (b *Browser) SignInAt(provider, persona string) *Browser {
	b.Helper()
	b.Get("/sign-in").Press("#sign-in-" + provider).Press("button[name=persona][value=" + persona + "]")
	return b.At("/dashboard", 200)
}

// At checks where the browser ended up.
func (b *Browser) At(path string, status int) *Browser {
	b.Helper()
	if b.Page.URL.Path != path || b.Page.Status != status {
		b.Fatalf("got %s with %d, want %s with %d:\n%s", b.Page.URL, b.Page.Status, path, status, b.Text())
	}
	return b
}

// Wants asks for a path and checks the status, without following a redirect.
func (b *Browser) Wants(path string, status int) *Browser {
	b.Helper()
	if w := b.Request(http.MethodGet, path, nil, "none"); w.Code != status {
		b.Errorf("GET %s: got %d %s, want %d", path, w.Code, w.Header().Get("Location"), status)
	}
	return b
}

// Told checks that the sign-in page shows the given reason.
func (b *Browser) Told(reason string) *Browser {
	b.Helper()
	b.At("/sign-in", 200)
	if got := b.Page.URL.Query().Get("reason"); got != reason {
		b.Errorf("reason: got %q in %s, want %q", got, b.Page.URL, reason)
	}
	if !b.Has(`[role=status][data-reason="` + strings.ReplaceAll(reason, "_", "-") + `"], [role=status][data-reason="` + reason + `"]`) {
		b.Errorf("the page does not say %s:\n%s", reason, b.Text())
	}
	return b
}

// API calls the API as a script of the site would, and decodes the answer.
func (b *Browser) API(method, path string) (int, map[string]any) {
	b.Helper()
	w := b.Request(method, path, nil, "same-origin")
	want := "application/json"
	if w.Code >= 400 {
		want = "application/problem+json"
	}
	if got := w.Header().Get("Content-Type"); got != want {
		b.Errorf("%s %s: got content type %q, want %q", method, path, got, want)
	}
	var decoded map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &decoded); err != nil {
		b.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
	}
	return w.Code, decoded
}

// WantsAPI checks the status of a call and, where it is refused, the code.
func (b *Browser) WantsAPI(method, path string, status int, code string) map[string]any {
	b.Helper()
	got, answer := b.API(method, path)
	if got != status || code != "" && answer["code"] != code {
		b.Errorf("%s %s: got %d %v, want %d %s", method, path, got, answer, status, code)
	}
	return answer
}

// Steal copies every cookie of a victim.
func (b *Browser) Steal(victim *Browser) *Browser {
	b.Cookies = maps.Clone(victim.Cookies)
	return b
}

// Close ends what lasts only while the browser is open.
func (b *Browser) Close() {
	maps.DeleteFunc(b.Cookies, func(_ string, c Cookie) bool { return c.Ends.IsZero() })
}

// Value is the value of a cookie, named without its prefix.
func (b *Browser) Value(name string) string { return b.Cookies["__Host-"+name].Value }

// Plant puts a cookie where the site did not.
func (b *Browser) Plant(name, value string) { b.Cookies["__Host-"+name] = Cookie{Value: value} }

// SetCookies returns the cookies set by the last response, by name without the __Host-
// prefix.
func (b *Browser) SetCookies() map[string]*http.Cookie {
	set := map[string]*http.Cookie{}
	for _, line := range b.Page.Header["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		Must(b, err)
		set[strings.TrimPrefix(c.Name, "__Host-")] = c
	}
	return set
}

func Same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
