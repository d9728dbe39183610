-- Refresh tokens. A family is a row of sessions; its tokens name it by its id and
-- realm. A spent token stays, with its successor sealed beside it: for the tab
-- that spends it at the same moment, and to know a copy when it comes back.
CREATE TABLE refresh_tokens (
	hash       TEXT PRIMARY KEY, -- hex SHA-256 of realm and secret
	realm      TEXT NOT NULL,
	family     TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	ends_at    BIGINT NOT NULL, -- the family's absolute end
	used_at    BIGINT,
	successor  TEXT
);

CREATE INDEX refresh_tokens_realm ON refresh_tokens (realm);
CREATE INDEX refresh_tokens_end ON refresh_tokens (ends_at);
CREATE UNIQUE INDEX sessions_id ON sessions (id, realm);
