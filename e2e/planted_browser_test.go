package e2e

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"sessionlab/db/dbtest"
)

// TestBrowserIsPlanted plants a session in a browser from another host of the same
// domain. Chromium keeps __Host- names for the host itself, but it treats a name that
// begins with a Unicode space as a different name, and the site must do the same (RFC
// 6265bis, section 5.6).
func TestBrowserIsPlanted(t *testing.T) {
	at := dbtest.FreeAddress(t)
	_, port, _ := net.SplitHostPort(at)
	p := Start(t, command(t.TempDir(), "ADDR="+at, "BASE_URL=http://site.localhost:"+port, AnyOnly))
	thief := Visit(t, p)
	thief.Client.Transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, at)
	}}
	thief.SignIn("grace")
	session := thief.Copied()["__Host-session-"+Any]
	if session == "" {
		t.Fatalf("the thief has no session: %v", thief.Copied())
	}

	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<!doctype html><title>evil</title><link rel=icon href=data:,>"))
	}))
	t.Cleanup(evil.Close)
	for _, space := range []string{"", "\u2000", "\u00a0", "\u3000", "\u0085"} {
		b := browse(t, p)
		b.do(chromedp.Navigate(strings.Replace(evil.URL, "127.0.0.1", "evil.site.localhost", 1)))
		planted := space + "__Host-session-" + Any + "=" + session
		kept := b.evaluate("document.cookie = " + strconv.QuoteToASCII(planted+"; domain=site.localhost; path=/") + "; document.cookie")
		if (space == "\u2000") && kept != planted {
			t.Errorf("%+q: Chromium kept %q, so this shows nothing", space, kept)
		}
		b.visit("/dashboard", "/sign-in")
	}
}
