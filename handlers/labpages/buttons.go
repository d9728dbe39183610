package labpages

import (
	"fmt"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/views/labviews"
)

// buttons returns the actions that have an effect in the current state.
func buttons(s lab.State) []labviews.ActionGroup {
	you, phone, thief := tally(s, lab.You), tally(s, lab.Phone), tally(s, lab.Thief)
	known, open := s.User.ID != "", !s.Bench.Unplugged
	act, end := labviews.ActionGroup{Label: "Act"}, labviews.ActionGroup{Label: "End"}
	switch {
	case !known:
		act.Actions = append(act.Actions, labviews.Action{ID: "sign-in-all", Label: "Sign in", Href: "/sign-in?next=/compare", Primary: true,
			Hint: "a session under every strategy"})
	case !open:
		act.Honest = "Nobody can sign in while the database is unplugged."
	case s.User.Disabled:
		act.Honest = "Nobody can sign in to a disabled account."
	default:
		act.Actions = append(act.Actions, button("sign-in-all", "Sign in", "a new session under every strategy"))
		act.Actions[0].Primary = you.in == 0
		if phone.in < len(s.Order) {
			act.Actions = append(act.Actions, button("add-phone", "Add phone", "a second sign-in of "+s.User.Name+"; the server keeps its cookies"))
		}
	}
	if you.in+you.fault > 0 {
		steal, out := button("steal", "Steal cookies", "the server keeps a copy and asks with it"), button("sign-out", "Sign out", "this browser only")
		steal.Primary, out.Primary = thief.of == 0, thief.of > 0
		act.Actions, end.Actions = append(act.Actions, steal), append(end.Actions, out)
	}
	if phone.in > 0 && open {
		end.Actions = append(end.Actions, button("revoke-phone", "Sign out the phone", "from elsewhere, where that can be done"))
	}
	switch {
	case !known:
		end.Honest = "Nobody has signed in, so there is nothing to end."
	case open:
		end.Actions = append(end.Actions, button("revoke-all", "Sign out all devices", "every session of "+s.User.Name))
	default:
		end.Honest = "Nothing can be ended from elsewhere while the database is unplugged."
	}
	return append([]labviews.ActionGroup{act, end}, accountButtons(s), serverButtons(s.Bench), times(s))
}

func button(id, label, hint string, fields ...labviews.Field) labviews.Action {
	return labviews.Action{ID: id, Label: label, Action: "/compare/" + id, Hint: hint, Fields: fields}
}

// accountButtons returns the buttons of an administrator.
func accountButtons(s lab.State) labviews.ActionGroup {
	g := labviews.ActionGroup{Label: "Account", Folded: true}
	switch {
	case s.User.ID == "":
		g.Honest = "Nobody has signed in yet."
		return g
	case s.Bench.Unplugged:
		g.Honest = "An account cannot be changed while the database is unplugged."
		return g
	}
	role := auth.RoleAdmin
	if s.User.Role == role {
		role = auth.RoleMember
	}
	set := button("set-role", "Make me "+role, "in the table; whoever carries a copy finds out later", labviews.Field{Name: "role", Value: role})
	set.ID = "make-" + role
	g.Actions = append(g.Actions, set)
	if s.User.Disabled {
		g.Actions = append(g.Actions, button("enable", "Enable my account", "as an administrator would"))
	} else {
		g.Actions = append(g.Actions, button("disable", "Disable my account", "as an administrator would"))
	}
	return g
}

// serverButtons returns the buttons of an operator.
func serverButtons(b lab.Status) labviews.ActionGroup {
	g := labviews.ActionGroup{Label: "Server", Folded: true, Actions: []labviews.Action{
		button("raise-version", fmt.Sprintf("End all sealed sessions (version %d→%d)", b.Version, b.Version+1), "of everybody; what the server remembers stays"),
		button("rotate-key", "Add new key", "it seals from now on; the old one still opens"),
	}}
	if b.Keys > 1 {
		g.Actions = append(g.Actions, button("retire-key", "Drop old key", "what only it can open is lost"))
	}
	if b.Unplugged {
		return labviews.ActionGroup{Label: g.Label, Folded: true, Actions: append(g.Actions, button("store-up", "Plug in the database", ""))}
	}
	g.Actions = append(g.Actions, button("store-down", "Unplug the database", "every question to it then fails"))
	return g
}

// times returns the buttons that advance the clock, and the one that resets the bench.
func times(s lab.State) labviews.ActionGroup {
	g := labviews.ActionGroup{Label: "Time"}
	for _, wait := range []struct{ id, label, duration, asking, hint string }{
		{"5m", "+5 min", "5m", "", "as long as a hybrid snapshot lives"},
		{"15m", "+15 min", "15m", "", "as long as an access token lives"},
		{"1d", "+1 d", "24h", "", ""},
		{"30d", "+30 d, silent", "720h", "", "nobody asks meanwhile, so nothing slides"},
		{"30d-daily", "+30 d, used daily", "720h", "daily", "everybody asks once a day, which keeps sessions from idling"},
	} {
		a := button("advance", wait.label, wait.hint, labviews.Field{Name: "duration", Value: wait.duration})
		if a.ID += "-" + wait.id; wait.asking != "" {
			a.Fields = append(a.Fields, labviews.Field{Name: "asking", Value: wait.asking})
		}
		g.Actions = append(g.Actions, a)
	}
	if s.User.ID != "" || len(differences(s.Bench)) > 0 {
		reset := button("reset", "Start over", "clock, keys, version, people, devices and story as in the beginning")
		reset.Quiet = true
		g.Actions = append(g.Actions, reset)
	}
	return g
}
