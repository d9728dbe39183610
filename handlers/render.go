package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/views"
)

// A Component is a piece of a page.
type Component = templ.Component

// pictureHosts are the origins that profile pictures may come from. Any other picture would
// tell its host who visits; initials are shown instead.
var pictureHosts = []string{"https://avatars.githubusercontent.com", "https://lh3.googleusercontent.com"}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Render renders a component into a buffer before sending it, so that a failure still
// yields an error page and Content-Length is known.
func Render(w http.ResponseWriter, status int, page Component) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	if err := page.Render(context.Background(), buf); err != nil {
		return WithCause(ErrInternal, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, err := w.Write(buf.Bytes())
	return err
}

func RenderJSON(c echo.Context, v any) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	if err := json.NewEncoder(buf).Encode(v); err != nil {
		return WithCause(ErrInternal, err)
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, buf.Bytes())
}

// Page returns the model that every page shares, filled in for the request.
func (s *Site) Page(r *http.Request, title string) views.Page {
	v := VisitFrom(r.Context())
	p := views.Page{
		Title: title, CSS: s.Assets.URL("app.css"), JS: s.Assets.URL("app.js"), Icon: s.Assets.URL("icon.svg"),
		Footnote: "Sign-in and sessions, by a program you can read.", RequestID: v.ID,
	}
	if theme, err := r.Cookie("theme"); err == nil && (theme.Value == "light" || theme.Value == "dark") {
		p.Theme = theme.Value
	}
	if v.SignedIn() {
		u := v.Session.User
		p.User = &views.UserChip{Name: u.Name, Initials: initials(u.Name), Picture: s.picture(u.Picture)}
		p.Nav = append(p.Nav, NavLink(r, "Your session", "/dashboard"), NavLink(r, "Devices", "/sessions"))
		if s.Notes != nil {
			p.Nav = append(p.Nav, NavLink(r, "Notes", notesPath))
		}
		if s.Administration != nil && u.Role == auth.RoleAdmin {
			p.Nav = append(p.Nav, NavLink(r, "Users", adminPath))
		}
	}
	if s.Extension != nil {
		s.Extension.Page(r, &p)
	}
	return p
}

func NavLink(r *http.Request, label, href string) views.NavItem {
	return views.NavItem{Label: label, Href: href, Current: r.URL.Path == href}
}

func initials(name string) string {
	var out []rune
	for _, word := range strings.Fields(name) {
		if i := strings.IndexFunc(word, unicode.IsPrint); i >= 0 { // past a directional mark
			first, _ := utf8.DecodeRuneInString(strings.ToUpper(word[i:]))
			out = append(out, first)
		}
	}
	if len(out) > 2 {
		out = []rune{out[0], out[len(out)-1]}
	}
	return string(out)
}

// picture returns the URL of a profile picture, or "" if pages may not load pictures from
// its host.
func (s *Site) picture(url string) string {
	allowed := func(host string) bool { return strings.HasPrefix(url, host+"/") }
	if slices.ContainsFunc(pictureHosts, allowed) || slices.ContainsFunc(s.PictureHosts, allowed) {
		return url
	}
	return ""
}
