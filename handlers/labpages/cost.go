package labpages

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/handlers"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

// costs holds the measurements of the page about cost.
type costs struct {
	By    string        // the visitor whose run it is
	At    time.Time     // when it began
	Each  time.Duration // for each strategy
	Costs []lab.Cost
}

const (
	costShort = time.Second
	costLong  = 5 * time.Second // the maximum
	costPath  = "/cost"
)

var (
	errBadLength = &handlers.Problem{Status: 400, Code: "bad_duration", Title: "A run is not that long", Text: "It takes from 10ms to 5s for each strategy."}
	errCostBusy  = &handlers.Problem{Status: 409, Code: "busy", Title: "A run is under way", Text: "One runs at a time on this server: two would measure each other."}
)

// cost shows what each strategy costs, measured or being measured.
func (l *Lab) cost(c echo.Context) error { return l.costPage(c, http.StatusOK, nil) }

func (l *Lab) costPage(c echo.Context, status int, notice *views.Notice) error {
	p := l.site.Page(c.Request(), "Cost")
	p.Wide, p.Notice = true, notice
	visitor := l.visitorID(c.Request().Context())
	return handlers.Render(c.Response(), status, labviews.CostPage(p, costView(l.costs.Progress(), visitor, l.site.Now())))
}

// runCost starts a run in the background. If one is already running it reports a
// conflict.
func (l *Lab) runCost(c echo.Context) error {
	form, err := handlers.Form(c)
	if err != nil {
		return err
	}
	each := costShort
	if text := form.Get("each"); text != "" {
		if each, err = time.ParseDuration(text); err != nil || each < 10*time.Millisecond || each > costLong {
			return errBadLength
		}
	}
	if l.costs.Progress().Running {
		return l.costBusy(c)
	}
	if l.Benches != nil {
		if wait := l.limits.costs.Take(handlers.ClientAddress(c)); wait > 0 {
			return l.site.RateLimited(c, wait)
		}
	}
	v, err := l.visitor(c)
	if err != nil {
		return err
	}
	bench, run := l.bench(c.Request()), costs{By: v.ID, At: l.site.Now(), Each: each}
	begun := make(chan struct{})
	err = l.costs.Start(func(ctx context.Context, report func(int, int, costs)) error {
		report(0, 0, run)
		close(begun)
		err := bench.Costs(ctx, l.site.Now, each, func(done, of int, soFar []lab.Cost) {
			run.Costs = soFar
			report(done, of, run)
		})
		if err != nil && ctx.Err() == nil {
			l.site.Log.WarnContext(ctx, "cost not measured", "error", err)
		}
		return err
	})
	if errors.Is(err, lab.ErrBusy) { // another visitor started a run first
		return l.costBusy(c)
	}
	if err != nil {
		return err
	}
	<-begun // the page that follows knows whose it is
	return c.Redirect(http.StatusSeeOther, costPath)
}

func (l *Lab) costBusy(c echo.Context) error {
	return l.costPage(c, errCostBusy.Status, &views.Notice{Kind: "warn", Title: errCostBusy.Code + ":", Text: errCostBusy.Text})
}

// cancelCost cancels the visitor's own run. One that is over stays as it is.
func (l *Lab) cancelCost(c echo.Context) error {
	visitor := l.visitorID(c.Request().Context())
	if p := l.costs.Progress(); p.Running && !owns(visitor, p.Result.By) {
		return errForeignRun
	}
	l.costs.Cancel()
	return c.Redirect(http.StatusSeeOther, costPath)
}

func costView(p lab.Progress[costs], visitor string, now time.Time) labviews.Cost {
	m := labviews.Cost{
		Running: p.Running, Yours: owns(visitor, p.Result.By), Done: p.Done, Of: p.Of,
		Machine: fmt.Sprintf("%s, %s/%s, %s", runtime.Version(), runtime.GOOS, runtime.GOARCH, views.Count(time.Duration(runtime.NumCPU()), 1, "core")),
		Action:  costPath + "/run", CancelAction: costPath + "/cancel", Refresh: costPath,
		Lengths: []labviews.Field{{Name: costShort.String(), Value: "Measure, 1 second each"}, {Name: costLong.String(), Value: "5 seconds each"}},
	}
	switch {
	case errors.Is(p.Err, context.Canceled):
		m.Ended = &views.Notice{Kind: "info", Text: "The run was called off."}
	case p.Err != nil:
		m.Ended = &views.Notice{Kind: "warn", Text: "The run stopped early, and the log says why."}
	}
	if len(p.Result.Costs) == 0 {
		return m
	}
	m.When, m.Each = views.Relative(p.Result.At, now), p.Result.Each.String()
	for _, c := range p.Result.Costs {
		m.Rows = append(m.Rows, costRow(c, p.Result.Costs[0]))
	}
	m.Markdown = costMarkdown(m)
	return m
}

// perMille is the whole length of a bar.
const perMille = 1000

func costRow(c, idle lab.Cost) labviews.CostRow {
	ratio := 1.0 // where the clock stood still for all of them
	if c.P50 > 0 {
		ratio = float64(idle.P50) / float64(c.P50)
	}
	row := labviews.CostRow{
		Name: c.Strategy, PerSecond: int(c.PerSecond() + 0.5), Ratio: fmt.Sprintf("%.2f", ratio), Bar: int(ratio * perMille), Whole: perMille,
		P50: micros(c.P50), P99: micros(c.P99), Allocs: fmt.Sprintf("%.0f", c.Allocs),
		Reads: c.Reads, Writes: c.Writes, CookieIn: c.CookieIn,
	}
	if kind, ok := auth.KindOf(c.Strategy); ok {
		row.Gloss = kind.Summary
	} else {
		row.Name, row.Gloss, row.Baseline = "nothing to do", "GET /healthz", true
	}
	return row
}

func micros(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Microsecond)) }

// costMarkdown is the table for a document, with what it was measured on.
func costMarkdown(m labviews.Cost) []string {
	lines := []string{
		"| | ratio of p50 | requests/s | p50 µs | p99 µs | allocations | reads | writes | cookie bytes |",
		"|---|---:|---:|---:|---:|---:|---:|---:|---:|",
	}
	for _, r := range m.Rows {
		lines = append(lines, fmt.Sprintf("| %s | %s | %d | %s | %s | %s | %d | %d | %d |",
			r.Name, r.Ratio, r.PerSecond, r.P50, r.P99, r.Allocs, r.Reads, r.Writes, r.CookieIn))
	}
	return append(lines, "", strings.Join([]string{
		"sessionlab /cost", m.Each + " each", m.Machine, "in process, one goroutine, no network", m.When.Exact}, "; "))
}
