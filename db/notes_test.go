package db

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/notes"
)

func TestNotes(t *testing.T) {
	d := open(t)
	n, err := OpenNotes(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	ada, bob := signIn(t, d, "ada"), signIn(t, d, "bob")
	note := func(id string, after time.Duration) notes.Note {
		return notes.Note{ID: id, Text: "text of " + id, CreatedAt: start.Add(after)}
	}
	for _, add := range []struct {
		user auth.User
		note notes.Note
	}{{ada, note("first", 0)}, {ada, note("second", time.Minute)}, {bob, note("his", 0)}} {
		if err := n.AddNote(t.Context(), add.user.ID, add.note); err != nil {
			t.Fatal(err)
		}
	}
	texts := func(u auth.User) string {
		t.Helper()
		list, err := n.Notes(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, n := range list {
			all = append(all, n.Text)
		}
		return strings.Join(all, ", ")
	}
	if got := texts(ada); got != "text of second, text of first" {
		t.Errorf("got %q, want the newest first", got)
	}
	if err := n.DeleteNote(t.Context(), ada.ID, "his"); !errors.Is(err, notes.ErrNone) {
		t.Errorf("a note of somebody else: got %v", err)
	}
	if err := n.DeleteNote(t.Context(), ada.ID, "first"); err != nil {
		t.Fatal(err)
	}
	if got := texts(ada) + "; " + texts(bob); got != "text of second; text of his" {
		t.Errorf("got %q", got)
	}
	if err := d.Disable(t.Context(), bob.ID, start); err != nil {
		t.Fatal(err)
	}
	if err := n.AddNote(t.Context(), bob.ID, note("late", 0)); !errors.Is(err, auth.ErrDisabled) {
		t.Errorf("somebody who is disabled: got %v", err)
	}
	if err := d.DeleteUser(t.Context(), auth.Standing{UserID: ada.ID}); err != nil {
		t.Fatal(err)
	}
	if got := count(t, d, "notes"); got != 1 {
		t.Errorf("got %d notes, want those of a deleted user gone", got)
	}
}

// However many are added at the same moment, a user has no more notes than allowed.
func TestNotesAreBounded(t *testing.T) {
	d := open(t)
	n, err := OpenNotes(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	ada := signIn(t, d, "ada")
	var wg sync.WaitGroup
	errs := make([]error, notes.MaxNotes+10)
	for i := range errs {
		wg.Go(func() {
			errs[i] = n.AddNote(t.Context(), ada.ID, notes.Note{ID: fmt.Sprint(i), Text: "x", CreatedAt: start})
		})
	}
	wg.Wait()
	refused := 0
	for _, err := range errs {
		if errors.Is(err, notes.ErrMany) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if got := count(t, d, "notes"); got != notes.MaxNotes || refused != 10 {
		t.Errorf("got %d notes and %d refusals, want %d and 10", got, refused, notes.MaxNotes)
	}
}
