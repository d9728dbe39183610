package labpages

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/devidp"
	"sessionlab/auth/lab"
	"sessionlab/handlers"
	"sessionlab/views/labviews"
)

var (
	errUnknownDemo = &handlers.Problem{Status: 404, Code: "unknown_demo", Title: "No such demo", Text: "The lab plays no demo of that name."}
	errBadStep     = &handlers.Problem{Status: 400, Code: "bad_step", Title: "No such step", Text: "The demo has no step of that number."}
	errBadGuess    = &handlers.Problem{Status: 400, Code: "bad_guess", Title: "No such answer", Text: "The question has other answers to choose from, or none."}
)

// Ada returns the identity that demos sign in with. It is Ada's identity at the embedded
// provider, so that a demo and a real sign-in share one user.
func Ada(s *handlers.Site) auth.Identity {
	ada := devidp.Personas()[0]
	return auth.Identity{
		Provider: "dev", Issuer: s.BaseURL.String() + "/idp", Subject: ada.Subject,
		Name: ada.Name, Email: ada.Email, EmailVerified: true,
	}
}

// demo shows the current step of a demo, or its introduction if it has not started.
func (l *Lab) demo(c echo.Context) error {
	b := l.bench(c.Request())
	d, known := b.Demo(c.QueryParam("demo"))
	if !known {
		return errUnknownDemo
	}
	v, err := l.visitor(c)
	if err != nil {
		return err
	}
	played, present := b.Played(v), c.QueryParam("present") == "1"
	state, err := l.lookAs(c, v)
	if err != nil {
		return err
	}
	p := l.page(c, d.Title, state)
	if present {
		p.Bare, p.Theme = true, "light"
	}
	var m labviews.Demo
	if played.Demo == d.Name {
		m = scene(d, played, state, present)
	} else {
		m = card(d, present)
	}
	return handlers.Render(c.Response(), http.StatusOK, labviews.DemoPage(p, m))
}

// play starts a demo or moves it to another step.
func (l *Lab) play(c echo.Context) error {
	form, err := handlers.Form(c)
	if err != nil {
		return err
	}
	b := l.bench(c.Request())
	d, known := b.Demo(form.Get("name"))
	if !known {
		return errUnknownDemo
	}
	step, err := strconv.Atoi(form.Get("step"))
	if err != nil || step < 0 || step >= len(d.Scenes()) {
		return errBadStep
	}
	guess := form.Get("guess")
	if s := d.Scenes()[step].Step; guess != "" && (s == nil || !slices.Contains(s.Guesses, guess)) {
		return errBadGuess
	}
	v, err := l.visitor(c)
	if err != nil {
		return err
	}
	err = b.Play(c.Request().Context(), v, d, step, guess)
	v.Wallet.Tell(c.Response().Header())
	if errors.Is(err, lab.ErrManyKeys) || errors.Is(err, lab.ErrDuration) {
		return errBadStep
	}
	if err != nil {
		return handlers.Unavailable(err)
	}
	return c.Redirect(http.StatusSeeOther, demoPath(d.Name, form.Get("present") == "1"))
}

func demoPath(name string, present bool) string {
	q := url.Values{"demo": {name}}
	if present {
		q.Set("present", "1")
	}
	return "/compare?" + q.Encode()
}

// card is a demo that has not begun.
func card(d lab.Demo, present bool) labviews.Demo {
	m := demoView(d, present)
	m.Headline, m.Of = d.About, len(d.Scenes())-1
	m.Told = "Start resets the lab, which signs everybody out of it, and signs Ada in here. Nothing else is touched."
	m.Next = press("Start", d, 0, present)
	return m
}

