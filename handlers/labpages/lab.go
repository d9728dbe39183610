// Package labpages is compare mode: the lab, its demos, the flow trace, the cost
// benchmark and the collapsed part of the dashboard. It extends a [handlers.Site], which
// does not depend on it. An application made by newapp does not have it.
package labpages

import (
	"context"
	"net/http"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/auth/oauth"
	"sessionlab/handlers"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

// Lab is compare mode: the [handlers.Extension] that adds the toggle, the lab's pages and
// what the dashboard folds away.
type Lab struct {
	Bench    *lab.Bench   // everybody's; nil in a public lab
	Benches  *lab.Benches // one per visitor, in a public lab
	site     *handlers.Site
	visitors lab.Visitors
	limits   labLimits // of a public lab
	traces   traces
	costs    lab.Job[costs] // one at a time, whoever started it

	Exposures lab.Exposures // of this server
	assault   attackTarget  // on a site of its own
}

var _ handlers.Extension = (*Lab)(nil)

// bench returns the bench that r is about.
func (l *Lab) bench(r *http.Request) *lab.Bench { return l.benchOf(r.Context()) }

func (l *Lab) benchOf(ctx context.Context) *lab.Bench {
	if b := lab.About(ctx); b != nil {
		return b
	}
	if l.Bench == nil { // as on an error page rendered before the visitor is known
		return l.Benches.Passing()
	}
	return l.Bench
}

// User looks up a user on the request's bench. It fails while the bench's database is
// unplugged.
func (l *Lab) User(ctx context.Context, id string) (auth.User, error) {
	return l.benchOf(ctx).Users().User(ctx, id)
}

// Compare turns the site into compare mode: a sign-in issues a session under
// every strategy of the bench, and the visitor picks the one that is trusted.
func Compare(s *handlers.Site, b *lab.Bench) *Lab {
	return extend(s, &Lab{Bench: b, site: s, visitors: b.Visitors()})
}

// extend makes l the extension of s.
func extend(s *handlers.Site, l *Lab) *Lab {
	s.Managers = func(r *http.Request) []*auth.Manager { return l.bench(r).Managers() }
	s.Pick = func(r *http.Request) *auth.Manager { return l.bench(r).Manager(chosen(r)) }
	s.Users, s.Extension, s.Timing = l, l, true
	return l
}

const (
	chosenCookie    = "strategy"
	defaultStrategy = "database"
)

// chosen returns the strategy that the request selects: the one an API call names, else
// the one picked with the toggle.
func chosen(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		if q := r.URL.Query(); q.Has("strategy") {
			return q.Get("strategy")
		}
	}
	if c, err := r.Cookie("__Host-" + chosenCookie); err == nil {
		if _, ok := auth.KindOf(c.Value); ok {
			return c.Value
		}
	}
	return defaultStrategy
}

// Routes adds the routes of the toggle and of the lab.
func (l *Lab) Routes(e *echo.Echo) {
	if l.Benches != nil {
		e.Pre(l.enter)
	}
	e.Use(gzipPages(), l.watchSignIns)

	e.POST("/strategy", l.choose)
	e.GET("/compare", l.compare)
	e.GET("/compare/state", l.state)
	e.POST("/compare/demo", l.play)
	e.POST("/compare/:action", l.act)
	l.exposureRoutes(e)

	e.GET("/flow", l.flow)
	e.POST("/flow/attack", l.attack)
	e.GET(guardPath+"*", l.guard)

	e.GET(costPath, l.cost)
	e.POST(costPath+"/run", l.runCost)
	e.POST(costPath+"/cancel", l.cancelCost)

	e.POST(runPath, l.run, l.site.Limit(newRuns(l.site.Now)))
	e.GET(runPath, handlers.Redirect("/")) // where a reload of what the button answered leads
	e.GET(sourcePath+":file", l.source)
	l.workbenchRoutes(e)
	for name, guard := range l.guards() {
		e.GET("/api/guards/"+name, passed, l.site.RequireSession, guard)
	}
}

// gzipPages compresses pages. The lab's pages are long and contain no secret that the
// compressed length could leak. Static files are compressed already, and API responses
// stay uncompressed because they are measured.
func gzipPages() echo.MiddlewareFunc {
	return middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1400, Skipper: func(c echo.Context) bool {
		path := c.Request().URL.Path
		return strings.HasPrefix(path, "/static/") || strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/idp/")
	}})
}

// guards are the two ways to ask for a role, to be shown side by side.
func (l *Lab) guards() map[string]echo.MiddlewareFunc {
	return map[string]echo.MiddlewareFunc{
		"claim": l.site.RequireClaimRole(auth.RoleAdmin),
		"live":  l.site.RequireLiveRole(auth.RoleAdmin),
	}
}

func passed(c echo.Context) error { return handlers.RenderJSON(c, map[string]bool{"passed": true}) }

