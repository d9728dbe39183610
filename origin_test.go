package main

import (
	"net/http"
	"strings"
	"testing"

	"sessionlab/db/dbtest"
	"sessionlab/e2e"
)

// TestBaseURL: whatever form of its address a site is given, it is known by the one that
// browsers send, and by what none of them sends it does not start.
func TestBaseURL(t *testing.T) {
	t.Chdir(t.TempDir())
	for given, want := range map[string]string{
		"https://app.example.com":                         "https://app.example.com",
		"https://app.example.com/":                        "https://app.example.com",
		"HTTPS://App.EXAMPLE.com":                         "https://app.example.com",
		"https://app.example.com.":                        "https://app.example.com",
		"https://app.example.com:443":                     "https://app.example.com",
		"https://app.example.com:":                        "https://app.example.com",
		"https://app.example.com:08443":                   "https://app.example.com:8443",
		"https://app.example.com:80":                      "https://app.example.com:80",
		"http://localhost:80":                             "http://localhost",
		"http://LOCALHOST.:8080":                          "http://localhost:8080",
		"http://localhost:443":                            "http://localhost:443",
		"https://bücher.example":                          "https://xn--bcher-kva.example",
		"https://BÜCHER.example:443/":                     "https://xn--bcher-kva.example",
		"https://xn--bcher-kva.example":                   "https://xn--bcher-kva.example",
		"https://faß.example":                             "https://xn--fa-hia.example", // as browsers do since 2023
		"https://日本。jp":                                   "https://xn--wgv71a.jp",
		"https://b%C3%BCcher.example":                     "https://xn--bcher-kva.example",
		"https://my_app.example.com":                      "https://my_app.example.com",
		"https://r3---a.example.com":                      "https://r3---a.example.com",
		"https://192.0.2.1:8443":                          "https://192.0.2.1:8443",
		"https://１９２.0.2.1":                               "https://192.0.2.1",
		"http://[::1]:8080":                               "http://[::1]:8080",
		"http://[0:0:0:0:0:0:0:1]":                        "http://[::1]",
		"https://[2001:DB8::0:1]:443":                     "https://[2001:db8::1]",
		"https://app.example.com:0":                       "https://app.example.com:0", // chosen by ADDR
		"http://localhost:8080?":                          "http://localhost:8080",
		" https://app.example.com\r\n":                    "https://app.example.com",
		"https://app.xn--80asehdb":                        "https://app.xn--80asehdb",
		"https://app.онлайн":                              "https://app.xn--80asehdb",
		"https://" + strings.Repeat("a", 63) + ".example": "https://" + strings.Repeat("a", 63) + ".example",
	} {
		c, err := readConfig([]string{"ADDR=localhost:0", "BASE_URL=" + given, "SESSION_STRATEGY=database", "SESSION_KEYS=" + e2e.KeyA})
		if err != nil {
			t.Errorf("%q: got %v", given, err)
		} else if got := c.BaseURL.String(); got != want {
			t.Errorf("%q: got %s, want %s", given, got, want)
		}
	}
	for _, given := range []string{
		"https://127.1", "https://0x7f.0.0.1", "https://2130706433", "https://192.0.2.01", "https://192.0.2.256", "https://1.2.3.4.5", "https://example.1",
		"https://[fe80::1%25eth0]", "https://[::ffff:192.0.2.1]", "https://[::1", "https://::1",
		"https://app..example", "https://.example", "https://app.example..", "https://.", "https://app example.com", "https://app*.example.com", "https://<app>.example",
		"https://xn--a.example", "https://" + strings.Repeat("a", 64) + ".example", "https://a\u00adb\u2028.example",
		"https://app.example.com:65536", "https://app.example.com:-1", "https://app.example.com:https", "https://app.example.com#a", "https://u@app.example.com",
		"https:app.example.com", "https:///app.example.com", "app.example.com:443",
	} {
		if c, err := readConfig([]string{"ADDR=localhost:0", "BASE_URL=" + given, "SESSION_STRATEGY=database", "SESSION_KEYS=" + e2e.KeyA}); err == nil {
			t.Errorf("%q: taken, as %s", given, c.BaseURL)
		}
	}
	for addr, want := range map[string]string{
		"LOCALHOST:8080": "http://localhost:8080", "localhost:80": "http://localhost", "localhost:08080": "http://localhost:8080",
		"[0:0:0:0:0:0:0:1]:8080": "http://[::1]:8080", "127.0.0.1:8080": "http://127.0.0.1:8080",
	} {
		if c, err := readConfig([]string{"ADDR=" + addr}); err != nil || c.BaseURL.String() != want {
			t.Errorf("ADDR=%s: got %v, %v, want %s", addr, c.BaseURL, err, want)
		}
	}
	if c, err := readConfig([]string{"ADDR=[::1%lo]:8080"}); err == nil {
		t.Errorf("ADDR with a zone: the base URL is %s", c.BaseURL)
	}
}

// TestBaseURLOfBooks asks a site with an umlaut in its name as browsers do.
func TestBaseURLOfBooks(t *testing.T) {
	at := dbtest.FreeAddress(t)
	p := e2e.Start(t, command(t.TempDir(), "ADDR="+at, "BASE_URL=https://Bücher.example:443", e2e.StoredOnly, "SESSION_KEYS="+e2e.KeyA))
	if want := "https://xn--bcher-kva.example"; p.Base != want {
		t.Errorf("got %s, want %s", p.Base, want)
	}
	for host, want := range map[string]int{"xn--bcher-kva.example": 200, "xn--bcher-kva.example:443": 200, "b": 421} {
		req, err := http.NewRequest(http.MethodGet, "http://"+at+"/sign-in", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %s: got %d, want %d", host, resp.StatusCode, want)
		}
	}
}
