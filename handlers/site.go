// Package handlers is the web site: routes, middleware, and one file per page or
// API. It is the only package, beside main, that knows Echo.
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
	Passwords *auth.Passwords     // nil without a database
	Tokens    *auth.AccountKeeper // of the provider's tokens; nil if they are not kept
	Enrich    Enricher            // may be nil

	Managers func(*http.Request) []*auth.Manager // all that a sign-in issues under
	Pick     func(*http.Request) *auth.Manager   // the one whose session a request trusts; nil if it names none

	IDP       http.Handler                // the embedded provider; may be nil
	Ready     func(context.Context) error // nil error: the site can serve
	Extension Extension                   // may be nil
	Proxies   []netip.Prefix              // whose X-Forwarded-For is believed
	Timing    bool                        // send Server-Timing; it tells anybody how long things take here
	Now       func() time.Time            // the process clock
	Text      func() string               // fresh random text
	Log       *slog.Logger

	limits  *limits
	once    sync.Once
	handler http.Handler
}

// ServeHTTP answers a request. The fields must not change after the first.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.once.Do(func() { s.handler = s.routes() })
	s.handler.ServeHTTP(w, r)
}

// Single makes m the one strategy of the site.
func (s *Site) Single(m *auth.Manager) {
	s.Managers = func(*http.Request) []*auth.Manager { return []*auth.Manager{m} }
	s.Pick = func(*http.Request) *auth.Manager { return m }
}

// An Extension is what compare mode adds to the site. Without one the site is a
// plain product.
type Extension interface {
	// Sessionless says whether the routes at a path load no session.
	Sessionless(path string) bool
	// Routes adds routes of its own.
	Routes(e *echo.Echo)
	// Page adds to what every page shows, such as the toggle.
	Page(r *http.Request, p *views.Page)
	// Landing draws the landing page.
	Landing(c echo.Context, p views.Page) error
	// Inside draws what the dashboard folds away; nil for nothing.
	Inside(c echo.Context) Component
	// SignedIn is told of each sign-in.
	SignedIn(ctx context.Context, u auth.User)
	// Deleted is told that a user is no more.
	Deleted(ctx context.Context, userID string)
}

func (s *Site) https() bool { return s.BaseURL.Scheme == "https" }
