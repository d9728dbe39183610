package labpages

import (
	"fmt"
	"strings"
	"time"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

// columnSets lists the column sets to choose from, each a superset of the one before.
var columnSets = []struct {
	name, label string
	groups      []string
}{
	{"basics", "Basics", []string{"basics"}},
	{"between", "+ In between", []string{"basics", "in between"}},
	{"all", fmt.Sprintf("All %d", len(auth.Kinds())), []string{"basics", "in between", "short tokens"}},
}

// chosenSet returns the named column set, or the first if there is no such set.
func chosenSet(wanted string) string {
	for _, set := range columnSets {
		if set.name == wanted {
			return wanted
		}
	}
	return columnSets[0].name
}

// comparison returns the compare page's view of a state.
func comparison(s lab.State, shown string) labviews.Compare {
	m := labviews.Compare{Clock: clockView(s.Now, s.Bench)}
	for _, set := range columnSets {
		m.Show = append(m.Show, labviews.Choice{Label: set.label, Href: "/compare?show=" + set.name, Current: set.name == shown})
	}
	m.PresentHref = "/compare?present=1&show=" + shown
	m.Groups = buttons(s)
	s.Order = columns(s.Order, shown)
	m.Headline, m.Lead = headline(s)
	clients := []string{lab.You, lab.Thief}
	if s.Clients[lab.Phone] != nil {
		clients = []string{lab.You, lab.Phone, lab.Thief}
	}
	m.Matrix = matrix(s, clients)
	for i, other := range s.Others {
		m.Matrix.Rows = append(m.Matrix.Rows, otherRow(s, i, other))
	}
	if s.Bench.Lost {
		m.Notice = &views.Notice{Kind: "info", Title: "The server was restarted.",
			Text: "Clock, keys and version are as they were. The cookies of phone and thief were only in its memory and are gone, and so is the story."}
	}
	m.Next, _ = nextAction(s)
	m.Next.ID, m.Next.Primary, m.Next.Label = "next", true, "Next: "+m.Next.Label
	m.Next.Fields = append(m.Next.Fields, labviews.Field{Name: "show", Value: shown})
	for _, group := range m.Groups {
		for i := range group.Actions {
			group.Actions[i].Fields = append(group.Actions[i].Fields, labviews.Field{Name: "show", Value: shown})
		}
	}
	m.Story, m.Trials = storyView(s), trials(s, shown)
	return m
}

// matrix shows the answers to these clients under the strategies of s.
func matrix(s lab.State, clients []string) labviews.Matrix {
	m := labviews.Matrix{Caption: "Who is signed in, under which strategy"}
	for _, name := range s.Order {
		kind, _ := auth.KindOf(name)
		m.Columns = append(m.Columns, labviews.Column{Name: kind.Name, Gloss: kind.Summary})
		m.Costs = append(m.Costs, kind.Reads)
	}
	for _, client := range clients {
		switch client {
		case lab.You:
			m.Rows = append(m.Rows, row(s, client, "You", "this browser"))
		case lab.Phone:
			m.Rows = append(m.Rows, row(s, client, "Phone", "signed in by itself"))
		case lab.Thief:
			m.Rows = append(m.Rows, row(s, client, "THIEF", "a copy of your cookies"))
		}
	}
	return m
}

func storyView(s lab.State) (lines []labviews.StoryLine) {
	for _, line := range s.Lines {
		lines = append(lines, labviews.StoryLine{Time: views.Moment(line.At, clockTime(line.At, s.Now)), Text: line.Text})
	}
	return lines
}

// tallied counts a client's verdicts over the strategies shown.
type tallied struct{ in, out, fault, still, of int }

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
		case lab.Fault:
			t.fault++
		}
		if v.StillIn {
			t.still++
		}
	}
	return t
}

