-- The notes of users, see package notes.
CREATE TABLE notes (
	id         TEXT PRIMARY KEY,
	user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	text       TEXT NOT NULL,
	created_at BIGINT NOT NULL
);

CREATE INDEX notes_user ON notes (user_id, created_at DESC, id);
