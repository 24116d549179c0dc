-- From version 7 to 8.

-- The row that the check of readiness writes and reads.
CREATE TABLE readiness (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checked_at INTEGER NOT NULL
) STRICT;

INSERT INTO readiness (id, checked_at) VALUES (1, 0);

-- Which number a server has written into the header of the file at its start.
ALTER TABLE meta ADD COLUMN stamp BLOB;
