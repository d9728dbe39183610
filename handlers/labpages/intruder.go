package labpages

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/auth/oauth"
	"sessionlab/handlers"
)

// An attackRun is one run of an attack, with its browsers and their requests and
// responses.
type attackRun struct {
	ctx     context.Context
	site    *handlers.Site // the target
	bench   *lab.Bench
	address string // of whoever pressed the button
	steps   []oauth.Step
	lines   []line
}

// A line is one request of an attack.
type line struct {
	who, method, path string
	params            []oauth.Param
	status            int
	location          string
}

// An intruder is a browser in an attack. It keeps cookies as browsers do.
type intruder struct {
	*attackRun
	name    string
	cookies map[string]string
	tap     *tap // between the site and its provider, while this browser waits; may be nil
}

func (p *attackRun) browser(name string) *intruder {
	return &intruder{attackRun: p, name: name, cookies: map[string]string{}}
}

// heard is an http.ResponseWriter that records the response.
type heard struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (h *heard) Header() http.Header         { return h.header }
func (h *heard) WriteHeader(status int)      { h.status = status }
func (h *heard) Write(b []byte) (int, error) { return h.body.Write(b) }

func (h *heard) location() string { return h.header.Get("Location") }

// setsCookie reports whether the answer sets a cookie whose name begins with prefix.
func (h *heard) setsCookie(prefix string) bool {
	return slices.ContainsFunc(h.header["Set-Cookie"], func(line string) bool {
		set, err := http.ParseSetCookie(line)
		return err == nil && set.MaxAge >= 0 && strings.HasPrefix(set.Name, prefix)
	})
}

var codeOnPage = regexp.MustCompile(`<p class="soft value">\s*\d{3} ([a-z_]+)`)

// reason is the stable code of a refusal: in the address that the browser is sent
// to, or on the page. It is empty where nothing was refused.
func (h *heard) reason() string {
	if u, err := url.Parse(h.location()); err == nil && u.Path == "/sign-in" {
		return u.Query().Get("reason")
	}
	if m := codeOnPage.FindSubmatch(h.body.Bytes()); h.status >= 400 && m != nil {
		return string(m[1])
	}
	return ""
}

// send makes one request in process, through the site's full middleware.
func (b *intruder) send(method, address string, form url.Values, headers map[string]string) (*heard, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	ctx := oauth.Watch(b.bench.Within(auth.WithReceipt(b.ctx, &auth.Receipt{})), func(s oauth.Step) { b.steps = append(b.steps, s) })
	if b.tap != nil {
		ctx = b.tap.on(ctx)
	}
	r, err := http.NewRequestWithContext(ctx, method, u.RequestURI(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Host, r.RequestURI, r.RemoteAddr = b.site.BaseURL.Host, u.RequestURI(), b.address
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	for _, name := range slices.Sorted(maps.Keys(b.cookies)) {
		r.AddCookie(&http.Cookie{Name: name, Value: b.cookies[name]})
	}
	h := &heard{status: http.StatusOK, header: http.Header{}}
	b.site.ServeHTTP(h, r)
	for _, line := range h.header["Set-Cookie"] {
		if set, err := http.ParseSetCookie(line); err == nil && set.MaxAge < 0 {
			delete(b.cookies, set.Name)
		} else if err == nil {
			b.cookies[set.Name] = set.Value
		}
	}
	said := u.Query()
	maps.Copy(said, form)
	for name, value := range headers {
		said.Set(name, value)
	}
	to := h.location()
	if at, err := url.Parse(to); err == nil && at.Query().Has("state") { // full of secrets
		to = at.Scheme + "://" + at.Host + at.Path
	}
	b.lines = append(b.lines, line{b.name, method, u.Path, oauth.Shown(said), h.status, to})
	return h, nil
}

// expectAnswer returns the Location of a response, or an error if the request was
// refused. It is for the steps that prepare an attack, which must succeed.
func expectAnswer(h *heard, err error) (string, error) {
	switch {
	case err != nil:
		return "", err
	case h.status != http.StatusSeeOther || h.reason() != "":
		return "", fmt.Errorf("the attack could not be prepared: %d %s", h.status, h.reason())
	}
	return h.location(), nil
}

var byForm = map[string]string{"Sec-Fetch-Site": "same-origin"}

// begin starts a sign-in and goes to the provider.
func (b *intruder) begin(next string) (request *url.URL, err error) {
	to, err := expectAnswer(b.send(http.MethodPost, "/sign-in/dev", url.Values{"next": {next}}, byForm))
	if err != nil {
		return nil, err
	}
	return url.Parse(to)
}

// toCallback goes through a sign-in as far as the address that the provider sends
// the browser back to.
func (b *intruder) toCallback(next string) (*url.URL, error) {
	request, err := b.begin(next)
	if err != nil {
		return nil, err
	}
	form := request.Query()
	form.Set("persona", "grace")
	to, err := expectAnswer(b.send(http.MethodPost, request.Path, form, byForm))
	if err != nil {
		return nil, err
	}
	return url.Parse(to)
}

// back requests a callback URL, as after the provider's redirect or an attacker's link.
func (b *intruder) back(callback *url.URL) (*heard, error) {
	return b.send(http.MethodGet, callback.RequestURI(), nil, map[string]string{"Sec-Fetch-Site": "cross-site"})
}

// copyOf is another browser with the same cookies.
func (b *intruder) copyOf(name string) *intruder {
	thief := b.browser(name)
	thief.cookies = maps.Clone(b.cookies)
	return thief
}

// changed returns a copy of callback with the parameter name set to value, or removed if
// value is empty.
func changed(callback *url.URL, name, value string) *url.URL {
	u, q := *callback, callback.Query()
	q.Set(name, value)
	if value == "" {
		q.Del(name)
	}
	u.RawQuery = q.Encode()
	return &u
}
