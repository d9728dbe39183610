package handlerstest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// PostRaw sends a body that no form of the site would.
func (b *Browser) PostRaw(path, contentType string, body io.Reader) *Browser {
	b.Helper()
	r := httptest.NewRequest(http.MethodPost, b.Site.BaseURL.String()+path, body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	b.Send(r)
	return b
}

// Refused checks status and code of an error page.
func (b *Browser) Refused(status int, code string) *Browser {
	b.Helper()
	if b.Page.Status != status || !strings.Contains(b.Text(), code) || !b.Has("main h1") || !b.Has("main a[href]") {
		b.Errorf("%s: got %d, want the page for %d %s with a way back:\n%s", b.Page.URL, b.Page.Status, status, code, b.Text())
	}
	return b
}
