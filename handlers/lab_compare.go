package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/views"
)

const (
	visitorCookie     = "visitor"
	maxRememberChoice = 400 * 24 * time.Hour
)

var errUnknownAction = &Problem{Status: 404, Code: "unknown_action", Title: "No such action", Text: "The lab has no button of that name."}
var errUnknownRole = &Problem{Status: 400, Code: "unknown_role", Title: "No such role", Text: "One can be made admin or member."}
var errNothingToSteal = &Problem{Status: 409, Code: "nothing_to_steal", Title: "There is nothing to steal", Text: "This browser carries no session. Sign in first."}

// visitor is the browser that asks, with what it carries. A browser without a
// name gets one, so that the bench knows it when it comes back signed out.
func (l *Lab) visitor(c echo.Context) (lab.Visitor, error) {
	jar := auth.NewJar(c.Response(), c.Request())
	id, err := jar.Get(visitorCookie)
	if err != nil || len(id) != 26 {
		id = l.site.Text()
		if err := jar.Set(visitorCookie, id, maxRememberChoice); err != nil {
			return lab.Visitor{}, err
		}
	}
	return lab.Visitor{
		ID: id, Device: auth.Device{Name: device(c.Request().UserAgent())}, Wallet: lab.NewWallet(c.Request()),
	}, nil
}

// compare shows the lab after asking everybody anew.
func (l *Lab) compare(c echo.Context) error {
	v, err := l.visitor(c)
	if err != nil {
		return err
	}
	state, err := l.Bench.Look(c.Request().Context(), v)
	if err != nil {
		return unavailable(err)
	}
	v.Wallet.Tell(c.Response().Header())
	// The page loads no session of its own; the header shows what was answered.
	if you := state.Clients[lab.You][chosen(c.Request())]; you.Verdict == lab.SignedIn {
		visit := visitOf(c)
		visit.manager, visit.session = l.Bench.Manager(chosen(c.Request())), auth.Session{User: you.User}
	}
	p := l.site.page(c.Request(), "Compare")
	p.Wide = true
	m := comparison(state, show(c.QueryParam("show")))
	m.Announce = m.Headline
	return render(c.Response(), http.StatusOK, views.ComparePage(p, m))
}

// state is the same for scripts and tests.
func (l *Lab) state(c echo.Context) error {
	v, err := l.visitor(c)
	if err != nil {
		return err
	}
	state, err := l.Bench.Look(c.Request().Context(), v)
	if err != nil {
		return unavailable(err)
	}
	v.Wallet.Tell(c.Response().Header())
	return renderJSON(c, state)
}

// act presses a button of the lab and leads back to the page by a redirect, so
// that reloading it presses nothing again.
func (l *Lab) act(c echo.Context) error {
	actions := map[string]func(*Lab, echo.Context, lab.Visitor) error{
		"sign-in-all": func(l *Lab, c echo.Context, v lab.Visitor) error { return l.Bench.SignIn(c.Request().Context(), v) },
		"steal":       func(l *Lab, c echo.Context, v lab.Visitor) error { return l.Bench.Steal(v) },
		"sign-out":    func(l *Lab, c echo.Context, v lab.Visitor) error { return l.Bench.SignOut(c.Request().Context(), v) },
		"revoke-all":  func(l *Lab, c echo.Context, v lab.Visitor) error { return l.Bench.RevokeAll(c.Request().Context(), v) },
		"set-role":    setRole,
		"reset":       func(l *Lab, c echo.Context, v lab.Visitor) error { return l.Bench.Reset(c.Request().Context(), v) },
	}
	name := c.Param("action")
	act, ok := actions[name]
	if !ok {
		return errUnknownAction
	}
	v, err := l.visitor(c)
	if err != nil {
		return err
	}
	switch err := act(l, c, v); {
	case errors.Is(err, lab.ErrNobody) && name == "steal":
		return errNothingToSteal
	case errors.Is(err, lab.ErrNobody):
		return c.Redirect(http.StatusSeeOther, "/sign-in?next=/compare")
	case err != nil:
		return unavailable(err)
	}
	v.Wallet.Tell(c.Response().Header())
	return c.Redirect(http.StatusSeeOther, "/compare?show="+show(c.FormValue("show")))
}

// sets of columns, each with the ones before it.
var sets = []struct {
	name, label string
	groups      []string
}{
	{"basics", "Basics", []string{"basics"}},
	{"between", "+ In between", []string{"basics", "in between"}},
	{"all", "All 7", []string{"basics", "in between", "short tokens"}},
}

// show is which set of columns is wanted: the first, unless another is named.
func show(wanted string) string {
	for _, set := range sets {
		if set.name == wanted {
			return wanted
		}
	}
	return sets[0].name
}

// setRole is one of the lab's actions: it has a field.
func setRole(l *Lab, c echo.Context, v lab.Visitor) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	role := form.Get("role")
	if role != auth.RoleAdmin && role != auth.RoleMember {
		return errUnknownRole
	}
	return l.Bench.SetRole(c.Request().Context(), v, role)
}

