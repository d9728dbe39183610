package labpages

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
	"sessionlab/handlers"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

// flow shows the last sign-in of this browser, and the attacks that can be tried.
func (l *Lab) flow(c echo.Context) error {
	visitor, err := l.visitor(c)
	if err != nil {
		return err
	}
	told, tries := l.traces.look(visitor.ID, l.site.Now())
	m := labviews.Flow{SignInHref: "/sign-in?next=/flow", Attacks: l.attackViews(tries)}
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
				m.Providers = append(m.Providers, labviews.Choice{
					Label: tr.provider, Href: "/flow?provider=" + url.QueryEscape(tr.provider), Current: tr == shown,
				})
			}
		}
	}
	p := l.site.Page(c.Request(), "How sign-in works")
	p.Wide = true
	return handlers.Render(c.Response(), http.StatusOK, labviews.FlowPage(p, m))
}

// providerName returns the name of a provider on its sign-in button.
func (l *Lab) providerName(id string) string {
	for _, p := range l.site.Providers.List {
		if p.ID == id {
			return p.Name
		}
	}
	return id
}

// traceView returns the steps of a sign-in in chronological order.
func (l *Lab) traceView(tr *trace) *labviews.FlowTrace {
	v := &labviews.FlowTrace{Provider: l.providerName(tr.provider), Linked: tr.linked, When: views.Relative(tr.callback.at, l.site.Now())}
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

// unfolded lists the steps that are shown unfolded.
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

// span formats a duration: "0.18 ms", "12 ms", "4.2 s".
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
	return views.Duration(d)
}

func newStep(name string) labviews.FlowStep {
	l := lessons[name]
	return labviews.FlowStep{ID: strings.ReplaceAll(name, "_", "-"), Title: l.title, Defends: l.defends, Sources: l.sources}
}

func formStep(tr *trace) labviews.FlowStep {
	s := newStep(stepForm)
	s.Took = span(tr.start.end.Sub(tr.start.at))
	s.Arrows = []labviews.Arrow{{From: labviews.LaneBrowser, To: labviews.LaneApp, Label: "POST sign-in"}}
	next := tr.start.next
	if next == "" {
		next = "none"
	}
	sent := []views.Fact{fact("POST", tr.start.path), fact("next", next), fact("remember", map[bool]string{true: "1", false: "0"}[tr.start.remember])}
	if tr.start.site != "" {
		sent = append(sent, fact("Sec-Fetch-Site", tr.start.site))
	}
	s.Groups = []labviews.FlowGroup{{Label: "Sent", Facts: sent}}
	return s
}

func personStep(tr *trace, provider string) labviews.FlowStep {
	s := newStep(stepPerson)
	took := tr.callback.at.Sub(tr.start.end)
	s.Took = span(took)
	s.Arrows = []labviews.Arrow{{From: labviews.LaneProvider, To: labviews.LaneProvider, Label: "you, " + span(took)}}
	s.Honest = "What happened there is between you and " + provider + "; this site only saw you leave and come back."
	return s
}

// notAsked explains why UserInfo is missing.
func notAsked() labviews.FlowStep {
	s := newStep(oauth.StepUserInfo)
	s.Arrows = []labviews.Arrow{{From: labviews.LaneApp, To: labviews.LaneApp, Label: "UserInfo: not needed"}}
	s.Honest = "Not asked: the ID token says the name and the email already."
	return s
}

