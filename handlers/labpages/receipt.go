package labpages

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

// foot is the receipt of the request that makes a page. It is computed when it is
// rendered, after everything else on the page.
func (l *Lab) foot(r *http.Request) handlers.Component {
	v := handlers.VisitFrom(r.Context())
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return labviews.FootReceipt(l.receipt(v, r)).Render(ctx, w)
	})
}

// receipt returns the cost of a request up to now.
func (l *Lab) receipt(v *handlers.Visit, r *http.Request) labviews.Receipt {
	m := labviews.Receipt{
		Facts: []views.Fact{{Label: "Verdict", Value: verdict(v)}},
		Reads: v.Receipt.Count("read"), Writes: v.Receipt.Count("write"),
		Micros: int(l.site.Now().Sub(v.Began).Microseconds()), Steps: stepViews(v.Receipt.Steps()),
	}
	for _, line := range r.Header["Cookie"] {
		m.CookieIn += len(line)
	}
	var in, out []string
	for _, c := range r.Cookies() {
		in = append(in, fmt.Sprintf("%s %d B", c.Name, len(c.Name)+len("=")+len(c.Value)))
	}
	for _, line := range v.Header["Set-Cookie"] {
		m.CookieOut += len(line)
		if c, err := http.ParseSetCookie(line); err == nil {
			what := fmt.Sprintf("%d B", len(line))
			if c.MaxAge < 0 {
				what = "cleared"
			}
			out = append(out, c.Name+" "+what)
		}
	}
	m.In, m.Out = strings.Join(in, ", "), strings.Join(out, ", ")
	return m
}

// verdict returns how the site judged the request's session.
func verdict(v *handlers.Visit) string {
	switch reason := auth.Reason(v.Err); {
	case v.Jar == nil || v.Manager == nil:
		return "none: this page loads no session itself"
	case v.Err == nil:
		return "signed in, under " + v.Manager.Name
	case reason == "no_session":
		return "not signed in: no cookie of " + v.Manager.Name
	case reason != "":
		return "refused by " + v.Manager.Name + ": " + reason
	default:
		return "cannot tell: the store did not answer"
	}
}
