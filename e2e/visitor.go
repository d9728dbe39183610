package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sessionlab/db/dbtest"

	"github.com/PuerkitoBio/goquery"
)

// A Visitor is an HTTP client that behaves like a browser. It keeps Secure cookies on
// http://localhost, as real ones do.
type Visitor struct {
	testing.TB
	base    string
	Client  http.Client
	mu      sync.Mutex
	Carries map[string]string
	asked   atomic.Int64
}

// A Page is a response with its whole body.
type Page struct {
	Status int
	header http.Header
	Body   string
	Last   bool // the server closes the connection after it
}

func Visit(t testing.TB, p *Program) *Visitor {
	v := &Visitor{TB: t, base: p.Base, Carries: map[string]string{}}
	v.Client = http.Client{
		Jar: v, Timeout: dbtest.Patience, Transport: &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(v.Client.CloseIdleConnections)
	return v
}

// At returns the same visitor at a program that was restarted.
func (v *Visitor) At(p *Program) *Visitor {
	again := Visit(v.TB, p)
	again.Carries = v.Copied()
	return again
}

// thief is somebody else with a copy of v's cookies.
func (v *Visitor) thief() *Visitor {
	t := Visit(v.TB, &Program{Base: v.base})
	t.Carries = v.Copied()
	return t
}

// Copied returns the cookies that the visitor has, by name.
func (v *Visitor) Copied() map[string]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := map[string]string{}
	for name, value := range v.Carries {
		out[name] = value
	}
	return out
}

// SetCookies and Cookies make the visitor its own [http.CookieJar].
func (v *Visitor) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range cookies {
		if c.MaxAge < 0 {
			delete(v.Carries, c.Name)
		} else {
			v.Carries[c.Name] = c.Value
		}
	}
}

func (v *Visitor) Cookies(*url.URL) (out []*http.Cookie) {
	for name, value := range v.Copied() {
		out = append(out, &http.Cookie{Name: name, Value: value})
	}
	return out
}

func (v *Visitor) try(method, path string, form url.Values) (Page, error) {
	if strings.HasPrefix(path, "/") {
		path = v.base + path
	}
	req, err := http.NewRequest(method, path, strings.NewReader(form.Encode()))
	if err != nil {
		return Page{}, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	v.asked.Add(1)
	resp, err := v.Client.Do(req)
	if err != nil {
		return Page{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return Page{resp.StatusCode, resp.Header, string(body), resp.Close}, err
}

func (v *Visitor) Get(path string) Page { return v.must("GET", path, nil) }

func (v *Visitor) Post(path string, pairs ...string) Page {
	v.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.must("POST", path, form)
}

func (v *Visitor) must(method, path string, form url.Values) Page {
	v.Helper()
	p, err := v.try(method, path, form)
	if err != nil {
		v.Fatal(err)
	}
	return p
}

// Wants gets a page and wants it to have a status and to contain texts.
func (v *Visitor) Wants(path string, status int, contains ...string) Page {
	v.Helper()
	p := v.Get(path)
	if p.Status != status {
		v.Errorf("GET %s: got %d, want %d: %s", path, p.Status, status, p.Body)
	}
	for _, text := range contains {
		if !strings.Contains(p.Body, text) {
			v.Errorf("GET %s: want %q in: %s", path, text, p.Body)
		}
	}
	return p
}

var errSignIn = errors.New("sign-in failed")

// trySignIn goes through the embedded provider, step by step as a browser would.
func (v *Visitor) trySignIn(persona string) error {
	back, err := v.tryToCallback("dev", persona)
	if err != nil {
		return err
	}
	return v.tryCallback(back)
}

// tryToCallback signs in at a provider and returns where that sends the browser.
func (v *Visitor) tryToCallback(provider, persona string) (string, error) {
	started, err := v.try("POST", "/sign-in/"+provider, nil)
	if err != nil {
		return "", err
	}
	at, err := url.Parse(started.header.Get("Location"))
	if err != nil {
		return "", err
	}
	chooser, err := v.try("GET", at.String(), nil)
	if err != nil {
		return "", err
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(chooser.Body))
	if err != nil {
		return "", err
	}
	form := url.Values{"persona": {persona}}
	doc.Find("input[type=hidden]").Each(func(_ int, s *goquery.Selection) {
		form.Set(s.AttrOr("name", ""), s.AttrOr("value", ""))
	})
	action, err := at.Parse(doc.Find("form").AttrOr("action", ""))
	if err != nil {
		return "", err
	}
	chosen, err := v.try("POST", action.String(), form)
	return chosen.header.Get("Location"), err
}

func (v *Visitor) tryCallback(to string) error {
	back, err := v.try("GET", to, nil)
	if err != nil {
		return err
	}
	if to := back.header.Get("Location"); back.Status != http.StatusSeeOther || strings.HasPrefix(to, "/sign-in") {
		return fmt.Errorf("%w: %d %s", errSignIn, back.Status, to)
	}
	return nil
}

func (v *Visitor) SignIn(persona string) {
	v.Helper()
	if err := v.trySignIn(persona); err != nil {
		v.Fatal(err)
	}
}
