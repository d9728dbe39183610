package handlerstest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
)

// judge checks the rules that every response of the site must follow.
func (b *Browser) judge(r *http.Request, w *httptest.ResponseRecorder) {
	b.Helper()
	for _, flaw := range Flaws(b.Site, r, w) {
		b.Errorf("%s %s, answered %d: %s", r.Method, r.URL, w.Code, flaw)
	}
}

// Flaws returns what is wrong with an answer.
func Flaws(s *Site, r *http.Request, w *httptest.ResponseRecorder) (found []string) {
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	h := w.Header()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
		"Server":             "", "X-Powered-By": "", "Access-Control-Allow-Origin": "",
	} {
		if got := h.Get(name); got != want {
			add("%s: got %q, want %q", name, got, want)
		}
	}
	if hsts := h.Get("Strict-Transport-Security"); (hsts != "") != (s.BaseURL.Scheme == "https") {
		add("Strict-Transport-Security is %q on a site at %s", hsts, s.BaseURL)
	}
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(csp, want) {
			add("the policy %q lacks %s", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") {
		add("the policy %q allows inline code", csp)
	}
	static := strings.HasPrefix(r.URL.Path, "/static/") && w.Code == 200
	if cache := h.Get("Cache-Control"); (cache == "no-store") == static {
		add("Cache-Control is %q", cache)
	}
	if len(h.Get("X-Request-Id")) != 12 {
		add("the request has no id")
	}
	if n, err := strconv.Atoi(h.Get("Content-Length")); err == nil && n != w.Body.Len() && r.Method != http.MethodHead {
		add("Content-Length: got %d, want %d", n, w.Body.Len())
	}
	return append(found, cookieFlaws(h["Set-Cookie"])...)
}

// cookieFlaws returns violations of the cookie rules: what browsers reject, and what the
// site must not send.
func cookieFlaws(lines []string) (found []string) {
	seen := map[string]bool{}
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		switch {
		case err != nil:
			found = append(found, fmt.Sprintf("Set-Cookie: %v", err))
			continue
		case seen[c.Name]:
			found = append(found, c.Name+" is set twice")
		case !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "":
			found = append(found, "not a valid __Host- cookie: "+c.Name)
		case len(line) > 4050 || len(c.Name)+len(c.Value) > 4096:
			found = append(found, fmt.Sprintf("%s takes %d bytes", c.Name, len(line)))
		case c.MaxAge > 400*24*3600 || !c.Expires.IsZero():
			found = append(found, c.Name+" has a Max-Age over 400 days, or sets Expires")
		}
		seen[c.Name] = true
	}
	return found
}
