package labpages

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/auth/oauth"
	"sessionlab/handlers"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

// An attack is something that an attacker would do to a sign-in. It runs against a real
// site and declares the expected outcome.
type attack struct {
	name    string // stable
	label   string
	does    string
	guard   string     // why it is refused, for the page
	reason  string     // the stable code of the refusal
	because string     // text that the error of the refusing step must contain; may be empty
	code    sourceLine // what refuses it
	test    sourceLine // and the test that checks this
	run     func(*attackRun) (*heard, error)
}

// attacks are the attacks that can be tried on /flow, in the order of the page.
var attacks = []attack{
	{
		name: "missing-state", label: "Leave the state out",
		does:   "The callback comes with a good code and without a state, as from a page that was never told one.",
		guard:  "No state, no flow: the callback belongs to nobody.",
		reason: "flow_invalid", because: "no state",
		code: sourceLine{"auth/oauth/flow.go", `withDetail("no state")`}, test: sourceLine{"auth/oauth/flow_test.go", "func testStateMissing("},
		run: func(p *attackRun) (*heard, error) {
			b := p.browser("you")
			to, err := b.toCallback("")
			if err != nil {
				return nil, err
			}
			return b.back(changed(to, "state", ""))
		},
	},
	{
		name: "foreign-state", label: "Send you a state of mine",
		does:   "The attacker signs in up to the callback and gives the link to you, who have a sign-in of your own under way. If it worked you would be in the attacker's account, and type your secrets there (login CSRF).",
		guard:  "Each flow lies sealed in a cookie of the browser that began it; yours has none for that state.",
		reason: "flow_invalid", because: "not of this browser",
		code: sourceLine{"auth/oauth/flow.go", `withDetail("not of this browser")`}, test: sourceLine{"auth/oauth/flow_test.go", "func testFlowOfAnotherBrowser("},
		run: func(p *attackRun) (*heard, error) {
			to, err := p.browser("attacker").toCallback("")
			if err != nil {
				return nil, err
			}
			you := p.browser("you")
			if _, err := you.begin(""); err != nil {
				return nil, err
			}
			return you.back(to)
		},
	},
	{
		name: "other-provider", label: "Use it at another provider",
		does:   "A sign-in that began at one provider comes back to the callback of another (mix-up), with its true state and code.",
		guard:  "The provider's id is sealed into the flow.",
		reason: "flow_invalid", because: "begun at another provider",
		code: sourceLine{"auth/oauth/flow.go", "case f.Provider != provider:"}, test: sourceLine{"auth/oauth/flow_test.go", "func testFlowOfAnotherProvider("},
		run: func(p *attackRun) (*heard, error) {
			b := p.browser("you")
			to, err := b.toCallback("")
			if err != nil {
				return nil, err
			}
			to.Path = "/sign-in/" + secondProvider + "/callback"
			return b.back(to)
		},
	},
	{
		name: "replayed-code", label: "Play the callback again",
		does:   "Somebody copied your cookies while you were at the provider, and your callback with its code. You arrive first and are signed in; then they arrive.",
		guard:  "A flow is spent by the first callback, whoever brings its cookie. A provider would not take the code twice either.",
		reason: "flow_invalid", because: "used before",
		code: sourceLine{"auth/oauth/flow.go", "p.spent.has(name)"}, test: sourceLine{"auth/oauth/flow_test.go", "func testFlowUsedOnce("},
		run: func(p *attackRun) (*heard, error) {
			you := p.browser("you")
			to, err := you.toCallback("")
			if err != nil {
				return nil, err
			}
			thief := you.copyOf("thief")
			if _, err := expectAnswer(you.back(to)); err != nil {
				return nil, err
			}
			return thief.back(to)
		},
	},
	{
		name: "wrong-verifier", label: "Redeem a stolen code",
		does:   "The thief has your code, unused, and puts it into the callback of a sign-in of their own. The site shows the provider the verifier that it knows: the thief's.",
		guard:  "The provider compares it with the code_challenge that your request carried (PKCE).",
		reason: "provider_error", because: "invalid_grant",
		code: sourceLine{"auth/devidp/token.go", "subtle.ConstantTimeCompare(sum[:], c.challenge[:])"}, test: sourceLine{"auth/oauth/flow_test.go", "func testCodeNeedsVerifier("},
		run: func(p *attackRun) (*heard, error) {
			yours, err := p.browser("you").toCallback("")
			if err != nil {
				return nil, err
			}
			thief := p.browser("thief")
			own, err := thief.toCallback("")
			if err != nil {
				return nil, err
			}
			return thief.back(changed(own, "code", yours.Query().Get("code")))
		},
	},
	{
		name: "wrong-issuer", label: "Answer for somebody else",
		does:   "The callback is right in everything, but names another issuer, as when an attacker's provider passes your code on (mix-up).",
		guard:  "iss is compared, as text, with the issuer that was asked.",
		reason: "identity_invalid", because: "not from the issuer",
		code: sourceLine{"auth/oauth/oauth.go", `query.Get("iss") != issuer`}, test: sourceLine{"auth/oauth/openid_test.go", "func testIssuerOfCallback("},
		run: func(p *attackRun) (*heard, error) {
			b := p.browser("you")
			to, err := b.toCallback("")
			if err != nil {
				return nil, err
			}
			return b.back(changed(to, "iss", to.Query().Get("iss")+"/"+secondProvider))
		},
	},
	{
		name: "wrong-nonce", label: "Swap the ID token",
		does:   "Somebody sits on the line between this site and its provider, and puts an ID token there that the provider truly signed, for this site, and for another sign-in.",
		guard:  "Its nonce is compared with the one in the flow.",
		reason: "identity_invalid", because: "of another flow",
		code: sourceLine{"auth/oauth/openid.go", "case !equal(nonce, c.Nonce):"}, test: sourceLine{"auth/oauth/openid_test.go", "func testIDTokens("},
		run: func(p *attackRun) (*heard, error) {
			victim := p.browser("victim")
			to, err := victim.toCallback("")
			if err != nil {
				return nil, err
			}
			victim.tap = &tap{}
			if _, err := expectAnswer(victim.back(to)); err != nil {
				return nil, err
			}
			thief := p.browser("thief")
			if to, err = thief.toCallback(""); err != nil {
				return nil, err
			}
			thief.tap = &tap{put: victim.tap.kept}
			h, err := thief.back(to)
			if err == nil && !thief.tap.placed {
				err = errors.New("the ID token could not be swapped")
			}
			return h, err
		},
	},
	{
		name: "next", label: "Lead on to evil.example",
		does:   "The form carries next=//evil.example, which a browser reads as another host. The sign-in succeeds; the question is where it leads.",
		guard:  "Only a path of this site is kept; all else becomes /dashboard.",
		reason: "next_replaced",
		code:   sourceLine{"auth/oauth/next.go", "func SafeNext("}, test: sourceLine{"auth/oauth/next_test.go", "func testNext("},
		run: func(p *attackRun) (*heard, error) {
			b := p.browser("you")
			to, err := b.toCallback("//evil.example")
			if err != nil {
				return nil, err
			}
			return b.back(to)
		},
	},
	{
		name: "prefetch", label: "Begin by a prefetch",
		does:   "A page makes the browser fetch the start of a sign-in ahead of a click, or shows it as a picture.",
		guard:  "A sign-in begins by POST only. GET is refused, and sets nothing.",
		reason: "method_not_allowed",
		code:   sourceLine{"handlers/routes.go", `e.POST("/sign-in/:provider"`}, test: sourceLine{"handlers/input_test.go", "func TestUnknownPathsAndMethods("},
		run: func(p *attackRun) (*heard, error) {
			return p.browser("you").send(http.MethodGet, "/sign-in/dev", nil, map[string]string{"Sec-Purpose": "prefetch", "Sec-Fetch-Site": "cross-site"})
		},
	},
}

