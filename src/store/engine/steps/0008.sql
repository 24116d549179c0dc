-- From version 7 to 8.

-- The row that the check of readiness writes and reads.
CREATE TABLE readiness (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checked_at INTEGER NOT NULL
) STRICT;

INSERT INTO readiness (id, checked_at) VALUES (1, 0);

-- The addresses that refresh tokens came from, apart from the one that began the session.
ALTER TABLE sessions ADD COLUMN places TEXT NOT NULL DEFAULT '' CHECK (length(places) <= 2048);

-- Finds the owners of a workspace without reading all of its members.
CREATE INDEX workspace_owners ON members (workspace_id, user_id) WHERE role = 'owner';

-- Which number a server has written into the header of the file at its start.
ALTER TABLE meta ADD COLUMN stamp BLOB;