// Sessionless reports whether path is a lab page that makes its own requests to the site
// and needs no session loaded.
func (l *Lab) Sessionless(path string) bool {
	return strings.HasPrefix(path, "/compare") && !strings.HasPrefix(path, exposurePath)
}

// Page adds the lab's navigation and, for whoever is signed in, the toggle.
func (l *Lab) Page(r *http.Request, p *views.Page) {
	nav := []views.NavItem{handlers.NavLink(r, "Compare", "/compare")}
	for _, item := range p.Nav {
		if item.Href != "/sessions" { // reached from the dashboard
			nav = append(nav, item)
		}
	}
	p.Nav = append(nav, handlers.NavLink(r, "How sign-in works", "/flow"), handlers.NavLink(r, "Cost", costPath), handlers.NavLink(r, "Learn", advicePath))
	p.Footnote = "A lab for web sessions. Every answer on these pages is a real request."
	p.Foot = l.foot(r)
	if notes := differences(l.bench(r).Status()); len(notes) > 0 && !l.Sessionless(r.URL.Path) {
		p.Toggle = labviews.LabStrip(strings.Join(notes, " · "), "/compare/reset")
	} else if cleared(r) {
		p.Toggle = labviews.LabNote(clearedNote)
	}
	if p.User == nil || r.Method != http.MethodGet {
		return
	}
	toggle := labviews.Toggle{Next: r.URL.RequestURI()}
	for _, kind := range auth.Kinds() {
		toggle.Options = append(toggle.Options, labviews.ToggleOption{
			Name: kind.Name, Gloss: kind.Summary, Current: kind.Name == chosen(r),
		})
	}
	strips := []templ.Component{labviews.StrategyToggle(toggle)}
	if p.Toggle != nil {
		strips = append(strips, p.Toggle)
	}
	p.Toggle = templ.Join(strips...)
}

// SignedIn tells the bench who its story is about.
func (l *Lab) SignedIn(ctx context.Context, u auth.User) {
	l.benchOf(ctx).SignedIn(ctx, l.visitorID(ctx), u)
}

// Deleted tells the bench that the user of its story was deleted.
func (l *Lab) Deleted(ctx context.Context, userID string) { l.benchOf(ctx).Deleted(userID) }

// choose is the toggle.
func (l *Lab) choose(c echo.Context) error {
	form, err := handlers.Form(c)
	if err != nil {
		return err
	}
	name := form.Get("strategy")
	if _, ok := auth.KindOf(name); !ok {
		return handlers.ErrUnknownStrategy
	}
	if err := handlers.VisitOf(c).Jar.Set(chosenCookie, name, maxRememberChoice); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, oauth.SafeNext(form.Get("next")))
}

// Landing is the first page of compare mode.
func (l *Lab) Landing(c echo.Context, p views.Page) error {
	return handlers.Render(c.Response(), http.StatusOK, labviews.LabLandingPage(p, l.landing(c)))
}

// landing returns the landing page's view as it is before the demonstration is run.
func (l *Lab) landing(c echo.Context) labviews.LabLanding {
	m := labviews.LabLanding{
		SignedIn: handlers.VisitOf(c).SignedIn(), SignInHref: "/sign-in?next=/compare", LabHref: "/compare", RunAction: runPath,
		Mini: labviews.Matrix{Caption: "Who is still in, under which strategy"},
		Ways: ways,
		Commands: []string{
			"SESSION_STRATEGY=database go run .",
			"SESSION_STRATEGY=cookie go run .    # no database",
		},
	}
	rows := []labviews.ClientRow{{Client: "you", Label: "You", Note: "signed out"}, {Client: "thief", Label: "THIEF", Note: "has your cookies"}}
	for _, kind := range auth.Kinds()[:len(ways)] {
		m.Mini.Columns = append(m.Mini.Columns, labviews.Column{Name: kind.Name, Gloss: kind.Summary})
		for i := range rows {
			rows[i].Cells = append(rows[i].Cells, labviews.Cell{ID: "mini-" + rows[i].Client + "-" + kind.Name, Verdict: "none"})
		}
	}
	m.Mini.Rows = rows
	return m
}

var ways = []labviews.Way{
	{Name: "cookie", Gloss: "the cookie is the session", Facts: []views.Fact{
		{Label: "Your browser holds", Value: "the session itself, sealed"},
		{Label: "The server holds", Value: "nothing"},
		{Label: "Table reads per request", Value: "0", Mono: true},
		{Label: "A stolen copy, after you sign out", Value: "works until it expires", Note: "a week unused, 30 days at most"},
		{Label: "Signing out one device from another", Value: "impossible"},
	}},
	{Name: "database", Gloss: "the cookie is a ticket", Facts: []views.Fact{
		{Label: "Your browser holds", Value: "26 random characters"},
		{Label: "The server holds", Value: "a row per session"},
		{Label: "Table reads per request", Value: "1", Mono: true},
		{Label: "A stolen copy, after you sign out", Value: "is refused at the next request"},
		{Label: "Signing out one device from another", Value: "takes effect at once"},
	}},
}
