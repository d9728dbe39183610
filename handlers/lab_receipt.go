package handlers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"sessionlab/auth"
	"sessionlab/views"
)

// foot is the receipt of the request that makes a page. It is put together when it
// is drawn, which is last of all.
func (l *Lab) foot(r *http.Request) Component {
	v := visitFrom(r.Context())
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return views.FootReceipt(l.receipt(v, r)).Render(ctx, w)
	})
}

// receipt is what a request cost up to now.
func (l *Lab) receipt(v *visit, r *http.Request) views.Receipt {
	m := views.Receipt{
		Facts: []views.Fact{{Label: "Verdict", Value: verdict(v)}},
		Reads: v.receipt.Count("read"), Writes: v.receipt.Count("write"),
		Micros: int(l.site.Now().Sub(v.began).Microseconds()), Steps: stepViews(v.receipt.Steps()),
	}
	for _, line := range r.Header["Cookie"] {
		m.CookieIn += len(line)
	}
	var in, out []string
	for _, c := range r.Cookies() {
		in = append(in, fmt.Sprintf("%s %d B", c.Name, len(c.Name)+len("=")+len(c.Value)))
	}
	for _, line := range v.header["Set-Cookie"] {
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

// verdict is what the site made of the request's cookies.
func verdict(v *visit) string {
	switch reason := auth.Reason(v.err); {
	case v.jar == nil || v.manager == nil:
		return "none: this page loads no session itself"
	case v.err == nil:
		return "signed in, under " + v.manager.Name
	case reason == "no_session":
		return "not signed in: no cookie of " + v.manager.Name
	case reason != "":
		return "refused by " + v.manager.Name + ": " + reason
	default:
		return "cannot tell: the store did not answer"
	}
}
