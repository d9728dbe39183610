-- A number for each session of a user in a realm, one higher than that of the session
-- stored before it. Unlike issued_at it does not depend on a clock. Rows from before this
-- column have 0: they are older than all others, and issued_at orders them.
ALTER TABLE sessions ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
DROP INDEX sessions_user;
CREATE INDEX sessions_user ON sessions (user_id, realm, ended_at, seq);

-- One index does for both: the tokens of a family, and all tokens of a realm.
DROP INDEX refresh_tokens_realm;
CREATE INDEX refresh_tokens_family ON refresh_tokens (realm, family);

-- Which list in Redis names a user's sessions in a realm. A list that was lost is
-- replaced by one of another generation, and sessions of the old one are over.
CREATE TABLE session_lists (
	user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	realm      TEXT NOT NULL,
	generation TEXT NOT NULL, -- the id of the session that began the list
	PRIMARY KEY (user_id, realm)
);

CREATE INDEX session_lists_realm ON session_lists (realm);
