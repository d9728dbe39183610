-- Several accounts may lead to one user. The one that stands first tells the
-- name and the picture; the others were linked to it, in this order.
ALTER TABLE accounts ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
-- What the provider gave us to act for the user, sealed; NULL where nothing is kept.
ALTER TABLE accounts ADD COLUMN tokens TEXT;
CREATE UNIQUE INDEX accounts_provider ON accounts (user_id, provider);
DROP INDEX accounts_user;
