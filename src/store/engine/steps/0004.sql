-- The names in the index side by side.

-- The names in the index, those of a segment side by side (src/store/search/names.rs has the encoding); `place` is eight
-- times the segment and the shelf in one number, for SQLite would compare a key of two with whole rows, names and all.
-- `edition` changes with the names, so that they may be kept in memory.
CREATE TABLE search_names (
    place INTEGER PRIMARY KEY,
    edition INTEGER NOT NULL,
    names BLOB NOT NULL
) STRICT;

-- So that an edition is told without a page of names.
CREATE UNIQUE INDEX search_names_by_edition ON search_names (place, edition);

-- The index takes every name in once more, which leaves its other part as it is, and this one whole.
INSERT INTO search_log (shelf, row, after) SELECT 1, id, name_key FROM workspaces ORDER BY id;
INSERT INTO search_log (shelf, row, after) SELECT 2, id, name_key FROM organizations ORDER BY id;
INSERT INTO search_log (shelf, row, after) SELECT 3, id, name_key FROM projects ORDER BY id;
INSERT INTO search_log (shelf, row, after) SELECT 4, id, email_key FROM users ORDER BY id;
