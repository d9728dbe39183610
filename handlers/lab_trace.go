package handlers

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
)

// What the lab remembers of sign-ins, for as long as the process runs. A trace is
// found by its visitor and by nobody else.
const (
	maxTraced   = 200              // visitors; the one who was longest away goes first
	maxTraceAge = 12 * time.Hour   // without a visit
	maxOpen     = 2                // sign-ins of one visitor that are under way
	maxTold     = 4                // finished ones of one visitor: the last per provider
	maxFlowAge  = 10 * time.Minute // from when on a sign-in under way cannot end any more
)

// A trace is one sign-in as the site took part in it.
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

// traced is what is known of one visitor.
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

// makeRoom forgets who has not been here for long, and then who was longest away.
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

// begun files a sign-in that waits for its callback.
func (t *traces) begun(visitor string, tr *trace, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.of(visitor, now)
	v.open = slices.DeleteFunc(v.open, func(o *trace) bool { return now.Sub(o.began) >= maxFlowAge })
	v.open = append(v.open[max(0, len(v.open)-maxOpen+1):], tr)
}

// ended files what came of a callback with the sign-in that it ends, if it is known.
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

// tried files what became of an attack; the last time counts.
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

// watchSignIns notes what sign-ins do, in requests that a browser makes.
func (l *Lab) watchSignIns(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		starts := c.Path() == "/sign-in/:provider" || c.Path() == "/account/link/:provider"
		ends := c.Path() == "/sign-in/:provider/callback"
		if !starts && !ends || lab.From(c.Request().Context()) != nil || !l.site.Providers.Has(c.Param("provider")) {
			return next(c)
		}
		visitor, err := l.visitor(c)
		if err != nil {
			return err
		}
		if visitor.ID == "" { // who only passes by leaves nothing behind
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
			l.site.fail(err, c) // so that what is noted is what was answered
		}
		now := l.site.Now()
		e := answered(c, tr.began, now)
		if ends {
			tr.callback, tr.receipt = e, visitOf(c).receipt.Steps()
			l.traces.ended(visitor.ID, tr, now)
			return nil
		}
		form := c.Request().PostForm
		e.next, e.remember = cut(form.Get("next")), remember(form)
		tr.start = e
		if len(tr.steps) > 0 {
			l.traces.begun(visitor.ID, tr, now)
		}
		return nil
	}
}

// cut bounds what a browser may have us remember.
func cut(s string) string {
	const most = 200 // bytes
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// answered is the exchange that c was.
func answered(c echo.Context, began, now time.Time) exchange {
	r, w := c.Request(), c.Response()
	e := exchange{
		at: began, end: now, path: r.URL.Path, site: cut(r.Header.Get("Sec-Fetch-Site")),
		status: w.Status, location: cut(w.Header().Get("Location")),
	}
	for _, line := range w.Header()["Set-Cookie"] {
		if set, err := http.ParseSetCookie(line); err == nil {
			e.set = append(e.set, cookieSet{set.Name, len(line), set.MaxAge < 0})
		}
	}
	return e
}
