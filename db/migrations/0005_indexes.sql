-- One index does for both: a family by its id, and all rows of a realm.
DROP INDEX sessions_id;
DROP INDEX sessions_realm;
CREATE UNIQUE INDEX sessions_id ON sessions (realm, id);
