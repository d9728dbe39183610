package labpages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/handlers"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

const exposurePath = "/compare/exposure"

var (
	errUnknownEnding = &handlers.Problem{Status: 400, Code: "unknown_ending", Title: "Nobody ends a session like that", Text: "It ends by sign-out, revoke-all, disable or set-role."}
	errForeignRun    = &handlers.Problem{Status: 403, Code: "not_yours", Title: "That run is somebody else's", Text: "Only the browser that started it can cancel it."}
)

func (l *Lab) exposureRoutes(e *echo.Echo) {
	runs := &auth.Limiter{Burst: 10, Every: 6 * time.Second, Now: l.site.Now}
	e.GET(exposurePath, l.exposure)
	e.POST(exposurePath+"/run", l.runExposure, l.site.Limit(runs))
	e.POST(exposurePath+"/cancel", l.cancelExposure)
	e.GET(advicePath, l.learn)
	e.GET(advicePath+"/decision.md", l.decision)
}

// Stop cancels background measurements and waits for them to end.
func (l *Lab) Stop() {
	l.Exposures.Cancel()
	l.costs.Cancel()
}

// exposure shows what was measured. The first visitor starts the first run.
func (l *Lab) exposure(c echo.Context) error {
	ending, err := endingOf(c.QueryParam("end"))
	if err != nil {
		return err
	}
	v, err := l.visitor(c)
	if err != nil {
		return err
	}
	l.Exposures.Begin(l.bench(c.Request()), v.ID)
	p := l.site.Page(c.Request(), "How long a stolen copy works")
	p.Wide = true
	return handlers.Render(c.Response(), http.StatusOK, labviews.ExposurePage(p, l.exposureView(ending, v.ID)))
}

func endingOf(name string) (string, error) {
	for _, ending := range lab.Endings() {
		if name == ending || name == "" {
			return ending, nil
		}
	}
	return "", errUnknownEnding
}

// runExposure starts a run. If one is already running, the page shows that one.
func (l *Lab) runExposure(c echo.Context) error {
	return l.atExposure(c, func(v lab.Visitor) error {
		if err := l.Exposures.Start(l.bench(c.Request()), v.ID); !errors.Is(err, lab.ErrBusy) {
			return err
		}
		return nil
	})
}

// cancelExposure cancels the visitor's own run. One that is over stays as it is.
func (l *Lab) cancelExposure(c echo.Context) error {
	return l.atExposure(c, func(v lab.Visitor) error {
		if p := l.Exposures.Progress(); p.Running && !owns(v.ID, p.Result.By) {
			return errForeignRun
		}
		l.Exposures.Cancel()
		return nil
	})
}

// owns reports whether a run is a visitor's own. A run that was started by a visitor
// without an id, who opened the page of a public lab, belongs to nobody.
func owns(visitor, by string) bool { return visitor != "" && visitor == by }

// atExposure runs the action of a button on the exposure page and redirects to the page.
func (l *Lab) atExposure(c echo.Context, do func(lab.Visitor) error) error {
	form, err := handlers.Form(c)
	if err != nil {
		return err
	}
	ending, err := endingOf(form.Get("end"))
	if err != nil {
		return err
	}
	v, err := l.visitor(c)
	if err != nil {
		return err
	}
	if err := do(v); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, exposurePath+"?end="+ending)
}

// endings names each ending on pages: as a choice, as a completed action, and as what a
// copy still does while the ending has not reached it.
var endings = map[string]struct{ label, done, unheard string }{
	lab.EndSignOut:   {"Sign out", "You signed out.", "a stolen copy works on"},
	lab.EndRevokeAll: {"Sign out all devices", "You signed out all devices.", "a stolen copy works on"},
	lab.EndDisable:   {"Disable the account", "The account was disabled.", "a stolen copy works on"},
	lab.EndRole:      {"Take the admin role away", "You are no longer an admin.", "a stolen copy still is"},
}

// reached says in words what became of a copy in the end.
var reached = map[string]string{
	"revoked": "then refused: revoked", "disabled": "then refused: disabled", "reused": "then refused: reused", "role": "then a member",
}

// found returns the measurements to show and whether they are complete: the last complete
// run, or the partial results of the first run.
func (l *Lab) found() (lab.Exposed, bool) {
	if last := l.Exposures.Last(); last != nil {
		return *last, true
	}
	return l.Exposures.Progress().Result, false
}

func (l *Lab) exposureView(ending, visitor string) labviews.Exposure {
	progress := l.Exposures.Progress()
	found, whole := l.found()
	m := labviews.Exposure{Ended: ending, Action: exposurePath + "/run", Again: whole, Whole: axisWhole}
	for _, e := range lab.Endings() {
		m.Endings = append(m.Endings, labviews.Choice{Label: endings[e].label, Href: exposurePath + "?end=" + e, Current: e == ending})
	}
	longest := 30 * 24 * time.Hour
	for _, row := range found.Rows {
		longest = max(longest, row.Asking.For, row.Silent.For)
	}
	m.Ticks = ticks(longest)
	for _, kind := range auth.Kinds() {
		m.Rows = append(m.Rows, exposureRow(kind, found.Of(kind.Name, ending), longest))
	}
	m.Headline, m.Lead = exposureHeadline(found, whole, ending)
	switch {
	case progress.Running:
		m.Run = &labviews.ExposureRun{
			Done: progress.Done, Of: progress.Of, Yours: owns(visitor, progress.Result.By),
			Cancel: exposurePath + "/cancel", Refresh: exposurePath + "?end=" + ending,
		}
	case errors.Is(progress.Err, context.Canceled):
		m.Notice = &views.Notice{Kind: "info", Text: "The run was called off."}
	case progress.Err != nil:
		m.Notice = &views.Notice{Kind: "warn", Text: "The run could not be finished, and the log says why."}
	}
	if m.Notice != nil && whole {
		m.Notice.Text += " What you see is from the run before."
	}
	if whole {
		m.Facts = exposureFacts(found, l.site.Now())
	}
	if m.Run == nil {
		m.Announce = m.Headline
	}
	return m
}

