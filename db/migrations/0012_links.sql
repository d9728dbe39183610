-- Emailed links that nobody has used yet, see auth/links.go. A link is over when the epoch
-- of its user has risen.
CREATE TABLE links (
	hash       TEXT PRIMARY KEY,
	purpose    TEXT NOT NULL,
	user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	email      TEXT NOT NULL,
	epoch      BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);

CREATE INDEX links_user ON links (user_id);

CREATE INDEX links_end ON links (expires_at);
