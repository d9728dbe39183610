package labpages

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/handlers"
	"sessionlab/views/labviews"
)

const (
	workbenchPath = "/workbench"
	sizesPath     = "/workbench/sizes"
)

var (
	errUnknownTamper = &handlers.Problem{Status: 400, Code: "unknown_tamper", Title: "Nothing of that name", Text: "The workbench has no such way to tamper with a cookie."}
	errClaimSize     = &handlers.Problem{Status: 400, Code: "bad_size", Title: "Not that size", Text: "A claim may have 0 to 12,288 bytes here."}
)

// workbenchRoutes adds the routes of the cookie workbench and the cookie pages.
func (l *Lab) workbenchRoutes(e *echo.Echo) {
	e.GET(workbenchPath, l.workbench, l.site.RequireSession)
	presses := &auth.Limiter{Burst: 60, Every: time.Second, Now: l.site.Now} // each signs somebody in seven times
	e.POST(workbenchPath, l.tamper, l.site.Limit(presses), l.site.RequireSession)
	e.GET(sizesPath, l.sizes, l.site.RequireSession)
	e.GET(cookiesPath+":name", l.cookie, l.site.RequireSession)
}

func (l *Lab) workbench(c echo.Context) error {
	return l.drawWorkbench(c, workbenchView("", nil))
}

// tamper tries one way to tamper, under every strategy. It changes nothing of the
// visitor's, so it renders the page directly instead of redirecting.
func (l *Lab) tamper(c echo.Context) error {
	form, err := handlers.Form(c)
	if err != nil {
		return err
	}
	t, trials, err := l.bench(c.Request()).Try(c.Request().Context(), form.Get("tamper"))
	switch {
	case errors.Is(err, lab.ErrUnknownTamper):
		return errUnknownTamper
	case err != nil:
		return handlers.Unavailable(err)
	}
	m := workbenchView(t.Name, trials)
	m.Label, m.Rule = t.Label, t.Rule
	return l.drawWorkbench(c, m)
}

func (l *Lab) drawWorkbench(c echo.Context, m labviews.Workbench) error {
	p := l.site.Page(c.Request(), "Cookie workbench")
	return handlers.Render(c.Response(), http.StatusOK, labviews.WorkbenchPage(p, m))
}

func workbenchView(done string, trials []lab.Trial) labviews.Workbench {
	m := labviews.Workbench{Action: workbenchPath}
	for _, t := range lab.Tampers {
		m.Ways = append(m.Ways, labviews.Tamper{Name: t.Name, Label: t.Label, Done: t.Name == done})
	}
	for _, t := range trials {
		row := labviews.TrialRow{Strategy: t.Strategy, Wants: labviews.Cell{Verdict: "in"}, AsExpected: t.AsExpected()}
		if t.Wants != "" {
			row.Wants = labviews.Cell{Verdict: "out", Reason: reasonWord(t.Wants)}
		}
		row.Got = labviews.Cell{ID: "trial-" + t.Strategy, Receipt: receiptView(t.Got.Receipt)}
		row.Got.Receipt.Title = "The request under " + t.Strategy
		switch t.Got.Verdict {
		case lab.SignedIn:
			row.Got.Verdict, row.Got.StillIn = "in", t.Wants != ""
		case lab.Fault:
			row.Got.Verdict = "fault"
		default:
			row.Got.Verdict, row.Got.Reason = "out", reasonWord(t.Got.Reason)
		}
		m.Trials = append(m.Trials, row)
	}
	return m
}

// headerLimits are the default limits of other programs: on the line "Cookie: …" or on all
// headers of a request.
var headerLimits = []labviews.Limit{
	{Who: "nginx", Bytes: 8 << 10, Of: "one header line (large_client_header_buffers 4 8k)"},
	{Who: "Apache httpd", Bytes: 8190, Of: "one header line (LimitRequestFieldSize 8190)"},
	{Who: "AWS Application Load Balancer", Bytes: 16 << 10, Of: "one header line"},
	{Who: "Node.js", Bytes: 16 << 10, Of: "all headers together (--max-http-header-size)"},
	{Who: "Envoy", Bytes: 60 << 10, Of: "all headers together (max_request_headers_kb 60)"},
}

// startClaim is the size that is shown first, in bytes.
const startClaim = 2 << 10

func (l *Lab) sizes(c echo.Context) error {
	n, err := startClaim, error(nil)
	if c.QueryParams().Has("bytes") {
		n, err = strconv.Atoi(c.QueryParam("bytes"))
	}
	if err != nil || n < 0 || n > lab.MaxClaim {
		return errClaimSize
	}
	m, err := l.sizesView(c, n)
	if err != nil {
		return err
	}
	return handlers.Render(c.Response(), http.StatusOK, labviews.SizesPage(l.site.Page(c.Request(), "How large a cookie gets"), m))
}

func (l *Lab) sizesView(c echo.Context, claim int) (labviews.Sizes, error) {
	m := labviews.Sizes{Action: sizesPath, Claim: claim, Most: lab.MaxClaim, Limits: headerLimits}
	sizes, err := l.bench(c.Request()).Size(c.Request().Context(), handlers.VisitOf(c).Session.User, claim)
	if err != nil {
		return m, handlers.WithCause(handlers.ErrInternal, err)
	}
	for _, s := range sizes {
		row := labviews.SizeRow{Seal: s.Seal, JSON: s.JSON, Sealed: s.Sealed, Lines: s.Lines, Header: s.Header, Cookies: len(s.Cookies)}
		switch {
		case len(s.Cookies) == 0:
			row.Browser = "needs more than 3 cookies: refused at the sign-in"
		case len(s.Cookies) > 1:
			row.Browser = fmt.Sprintf("does not fit into one cookie of 4,096 B: spread over %d", len(s.Cookies))
		default:
			row.Browser = "fits into one cookie of 4,096 B"
		}
		for _, limit := range headerLimits {
			if s.Header > limit.Bytes {
				row.Over = append(row.Over, limit.Who)
			}
		}
		m.Rows = append(m.Rows, row)
	}
	return m, nil
}