func exposureRow(kind auth.Kind, e lab.Exposure, longest time.Duration) labviews.ExposureRow {
	r := labviews.ExposureRow{Name: kind.Name, Gloss: kind.Summary, Known: e.Asking.Known && e.Silent.Known}
	if !r.Known {
		return r
	}
	r.AtOnce, r.Reached, r.Until = e.Asking.For == 0 && e.Silent.For == 0, e.Asking.Ended(), axis(e.Asking.For, longest)
	r.Measured, r.Broken = exactly(e.Asking.For), !e.Asking.Kept() || !e.Silent.Kept()
	switch {
	case r.AtOnce && e.Asking.Reason == "role":
		r.Note, r.Promised = "a member at the next request", "at once"
	case r.AtOnce:
		r.Note, r.Promised = "refused at the next request", "at once"
	case r.Reached:
		r.Note, r.Promised = reached[e.Asking.Reason], "≤ "+exactly(e.Asking.Promised)
	default:
		r.Note, r.Promised = "never revoked; expired", "none"
	}
	if r.Broken {
		r.Promised = exactly(min(e.Asking.Promised, e.Silent.Promised))
	}
	if e.Silent.For != e.Asking.For {
		r.Silent, r.SilentNote = axis(e.Silent.For, longest), exactly(e.Silent.For)+" if it stays silent"
	}
	return r
}

// exposureHeadline answers the question of the page in one sentence.
func exposureHeadline(found lab.Exposed, whole bool, ending string) (head, lead string) {
	is := endings[ending]
	if !whole {
		return is.done + " How long does a stolen copy work?", "Signing in, stealing, ending and asking again, until no strategy lets the copy in."
	}
	never, longest, soon := 0, time.Duration(0), map[time.Duration][]string{}
	for _, kind := range auth.Kinds() {
		if l := found.Of(kind.Name, ending).Asking; l.Ended() {
			soon[l.For] = append(soon[l.For], kind.Name)
		} else {
			never, longest = never+1, max(longest, l.For)
		}
	}
	head = is.done + " A stolen copy hears of it under every strategy."
	if never > 0 {
		head = fmt.Sprintf("%s Under %d of %d %s, for up to %s.", is.done, never, len(auth.Kinds()), is.unheard, views.Duration(longest))
	}
	var parts []string
	for _, d := range slices.Sorted(maps.Keys(soon)) {
		after := "after " + exactly(d)
		if d == 0 {
			after = "at once"
		}
		parts = append(parts, after+" under "+lab.List(soon[d]))
	}
	if len(parts) == 0 {
		return head, "It took effect under none of them before the session was over by itself."
	}
	return head, "It took effect " + strings.Join(parts, ", ") + "."
}

func exposureFacts(found lab.Exposed, now time.Time) []views.Fact {
	return []views.Fact{
		{Label: "Begun", Time: views.Relative(found.At, now)},
		{Label: "Took", Value: fmt.Sprintf("%.1f s", found.Took.Seconds())},
		{Label: "Questions", Value: fmt.Sprint(found.Requests), Note: "requests with stolen cookies"},
		{Label: "Keeps asking", Value: "every " + exactly(found.Interval), Note: "at least"},
	}
}

// The logarithmic axis goes from one second to the longest time that a copy worked. Zero
// does not fit on it and has a lane of its own at the left.
const (
	axisWhole = 10_000
	axisLane  = 1_500
)

func axis(d, longest time.Duration) int {
	if d < time.Second {
		return axisLane
	}
	share := math.Log(d.Seconds()) / math.Log(longest.Seconds())
	return axisLane + int(math.Round(share*(axisWhole-axisLane)))
}

// crowded are marks that have no room for a label on a phone.
var crowded = []time.Duration{time.Second, 5 * time.Minute, 15 * time.Minute, 7 * 24 * time.Hour}

func ticks(longest time.Duration) (list []labviews.Tick) {
	const day = 24 * time.Hour
	for _, d := range []time.Duration{time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, day, 7 * day, 30 * day} {
		list = append(list, labviews.Tick{At: axis(d, longest), Label: exactly(d), Minor: slices.Contains(crowded, d)})
	}
	if longest > 40*day {
		list[len(list)-1].Minor = true
		list = append(list, labviews.Tick{At: axisWhole, Label: exactly(longest)})
	}
	return list
}

// exactly formats a duration in full: "17 d 3 h 7 s".
func exactly(d time.Duration) string {
	var parts []string
	for _, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if whole := d.Truncate(unit); whole > 0 {
			parts = append(parts, lab.Span(whole))
			d -= whole
		}
	}
	if len(parts) == 0 {
		return lab.Span(d)
	}
	return strings.Join(parts, " ")
}
