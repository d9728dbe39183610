package handlers

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
	"sessionlab/views"
)

// Lab is compare mode: the [Extension] that adds the toggle, the lab's pages and
// what the dashboard folds away.
type Lab struct {
	Bench    *lab.Bench   // everybody's; nil in a public lab
	Benches  *lab.Benches // one per visitor, in a public lab
	site     *Site
	visitors lab.Visitors
	limits   labLimits // of a public lab
	traces   traces
	costs    lab.Job[costs] // one at a time, whoever started it

	Exposures lab.Exposures // of this server
	assault   assault       // on a site of its own
}

var _ Extension = (*Lab)(nil)

// bench is the one that a request is about.
func (l *Lab) bench(r *http.Request) *lab.Bench { return l.benchOf(r.Context()) }

func (l *Lab) benchOf(ctx context.Context) *lab.Bench {
	if b := lab.About(ctx); b != nil {
		return b
	}
	if l.Bench == nil { // as on an error page that comes before any visitor is asked
		return l.Benches.Passing()
	}
	return l.Bench
}

// User looks people up as the bench of the request can: not while its database is
// unplugged.
func (l *Lab) User(ctx context.Context, id string) (auth.User, error) {
	return l.benchOf(ctx).Users().User(ctx, id)
}

// Compare turns the site into compare mode: a sign-in issues a session under
// every strategy of the bench, and the visitor picks the one that is trusted.
func (s *Site) Compare(b *lab.Bench) {
	s.compare(&Lab{Bench: b, site: s, visitors: b.Visitors()})
}

func (s *Site) compare(l *Lab) {
	s.Managers = func(r *http.Request) []*auth.Manager { return l.bench(r).Managers() }
	s.Pick = func(r *http.Request) *auth.Manager { return l.bench(r).Manager(chosen(r)) }
	s.Users, s.Extension, s.Timing = l, l, true
}

const (
	chosenCookie    = "strategy"
	defaultStrategy = "database"
)

// chosen is the strategy that a request wants to trust: the one that an API call
// names, else the one picked on the page.
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

// Routes are the toggle and the lab.
func (l *Lab) Routes(e *echo.Echo) {
	if l.Benches != nil {
		e.Pre(l.enter)
	}
	e.Use(packed(), l.watchSignIns)

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

	e.POST(runPath, l.run, l.site.limit(newRuns(l.site.Now)))
	e.GET(runPath, redirect("/")) // where a reload of what the button answered leads
	e.GET(sourcePath+":file", l.source)
	l.benchRoutes(e)
	for name, guard := range l.guards() {
		e.GET("/api/guards/"+name, passed, l.site.requireSession, guard)
	}
}

// packed compresses pages: those of the lab are long, and show no secret that the
// length of an answer could give away. Static files bring their own, and the API is
// measured as it is.
func packed() echo.MiddlewareFunc {
	return middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1400, Skipper: func(c echo.Context) bool {
		path := c.Request().URL.Path
		return strings.HasPrefix(path, "/static/") || strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/idp/")
	}})
}

// guards are the two ways to ask for a role, to be shown side by side.
func (l *Lab) guards() map[string]echo.MiddlewareFunc {
	return map[string]echo.MiddlewareFunc{
		"claim": l.site.requireClaimRole(auth.RoleAdmin),
		"live":  l.site.requireLiveRole(auth.RoleAdmin),
	}
}

func passed(c echo.Context) error { return renderJSON(c, map[string]bool{"passed": true}) }

// Sessionless are the pages that ask the site as any client would, and load no
// session of their own.
func (l *Lab) Sessionless(path string) bool {
	return strings.HasPrefix(path, "/compare") && !strings.HasPrefix(path, exposurePath)
}

// Page adds the lab's navigation and, for who is signed in, the toggle.
func (l *Lab) Page(r *http.Request, p *views.Page) {
	nav := []views.NavItem{link(r, "Compare", "/compare")}
	for _, item := range p.Nav {
		if item.Href != "/sessions" { // reached from the dashboard
			nav = append(nav, item)
		}
	}
	p.Nav = append(nav, link(r, "How sign-in works", "/flow"), link(r, "Cost", costPath), link(r, "Learn", advicePath))
	p.Footnote = "A lab for web sessions. Every answer on these pages is a real request."
	p.Foot = l.foot(r)
	if notes := standing(l.bench(r).Status()); len(notes) > 0 && !l.Sessionless(r.URL.Path) {
		p.Toggle = views.LabStrip(strings.Join(notes, " · "), "/compare/reset")
	} else if cleared(r) {
		p.Toggle = views.LabNote(clearedNote)
	}
	if p.User == nil || r.Method != http.MethodGet {
		return
	}
	toggle := views.Toggle{Next: r.URL.RequestURI()}
	for _, kind := range auth.Kinds() {
		toggle.Options = append(toggle.Options, views.ToggleOption{
			Name: kind.Name, Gloss: kind.Gloss, Current: kind.Name == chosen(r),
		})
	}
	strips := []templ.Component{views.StrategyToggle(toggle)}
	if p.Toggle != nil {
		strips = append(strips, p.Toggle)
	}
	p.Toggle = templ.Join(strips...)
}

// SignedIn tells the bench who its story is about.
func (l *Lab) SignedIn(ctx context.Context, u auth.User) {
	l.benchOf(ctx).SignedIn(ctx, l.visitorID(ctx), u)
}

// Deleted tells the bench that its story has lost its hero.
func (l *Lab) Deleted(ctx context.Context, userID string) { l.benchOf(ctx).Deleted(userID) }

// choose is the toggle.
func (l *Lab) choose(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	name := form.Get("strategy")
	if _, ok := auth.KindOf(name); !ok {
		return errUnknownStrategy
	}
	if err := visitOf(c).jar.Set(chosenCookie, name, maxRememberChoice); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, oauth.SafeNext(form.Get("next")))
}

// Landing is the first page of compare mode.
func (l *Lab) Landing(c echo.Context, p views.Page) error {
	return render(c.Response(), http.StatusOK, views.LabLandingPage(p, l.landing(c)))
}

// landing is the first page before anything was asked.
func (l *Lab) landing(c echo.Context) views.LabLanding {
	m := views.LabLanding{
		SignedIn: visitOf(c).signedIn(), SignInHref: "/sign-in?next=/compare", LabHref: "/compare", RunAction: runPath,
		Mini: views.Matrix{Caption: "Who is still in, under which strategy"},
		Ways: ways,
		Commands: []string{
			"SESSION_STRATEGY=database go run .",
			"SESSION_STRATEGY=cookie go run .    # no database",
		},
	}
	rows := []views.ClientRow{{Client: "you", Label: "You", Note: "signed out"}, {Client: "thief", Label: "THIEF", Note: "has your cookies"}}
	for _, kind := range auth.Kinds()[:len(ways)] {
		m.Mini.Columns = append(m.Mini.Columns, views.Column{Name: kind.Name, Gloss: kind.Gloss})
		for i := range rows {
			rows[i].Cells = append(rows[i].Cells, views.Cell{ID: "mini-" + rows[i].Client + "-" + kind.Name, Verdict: "none"})
		}
	}
	m.Mini.Rows = rows
	return m
}

var ways = []views.Way{
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
