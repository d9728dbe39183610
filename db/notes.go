package db

import (
	"context"
	"fmt"

	"sessionlab/notes"
)

// Notes keeps the notes of users.
type Notes struct {
	*DB
	first statement // of noteQueries
}

var _ notes.Store = Notes{}

// The indices of noteQueries.
const (
	listNotes statement = iota
	countNotes
	addNote
	deleteNote
)

var noteQueries = []query{
	listNotes: {kindRead, `
		SELECT id, text, created_at FROM notes WHERE user_id = $1 ORDER BY created_at DESC, id`},
	countNotes: {kindLook, `
		SELECT count(*) FROM notes WHERE user_id = $1`},
	addNote: {kindWrite, `
		INSERT INTO notes (id, user_id, text, created_at) VALUES ($1, $2, $3, $4)`},
	deleteNote: {kindWrite, `
		DELETE FROM notes WHERE user_id = $1 AND id = $2`},
}

// OpenNotes prepares the statements for notes. Call it before the first use of d.
func OpenNotes(ctx context.Context, d *DB) (Notes, error) {
	first, err := d.prepare(ctx, noteQueries)
	if err != nil {
		return Notes{}, fmt.Errorf("open notes: %w", err)
	}
	return Notes{d, first}, nil
}

// Notes reads the notes of a user.
func (n Notes) Notes(ctx context.Context, userID string) (list []notes.Note, err error) {
	err = n.queryRows(ctx, n.first+listNotes, []any{userID}, func(scan func(...any) error) error {
		var note notes.Note
		var created int64
		if err := scan(&note.ID, &note.Text, &created); err != nil {
			return err
		}
		note.CreatedAt = instant(created)
		list = append(list, note)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list notes: %w", err)
	}
	return list, nil
}

// AddNote counts the user's notes and adds one, while nobody else changes what belongs to
// the user. It fails if the user was deleted or disabled.
func (n Notes) AddNote(ctx context.Context, userID string, note notes.Note) error {
	err := n.transact(ctx, func(tx *tx) error {
		if err := tx.lockUser(ctx, userID); err != nil {
			return err
		}
		if err := tx.enabled(ctx, userID); err != nil {
			return err
		}
		var count int
		if err := tx.queryRow(ctx, n.first+countNotes, []any{userID}, []any{&count}); err != nil {
			return err
		}
		if count >= notes.MaxNotes {
			return notes.ErrMany
		}
		_, err := tx.exec(ctx, n.first+addNote, note.ID, userID, note.Text, millis(note.CreatedAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("add note: %w", err)
	}
	return nil
}

// DeleteNote deletes a note of the user.
func (n Notes) DeleteNote(ctx context.Context, userID, id string) error {
	deleted, err := n.exec(ctx, n.first+deleteNote, userID, id)
	if err == nil && deleted == 0 || n.engine.absent(err) {
		err = notes.ErrNone
	}
	if err != nil {
		return fmt.Errorf("delete note: %w", err)
	}
	return nil
}
