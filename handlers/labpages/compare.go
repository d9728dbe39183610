package labpages

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/handlers"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

const maxRememberChoice = 400 * 24 * time.Hour

// Requests that the lab rejects, without any effect.
var (
	errUnknownAction  = &handlers.Problem{Status: 404, Code: "unknown_action", Title: "No such action", Text: "The lab has no button of that name."}
	errUnknownRole    = &handlers.Problem{Status: 400, Code: "unknown_role", Title: "No such role", Text: "A user can be made admin or member."}
	errBadDuration    = &handlers.Problem{Status: 400, Code: "bad_duration", Title: "The clock only moves forward", Text: "Enter a time such as 15m or 720h: at most 400 days in one step, and a hundred years in all."}
	errBadAsking      = &handlers.Problem{Status: 400, Code: "bad_asking", Title: "Nobody asks like that", Text: "Meanwhile clients are silent, or ask once a day: asking=daily."}
	errNothingToSteal = &handlers.Problem{Status: 409, Code: "nothing_to_steal", Title: "There is nothing to steal", Text: "This browser carries no session. Sign in first."}
	errNoPhone        = &handlers.Problem{Status: 409, Code: "no_phone", Title: "There is no phone", Text: "Add one first."}
	errManyPeople     = &handlers.Problem{Status: 409, Code: "too_many_people", Title: "The lab remembers no more people", Text: "Start over: that gives everybody their account and role back."}
	errManyKeys       = &handlers.Problem{Status: 409, Code: "too_many_keys", Title: "The ring is full", Text: "Drop the old keys first."}
)

// visitorID returns the id of the requesting browser; "" if it has none.
func (l *Lab) visitorID(ctx context.Context) string {
	if l.Bench == nil {
		return l.benchOf(ctx).Visitor()
	}
	return l.visitors.Of(ctx, handlers.VisitFrom(ctx).Jar)
}

// visitor returns the requesting browser with its cookies. On a shared bench it gives a
// new browser an id, so that the bench recognizes it after a sign-out.
func (l *Lab) visitor(c echo.Context) (lab.Visitor, error) {
	ctx, v := c.Request().Context(), lab.Visitor{
		Device: auth.Device{Name: auth.DeviceName(c.Request().UserAgent())}, Wallet: lab.NewWallet(c.Request()),
	}
	if l.Bench == nil {
		v.ID = l.visitorID(ctx)
		return v, nil
	}
	jar := auth.NewJar(c.Response(), c.Request())
	if v.ID = l.visitors.Of(ctx, jar); v.ID == "" {
		v.ID = l.site.Text()
		return v, l.visitors.Name(ctx, jar, v.ID)
	}
	return v, nil
}

// look makes a request for every client of the bench again, and passes the Set-Cookie
// headers on to the browser.
func (l *Lab) look(c echo.Context) (lab.State, error) {
	v, err := l.visitor(c)
	if err != nil {
		return lab.State{}, err
	}
	return l.lookAs(c, v)
}

func (l *Lab) lookAs(c echo.Context, v lab.Visitor) (lab.State, error) {
	state, err := l.bench(c.Request()).Look(c.Request().Context(), v)
	v.Wallet.Tell(c.Response().Header())
	return state, handlers.Unavailable(err)
}

// page is the frame of the lab's pages. They load no session of their own; the page
// header shows the user that the lab's own request found.
func (l *Lab) page(c echo.Context, title string, state lab.State) views.Page {
	if you := state.Clients[lab.You][chosen(c.Request())]; you.Verdict == lab.SignedIn {
		visit := handlers.VisitOf(c)
		visit.Manager, visit.Session = l.bench(c.Request()).Manager(chosen(c.Request())), auth.Session{User: you.User}
	}
	p := l.site.Page(c.Request(), title)
	p.Wide = true
	return p
}

// compare shows the lab.
func (l *Lab) compare(c echo.Context) error {
	if c.QueryParams().Has("demo") {
		return l.demo(c)
	}
	state, err := l.look(c)
	if err != nil {
		return err
	}
	p, shown := l.page(c, "Compare", state), remembered(c)
	if c.QueryParam("present") == "1" {
		p.Bare, p.Theme = true, "light"
		return handlers.Render(c.Response(), http.StatusOK, labviews.DemoPage(p, presentation(state, shown)))
	}
	m := comparison(state, shown)
	m.Announce = m.Headline
	for _, d := range l.bench(c.Request()).Demos() {
		m.Demos = append(m.Demos, labviews.Choice{Label: d.Title, Href: demoPath(d.Name, false)})
	}
	return handlers.Render(c.Response(), http.StatusOK, labviews.ComparePage(p, m))
}