// comparison puts a state into words.
func comparison(s lab.State, shown string) views.Compare {
	m := views.Compare{
		Clock:  views.Clock{Time: moment(s.Now, s.Now.Format("15:04")), Note: "UTC"},
		Matrix: views.Matrix{Caption: "Who is signed in, under which strategy"},
	}
	var groups []string
	for _, set := range sets {
		m.Show = append(m.Show, views.Choice{Label: set.label, Href: "/compare?show=" + set.name, Current: set.name == shown})
		if set.name == shown {
			groups = set.groups
		}
	}
	s.Order = slices.DeleteFunc(s.Order, func(name string) bool {
		kind, _ := auth.KindOf(name)
		return !slices.Contains(groups, kind.Group)
	})
	you, thief := tally(s, lab.You), tally(s, lab.Thief)
	m.Headline, m.Lead = headline(s, you, thief)
	for _, name := range s.Order {
		kind, _ := auth.KindOf(name)
		m.Matrix.Columns = append(m.Matrix.Columns, views.Column{Name: kind.Name, Gloss: kind.Gloss})
		m.Matrix.Costs = append(m.Matrix.Costs, kind.Reads)
	}
	m.Matrix.Rows = []views.ClientRow{
		row(s, lab.You, "You", "this browser"),
		row(s, lab.Thief, "THIEF", "a copy of your cookies"),
	}
	m.Groups = buttons(s, you, thief)
	for _, group := range m.Groups {
		for i := range group.Actions {
			group.Actions[i].Fields = append(group.Actions[i].Fields, views.Field{Name: "show", Value: shown})
		}
	}
	for _, line := range s.Lines {
		m.Story = append(m.Story, views.StoryLine{Time: moment(line.At, line.At.Format("15:04")), Text: line.Text})
	}
	return m
}

// tallied is how a client fares over the strategies that are shown.
type tallied struct{ in, out, still, of int }

func tally(s lab.State, client string) (t tallied) {
	for _, name := range s.Order {
		v, ok := s.Clients[client][name]
		if !ok {
			continue
		}
		t.of++
		switch v.Verdict {
		case lab.SignedIn:
			t.in++
		case lab.Refused:
			t.out++
		}
		if v.StillIn {
			t.still++
		}
	}
	return t
}

func headline(s lab.State, you, thief tallied) (head, lead string) {
	n := len(s.Order)
	switch {
	case thief.of == 0 && you.in == 0 && you.out == 0:
		return "Nobody is signed in.", "Sign in once, and this browser gets one session per strategy. Then steal them."
	case thief.of == 0 && you.in > 0:
		return fmt.Sprintf("You are signed in %s.", waysOf(you.in)), "Now let a thief copy your cookies."
	case thief.of == 0:
		return "You are out, and nobody copied anything.", "Sign in again to play it through with a thief."
	case thief.still > 0 && you.in == 0:
		return fmt.Sprintf("You signed out. The thief is still in under %d of %d.", thief.in, n),
			"The server can only end what it remembers. Open a cell to see what was asked and why it was answered so."
	case thief.still > 0:
		return fmt.Sprintf("The thief is still in under %d of %d.", thief.in, n),
			"That session should have ended, and nothing on the server can end it."
	case thief.in > 0:
		return fmt.Sprintf("A thief is in under %d of %d, with a copy of your cookies.", thief.in, n),
			"Sign out, here or everywhere, and see whom it stops."
	case you.in == 0:
		return "You are out, and so is the thief.", "Nothing that was stolen is worth anything any more."
	default:
		return "The thief is out.", "Nothing that was stolen is worth anything any more."
	}
}

func waysOf(n int) string {
	switch n {
	case 1:
		return "one way"
	case 2:
		return "two ways"
	}
	return fmt.Sprintf("%d ways", n)
}

func row(s lab.State, client, label, note string) views.ClientRow {
	r := views.ClientRow{Client: client, Label: label, Note: note}
	for _, name := range s.Order {
		v, ok := s.Clients[client][name]
		if !ok {
			v.Verdict = lab.None
		}
		r.Cells = append(r.Cells, cell(s, client, label, name, v))
	}
	return r
}

func cell(s lab.State, client, label, strategy string, v lab.Verdict) views.Cell {
	c := views.Cell{ID: client + "-" + strategy, StillIn: v.StillIn, Changed: v.Changed, Was: shortVerdict[v.Was]}
	facts := []views.Fact{}
	switch v.Verdict {
	case lab.SignedIn:
		c.Verdict = "in"
		c.Until = until(v, s.Now)
		if client == lab.Thief && !v.StillIn {
			c.Word = "in, as you"
		}
		facts = append(facts, views.Fact{Label: "Signed in", Time: when(v.Since, s.Now)},
			views.Fact{Label: "Ends if unused", Time: when(v.Until, s.Now)},
			views.Fact{Label: "Ends for good", Time: on(v.EndsAt, s.Now)},
			views.Fact{Label: "Role in the session", Value: v.Role})
	case lab.Refused:
		c.Verdict, c.Reason = "out", reasonWord(v.Reason)
		facts = append(facts, views.Fact{Label: "Refused because", Value: why[v.Reason]})
	case lab.Fault:
		c.Verdict, c.Reason = "fault", "the store did not answer"
	default:
		c.Verdict = "none"
		return c
	}
	c.Receipt = receiptView(v.Receipt)
	c.Receipt.Title, c.Receipt.Facts = label+" under "+strategy, facts
	return c
}