// scene returns the view of a demo that has started.
func scene(d lab.Demo, played lab.Played, s lab.State, present bool) labviews.Demo {
	scenes := d.Scenes()
	now, m := scenes[played.At], demoView(d, present)
	m.At, m.Of, m.Part = played.At, len(scenes)-1, now.Part.Title
	s.Order = slices.DeleteFunc(s.Order, func(name string) bool { return !slices.Contains(now.Part.Columns, name) })
	m.Headline, m.Told = sceneHeadline(s, now.Part), now.Part.Begun
	if now.Step != nil {
		m.Told = now.Step.Why
	}
	if played.Guess != "" {
		m.Guess = "You said: " + played.Guess + "."
	}
	m.Matrix = matrix(s, now.Part.Clients)
	m.Matrix.Costs = nil
	if now.Step != nil && now.Step.Race != "" {
		m.Headline, m.Matrix = s.Races[now.Step.Race].Tells(), raceMatrix(s.Races, now.Step.Race)
	}
	if now.Part.Roles {
		withRoles(m.Matrix, s)
	}
	if present {
		m.Matrix = withoutCosts(m.Matrix)
	}
	m.Story, m.Announce = storyView(s), m.Headline
	if notes := differences(s.Bench); len(notes) > 0 && !present {
		m.Standing, m.Over = "Lab "+strings.Join(notes, " · "), press("Start over", d, 0, present)
	}
	if played.At > 0 {
		m.Back = press("Back", d, played.At-1, present)
	}
	if played.At+1 == len(scenes) {
		m.Ends = ends(d)
		return m
	}
	next := scenes[played.At+1]
	m.Next = press("Next: "+next.Part.Title, d, played.At+1, present)
	if next.Step != nil {
		m.Next.Label, m.Ask, m.Guesses = next.Step.Press, next.Step.Ask, next.Step.Guesses
	}
	return m
}

func demoView(d lab.Demo, present bool) labviews.Demo {
	return labviews.Demo{
		Name: d.Name, Title: d.Title, Present: present,
		PresentHref: demoPath(d.Name, true), LeaveHref: demoPath(d.Name, false),
	}
}

func press(label string, d lab.Demo, to int, present bool) *labviews.Press {
	p := &labviews.Press{Label: label, Action: "/compare/demo", Fields: []labviews.Field{{Name: "name", Value: d.Name}, {Name: "step", Value: strconv.Itoa(to)}}}
	if present {
		p.Fields = append(p.Fields, labviews.Field{Name: "present", Value: "1"})
	}
	return p
}

// ends returns the links shown after the last step of a demo.
func ends(d lab.Demo) []labviews.Choice {
	alone := labviews.Choice{Label: "Go on by yourself", Href: "/compare"}
	if len(d.Parts) > 0 {
		return []labviews.Choice{{Label: "How long does a copy work?", Href: exposurePath}, alone}
	}
	return []labviews.Choice{alone}
}

// sceneHeadline summarizes the site's responses in one sentence.
func sceneHeadline(s lab.State, part lab.Demo) string {
	if part.Roles {
		return roleSummary(s)
	}
	if t := tally(s, lab.Thief); slices.Contains(part.Clients, lab.Thief) && t.of > 0 || slices.Contains(part.Clients, lab.Phone) {
		head, _ := headline(s)
		return head
	}
	return verdictSummary(s)
}

// verdictSummary lists the strategies under which you are signed in, refused, or the site
// cannot tell.
func verdictSummary(s lab.State) string {
	var parts []string
	for _, is := range []struct{ verdict, words string }{{lab.SignedIn, "you are in."}, {lab.Refused, "you are out."}, {lab.Fault, "unknown (503)."}} {
		if names := under(s, func(v lab.Verdict) bool { return v.Verdict == is.verdict }); len(names) > 0 {
			parts = append(parts, lab.List(names)+": "+is.words)
		}
	}
	return strings.Join(parts, " ")
}

// roleSummary lists which role the user has under which strategy.
func roleSummary(s lab.State) string {
	var parts []string
	for _, is := range []struct{ role, words string }{{auth.RoleAdmin, "an admin under "}, {auth.RoleMember, "a member under "}} {
		if names := under(s, func(v lab.Verdict) bool { return v.Verdict == lab.SignedIn && v.Role == is.role }); len(names) > 0 {
			parts = append(parts, is.words+lab.List(names))
		}
	}
	return "Ada is " + strings.Join(parts, ", ") + "."
}

// withRoles adds the user's role to the cells of m, in place.
func withRoles(m labviews.Matrix, s lab.State) {
	for i, name := range s.Order {
		v, c := s.Clients[lab.You][name], &m.Rows[0].Cells[i]
		if v.Verdict != lab.SignedIn {
			continue
		}
		if c.Word, c.Reason = "in, as "+v.Role, ""; v.Role != s.User.Role {
			c.Reason = "in the table: " + s.User.Role
		}
	}
}

func under(s lab.State, is func(lab.Verdict) bool) (names []string) {
	for _, name := range s.Order {
		if is(s.Clients[lab.You][name]) {
			names = append(names, name)
		}
	}
	return names
}
