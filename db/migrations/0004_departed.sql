-- Ids of deleted users, for as long as a copy of one of their cookies might last.
-- Whoever comes back gets another id, and so a cookie of before stays dead even
-- under a strategy that only asks whether there is such a user.
CREATE TABLE departed (
	id    TEXT PRIMARY KEY,
	until BIGINT NOT NULL
);

CREATE INDEX departed_until ON departed (until);
