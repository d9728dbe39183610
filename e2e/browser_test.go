package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"sessionlab/db/dbtest"
)

// These tests click through the running program with a real browser. Whatever a
// page does, the console must stay empty: no error, no warning, nothing that the
// content security policy had to stop.

// closeChrome ends the browser that chrome started.
var closeChrome = func() {}

// chrome starts one browser for all tests.
var chrome = sync.OnceValues(func() (context.Context, error) {
	path, err := chromium()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		// Disable animations: a click goes to the position the button had when it was
		// located.
		chromedp.Flag("force-prefers-reduced-motion", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...) // in a fresh profile
	ctx, closeTab := chromedp.NewContext(ctx)
	closeChrome = func() { closeTab(); stop() }
	return ctx, chromedp.Do(ctx)
})

func chromium() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no browser: install chromium, or set CHROMIUM to the path of a Chrome")
}

// A tab is a tab in a browser context with its own cookies.
type tab struct {
	testing.TB
	ctx  context.Context
	base string

	mu       sync.Mutex
	messages []string // on the console
}

// browse opens a browser, or skips the test where there is none.
func browse(t testing.TB, p *Program) *tab {
	t.Helper()
	b := &tab{TB: t, base: p.Base}
	b.open()
	t.Cleanup(func() {
		for _, m := range b.console() {
			t.Errorf("on the console: %s", m)
		}
	})
	return b
}

// browseWith opens a browser with JavaScript or without.
func browseWith(t testing.TB, p *Program, scripts bool) *tab {
	t.Helper()
	b := browse(t, p)
	if !scripts {
		b.withoutScripts()
	}
	return b
}

func (b *tab) open() {
	b.Helper()
	parent, err := chrome()
	switch {
	case err != nil && parent == nil:
		dbtest.Missing(b, err.Error())
	case err != nil:
		b.Fatal(err)
	}
	ctx, closeTab := chromedp.NewContext(parent, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.hear))
	b.Cleanup(closeTab)
	b.ctx = ctx
	b.do(chromedp.EmulateViewport(1280, 900))
}

func (b *tab) hear(event any) {
	said := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		said = "console." + string(e.Type)
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError && e.Entry.Level != log.EntryLevelWarning {
			return // informational, such as what Clear-Site-Data cleared
		}
		said = e.Entry.Text + " " + e.Entry.URL
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = append(b.messages, said)
}

func (b *tab) console() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.messages
}

// bounded returns a context with a timeout for one operation; its end does not close the
// browser.
func (b *tab) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, dbtest.Patience)
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx); err != nil { // the first call binds the tab's lifetime to b.ctx
		b.Fatal(err)
	}
	ctx, cancel := b.bounded()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// withoutScripts turns JavaScript off.
func (b *tab) withoutScripts() {
	b.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// load runs steps that navigate, and checks that the new page is at path with status 200.
func (b *tab) load(path string, steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	resp, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		b.Fatalf("on the way to %s: %v", path, err)
	}
	if resp == nil {
		b.Fatalf("on the way to %s: no page", path)
	}
	if at, err := url.Parse(resp.URL); err != nil || at.Path != path || resp.Status != 200 {
		b.Fatalf("got %d %s, want 200 %s", resp.Status, resp.URL, path)
	}
}

func (b *tab) visit(path, wantPath string) {
	b.Helper()
	b.load(wantPath, chromedp.Navigate(b.base+path))
}

// click presses what leads to another page.
func (b *tab) click(selector, lands string) {
	b.Helper()
	b.load(lands, chromedp.Click(chromedp.CSS(selector)))
}

func (b *tab) text() string {
	b.Helper()
	return b.textOf("body")
}

// textOf is the text of the first such element, "" if there is none.
func (b *tab) textOf(selector string) string {
	b.Helper()
	text := b.evaluate(fmt.Sprintf("document.querySelector(%q)?.textContent ?? ''", selector))
	return strings.Join(strings.Fields(text), " ")
}

// evaluate runs a script whose value is a string, and returns it.
func (b *tab) evaluate(script string) string {
	b.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](script))
	if err != nil {
		b.Fatal(err)
	}
	return text
}

func (b *tab) shows(texts ...string) {
	b.Helper()
	body := b.text()
	for _, text := range texts {
		if !strings.Contains(body, text) {
			b.Errorf("want %q in: %s", text, body)
		}
	}
}

// has wants an element, waiting for it.
func (b *tab) has(selector string) {
	b.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.WaitReady(chromedp.CSS(selector))); err != nil {
		b.Fatalf("%s: %v in: %s", selector, err, b.text())
	}
}

// signIn goes from the sign-in page to the dashboard.
func (b *tab) signIn(persona string) {
	b.Helper()
	b.visit("/sign-in", "/sign-in")
	b.click("#sign-in-dev", "/idp/authorize")
	b.click(`button[value="`+persona+`"]`, "/dashboard")
}

func (b *tab) cookies() map[string]string {
	b.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	all, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		b.Fatal(err)
	}
	found := map[string]string{}
	for _, c := range all.Cookies {
		found[c.Name] = c.Value
	}
	return found
}

