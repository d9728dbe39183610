// Package handlers is the web site: routes, middleware, and one file per page or API.
// Echo is used only here and below.
//
// Handlers never ask which strategy runs. They ask what it can do: whether it is
// an [auth.Revoker], an [auth.Lister]. Handlers return errors, and errors.go
// turns an error into a status and a page.
//
// Read routes.go first, then middleware.go, then any page.
package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
	"sessionlab/notes"
	"sessionlab/static"
	"sessionlab/views"
)

// A Site is what the handlers need. Every field is required unless it says
// otherwise.
type Site struct {
	BaseURL   *url.URL // public origin
	Assets    *static.Assets
	Providers *oauth.Providers
	Directory auth.Directory
	Users     auth.Users          // nil without a database
	Accounts  auth.Accounts       // nil without a database
	Passwords *auth.Passwords     // unused without a database
	Tokens    *auth.AccountKeeper // of the provider's tokens; nil if they are not kept
	Enrich    Enricher            // may be nil

	Notes          notes.Store         // may be nil
	Mailed         *Mailed             // the ways back in by email; may be nil
	Administration auth.Administration // of the users, for administrators; may be nil

	Managers func(*http.Request) []*auth.Manager // those under which a sign-in issues a session
	Pick     func(*http.Request) *auth.Manager   // the one whose session the request uses; nil if the request names an unknown strategy

	IDP          http.Handler                // the embedded provider; may be nil
	Ready        func(context.Context) error // nil error: the site can serve
	Extension    Extension                   // may be nil
	PictureHosts []string                    // https origins that profile pictures may come from, besides GitHub's and Google's

	Proxies []netip.Prefix   // trusted, so that their X-Forwarded-For is used
	Timing  bool             // send Server-Timing; it reveals timings to everybody
	Now     func() time.Time // the process clock
	Text    func() string    // returns a new random string
	Log     *slog.Logger

	limits  *limits
	once    sync.Once
	handler http.Handler
}

// ServeHTTP answers a request. The fields must not be changed after the first request.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.once.Do(func() { s.handler = s.routes() })
	s.handler.ServeHTTP(w, r)
}

// Single makes m the one strategy of the site.
func (s *Site) Single(m *auth.Manager) {
	s.Managers = func(*http.Request) []*auth.Manager { return []*auth.Manager{m} }
	s.Pick = func(*http.Request) *auth.Manager { return m }
}

// An Extension adds pages to the site that are not written in this package.
type Extension interface {
	// Sessionless reports whether the routes at a path load no session.
	Sessionless(path string) bool
	// Routes adds routes of its own.
	Routes(e *echo.Echo)
	// Page adds to what every page shows.
	Page(r *http.Request, p *views.Page)
	// Landing draws the landing page.
	Landing(c echo.Context, p views.Page) error
	// Inside returns the collapsed "Look inside" section of the dashboard; nil for none.
	Inside(c echo.Context) Component
	// SignedIn is told of each sign-in.
	SignedIn(ctx context.Context, u auth.User)
	// Deleted is called after a user was deleted.
	Deleted(ctx context.Context, userID string)
}

// Isolated reports whether no two visitors share users or sessions, so that it is safe to
// let anyone sign in as anyone. Only an [Extension] can provide that.
func (s *Site) Isolated() bool {
	x, ok := s.Extension.(interface{ Isolated() bool })
	return ok && x.Isolated()
}

// tenant returns the key of the user set that the request belongs to; "" if all visitors
// share one. Rate limits on guessing are per tenant.
func (s *Site) tenant(r *http.Request) string {
	if x, ok := s.Extension.(interface{ Tenant(*http.Request) string }); ok {
		return x.Tenant(r)
	}
	return ""
}

func (s *Site) https() bool { return s.BaseURL.Scheme == "https" }
