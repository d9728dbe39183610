-- The email of a password account was kept as it was typed, in lower case. Now it is kept
-- in one form for all ways of typing it, which takes more than SQL: see migrate_emails.go.
SELECT 1;
