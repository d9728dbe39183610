package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"sessionlab/notes"
	"sessionlab/views"
)

const notesPath = "/notes"

var errUnknownNote = &Problem{Status: 404, Code: "unknown_note", Title: "No such note", Text: "It was deleted already, or it never was one of yours."}

// noteFlaws maps the errors of an invalid note to their codes.
var noteFlaws = map[error]string{
	notes.ErrEmpty: "note_empty", notes.ErrLong: "note_too_long", notes.ErrText: "note_not_text", notes.ErrMany: "too_many_notes",
}

// notes is the page with the notes of whoever is signed in.
func (s *Site) notes(c echo.Context) error {
	return s.drawNotes(c, http.StatusOK, "", views.Flaw{})
}

func (s *Site) drawNotes(c echo.Context, status int, text string, flaw views.Flaw) error {
	list, err := s.Notes.Notes(c.Request().Context(), VisitOf(c).Session.User.ID)
	if err != nil {
		return Unavailable(err)
	}
	m := views.Notes{Text: text, Flaw: flaw}
	for _, n := range list {
		m.Notes = append(m.Notes, views.Note{ID: n.ID, Text: n.Text, Created: views.Relative(n.CreatedAt, s.Now())})
	}
	return Render(c.Response(), status, views.NotesPage(s.Page(c.Request(), "Notes"), m))
}

// addNote adds a note, or renders the page again with the error.
func (s *Site) addNote(c echo.Context) error {
	form, err := Form(c)
	if err != nil {
		return err
	}
	text := form.Get("text")
	n, err := notes.New(s.Text(), text, s.Now())
	if err == nil {
		err = s.Notes.AddNote(c.Request().Context(), VisitOf(c).Session.User.ID, n)
	}
	for flaw, code := range noteFlaws {
		if errors.Is(err, flaw) {
			return s.drawNotes(c, http.StatusBadRequest, text, flawIn(code))
		}
	}
	if err != nil {
		return Unavailable(err)
	}
	return c.Redirect(http.StatusSeeOther, notesPath)
}

func (s *Site) deleteNote(c echo.Context) error {
	if _, err := Form(c); err != nil {
		return err
	}
	err := s.Notes.DeleteNote(c.Request().Context(), VisitOf(c).Session.User.ID, c.Param("id"))
	switch {
	case errors.Is(err, notes.ErrNone):
		return errUnknownNote
	case err != nil:
		return Unavailable(err)
	}
	return c.Redirect(http.StatusSeeOther, notesPath)
}
