package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/views"
)

const maxRememberChoice = 400 * 24 * time.Hour

// What the lab refuses to do. Nothing was done then.
var (
	errUnknownAction  = &Problem{Status: 404, Code: "unknown_action", Title: "No such action", Text: "The lab has no button of that name."}
	errUnknownRole    = &Problem{Status: 400, Code: "unknown_role", Title: "No such role", Text: "One can be made admin or member."}
	errBadDuration    = &Problem{Status: 400, Code: "bad_duration", Title: "The clock does not move so", Text: "It moves forward only, by 400 days at most at once, such as 15m or 720h; and by a hundred years in all."}
	errBadAsking      = &Problem{Status: 400, Code: "bad_asking", Title: "Nobody asks like that", Text: "Meanwhile clients are silent, or ask once a day: asking=daily."}
	errNothingToSteal = &Problem{Status: 409, Code: "nothing_to_steal", Title: "There is nothing to steal", Text: "This browser carries no session. Sign in first."}
	errNoPhone        = &Problem{Status: 409, Code: "no_phone", Title: "There is no phone", Text: "Add one first."}
	errManyPeople     = &Problem{Status: 409, Code: "too_many_people", Title: "The lab remembers no more people", Text: "Start over: that gives everybody their account and role back."}
	errManyKeys       = &Problem{Status: 409, Code: "too_many_keys", Title: "The ring is full", Text: "Drop the old keys first."}
)

// visitorID is the name of the browser that asks; empty if it has none.
func (l *Lab) visitorID(ctx context.Context) string {
	if l.Bench == nil {
		return l.benchOf(ctx).Visitor()
	}
	return l.visitors.Of(ctx, visitFrom(ctx).jar)
}

// visitor is the browser that asks, with what it carries. On a bench that is
// everybody's, a browser without a name gets one, so that the bench knows it when
// it comes back signed out.
func (l *Lab) visitor(c echo.Context) (lab.Visitor, error) {
	ctx, v := c.Request().Context(), lab.Visitor{
		Device: auth.Device{Name: device(c.Request().UserAgent())}, Wallet: lab.NewWallet(c.Request()),
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

// look asks everybody anew, and passes on to the browser what became of its cookies.
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
	return state, unavailable(err)
}

// page is the frame of the lab's pages. They load no session of their own; the
// header shows what was answered.
func (l *Lab) page(c echo.Context, title string, state lab.State) views.Page {
	if you := state.Clients[lab.You][chosen(c.Request())]; you.Verdict == lab.SignedIn {
		visit := visitOf(c)
		visit.manager, visit.session = l.bench(c.Request()).Manager(chosen(c.Request())), auth.Session{User: you.User}
	}
	p := l.site.page(c.Request(), title)
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
		return render(c.Response(), http.StatusOK, views.DemoPage(p, presentation(state, shown)))
	}
	m := comparison(state, shown)
	m.Announce = m.Headline
	for _, d := range l.bench(c.Request()).Demos() {
		m.Demos = append(m.Demos, views.Choice{Label: d.Title, Href: demoPath(d.Name, false)})
	}
	return render(c.Response(), http.StatusOK, views.ComparePage(p, m))
}

// state is the same for scripts and tests.
func (l *Lab) state(c echo.Context) error {
	state, err := l.look(c)
	if err != nil {
		return err
	}
	return renderJSON(c, state)
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

// plainly is an action without fields.
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

// act presses a button of the lab and leads back to the page by a redirect, so
// that reloading it presses nothing again.
func (l *Lab) act(c echo.Context) error {
	do, ok := actions[c.Param("action")]
	if !ok {
		return errUnknownAction
	}
	form, err := formOf(c)
	if err != nil {
		return err
	}
	if l.Benches != nil && form.Get("asking") != "" {
		if wait := l.limits.waits.Take(address(c)); wait > 0 {
			return l.site.tooOften(c, wait)
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
		return unavailable(err)
	}
	return c.Redirect(http.StatusSeeOther, backTo(form, c.Param("action")))
}

// backTo is the page from which an action was pressed.
func backTo(form url.Values, action string) string {
	q := url.Values{}
	if form.Has("show") {
		q.Set("show", show(form.Get("show")))
	}
	if form.Get("present") == "1" {
		q.Set("present", "1")
	}
	to := url.URL{Path: "/compare", RawQuery: q.Encode()}
	if action == "race-tabs" || action == "late-answer" {
		to.Fragment = "trials"
	}
	return to.String()
}
