// Package notes is the domain of this site: an example, small and whole, to be replaced by
// your own. It imports none of the other packages. Package db stores notes, and package
// handlers shows them.
package notes

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	MaxText  = 500 // characters of a note
	MaxNotes = 100 // notes of a user
)

var (
	ErrEmpty = errors.New("note has no text")
	ErrLong  = errors.New("note is too long")
	ErrText  = errors.New("note is not text")
	ErrMany  = errors.New("user has too many notes")
	ErrNone  = errors.New("user has no such note")
)

// A Note is a text that a user keeps. Nobody else sees it.
type Note struct {
	ID        string
	Text      string // 1 to MaxText characters
	CreatedAt time.Time
}

// New returns a note of text without the white space around it. It returns ErrEmpty,
// ErrLong or ErrText if that is no note.
func New(id, text string, now time.Time) (Note, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return Note{}, ErrText
	case text == "":
		return Note{}, ErrEmpty
	case utf8.RuneCountInString(text) > MaxText:
		return Note{}, ErrLong
	}
	return Note{ID: id, Text: text, CreatedAt: now}, nil
}

// A Store keeps notes. Notes of a user who is deleted are deleted too.
type Store interface {
	// Notes returns the notes of a user, the newest first.
	Notes(ctx context.Context, userID string) ([]Note, error)

	// AddNote adds a note; ErrMany if the user has MaxNotes.
	AddNote(ctx context.Context, userID string, n Note) error

	// DeleteNote deletes a note of the user; ErrNone if there is no such note.
	DeleteNote(ctx context.Context, userID, id string) error
}
