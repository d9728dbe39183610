-- Administrators see the newest users first, and one of them must always be left.
CREATE INDEX users_created ON users (created_at DESC, id);
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';