// state serves the lab's state as JSON, for scripts and tests.
func (l *Lab) state(c echo.Context) error {
	state, err := l.look(c)
	if err != nil {
		return err
	}
	return handlers.RenderJSON(c, state)
}

// actions are the buttons of the lab, by their stable names.
var actions = map[string]func(context.Context, *lab.Bench, lab.Visitor, url.Values) error{
	"sign-in-all":   plainly((*lab.Bench).SignIn),
	"add-phone":     plainly((*lab.Bench).AddPhone),
	"steal":         plainly((*lab.Bench).Steal),
	"sign-out":      plainly((*lab.Bench).SignOut),
	"revoke-phone":  plainly((*lab.Bench).RevokePhone),
	"revoke-all":    plainly((*lab.Bench).RevokeAll),
	"set-role":      setRole,
	"disable":       plainly((*lab.Bench).Disable),
	"enable":        plainly((*lab.Bench).Enable),
	"raise-version": plainly((*lab.Bench).RaiseVersion),
	"rotate-key":    plainly((*lab.Bench).RotateKey),
	"retire-key":    plainly((*lab.Bench).RetireKey),
	"store-down":    unplug(true),
	"store-up":      unplug(false),
	"advance":       advance,
	"reset":         plainly((*lab.Bench).Reset),
	"race-tabs":     raceTabs,
	"late-answer":   plainly((*lab.Bench).LateAnswer),
}

// races lists the actions that run concurrent requests on a temporary bench.
var races = map[string]bool{"race-tabs": true, "late-answer": true}

// plainly adapts an action that needs no form fields.
func plainly(do func(*lab.Bench, context.Context, lab.Visitor) error) func(context.Context, *lab.Bench, lab.Visitor, url.Values) error {
	return func(ctx context.Context, b *lab.Bench, v lab.Visitor, _ url.Values) error { return do(b, ctx, v) }
}

func unplug(out bool) func(context.Context, *lab.Bench, lab.Visitor, url.Values) error {
	return func(ctx context.Context, b *lab.Bench, v lab.Visitor, _ url.Values) error {
		return b.Unplug(ctx, v, out)
	}
}

func setRole(ctx context.Context, b *lab.Bench, v lab.Visitor, form url.Values) error {
	role := form.Get("role")
	if role != auth.RoleAdmin && role != auth.RoleMember {
		return errUnknownRole
	}
	return b.SetRole(ctx, v, role)
}

func advance(ctx context.Context, b *lab.Bench, v lab.Visitor, form url.Values) error {
	d, err := time.ParseDuration(form.Get("duration"))
	if err != nil {
		return errBadDuration
	}
	if asking := form.Get("asking"); asking != "" && asking != "daily" {
		return errBadAsking
	}
	return b.Advance(ctx, v, d, form.Get("asking") == "daily")
}

// act runs the action of a lab button and redirects to the page, so that reloading does
// not repeat it.
func (l *Lab) act(c echo.Context) error {
	do, ok := actions[c.Param("action")]
	if !ok {
		return errUnknownAction
	}
	form, err := handlers.Form(c)
	if err != nil {
		return err
	}
	if l.Benches != nil && (form.Get("asking") != "" || races[c.Param("action")]) {
		if wait := l.limits.waits.Take(handlers.ClientAddress(c)); wait > 0 {
			return l.site.RateLimited(c, wait)
		}
	}
	v, err := l.visitor(c)
	if err != nil {
		return err
	}
	b := l.bench(c.Request())
	err = b.Freely(func() error { return do(c.Request().Context(), b, v, form) })
	v.Wallet.Tell(c.Response().Header())
	switch {
	case errors.Is(err, lab.ErrNobody):
		return c.Redirect(http.StatusSeeOther, "/sign-in?next=/compare")
	case errors.Is(err, lab.ErrNoLoot):
		return errNothingToSteal
	case errors.Is(err, lab.ErrNoPhone):
		return errNoPhone
	case errors.Is(err, lab.ErrDuration):
		return errBadDuration
	case errors.Is(err, lab.ErrManyKeys):
		return errManyKeys
	case errors.Is(err, lab.ErrManyPeople):
		return errManyPeople
	case err != nil:
		return handlers.Unavailable(err)
	}
	return c.Redirect(http.StatusSeeOther, backTo(form, c.Param("action")))
}

// backTo returns the URL of the page on which the button was pressed.
func backTo(form url.Values, action string) string {
	q := url.Values{}
	if form.Has("show") {
		q.Set("show", chosenSet(form.Get("show")))
	}
	if form.Get("present") == "1" {
		q.Set("present", "1")
	}
	to := url.URL{Path: "/compare", RawQuery: q.Encode()}
	if races[action] {
		to.Fragment = "trials"
	}
	return to.String()
}
