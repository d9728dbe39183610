package lab

import (
	"context"
	"errors"
)

// A Demo is a sequence of steps. The audience predicts, someone clicks, and everyone sees
// the result, which comes from real requests to the site.
type Demo struct {
	Name    string // stable, for addresses
	Title   string
	About   string   // one sentence
	Columns []string // the strategies that it shows
	Clients []string // the rows that it shows
	Roles   bool     // it is about roles
	Begun   string   // what there is to know when it has begun
	Steps   []Step
	Parts   []Demo // the demos that this one plays in turn; it then has no steps of its own

	begin press // from a bench that has just been reset
}

// A press is an action of the bench, such as (*Bench).Steal.
type press func(*Bench, context.Context, Visitor) error

// A Step is one press of a [Demo].
type Step struct {
	Ask     string   // the question before it; may be empty
	Guesses []string // answers to choose from; may be empty
	Press   string   // what the button says
	Why     string   // what there is to know about what it did
	Race    string   // name of the rules of the race that it runs, whose result is then shown; empty if it runs none

	do press
}

// A Scene is where a demo stands after so many presses: at the beginning of a
// part, or after one of its steps.
type Scene struct {
	Part Demo
	Step *Step // that led here; nil: the part has just begun
}

// ErrNoScene is for a scene that a demo does not have.
var ErrNoScene = errors.New("the demo has no such step")

// Scenes returns the scenes of the demo, in order: for each part, its beginning and then
// its steps.
func (d Demo) Scenes() (scenes []Scene) {
	parts := d.Parts
	if len(parts) == 0 {
		parts = []Demo{d}
	}
	for _, part := range parts {
		scenes = append(scenes, Scene{Part: part})
		for i := range part.Steps {
			scenes = append(scenes, Scene{part, &part.Steps[i]})
		}
	}
	return scenes
}

// play makes the press that leads to a scene.
func (s Scene) play(ctx context.Context, b *Bench, v Visitor) error {
	if s.Step != nil {
		if _, err := b.Look(ctx, v); err != nil { // as the page before this press did
			return err
		}
		return s.Step.do(b, ctx, v)
	}
	if err := b.Reset(ctx, v); err != nil {
		return err
	}
	ada, err := b.parts.Store.SignIn(ctx, b.inside(b.parts.Ada))
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.user = ada
	b.mu.Unlock()
	return s.Part.begin(b, ctx, v)
}

// A Played tells how far a visitor has come in a demo.
type Played struct {
	Demo  string // its name; empty: none is under way
	At    int    // the scene
	Guess string // what was predicted for it; may be empty

	visitor string
}

// Played is the demo that is under way in this browser.
func (b *Bench) Played(v Visitor) Played {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.played.visitor != v.ID {
		return Played{}
	}
	return b.played
}

// Play goes to a scene of a demo; 0 is its beginning. Going to the next scene plays one
// step, and a repeated request plays it once. Any other scene is replayed from the
// beginning of its part, so that its state follows from the steps before it.
func (b *Bench) Play(ctx context.Context, v Visitor, d Demo, to int, guess string) error {
	scenes := d.Scenes()
	if to < 0 || to >= len(scenes) {
		return ErrNoScene
	}
	b.playing.Lock()
	defer b.playing.Unlock()
	p, from := b.Played(v), to
	switch on := p.Demo == d.Name; {
	case on && to == p.At && to > 0:
		return nil
	case !on || to != p.At+1:
		for scenes[from].Step != nil {
			from--
		}
	}
	b.setPlayed(Played{}) // while the demo is between scenes
	for _, s := range scenes[from : to+1] {
		if err := s.play(ctx, b, v); err != nil {
			return err
		}
	}
	b.setPlayed(Played{Demo: d.Name, At: to, Guess: guess, visitor: v.ID})
	return nil
}

// Freely ends the demo that is under way, if any, and runs an action outside it: what the
// demo shows would no longer follow from its own presses.
func (b *Bench) Freely(do func() error) error {
	b.playing.Lock()
	defer b.playing.Unlock()
	b.setPlayed(Played{})
	return do()
}

func (b *Bench) setPlayed(p Played) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.played = p
}
