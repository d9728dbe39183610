package labpages

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

// raceTabs runs the race of two tabs under all rules.
func raceTabs(ctx context.Context, b *lab.Bench, v lab.Visitor, _ url.Values) error {
	for _, rules := range lab.Races() {
		if err := b.RaceTabs(ctx, v, rules); err != nil {
			return err
		}
	}
	return nil
}

// trials returns the experiments at the bottom of the compare page.
func trials(s lab.State, shown string) []labviews.Trial {
	tabs := labviews.Trial{
		ID: "tabs", Title: "Two tabs, one refresh token", Run: button("race-tabs", "Race two tabs", "three times, under different rules"),
		Text: "A refresh token of rotation works once. Two tabs use the same one before either is answered: within the site's grace of 30 s, without a grace, and in a store without a guard.",
	}
	if len(s.Races) > 0 {
		tabs.Matrix = raceMatrix(s.Races, "")
	}
	late := labviews.Trial{
		ID: "late", Title: "An answer that comes after the sign-out", Run: button("late-answer", "Answer too late", "with the tombstone, and without"),
		Text: "A request renews the session. Before its answer arrives, its browser signs out; then the answer brings fresh cookies. A tombstone, a sealed cookie that names the session that ended, makes the site refuse them. Who is in again?",
	}
	if len(s.Lates) > 0 {
		late.Matrix, late.Told = lateMatrix(s.Lates), lateTold(s.Lates)
	}
	all := []labviews.Trial{tabs, late}
	for i := range all {
		all[i].Run.Fields = []labviews.Field{{Name: "show", Value: shown}}
	}
	return all
}

// raceMatrix shows the outcome of each race that was run; fresh is the race that was just
// run.
func raceMatrix(races map[string]lab.Race, fresh string) labviews.Matrix {
	m := labviews.Matrix{Caption: "Two tabs at the same moment, under three rules", Dense: true}
	glosses := map[string]string{"grace": "as the site has it", "no-grace": "a token that comes twice is a copy", "no-guard": "read, then write"}
	rows := []labviews.ClientRow{
		{Client: "tab", Label: "Tab 1"}, {Client: "tab", Label: "Tab 2"},
		{Client: "you", Label: "Browser", Note: "of both, at its next request"},
		{Client: "thief", Label: "THIEF", Note: "in place of tab 2, later"},
	}
	for _, rules := range lab.Races() {
		m.Columns = append(m.Columns, labviews.Column{Name: rules.Label, Gloss: glosses[rules.Name]})
		r, run := races[rules.Name]
		second := "with token A"
		if r.Forked {
			second = "with token B"
		}
		for i, of := range []struct {
			id   string
			told lab.Verdict
			note string
		}{{"tab-1", r.Tabs[0], "with token A"}, {"tab-2", r.Tabs[1], second}, {"browser", r.Browser, ""}, {"thief", r.Thief, ""}} {
			c := labviews.Cell{ID: "race-" + of.id + "-" + rules.Name, Verdict: "none"}
			if run {
				c = trialCell(c, of.told, rows[i].Label+" with "+rules.Label)
				c.Changed = rules.Name == fresh
				if of.told.Verdict == lab.SignedIn {
					c.Reason = of.note
				}
			}
			rows[i].Cells = append(rows[i].Cells, c)
		}
	}
	m.Rows = rows
	return m
}

// trialCell fills c with the verdict of an experiment.
func trialCell(c labviews.Cell, v lab.Verdict, title string) labviews.Cell {
	c.StillIn, c.Receipt = v.StillIn, receiptView(v.Receipt)
	c.Receipt.Title = title
	switch v.Verdict {
	case lab.SignedIn:
		c.Verdict = "in"
	case lab.Refused:
		c.Verdict, c.Reason = "out", reasonWord(v.Reason)
		c.Receipt.Facts = []views.Fact{{Label: "Refused because", Value: why[v.Reason]}}
	default:
		c.Verdict = "fault"
	}
	return c
}

// lateMatrix shows under which strategies a late response signs the browser in again,
// with and without the tombstone.
func lateMatrix(lates []lab.Late) labviews.Matrix {
	m := labviews.Matrix{Caption: "Whom a late answer signs in again"}
	for _, kind := range auth.Kinds() {
		m.Columns = append(m.Columns, labviews.Column{Name: kind.Name, Gloss: kind.Summary})
	}
	for _, late := range lates {
		id, row := "late-with-", labviews.ClientRow{Client: "you", Label: "With the tombstone", Note: "as the site has it"}
		if !late.Tombstone {
			id, row = "late-without-", labviews.ClientRow{Client: "you", Label: "Without"}
		}
		for _, kind := range auth.Kinds() {
			v := late.Answers[kind.Name]
			c := trialCell(labviews.Cell{ID: id + kind.Name}, v, row.Label+", under "+kind.Name)
			if v.Verdict == lab.SignedIn {
				c.Until = until(v, late.Now)
			}
			row.Cells = append(row.Cells, c)
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

func lateTold(lates []lab.Late) string {
	var told []string
	for _, late := range lates {
		in := 0
		for _, v := range late.Answers {
			if v.StillIn {
				in++
			}
		}
		which := "With the tombstone"
		if !late.Tombstone {
			which = "Without it"
		}
		told = append(told, fmt.Sprintf("%s the browser is in again under %d of %d.", which, in, len(late.Answers)))
	}
	return strings.Join(told, " ")
}