var shortVerdict = map[string]string{lab.SignedIn: "in", lab.Refused: "out", lab.Fault: "uncertain", lab.None: ""}

// why explains a refusal where a receipt has room for it.
var why = map[string]string{
	"no_session": "the request carried no cookie of this strategy",
	"invalid":    "the value was never one of ours, or was altered",
	"expired":    "its time is up",
	"revoked":    "its row is marked as ended",
	"version":    "the session version was raised",
	"disabled":   "the account is disabled",
	"reused":     "its refresh token was spent before, so the whole family was ended",
	"signed_out": "this browser has signed out since",
}

func reasonWord(reason string) string {
	if reason == "no_session" {
		return "no cookie left"
	}
	return reason
}

func receiptView(r lab.Receipt) *views.Receipt {
	m := &views.Receipt{CookieIn: r.CookieIn, CookieOut: r.CookieOut, Reads: r.Reads, Writes: r.Writes, Micros: int(r.Micros)}
	m.Steps = stepViews(r.Steps)
	return m
}

func stepViews(steps []auth.Step) []views.Step {
	var out []views.Step
	for _, step := range steps {
		view := views.Step{Name: step.Name, Detail: step.Err, Micros: int(step.Took.Microseconds())}
		if step.Kind == "read" || step.Kind == "write" {
			view.Name, view.Detail, view.SQL = step.Kind+" a row", step.Name, true
		}
		out = append(out, view)
	}
	return out
}

// short is a duration for a cell: "7 d", "5 min".
func short(d time.Duration) string {
	switch {
	case d >= 36*time.Hour:
		return fmt.Sprintf("%d d", (d+12*time.Hour)/(24*time.Hour))
	case d >= 90*time.Minute:
		return fmt.Sprintf("%d h", (d+30*time.Minute)/time.Hour)
	default:
		return fmt.Sprintf("%d min", (d+30*time.Second)/time.Minute)
	}
}

// until says when a session ends by itself, and for short tokens when the server
// is asked again before that.
func until(v lab.Verdict, now time.Time) string {
	text := short(v.Until.Sub(now)) + " if silent, " + short(v.EndsAt.Sub(now)) + " at most"
	if v.Until.Equal(v.EndsAt) {
		text = short(v.EndsAt.Sub(now)) + " at most"
	}
	if left := v.CheckAt.Sub(now); left <= time.Hour {
		text = "asked again in " + short(left) + "; " + text
	}
	return text
}

func buttons(s lab.State, you, thief tallied) []views.ActionGroup {
	act := views.ActionGroup{Label: "Act"}
	signIn := views.Action{ID: "sign-in-all", Label: "Sign in", Action: "/compare/sign-in-all", Primary: you.in == 0,
		Hint: "a new session under every strategy"}
	if !s.Known {
		signIn.Href = "/sign-in?next=/compare"
	}
	act.Actions = append(act.Actions, signIn)
	end := views.ActionGroup{Label: "End"}
	if you.in > 0 {
		act.Actions = append(act.Actions, views.Action{ID: "steal", Label: "Steal cookies", Action: "/compare/steal",
			Primary: thief.of == 0, Hint: "the server keeps a copy and asks with it"})
		end.Actions = append(end.Actions, views.Action{ID: "sign-out", Label: "Sign out", Action: "/compare/sign-out",
			Primary: thief.of > 0, Hint: "this browser only"})
	}
	account := views.ActionGroup{Label: "Account", Folded: true}
	if s.Known {
		for _, role := range []string{auth.RoleAdmin, auth.RoleMember} {
			account.Actions = append(account.Actions, views.Action{
				ID: "make-" + role, Label: "Make me " + role, Action: "/compare/set-role",
				Fields: []views.Field{{Name: "role", Value: role}}, Hint: "in the table; who carries a copy finds out later",
			})
		}
		end.Actions = append(end.Actions, views.Action{ID: "revoke-all", Label: "Sign out all devices", Action: "/compare/revoke-all",
			Hint: "every session of " + s.UserName})
		end.Actions = append(end.Actions, views.Action{ID: "reset", Label: "Start over", Action: "/compare/reset", Quiet: true,
			Hint: "forget everything but " + s.UserName})
	} else {
		end.Honest = "Nobody has signed in, so there is nothing to end."
	}
	if len(account.Actions) == 0 {
		return []views.ActionGroup{act, end}
	}
	return []views.ActionGroup{act, end, account}
}