// sessionStep shows what the sign-in made here: cookies, and what the store was asked.
func sessionStep(tr *trace) labviews.FlowStep {
	s := newStep(stepSession)
	var took time.Duration
	reads, writes := 0, 0
	for i, step := range tr.receipt {
		if depth(tr.receipt, i) == 0 {
			took += step.Took
		}
		switch step.Kind {
		case "read":
			reads++
		case "write":
			writes++
		}
	}
	s.Took = span(took)
	sessions := 0
	group := labviews.FlowGroup{Label: "Set"}
	for _, set := range tr.callback.set {
		if set.expired {
			continue
		}
		if name, chunk, _ := strings.Cut(set.name, "."); strings.HasPrefix(name, "__Host-session-") && (chunk == "" || chunk == "1") {
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
		s.Title, s.Defends, s.Sources = "Account linked", "The identity goes to the account whose session asked for it, and only while that session is the one signed in: nobody adds a way in for themselves.", []labviews.Source{rfc("9700", "4.7")}
	}
	s.Arrows = []labviews.Arrow{{From: labviews.LaneApp, To: labviews.LaneApp, Label: label}}
	s.Groups = []labviews.FlowGroup{
		{Label: "Store", Facts: []views.Fact{{Label: "reads", Value: strconv.Itoa(reads), Mono: true}, {Label: "writes", Value: strconv.Itoa(writes), Mono: true}}},
		group,
	}
	return s
}

// refusedWith returns why the callback ended without a session although the provider's
// response was valid, such as "disabled"; empty if it did not.
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

func cleanStep(tr *trace) labviews.FlowStep {
	s := newStep(stepClean)
	path, _, _ := strings.Cut(tr.callback.location, "?")
	if len(path) > 12 {
		path = path[:11] + "…"
	}
	s.Arrows = []labviews.Arrow{{From: labviews.LaneApp, To: labviews.LaneBrowser, Label: fmt.Sprintf("%d to %s", tr.callback.status, path), Reply: true}}
	s.Groups = []labviews.FlowGroup{{Label: "Answered", Facts: []views.Fact{
		fact("status", strconv.Itoa(tr.callback.status)), fact("Location", tr.callback.location), fact("Referrer-Policy", "same-origin"),
	}}}
	for _, set := range tr.callback.set {
		if set.expired && strings.HasPrefix(set.name, "__Host-flow-") {
			s.Groups[0].Facts = append(s.Groups[0].Facts, views.Fact{Label: set.name, Value: "deleted", Note: "whatever came of the sign-in"})
		}
	}
	return s
}

// oauthStep returns the view of a step reported by package oauth.
func oauthStep(o oauth.Step, tr *trace) labviews.FlowStep {
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
		s.Groups = append(s.Groups, labviews.FlowGroup{Label: "Asked", Facts: append(facts, paramFacts(c.Sent)...)})
	}
	for _, g := range []struct {
		label  string
		params []oauth.Param
	}{{"Sent along", o.Sent}, {"Received", o.Got}, {"Kept here", o.Kept}} {
		if len(g.params) > 0 {
			s.Groups = append(s.Groups, labviews.FlowGroup{Label: g.label, Facts: paramFacts(g.params)})
		}
	}
	if !o.Known.IsZero() {
		s.Honest = "Not asked this time: the answer has been known since " + o.Known.UTC().Format("2 January 15:04:05 UTC") + "."
	}
	if o.Name == oauth.StepCallback {
		if tr.callback.site != "" && len(s.Groups) > 0 {
			s.Groups[0].Facts = append(s.Groups[0].Facts, views.Fact{Label: "Sec-Fetch-Site", Value: tr.callback.site, Mono: true, Note: "the browser's word on where this came from"})
		}
	}
	return s
}

// arrows draws a step.
func arrows(o oauth.Step) []labviews.Arrow {
	asks := func(label, reply string) []labviews.Arrow {
		if len(o.Calls) == 0 {
			return []labviews.Arrow{{From: labviews.LaneApp, To: labviews.LaneApp, Label: label + ": known"}}
		}
		list := []labviews.Arrow{{From: labviews.LaneApp, To: labviews.LaneProvider, Label: label}}
		if reply != "" && o.Err == nil {
			list = append(list, labviews.Arrow{From: labviews.LaneProvider, To: labviews.LaneApp, Label: reply, Reply: true})
		}
		return list
	}
	switch o.Name {
	case oauth.StepDiscovery:
		return asks("discovery", "")
	case oauth.StepRequest:
		return []labviews.Arrow{
			{From: labviews.LaneApp, To: labviews.LaneBrowser, Label: "303 to provider", Reply: true},
			{From: labviews.LaneBrowser, To: labviews.LaneProvider, Label: "state, nonce, challenge"},
		}
	case oauth.StepCallback:
		return []labviews.Arrow{
			{From: labviews.LaneProvider, To: labviews.LaneBrowser, Label: "303 back", Reply: true},
			{From: labviews.LaneBrowser, To: labviews.LaneApp, Label: "code, state"},
		}
	case oauth.StepToken:
		return asks("code, verifier", "tokens")
	case oauth.StepKeys:
		return asks("keys", "")
	case oauth.StepUserInfo:
		return asks("UserInfo", "")
	}
	return []labviews.Arrow{{From: labviews.LaneApp, To: labviews.LaneApp, Label: "ID token checks"}}
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