// headline answers the question of the page in one sentence, and says what to do
// or expect next.
func headline(s lab.State) (head, lead string) {
	you, phone, thief, n := tally(s, lab.You), tally(s, lab.Phone), tally(s, lab.Thief), len(s.Order)
	out := "You are out."
	switch {
	case s.Clients[lab.You][s.Order[0]].Reason == "no_session":
		out = "You signed out."
	case you.out == 0:
		out = "You are not signed in."
	}
	switch {
	case you.fault > 0:
		return fmt.Sprintf("Nobody can tell who you are under %d of %d.", you.fault, n),
			"The database does not answer. That signs nobody out: the cookies stay, and what is sealed in them still counts."
	case s.User.Disabled && thief.of == 0 && you.in > 0:
		return fmt.Sprintf("The account is disabled. You are still in under %d of %d.", you.in, n),
			"What is sealed in a cookie does not know yet, or never will."
	case thief.of == 0 && phone.still > 0:
		return fmt.Sprintf("The phone was signed out. It is still in under %d of %d.", phone.still, n),
			"Only what the server remembers can be ended from elsewhere."
	case thief.of == 0 && you.in == 0 && you.out == 0:
		if phone.in > 0 {
			return "This browser is not signed in. The phone is.", "Sign in here too, or sign the phone out."
		}
		return "Nobody is signed in.", "Sign in once, and this browser gets one session per strategy. Then steal them."
	case thief.of == 0 && you.in > 0:
		return fmt.Sprintf("You are signed in %s.", waysOf(you.in)), "Now let a thief copy your cookies."
	case thief.of == 0:
		return "You are out, and nobody copied anything.", "Sign in again to play it through with a thief."
	case thief.still > 0 && you.in == 0:
		return fmt.Sprintf("%s The thief is still in under %d of %d.", out, thief.in, n),
			"The server can only end what it remembers. Open a cell to see what was asked and why it was answered so."
	case thief.still > 0:
		return fmt.Sprintf("The thief is still in under %d of %d.", thief.in, n),
			"That session should have ended. Let time go by and see what ends it."
	case thief.in > 0:
		return fmt.Sprintf("A thief can use %s, with a copy of your cookies.", sessionsOf(thief.in, n)),
			"Sign out, here or everywhere, and see whom it stops."
	case thief.fault > 0:
		return fmt.Sprintf("Nobody can tell whether the thief is in under %d of %d.", thief.fault, n),
			"The database does not answer. Plug it in again, and see."
	case you.in == 0:
		return "You are out, and so is the thief.", "Nothing that was stolen is worth anything any more."
	default:
		return "The thief is out.", "Nothing that was stolen is worth anything any more."
	}
}

