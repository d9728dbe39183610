package labpages

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/auth/oauth"
	"sessionlab/handlers"
)

// What the lab remembers of sign-ins, for as long as the process runs. A trace is
// found by its visitor and by nobody else.
const (
	maxTraced   = 200              // visitors; the least recently seen is evicted first
	maxTraceAge = 12 * time.Hour   // without a visit
	maxOpen     = 2                // sign-ins of one visitor that are under way
	maxTold     = 4                // finished ones of one visitor: the last per provider
	maxFlowAge  = 10 * time.Minute // after which an unfinished sign-in can no longer be completed
)

// A trace records one sign-in from the site's point of view.
type trace struct {
	provider string
	flow     string // name of its cookie
	linked   bool   // the account was linked, nobody signed in
	began    time.Time
	over     bool
	steps    []oauth.Step
	start    exchange // the form that began it
	callback exchange // and the request that ended it
	receipt  []auth.Step
}

// An exchange is one request of the browser and what was answered.
type exchange struct {
	at, end  time.Time
	path     string
	site     string // Sec-Fetch-Site
	next     string
	remember bool
	status   int
	location string
	set      []cookieSet
}

// A cookieSet is a Set-Cookie line without its value.
type cookieSet struct {
	name    string
	bytes   int
	expired bool
}

// traces keeps the traces of many visitors.
type traces struct {
	mu       sync.Mutex
	visitors map[string]*traced
}

// traced holds what is known of one visitor.
type traced struct {
	seen time.Time
	open []*trace // oldest first
	told []*trace // finished ones, newest first
	runs map[string]attempted
}

// of returns a visitor's record, which the caller may use while it holds the lock.
func (t *traces) of(visitor string, now time.Time) *traced {
	v := t.visitors[visitor]
	if v == nil {
		t.makeRoom(now)
		v = &traced{runs: map[string]attempted{}}
		if t.visitors == nil {
			t.visitors = map[string]*traced{}
		}
		t.visitors[visitor] = v
	}
	v.seen = now
	return v
}

// makeRoom deletes the visitors not seen for maxTraceAge, and then the least recently
// seen one if there are still too many.
func (t *traces) makeRoom(now time.Time) {
	oldest := ""
	for id, v := range t.visitors {
		switch {
		case now.Sub(v.seen) >= maxTraceAge:
			delete(t.visitors, id)
		case oldest == "" || v.seen.Before(t.visitors[oldest].seen):
			oldest = id
		}
	}
	if len(t.visitors) >= maxTraced {
		delete(t.visitors, oldest)
	}
}

// begun stores a sign-in that is waiting for its callback.
func (t *traces) begun(visitor string, tr *trace, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.of(visitor, now)
	v.open = slices.DeleteFunc(v.open, func(o *trace) bool { return now.Sub(o.began) >= maxFlowAge })
	v.open = append(v.open[max(0, len(v.open)-maxOpen+1):], tr)
}

// ended adds the result of a callback to the sign-in that it finishes, if that is known.
func (t *traces) ended(visitor string, end *trace, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.of(visitor, now)
	tr := *end
	if i := slices.IndexFunc(v.open, func(o *trace) bool { return o.flow == end.flow }); i >= 0 {
		tr = *v.open[i]
		tr.steps = slices.Concat(tr.steps, end.steps)
		tr.callback, tr.receipt, tr.over = end.callback, end.receipt, true
		v.open = slices.Delete(v.open, i, i+1)
	}
	v.told = slices.DeleteFunc(v.told, func(o *trace) bool { return o.provider == tr.provider })
	v.told = append([]*trace{&tr}, v.told[:min(len(v.told), maxTold-1)]...)
}

// tried stores the result of an attack, replacing the previous one.
func (t *traces) tried(visitor, attack string, run attempted, now time.Time) {
	if visitor == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(visitor, now).runs[attack] = run
}

// look returns a visitor's finished sign-ins, newest first, and what became of the
// attacks. Neither is changed afterwards.
func (t *traces) look(visitor string, now time.Time) ([]*trace, map[string]attempted) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.visitors[visitor]
	if v == nil || now.Sub(v.seen) >= maxTraceAge {
		return nil, nil
	}
	v.seen = now
	runs := map[string]attempted{}
	for name, run := range v.runs {
		runs[name] = run
	}
	return slices.Clone(v.told), runs
}

// watchSignIns is middleware that records the steps of sign-ins.
func (l *Lab) watchSignIns(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		starts := c.Path() == "/sign-in/:provider" || c.Path() == "/account/link/:provider"
		ends := c.Path() == "/sign-in/:provider/callback"
		if !starts && !ends || lab.From(c.Request().Context()) != nil || l.site.Providers.Name(c.Param("provider")) == "" {
			return next(c)
		}
		visitor, err := l.visitor(c)
		if err != nil {
			return err
		}
		if visitor.ID == "" { // nothing is recorded for a visitor without a bench
			return next(c)
		}
		tr := &trace{provider: c.Param("provider"), began: l.site.Now(), over: ends, linked: strings.HasPrefix(c.Path(), "/account/")}
		r := c.Request()
		c.SetRequest(r.WithContext(oauth.Watch(r.Context(), func(s oauth.Step) {
			tr.flow = s.Flow
			tr.steps = append(tr.steps, s)
		})))
		err = next(c)
		if err != nil {
			l.site.Fail(err, c) // write the response now, so that the trace records it
		}
		now := l.site.Now()
		e := exchangeOf(c, tr.began, now)
		if ends {
			tr.callback, tr.receipt = e, handlers.VisitOf(c).Receipt.Steps()
			l.traces.ended(visitor.ID, tr, now)
			return nil
		}
		form := c.Request().PostForm
		e.next, e.remember = truncate(form.Get("next")), handlers.Remember(form)
		tr.start = e
		if len(tr.steps) > 0 {
			l.traces.begun(visitor.ID, tr, now)
		}
		return nil
	}
}

// truncate limits how much of a browser's input is stored.
func truncate(s string) string {
	const most = 200 // bytes
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// exchangeOf returns the request and response of c.
func exchangeOf(c echo.Context, began, now time.Time) exchange {
	r, w := c.Request(), c.Response()
	e := exchange{
		at: began, end: now, path: r.URL.Path, site: truncate(r.Header.Get("Sec-Fetch-Site")),
		status: w.Status, location: truncate(w.Header().Get("Location")),
	}
	for _, line := range w.Header()["Set-Cookie"] {
		if set, err := http.ParseSetCookie(line); err == nil {
			e.set = append(e.set, cookieSet{set.Name, len(line), set.MaxAge < 0})
		}
	}
	return e
}