// attempted is the outcome of an attack.
type attempted struct {
	at     time.Time
	took   time.Duration
	lines  []line
	status int
	to     string
	reason string // as the site said it
	detail string // the error of the step that refused
	step   string
	held   bool // refused, and for the expected reason
	in     bool // the attacking browser got a session
}

// judge compares the outcome of an attack with the expected one.
func (a attack) judge(p *attackRun, h *heard) attempted {
	t := attempted{lines: p.lines, status: h.status, to: h.location(), reason: h.reason(), in: h.setsCookie("__Host-session-")}
	for _, s := range p.steps {
		if s.Err != nil {
			t.step, t.detail = s.Name, s.Err.Error()
		}
	}
	if a.name == "next" && t.in && t.reason == "" && t.to == oauth.SafeNext("") {
		t.reason = "next_replaced" // it was never a refusal to sign in
		t.held = true
		return t
	}
	t.held = t.reason == a.reason && !t.in && !h.setsCookie("__Host-flow-") && strings.Contains(t.detail, a.because)
	return t
}

// attackTarget holds the site under attack, which is built before the first attack, and
// the limits on attacks.
type attackTarget struct {
	once   sync.Once
	target *handlers.Site
	err    error
	limit  *auth.Limiter // per address
	slots  chan struct{} // how many run at once
}

