-- An answer with a successor may be lost on its way. The spent token names its
-- successor, so that as long as nobody spent that one it can be replaced, once: then
-- it is dead, and whoever shows it has a copy.
ALTER TABLE refresh_tokens ADD COLUMN next TEXT;         -- hash of the successor
ALTER TABLE refresh_tokens ADD COLUMN retried_at BIGINT; -- when the successor was replaced
ALTER TABLE refresh_tokens ADD COLUMN dead_at BIGINT;    -- when this token was replaced
