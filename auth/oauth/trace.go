package oauth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// The steps of a flow, in the order in which they end. A flow that is refused
// ends with the step that refused it.
const (
	StepDiscovery = "discovery" // what the provider's metadata says; GitHub has none
	StepRequest   = "request"   // what the browser carries to the provider, and what it does not
	StepCallback  = "callback"  // what came back, and whether it belongs to a flow of this browser
	StepToken     = "token"     // the code, with the verifier, for tokens
	StepKeys      = "keys"      // the provider's keys, and the ID token's signature
	StepIDToken   = "id_token"  // what the ID token claims
	StepUserInfo  = "user_info" // what the provider is asked beyond it
)

// A Step is one thing that a flow did, for those who want to show it. Secrets in it are
// shortened, so that a Step is safe to show.
type Step struct {
	Name  string
	Flow  string // the name of the flow's cookie: the same for all steps of a flow
	Began time.Time
	Took  time.Duration
	Calls []Call    // made to the provider, in this step
	Sent  []Param   // to the provider, by way of the browser
	Got   []Param   // from the provider
	Kept  []Param   // by the site
	Known time.Time // when a cached provider response was received; zero if it was requested in this step
	Err   error     // why the flow ended here; nil if it went on
}

// A Call is one request to a provider.
type Call struct {
	Method, URL string // without a query
	Status      int    // 0: no answer
	Began       time.Time
	Took        time.Duration
	Sent        []Param // the form, and how the client authenticated
}

type watchKey struct{}

type watcher struct {
	tell func(Step)
	flow string
	now  func() time.Time
}

// LogValue returns the step as a group of attributes, without name, email and picture.
func (s Step) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("name", s.Name), slog.Duration("took", s.Took)}
	for i, c := range s.Calls {
		attrs = append(attrs, slog.Group(fmt.Sprintf("call_%d", i+1),
			"to", c.Method+" "+c.URL, "status", c.Status, "took", c.Took, logged("sent", c.Sent)))
	}
	attrs = append(attrs, logged("sent", s.Sent), logged("got", s.Got), logged("kept", s.Kept))
	if s.Err != nil {
		attrs = append(attrs, slog.Any("error", s.Err))
	}
	return slog.GroupValue(attrs...)
}

// logged returns parameters as a group of attributes, which is left out if it is empty.
func logged(name string, params []Param) slog.Attr {
	var list []any
	for _, p := range params {
		if slices.Contains(personalNames, p.Name) {
			p.Value = "not logged"
		}
		list = append(list, slog.String(p.Name, p.Value))
	}
	return slog.Group(name, list...)
}

// Watch returns a context under which tell is called with each step of a flow, when the
// step is over. A flow without a watcher records nothing.
func Watch(ctx context.Context, tell func(Step)) context.Context {
	if outer, ok := ctx.Value(watchKey{}).(*watcher); ok {
		inner := tell
		tell = func(s Step) { outer.tell(s); inner(s) }
	}
	return context.WithValue(ctx, watchKey{}, &watcher{tell: tell})
}

// watched returns ctx with the name of the flow for its watcher, or ctx itself if nobody
// watches.
func (p *Providers) watched(ctx context.Context, state string) context.Context {
	w, _ := ctx.Value(watchKey{}).(*watcher)
	if w == nil {
		return ctx
	}
	return context.WithValue(ctx, watchKey{}, &watcher{w.tell, flowCookie(state), p.Now})
}

// A note is a step being taken. Where nobody watches it is nil and notes nothing.
type note struct {
	watcher *watcher
	step    Step
	calls   *calls
}

// begin opens a step. The calls made under the context that it returns belong to it.
func begin(ctx context.Context, name string) (context.Context, *note) {
	w, _ := ctx.Value(watchKey{}).(*watcher)
	if w == nil || w.now == nil {
		return ctx, nil
	}
	n := &note{w, Step{Name: name, Flow: w.flow, Began: w.now()}, &calls{now: w.now}}
	return n.calls.under(ctx), n
}

// add lets f add what is known of the step.
func (n *note) add(f func(*Step)) {
	if n != nil {
		f(&n.step)
	}
}

// end tells of the step and returns err as it is.
func (n *note) end(err error) error {
	if n != nil {
		n.step.Took = n.watcher.now().Sub(n.step.Began)
		n.step.Calls = append(n.step.Calls, n.calls.since(0)...)
		n.step.Err = err
		n.watcher.tell(n.step)
	}
	return err
}

type callsKey struct{}

// calls are the last requests that were made under a context.
type calls struct {
	now  func() time.Time
	mu   sync.Mutex
	n    int // in all
	last []Call
}

const maxCalls = 4

func (c *calls) under(ctx context.Context) context.Context {
	return context.WithValue(ctx, callsKey{}, c)
}

// count returns how many there were.
func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// since returns those after the first n, as far as they are remembered.
func (c *calls) since(n int) []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := min(c.n-n, len(c.last))
	return append([]Call(nil), c.last[len(c.last)-k:]...)
}

// noteCall brackets a request to a provider.
func noteCall(r *http.Request) func(*http.Response) {
	c, _ := r.Context().Value(callsKey{}).(*calls)
	if c == nil {
		return func(*http.Response) {}
	}
	call := Call{Method: r.Method, URL: truncate(r.URL.Scheme + "://" + r.URL.Host + r.URL.Path), Began: c.now(), Sent: shown(r)}
	return func(resp *http.Response) {
		call.Took = c.now().Sub(call.Began)
		if resp != nil {
			call.Status = resp.StatusCode
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.n++
		c.last = append(c.last, call)
		c.last = c.last[max(0, len(c.last)-maxCalls):]
	}
}

// addMetadata records the provider's metadata and when it was fetched.
func (n *note) addMetadata(a *attempt) {
	n.add(func(s *Step) {
		select {
		case <-a.done:
		default:
			return // given up
		}
		if a.began.Before(s.Began) {
			s.Known = a.at
		} else {
			s.Calls = a.calls.since(0)
		}
		if a.ends != nil {
			s.Got = a.ends.meta.params()
		}
	})
}

// requested adds the authorization request, and what of the flow stays here.
func (n *note) requested(f flow, address string, size int) {
	n.add(func(s *Step) {
		u, err := url.Parse(address)
		if err != nil {
			return
		}
		s.Calls = []Call{{Method: http.MethodGet, URL: u.Scheme + "://" + u.Host + u.Path}}
		s.Sent = params(u.Query(), requestNames)
		s.Kept = []Param{
			secret("code_verifier", f.Verifier), {Name: "next", Value: f.Next},
			{Name: "cookie", Value: "__Host-" + flowCookie(f.State)}, {Name: "cookie_bytes", Value: number(size)},
		}
	})
}

// checked adds what signed a token, and whether the keys were asked for or known.
func (n *note) checked(jwt string, made *calls, before int) {
	n.add(func(s *Step) {
		s.Got = jwtParams(jwt, 0, headerNames)
		s.Calls = made.since(before)
		if all := made.since(0); len(s.Calls) == 0 && len(all) > 0 {
			s.Known = all[len(all)-1].Began
		}
	})
}
