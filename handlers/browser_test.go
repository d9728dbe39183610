package handlers_test

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
)

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"

// A browser visits the site without JavaScript. It presses what is on the page
// and keeps cookies as browsers do. Whatever it is told, it checks that the
// answer is one that the site may give: see [browser.judge].
type browser struct {
	testing.TB
	site    *site
	agent   string
	cookies map[string]cookie
	page    page
}

// A cookie ends when the browser closes if it has no end.
type cookie struct {
	value    string
	ends     time.Time
	readable bool // by script
}

// A page is the last answer that a browser got.
type page struct {
	*goquery.Document
	url    *url.URL
	status int
	header http.Header
	body   string
}

func newBrowser(t testing.TB, s *site) *browser {
	return &browser{TB: t, site: s, agent: firefox, cookies: map[string]cookie{}, page: page{url: s.BaseURL}}
}

// get types an address.
func (b *browser) get(path string) *browser {
	b.Helper()
	return b.visit(http.MethodGet, path, nil, "none")
}

// post sends a form that stands on a page of the site.
func (b *browser) post(path string, form url.Values) *browser {
	b.Helper()
	return b.visit(http.MethodPost, path, form, "same-origin")
}

// visit makes a request and follows where it leads.
func (b *browser) visit(method, path string, form url.Values, site string) *browser {
	b.Helper()
	for range 10 {
		w := b.request(method, path, form, site)
		if w.Code < 300 || w.Code > 399 {
			return b
		}
		from := b.page.url
		path, method, form = w.Header().Get("Location"), http.MethodGet, nil
		if b.page.url.ResolveReference(b.parse(path)).Host != from.Host && site != "none" {
			site = "cross-site"
		}
	}
	b.Fatalf("redirected without an end, last to %s", path)
	return b
}

// request makes one request, and the answer the current page.
func (b *browser) request(method, path string, form url.Values, site string) *httptest.ResponseRecorder {
	b.Helper()
	to := b.page.url.ResolveReference(b.parse(path))
	to.Fragment = "" // stays in the browser
	r := httptest.NewRequest(method, to.String(), strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		// Pages say Referrer-Policy: no-referrer, so their forms do not name
		// their origin (Fetch, "append a request Origin header").
		r.Header.Set("Origin", "null")
	}
	if site != "" {
		r.Header.Set("Sec-Fetch-Site", site)
	}
	return b.send(r)
}

// send adds what the browser is and carries, and takes what is set.
func (b *browser) send(r *http.Request) *httptest.ResponseRecorder {
	b.Helper()
	r.Header.Set("User-Agent", b.agent)
	ours := r.URL.Host == "" || r.URL.Host == b.site.BaseURL.Host
	var w *httptest.ResponseRecorder
	switch handler := b.site.network.hosts[r.URL.Host]; {
	case ours:
		if header := b.header(); header != "" {
			r.Header.Set("Cookie", header)
		}
		w = b.site.answer(r)
		b.judge(r, w)
		b.take(w)
	case handler != nil:
		w = httptest.NewRecorder()
		handler.ServeHTTP(w, r)
	default:
		b.Fatalf("sent to a foreign host: %s", r.URL)
	}
	b.page = page{url: r.URL, status: w.Code, header: w.Header(), body: w.Body.String()}
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(w.Body.Bytes()))
	must(b, err)
	b.page.Document = doc
	return w
}

func (b *browser) parse(address string) *url.URL {
	b.Helper()
	u, err := url.Parse(address)
	must(b, err)
	return u
}

// header is the Cookie header, without what is over.
func (b *browser) header() string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(b.cookies)) {
		if c := b.cookies[name]; c.ends.IsZero() || b.site.clock.Now().Before(c.ends) {
			pairs = append(pairs, name+"="+c.value)
		}
	}
	return strings.Join(pairs, "; ")
}

// take obeys the Set-Cookie lines of an answer, which [browser.judge] has found
// to be such that browsers accept them.
func (b *browser) take(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		kept := cookie{value: c.Value, readable: !c.HttpOnly}
		if c.MaxAge > 0 {
			kept.ends = b.site.clock.Now().Add(time.Duration(c.MaxAge) * time.Second)
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = kept
		}
	}
}

// press presses a button of the current page: its form goes off, as it would
// without a script.
func (b *browser) press(selector string) *browser {
	b.Helper()
	action, values := b.form(selector)
	return b.post(action, values)
}

// pressed presses a button, but goes no further than the first answer: it
// returns where that leads.
func (b *browser) pressed(selector string) (location string) {
	b.Helper()
	action, values := b.form(selector)
	w := b.request(http.MethodPost, action, values, "same-origin")
	if w.Code != http.StatusSeeOther {
		b.Fatalf("%s: got %d, want 303:\n%s", selector, w.Code, b.text())
	}
	return w.Header().Get("Location")
}

