package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"sessionlab/views"
)

// A Component is a piece of a page.
type Component = templ.Component

// pictureHosts are where profile pictures may come from. Any other picture would
// tell its host who visits; initials are shown instead.
var pictureHosts = []string{"https://avatars.githubusercontent.com", "https://lh3.googleusercontent.com"}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// render draws a component and sends it whole, so that a failure on the way is
// still an error page and the length is known.
func render(w http.ResponseWriter, status int, page Component) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	if err := page.Render(context.Background(), buf); err != nil {
		return because(errInternal, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, err := w.Write(buf.Bytes())
	return err
}

func renderJSON(c echo.Context, v any) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	if err := json.NewEncoder(buf).Encode(v); err != nil {
		return because(errInternal, err)
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, buf.Bytes())
}

// page is the frame of every page, filled in with what is known of the visit.
func (s *Site) page(r *http.Request, title string) views.Page {
	v := visitFrom(r.Context())
	p := views.Page{
		Title: title, CSS: s.Assets.URL("app.css"), JS: s.Assets.URL("app.js"), Icon: s.Assets.URL("icon.svg"),
		Footnote: "Sign-in and sessions, by a program you can read.", RequestID: v.id,
	}
	if theme, err := r.Cookie("theme"); err == nil && (theme.Value == "light" || theme.Value == "dark") {
		p.Theme = theme.Value
	}
	if v.signedIn() {
		u := v.session.User
		p.User = &views.UserChip{Name: u.Name, Initials: initials(u.Name), Picture: picture(u.Picture)}
		p.Nav = append(p.Nav, link(r, "Your session", "/dashboard"), link(r, "Devices", "/sessions"))
	}
	if s.Extension != nil {
		s.Extension.Page(r, &p)
	}
	return p
}

func link(r *http.Request, label, href string) views.NavItem {
	return views.NavItem{Label: label, Href: href, Current: r.URL.Path == href}
}

func initials(name string) string {
	var out []rune
	for _, word := range strings.Fields(name) {
		out = append(out, []rune(strings.ToUpper(word))[0])
	}
	if len(out) > 2 {
		out = []rune{out[0], out[len(out)-1]}
	}
	return string(out)
}

func picture(url string) string {
	for _, host := range pictureHosts {
		if strings.HasPrefix(url, host+"/") {
			return url
		}
	}
	return ""
}
