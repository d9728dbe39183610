-- Times are Unix milliseconds, NULL while they have not come. Only TEXT and
-- BIGINT, so that every engine reads this file alike.

CREATE TABLE users (
	id             TEXT PRIMARY KEY,
	email          TEXT NOT NULL,
	email_verified BIGINT NOT NULL, -- 0 or 1
	name           TEXT NOT NULL,
	picture        TEXT NOT NULL,
	role           TEXT NOT NULL,
	epoch          BIGINT NOT NULL, -- raising it ends what was sealed with a lower one
	disabled_at    BIGINT,
	password_hash  TEXT,
	created_at     BIGINT NOT NULL,
	updated_at     BIGINT NOT NULL
);

-- Who somebody is at a provider. Identity is (issuer, subject), never the email.
CREATE TABLE accounts (
	issuer         TEXT NOT NULL,
	subject        TEXT NOT NULL,
	provider       TEXT NOT NULL,
	user_id        TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	email          TEXT NOT NULL,
	email_verified BIGINT NOT NULL,
	created_at     BIGINT NOT NULL,
	PRIMARY KEY (issuer, subject)
);

CREATE INDEX accounts_user ON accounts (user_id);

-- A row stays, marked by ended_at, until its absolute end: only so can a refusal
-- say why.
CREATE TABLE sessions (
	hash       TEXT PRIMARY KEY, -- hex SHA-256 of realm and secret
	realm      TEXT NOT NULL,
	id         TEXT NOT NULL,
	user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	device     TEXT NOT NULL,
	issued_at  BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	ends_at    BIGINT NOT NULL,
	remember   BIGINT NOT NULL,
	ended_at   BIGINT
);

-- With ended_at inside, listing and eviction touch the rows that nobody ended:
-- a user who signed in a thousand times costs no more than one who did so twice.
CREATE INDEX sessions_user ON sessions (user_id, realm, ended_at, issued_at);
CREATE INDEX sessions_realm ON sessions (realm);
CREATE INDEX sessions_end ON sessions (ends_at);