// scripts runs a test with JavaScript and without.
func scripts(t *testing.T, test func(t *testing.T, on bool)) {
	t.Run("scripts", func(t *testing.T) { test(t, true) })
	t.Run("no scripts", func(t *testing.T) { test(t, false) })
}

func TestBrowserVisit(t *testing.T) {
	p := start(t, t.TempDir(), DatabaseOnly)
	scripts(t, func(t *testing.T, on bool) {
		b := browseWith(t, p, on)
		b.visit("/", "/")
		b.click(`main a[href^="/sign-in"]`, "/sign-in")
		b.click("#sign-in-dev", "/idp/authorize")
		b.click(`button[value="ada"]`, "/dashboard")
		b.shows("Your session", "Ada Lovelace", "remembered by database", "this browser")
		b.click(`main a[href="/sessions"]`, "/sessions")
		b.shows("Devices", "this browser", "Ending one takes effect at once")
		b.click("#header-sign-out", "/sign-in")
		b.has(`[data-reason="signed_out"]`)
		b.visit("/dashboard", "/sign-in")
		got := b.cookies()
		delete(got, "__Host-signed-out") // the tombstone, until the next sign-in
		if len(got) > 0 {
			t.Errorf("cookies left after sign-out: %v", got)
		}
	})
}

// TestBrowserRevoke: one browser ends another's session, whose next request says so.
func TestBrowserRevoke(t *testing.T) {
	p := start(t, t.TempDir(), DatabaseOnly)
	laptop, phone := browse(t, p), browse(t, p)
	laptop.signIn("ada")
	phone.signIn("ada")
	laptop.visit("/sessions", "/sessions")
	laptop.shows("2 devices")
	laptop.click(`button[id^="revoke-"][class="small"]`, "/sessions")
	laptop.shows("That session was ended", "on this device only")
	phone.visit("/dashboard", "/sign-in")
	phone.has(`[data-reason="revoked"]`)
	phone.shows("Your session was ended")
}

// TestBrowserBack: after a sign-out the Back button shows nothing of anybody.
func TestBrowserBack(t *testing.T) {
	p := start(t, t.TempDir(), DatabaseOnly)
	scripts(t, func(t *testing.T, on bool) {
		b := browseWith(t, p, on)
		b.signIn("grace")
		b.visit("/sessions", "/sessions")
		b.click("#header-sign-out", "/sign-in")
		b.load("/sign-in", chromedp.NavigateBack())
		if text := b.text(); strings.Contains(text, "Grace") {
			t.Errorf("Back shows: %s", text)
		}
	})
}

func TestBrowserTheme(t *testing.T) {
	b := browse(t, start(t, t.TempDir(), AnyOnly))
	b.visit("/", "/")
	b.do(chromedp.Click(chromedp.CSS("[data-theme-toggle]")))
	b.has(`html[data-theme="light"]`)
	b.do(chromedp.Click(chromedp.CSS("[data-theme-toggle]")))
	b.has(`html[data-theme="dark"]`)
	b.withoutScripts() // so that what follows is the server's work
	b.visit("/sign-in", "/sign-in")
	b.has(`html[data-theme="dark"]`)
}

// TestBrowserTampered: an altered cookie signs the user out with a reason, and the cookie
// is cleared.
func TestBrowserTampered(t *testing.T) {
	for _, strategy := range []string{"cookie", "database"} {
		t.Run(strategy, func(t *testing.T) {
			b := browse(t, start(t, t.TempDir(), "SESSION_STRATEGY="+strategy))
			b.signIn("linus")
			name := "__Host-session-" + strategy
			value := []byte(b.cookies()[name])
			if value[len(value)/2]++; value[len(value)/2] == '{' || value[len(value)/2] == '[' {
				value[len(value)/2] = 'A'
			}
			ctx, cancel := b.bounded()
			defer cancel()
			if _, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{
				Name: name, Value: string(value), URL: b.base, Path: "/", Secure: new(true), HTTPOnly: new(true),
			}); err != nil {
				t.Fatal(err)
			}
			b.visit("/dashboard", "/sign-in")
			b.has(`[data-reason="invalid"]`)
			if got := b.cookies()[name]; got != "" {
				t.Errorf("%s is still %s", name, got)
			}
		})
	}
}

// TestBrowserHears checks that a violation of the content security policy is detected;
// without that the other tests would prove nothing.
func TestBrowserHears(t *testing.T) {
	p := start(t, t.TempDir(), AnyOnly)
	b := &tab{TB: t, base: p.Base}
	b.open()
	b.visit("/", "/")
	for i, forbidden := range []string{
		`document.body.insertAdjacentHTML('beforeend', '<p style="color:red">')`,
		`document.body.appendChild(document.createElement('script')).text = 'forbidden()'`,
		`void setTimeout(() => forbidden())`,
	} {
		b.do(chromedp.Evaluate[chromedp.Void](forbidden))
		b.eventually("the console to tell of "+forbidden, func() bool { return len(b.console()) > i })
	}
}

func (b *tab) eventually(what string, is func() bool) {
	b.Helper()
	again, overdue := time.NewTicker(10*time.Millisecond), time.After(dbtest.Patience)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-overdue:
			b.Fatalf("waited %s for %s", dbtest.Patience, what)
		}
	}
}