const maxAttacks = 4

func (a *attackTarget) ready(s *handlers.Site) error {
	a.once.Do(func() {
		a.limit = &auth.Limiter{Burst: 30, Every: 2 * time.Second, Now: s.Now}
		a.slots = make(chan struct{}, maxAttacks)
		a.target, a.err = target(s)
	})
	return a.err
}

// try runs an attack on a bench of its own.
func (l *Lab) try(ctx context.Context, b *lab.Bench, a attack, address string) (t attempted, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	aside, err := b.Aside(ctx, l.site.Now)
	if err != nil {
		return attempted{}, err
	}
	defer func() { err = errors.Join(err, aside.Close(context.WithoutCancel(ctx))) }()
	began := l.site.Now()
	p := &attackRun{ctx: ctx, site: l.assault.target, bench: aside, address: address}
	h, err := a.run(p)
	if err != nil {
		return attempted{}, err
	}
	t = a.judge(p, h)
	t.at, t.took = began, l.site.Now().Sub(began)
	return t, nil
}

var errUnknownAttack = &handlers.Problem{Status: 404, Code: "unknown_attack", Title: "No such attack", Text: "Nothing by that name can be tried here."}

// attack runs the chosen attack and redirects to its result on the flow page.
func (l *Lab) attack(c echo.Context) error {
	form, err := handlers.Form(c)
	if err != nil {
		return err
	}
	a, ok := attackOf(form.Get("attack"))
	if !ok {
		return errUnknownAttack
	}
	if err := l.assault.ready(l.site); err != nil {
		return handlers.WithCause(handlers.ErrInternal, err)
	}
	if wait := l.assault.limit.Take(handlers.ClientAddress(c)); wait > 0 {
		return l.site.RateLimited(c, wait)
	}
	select {
	case l.assault.slots <- struct{}{}:
		defer func() { <-l.assault.slots }()
	default:
		return l.site.RateLimited(c, time.Second)
	}
	visitor, err := l.visitor(c)
	if err != nil {
		return err
	}
	t, err := l.try(c.Request().Context(), l.bench(c.Request()), a, net.JoinHostPort(c.RealIP(), "0"))
	if err != nil {
		return handlers.Unavailable(err)
	}
	l.traces.tried(visitor.ID, a.name, t, l.site.Now())
	return c.Redirect(http.StatusSeeOther, "/flow#attack-"+url.PathEscape(a.name))
}

func attackOf(name string) (attack, bool) {
	for _, a := range attacks {
		if a.name == name {
			return a, true
		}
	}
	return attack{}, false
}

// attackViews returns the attacks with the results of those that were tried.
func (l *Lab) attackViews(tries map[string]attempted) (list []labviews.Attack) {
	for _, a := range attacks {
		v := labviews.Attack{Name: a.name, Label: a.label, Does: a.does, Guard: a.guard, Reason: a.reason, Links: a.links()}
		if t, ok := tries[a.name]; ok {
			v.Tried = &labviews.Attempt{Held: t.held, Verdict: t.reason, Detail: t.detail, When: views.Relative(t.at, l.site.Now()), Took: span(t.took)}
			if t.reason == "" {
				v.Tried.Verdict = "nothing"
			}
			for _, said := range t.lines {
				answered := strconv.Itoa(said.status)
				if said.location != "" {
					answered += " to " + said.location
				}
				v.Tried.Lines = append(v.Tried.Lines, labviews.AttemptLine{
					Who: said.who, Asked: said.method + " " + said.path, Answered: answered, Params: paramFacts(said.params),
				})
			}
		}
		list = append(list, v)
	}
	return list
}