// form is what a button would send, and where.
func (b *browser) form(selector string) (action string, values url.Values) {
	b.Helper()
	button := b.one(selector)
	form := button.Closest("form")
	if button.Is("[type=button], [disabled]") || form.AttrOr("method", "get") != "post" {
		b.Fatalf("%s posts no form", selector)
	}
	action = button.AttrOr("formaction", form.AttrOr("action", b.page.url.String()))
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

// follow clicks a link of the current page.
func (b *browser) follow(selector string) *browser {
	b.Helper()
	href, ok := b.one(selector).Attr("href")
	if !ok {
		b.Fatalf("%s is no link", selector)
	}
	return b.visit(http.MethodGet, href, nil, "same-origin")
}

// untick clears a box of the current page.
func (b *browser) untick(selector string) *browser {
	b.Helper()
	b.one(selector).RemoveAttr("checked")
	return b
}

// one finds the one element that selector names.
func (b *browser) one(selector string) *goquery.Selection {
	b.Helper()
	found := b.page.Find(selector)
	if found.Length() != 1 {
		b.Fatalf("%s has %d of %s, want one:\n%s", b.page.url, found.Length(), selector, b.text())
	}
	return found
}

// has says whether the current page has such an element.
func (b *browser) has(selector string) bool { return b.page.Find(selector).Length() > 0 }

// text is what the current page says.
func (b *browser) text() string {
	return strings.Join(strings.Fields(b.page.Find("main").Text()), " ")
}

// signIn goes through the forms of the site and of its provider.
func (b *browser) signIn(persona string) *browser {
	b.Helper()
	return b.signInAt("dev", persona)
}

func (b *browser) signInAt(provider, persona string) *browser {
	b.Helper()
	b.get("/sign-in").press("#sign-in-" + provider).press("button[name=persona][value=" + persona + "]")
	return b.at("/dashboard", 200)
}

// at checks where the browser ended up.
func (b *browser) at(path string, status int) *browser {
	b.Helper()
	if b.page.url.Path != path || b.page.status != status {
		b.Fatalf("got %s with %d, want %s with %d:\n%s", b.page.url, b.page.status, path, status, b.text())
	}
	return b
}

// wants asks for a path and checks the status, without following a redirect.
func (b *browser) wants(path string, status int) *browser {
	b.Helper()
	if w := b.request(http.MethodGet, path, nil, "none"); w.Code != status {
		b.Errorf("GET %s: got %d %s, want %d", path, w.Code, w.Header().Get("Location"), status)
	}
	return b
}

// told checks that the page says why one is there.
func (b *browser) told(reason string) *browser {
	b.Helper()
	b.at("/sign-in", 200)
	if got := b.page.url.Query().Get("reason"); got != reason {
		b.Errorf("reason: got %q in %s, want %q", got, b.page.url, reason)
	}
	if !b.has(`[role=status][data-reason="` + strings.ReplaceAll(reason, "_", "-") + `"], [role=status][data-reason="` + reason + `"]`) {
		b.Errorf("the page does not say %s:\n%s", reason, b.text())
	}
	return b
}

// api calls the API as a script of the site would, and decodes the answer.
func (b *browser) api(method, path string) (int, map[string]any) {
	b.Helper()
	w := b.request(method, path, nil, "same-origin")
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

// wantsAPI checks the status of a call and, where it is refused, the code.
func (b *browser) wantsAPI(method, path string, status int, code string) map[string]any {
	b.Helper()
	got, answer := b.api(method, path)
	if got != status || code != "" && answer["code"] != code {
		b.Errorf("%s %s: got %d %v, want %d %s", method, path, got, answer, status, code)
	}
	return answer
}

// steal copies every cookie of a victim.
func (b *browser) steal(victim *browser) *browser {
	b.cookies = maps.Clone(victim.cookies)
	return b
}

// close ends what lasts only while the browser is open.
func (b *browser) close() {
	maps.DeleteFunc(b.cookies, func(_ string, c cookie) bool { return c.ends.IsZero() })
}

// value is the value of a cookie, named without its prefix.
func (b *browser) value(name string) string { return b.cookies["__Host-"+name].value }

// plant puts a cookie where the site did not.
func (b *browser) plant(name, value string) { b.cookies["__Host-"+name] = cookie{value: value} }

// setCookies are the last answer's, by name without prefix.
func (b *browser) setCookies() map[string]*http.Cookie {
	set := map[string]*http.Cookie{}
	for _, line := range b.page.header["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		must(b, err)
		set[strings.TrimPrefix(c.Name, "__Host-")] = c
	}
	return set
}
