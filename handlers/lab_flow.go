package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth/oauth"
	"sessionlab/views"
)

// flow shows the last sign-in of this browser, and what can be tried against the
// next one.
func (l *Lab) flow(c echo.Context) error {
	visitor, err := l.visitor(c)
	if err != nil {
		return err
	}
	told, tries := l.traces.look(visitor.ID, l.site.Now())
	m := views.Flow{SignInHref: "/sign-in?next=/flow", Attacks: l.attackViews(tries)}
	if len(told) == 0 {
		m.Outline = outline()
	}
	if len(told) > 0 {
		shown := told[0]
		for _, tr := range told {
			if tr.provider == c.QueryParam("provider") {
				shown = tr
			}
		}
		m.Trace = l.traceView(shown)
		if len(told) > 1 {
			for _, tr := range told {
				m.Providers = append(m.Providers, views.Choice{
					Label: tr.provider, Href: "/flow?provider=" + url.QueryEscape(tr.provider), Current: tr == shown,
				})
			}
		}
	}
	p := l.site.page(c.Request(), "How sign-in works")
	p.Wide = true
	return render(c.Response(), http.StatusOK, views.FlowPage(p, m))
}

// providerName is what the sign-in button calls a provider.
func (l *Lab) providerName(id string) string {
	for _, p := range l.site.Providers.List {
		if p.ID == id {
			return p.Name
		}
	}
	return id
}

// traceView tells a sign-in in the order in which it happened.
func (l *Lab) traceView(tr *trace) *views.FlowTrace {
	v := &views.FlowTrace{Provider: l.providerName(tr.provider), Linked: tr.linked, When: when(tr.callback.at, l.site.Now())}
	if !tr.start.at.IsZero() {
		v.Steps = append(v.Steps, formStep(tr))
	} else {
		v.Note = "How it began is not known here: it began in another browser, or before a restart, or too long ago."
	}
	var after []oauth.Step
	for _, s := range tr.steps {
		if s.Name == oauth.StepDiscovery || s.Name == oauth.StepRequest {
			v.Steps = append(v.Steps, oauthStep(s, tr))
		} else {
			after = append(after, s)
		}
	}
	if !tr.start.at.IsZero() {
		v.Steps = append(v.Steps, personStep(tr, v.Provider))
	}
	ok := true
	for _, s := range after {
		v.Steps = append(v.Steps, oauthStep(s, tr))
		ok = ok && s.Err == nil
	}
	if ok && !slices.ContainsFunc(after, func(s oauth.Step) bool { return s.Name == oauth.StepUserInfo }) {
		v.Steps = append(v.Steps, notAsked())
	}
	if ok {
		v.Steps = append(v.Steps, sessionStep(tr))
	}
	v.Steps = append(v.Steps, cleanStep(tr))
	for i := range v.Steps {
		v.Steps[i].N = i + 1
		v.Steps[i].Open = v.Steps[i].Refused != "" || slices.Contains(unfolded, v.Steps[i].ID)
		if v.Steps[i].Refused != "" && v.Refused == "" {
			v.Refused = v.Steps[i].Title
		}
	}
	v.Facts = summary(tr)
	return v
}

// unfolded are the steps whose values are worth a look before any other.
var unfolded = []string{oauth.StepRequest, oauth.StepCallback}

// summary is the time that it took, and where it went.
func summary(tr *trace) []views.Fact {
	site := tr.callback.end.Sub(tr.callback.at)
	if tr.start.at.IsZero() {
		return []views.Fact{{Label: "This site", Value: span(site), Note: "for the callback"}}
	}
	facts := []views.Fact{
		{Label: "This site", Value: span(site + tr.start.end.Sub(tr.start.at)), Note: "for the form and the callback, with all that it asked the provider"},
		{Label: "At the provider", Value: span(tr.callback.at.Sub(tr.start.end)), Note: "your own time, and the way there and back"},
	}
	calls, waited := 0, time.Duration(0)
	for _, s := range tr.steps {
		for _, c := range s.Calls {
			if !c.Began.IsZero() && s.Name != oauth.StepRequest {
				calls, waited = calls+1, waited+c.Took
			}
		}
	}
	return append(facts, views.Fact{Label: "Asked the provider", Value: often(calls), Note: span(waited) + " in all"})
}

func often(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return strconv.Itoa(n) + " times"
}

