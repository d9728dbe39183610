package lab

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Line is one entry of the story: an action and its consequences.
type Line struct {
	At   time.Time // by the bench's clock
	Text string

	by string // the visitor who acted, until it is known what became of it
}

// How many lines of its story a bench keeps: one that everybody shares, and one that
// belongs to a single visitor.
const (
	maxStory    = 200
	maxOwnStory = 30
)

// tell adds a line to the story. What became of it is added when v looks.
func (b *Bench) tell(v Visitor, format string, args ...any) {
	now := b.Now().UTC()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.story = append(b.story, Line{At: now, Text: fmt.Sprintf(format, args...), by: v.ID})
	most := maxStory
	if b.own {
		most = maxOwnStory
	}
	if len(b.story) > most {
		b.story = slices.Clone(b.story[1:])
	}
}

// conclude adds the effects of the action to the visitor's last story line: which clients
// changed, and how.
func (b *Bench) conclude(visitor string, asked map[string]map[string]Verdict, late time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.story) == 0 || b.story[len(b.story)-1].by != visitor {
		return
	}
	last := &b.story[len(b.story)-1]
	last.by = ""
	if late > 0 {
		last.Text += fmt.Sprintf(" A refresh token was spent that the thief holds too; he came with it %s later.", Span(late))
	}
	for _, who := range []struct{ name, label string }{{You, "You are"}, {Phone, "The phone is"}, {Thief, "The thief is"}} {
		if fate := b.fate(who.label, asked[who.name]); fate != b.lastTold[who.name] {
			last.Text, b.lastTold[who.name] = last.Text+fate, fate
		}
	}
}

// fate describes in one sentence under which strategies a client is signed in, signed out
// or unknown; "" if there is nothing to say.
func (b *Bench) fate(who string, answers map[string]Verdict) string {
	var where []string
	of := 0
	for _, is := range []struct{ verdict, word string }{{SignedIn, "in"}, {Refused, "out"}, {Fault, "uncertain"}} {
		var names []string
		for _, m := range b.Managers() {
			if answers[m.Name].Verdict == is.verdict {
				names = append(names, m.Name)
			}
		}
		if of += len(names); len(names) == len(b.Managers()) {
			return fmt.Sprintf(" %s %s everywhere.", who, is.word)
		}
		if len(names) > 0 {
			where = append(where, is.word+" under "+List(names))
		}
	}
	if of == 0 {
		return ""
	}
	return fmt.Sprintf(" %s %s.", who, strings.Join(where, "; "))
}

// List joins names as a sentence does: "a, b and c".
func List(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// Span formats a duration in its two largest units and drops the rest: "30 d", "1 d 6 h",
// "5 min".
func Span(d time.Duration) string {
	var parts []string
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if n := d / unit.of; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit.name))
			d %= unit.of
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts[:min(2, len(parts))], " ")
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