// sessionsOf says "k of n sessions", or "both" and "all" where k is n.
func sessionsOf(k, n int) string {
	switch {
	case k == n && n == 2:
		return "both sessions"
	case k == n:
		return fmt.Sprintf("all %d sessions", n)
	}
	return fmt.Sprintf("%d of %d sessions", k, n)
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

func row(s lab.State, client, label, note string) labviews.ClientRow {
	r := labviews.ClientRow{Client: client, Label: label, Note: note}
	for _, name := range s.Order {
		v, ok := s.Clients[client][name]
		if !ok {
			v.Verdict = lab.None
		}
		r.Cells = append(r.Cells, cell(s, client, label, name, v))
	}
	return r
}

// otherRow is another real browser of the same person: the verdicts of its last visit,
// because the lab cannot make requests for it.
func otherRow(s lab.State, i int, o lab.Other) labviews.ClientRow {
	browser, _, _ := strings.Cut(o.Device, " on ")
	r := labviews.ClientRow{Client: "other", Label: browser, Note: "last asked " + views.Duration(o.Ago) + " ago"}
	for _, name := range s.Order {
		v := o.Answers[name]
		c := labviews.Cell{ID: fmt.Sprintf("other-%d-%s", i+1, name), Verdict: "none", Reason: reasonWord(v.Reason)}
		switch v.Verdict {
		case lab.SignedIn:
			c.Verdict, c.Word, c.Reason = "in", "was in", ""
		case lab.Refused:
			c.Verdict, c.Word = "out", "was out"
		case lab.Fault:
			c.Verdict, c.Word, c.Reason = "fault", "could not be told", ""
		}
		r.Cells = append(r.Cells, c)
	}
	return r
}

func cell(s lab.State, client, label, strategy string, v lab.Verdict) labviews.Cell {
	c := labviews.Cell{ID: client + "-" + strategy, StillIn: v.StillIn, Changed: v.Changed, Was: shortVerdict[v.Was]}
	facts := []views.Fact{}
	switch v.Verdict {
	case lab.SignedIn:
		c.Verdict = "in"
		c.Until = until(v, s.Now)
		if client == lab.Thief && !v.StillIn {
			c.Word = "in, as you"
		}
		if v.Changed && v.Was == lab.SignedIn && !v.StillIn {
			c.Word, c.Was = "in, as "+v.Role, "in, as "+v.WasRole
		}
		if v.Role != s.User.Role && s.User.ID != "" {
			c.Reason = "taken for " + v.Role
		}
		facts = append(facts, views.Fact{Label: "Signed in", Time: views.Relative(v.Since, s.Now)},
			views.Fact{Label: "Ends if unused", Time: views.Relative(v.Until, s.Now)},
			views.Fact{Label: "Ends for good", Time: views.OnDay(v.EndsAt, s.Now)},
			views.Fact{Label: "Role in the session", Value: v.Role, Note: roleNote(v.Role, s.User.Role)})
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

func roleNote(claimed, live string) string {
	if live == "" || claimed == live {
		return ""
	}
	return "by now " + live + " in the table"
}

// clockView shows how the bench differs from a fresh one.
func clockView(now time.Time, b lab.Status) labviews.Clock {
	notes := differences(b)
	if b.Ahead == 0 {
		notes = append([]string{"= real"}, notes...)
	} else {
		notes[0] = strings.TrimPrefix(notes[0], "clock ")
	}
	return labviews.Clock{Time: views.Moment(now, clockTime(now, now.Add(-b.Ahead))+" UTC"), Note: strings.Join(notes, " · "), Moved: b.Ahead > 0}
}

// clockTime is a time of day, with the day if that is not now's.
func clockTime(t, now time.Time) string {
	if t.UTC().Format(time.DateOnly) != now.UTC().Format(time.DateOnly) {
		return t.Format("2 Jan 15:04")
	}
	return t.Format("15:04")
}

// differences returns how the bench differs from a fresh one.
func differences(b lab.Status) (notes []string) {
	if b.Ahead > 0 {
		notes = append(notes, "clock "+lab.Span(b.Ahead)+" ahead")
	}
	if b.Raised {
		notes = append(notes, fmt.Sprintf("version %d", b.Version))
	}
	if b.Keys > 1 {
		notes = append(notes, fmt.Sprintf("%d keys", b.Keys))
	}
	if b.Unplugged {
		notes = append(notes, "database unplugged")
	}
	return notes
}

var shortVerdict = map[string]string{lab.SignedIn: "in", lab.Refused: "out", lab.Fault: "uncertain", lab.None: ""}

// why maps a reason code to the explanation shown in a receipt.
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
	switch reason {
	case "no_session":
		return "no cookie left"
	case "signed_out":
		return "signed out since"
	}
	return reason
}

func receiptView(r lab.Receipt) *labviews.Receipt {
	m := &labviews.Receipt{CookieIn: r.CookieIn, CookieOut: r.CookieOut, Reads: r.Reads, Writes: r.Writes, Micros: int(r.Micros)}
	m.Steps = stepViews(r.Steps)
	return m
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

// until says when a session ends by itself, and for short-lived tokens, when the server
// is next consulted.
func until(v lab.Verdict, now time.Time) string {
	text := short(v.Until.Sub(now)) + " idle, " + short(v.EndsAt.Sub(now)) + " maximum"
	if v.Until.Equal(v.EndsAt) {
		text = short(v.EndsAt.Sub(now)) + " maximum"
	}
	if left := v.CheckAt.Sub(now); left <= time.Hour {
		text = "rechecked in " + short(left) + "; " + text
	}
	return text
}