// span says how long something took: "0.18 ms", "12 ms", "4.2 s".
func span(d time.Duration) string {
	switch {
	case d < 10*time.Microsecond:
		return "under 0.01 ms"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return long(d)
}

func newStep(name string) views.FlowStep {
	l := lessons[name]
	return views.FlowStep{ID: strings.ReplaceAll(name, "_", "-"), Title: l.title, Defends: l.defends, Sources: l.sources}
}

func formStep(tr *trace) views.FlowStep {
	s := newStep(stepForm)
	s.Took = span(tr.start.end.Sub(tr.start.at))
	s.Arrows = []views.Arrow{{From: views.LaneBrowser, To: views.LaneApp, Label: "POST sign-in"}}
	next := tr.start.next
	if next == "" {
		next = "none"
	}
	sent := []views.Fact{fact("POST", tr.start.path), fact("next", next), fact("remember", map[bool]string{true: "1", false: "0"}[tr.start.remember])}
	if tr.start.site != "" {
		sent = append(sent, fact("Sec-Fetch-Site", tr.start.site))
	}
	s.Groups = []views.FlowGroup{{Label: "Sent", Facts: sent}}
	return s
}

func personStep(tr *trace, provider string) views.FlowStep {
	s := newStep(stepPerson)
	took := tr.callback.at.Sub(tr.start.end)
	s.Took = span(took)
	s.Arrows = []views.Arrow{{From: views.LaneProvider, To: views.LaneProvider, Label: "you, " + span(took)}}
	s.Honest = "What happened there is between you and " + provider + "; this site only saw you leave and come back."
	return s
}

// notAsked says why UserInfo is missing.
func notAsked() views.FlowStep {
	s := newStep(oauth.StepUserInfo)
	s.Arrows = []views.Arrow{{From: views.LaneApp, To: views.LaneApp, Label: "UserInfo: not needed"}}
	s.Honest = "Not asked: the ID token says the name and the email already."
	return s
}

// sessionStep is what the sign-in made here: cookies, and what the store was asked.
func sessionStep(tr *trace) views.FlowStep {
	s := newStep(stepSession)
	var took time.Duration
	reads, writes := 0, 0
	for _, step := range tr.receipt {
		took += step.Took
		switch step.Kind {
		case "read":
			reads++
		case "write":
			writes++
		}
	}
	s.Took = span(took)
	sessions := 0
	group := views.FlowGroup{Label: "Set"}
	for _, set := range tr.callback.set {
		if set.expired {
			continue
		}
		if strings.HasPrefix(set.name, "__Host-session-") && !strings.Contains(set.name, ".") || strings.HasSuffix(set.name, ".1") {
			sessions++
		}
		group.Facts = append(group.Facts, views.Fact{Label: set.name, Value: strconv.Itoa(set.bytes) + " bytes", Mono: true})
	}
	label := "sessions: " + strconv.Itoa(sessions)
	switch reason := refusedWith(tr.callback); {
	case reason != "":
		s.Refused, s.Code, label = "nobody is signed in", reason, "no session"
	case tr.linked:
		label = "account linked"
		s.Title, s.Defends, s.Sources = "Account linked", "The identity goes to the account whose session asked for it, and only while that session is the one signed in: nobody adds a way in for themselves.", []views.Source{rfc("9700", "4.7")}
	}
	s.Arrows = []views.Arrow{{From: views.LaneApp, To: views.LaneApp, Label: label}}
	s.Groups = []views.FlowGroup{
		{Label: "Store", Facts: []views.Fact{{Label: "reads", Value: strconv.Itoa(reads), Mono: true}, {Label: "writes", Value: strconv.Itoa(writes), Mono: true}}},
		group,
	}
	return s
}

// refusedWith is why the callback ended without a session although the provider
// was believed, such as "disabled"; empty if it did not.
func refusedWith(e exchange) string {
	u, err := url.Parse(e.location)
	switch {
	case e.status >= 400:
		return strconv.Itoa(e.status)
	case err == nil && u.Path == "/sign-in":
		return u.Query().Get("reason")
	}
	return ""
}

func cleanStep(tr *trace) views.FlowStep {
	s := newStep(stepClean)
	path, _, _ := strings.Cut(tr.callback.location, "?")
	if len(path) > 12 {
		path = path[:11] + "…"
	}
	s.Arrows = []views.Arrow{{From: views.LaneApp, To: views.LaneBrowser, Label: fmt.Sprintf("%d to %s", tr.callback.status, path), Reply: true}}
	s.Groups = []views.FlowGroup{{Label: "Answered", Facts: []views.Fact{
		fact("status", strconv.Itoa(tr.callback.status)), fact("Location", tr.callback.location), fact("Referrer-Policy", "no-referrer"),
	}}}
	for _, set := range tr.callback.set {
		if set.expired && strings.HasPrefix(set.name, "__Host-flow-") {
			s.Groups[0].Facts = append(s.Groups[0].Facts, views.Fact{Label: set.name, Value: "deleted", Note: "whatever came of the sign-in"})
		}
	}
	return s
}

// oauthStep is a step that package oauth told of.
func oauthStep(o oauth.Step, tr *trace) views.FlowStep {
	s := newStep(o.Name)
	s.Took, s.Arrows = span(o.Took), arrows(o)
	if o.Err != nil {
		s.Refused = o.Err.Error()
		s.Code = oauth.Code(o.Err)
	}
	for _, c := range o.Calls {
		facts := []views.Fact{fact(c.Method, c.URL)}
		if o.Name != oauth.StepRequest {
			f := fact("status", strconv.Itoa(c.Status))
			if c.Status == 0 {
				f.Value = "no answer"
			}
			facts = append(facts, f, views.Fact{Label: "took", Value: span(c.Took)})
		}
		s.Groups = append(s.Groups, views.FlowGroup{Label: "Asked", Facts: append(facts, paramFacts(c.Sent)...)})
	}
	for _, g := range []struct {
		label  string
		params []oauth.Param
	}{{"Sent along", o.Sent}, {"Received", o.Got}, {"Kept here", o.Kept}} {
		if len(g.params) > 0 {
			s.Groups = append(s.Groups, views.FlowGroup{Label: g.label, Facts: paramFacts(g.params)})
		}
	}
	if !o.Known.IsZero() {
		s.Honest = "Not asked this time: the answer is known since " + o.Known.UTC().Format("2 January 15:04:05 UTC") + "."
	}
	if o.Name == oauth.StepCallback {
		if tr.callback.site != "" && len(s.Groups) > 0 {
			s.Groups[0].Facts = append(s.Groups[0].Facts, views.Fact{Label: "Sec-Fetch-Site", Value: tr.callback.site, Mono: true, Note: "the browser's word on where this came from"})
		}
	}
	return s
}

// arrows are how a step is drawn.
func arrows(o oauth.Step) []views.Arrow {
	asks := func(label, reply string) []views.Arrow {
		if len(o.Calls) == 0 {
			return []views.Arrow{{From: views.LaneApp, To: views.LaneApp, Label: label + ": known"}}
		}
		list := []views.Arrow{{From: views.LaneApp, To: views.LaneProvider, Label: label}}
		if reply != "" && o.Err == nil {
			list = append(list, views.Arrow{From: views.LaneProvider, To: views.LaneApp, Label: reply, Reply: true})
		}
		return list
	}
	switch o.Name {
	case oauth.StepDiscovery:
		return asks("discovery", "")
	case oauth.StepRequest:
		return []views.Arrow{
			{From: views.LaneApp, To: views.LaneBrowser, Label: "303 to provider", Reply: true},
			{From: views.LaneBrowser, To: views.LaneProvider, Label: "state, nonce, challenge"},
		}
	case oauth.StepCallback:
		return []views.Arrow{
			{From: views.LaneProvider, To: views.LaneBrowser, Label: "303 back", Reply: true},
			{From: views.LaneBrowser, To: views.LaneApp, Label: "code, state"},
		}
	case oauth.StepToken:
		return asks("code, verifier", "tokens")
	case oauth.StepKeys:
		return asks("keys", "")
	case oauth.StepUserInfo:
		return asks("UserInfo", "")
	}
	return []views.Arrow{{From: views.LaneApp, To: views.LaneApp, Label: "ID token checks"}}
}

func paramFacts(params []oauth.Param) (facts []views.Fact) {
	for _, p := range params {
		facts = append(facts, fact(p.Name, p.Value))
	}
	return facts
}

// fact is a literal, with what its name means.
func fact(name, value string) views.Fact {
	return views.Fact{Label: name, Value: value, Mono: true, Note: glosses[name]}
}
