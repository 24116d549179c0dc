-- From version 6 to 7.

-- The addresses that users have signed in from, an IPv6 one as its /64. Failed sign-ins from elsewhere do not delay a
-- user at these addresses.
CREATE TABLE known_places (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place TEXT NOT NULL CHECK (length(place) <= 64),
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;

INSERT INTO known_places (user_id, place, seen_at)
SELECT user_id, address, max(last_used_at) FROM sessions
WHERE address IS NOT NULL AND address NOT LIKE '%:%' GROUP BY user_id, address;

-- Search by a part of a name scans names in memory. The index of names and its log are dropped; a log of changed names
-- is added.
-- Rows of workspaces are not cached beyond a commit. The log of their changes is dropped.

DROP TRIGGER workspaces_found;
DROP TRIGGER workspaces_renamed;
DROP TRIGGER workspaces_gone;
DROP TRIGGER organizations_found;
DROP TRIGGER organizations_renamed;
DROP TRIGGER organizations_gone;
DROP TRIGGER projects_found;
DROP TRIGGER projects_renamed;
DROP TRIGGER projects_gone;
DROP TRIGGER users_found;
DROP TRIGGER users_renamed;
DROP TRIGGER users_gone;
DROP TRIGGER workspace_changes_lately;
DROP TRIGGER workspaces_changed;
DROP TRIGGER workspaces_deleted;
DROP TRIGGER creators_changed;
DROP TRIGGER creators_deleted;
DROP TRIGGER default_workspaces_chosen;
DROP TRIGGER default_workspaces_changed;
DROP TRIGGER default_workspaces_deleted;
DROP TABLE workspace_changes;
DROP TABLE search_grams;
DROP TABLE search_names;
DROP TABLE search_log;

-- Renamed and deleted rows, from which the names in memory are brought up to date (src/store/engine/name_cache.rs).
-- `name` is empty if the row was deleted. New rows are found by their id. The last 10000 changes are kept. The last one
-- is never deleted, so `seq` never starts again.
CREATE TABLE name_changes (
    seq INTEGER PRIMARY KEY,
    table_name TEXT NOT NULL CHECK (table_name IN ('workspaces', 'organizations', 'projects', 'users')),
    row INTEGER NOT NULL,
    name TEXT
) STRICT;

CREATE TRIGGER name_changes_pruned AFTER INSERT ON name_changes BEGIN
    DELETE FROM name_changes WHERE seq <= new.seq - 10000;
END;

CREATE TRIGGER workspaces_name_changed AFTER UPDATE OF name_key ON workspaces WHEN new.name_key <> old.name_key BEGIN
    INSERT INTO name_changes (table_name, row, name) VALUES ('workspaces', new.id, new.name_key);
END;

CREATE TRIGGER workspaces_name_deleted AFTER DELETE ON workspaces BEGIN
    INSERT INTO name_changes (table_name, row) VALUES ('workspaces', old.id);
END;

CREATE TRIGGER organizations_name_changed AFTER UPDATE OF name_key ON organizations WHEN new.name_key <> old.name_key BEGIN
    INSERT INTO name_changes (table_name, row, name) VALUES ('organizations', new.id, new.name_key);
END;

CREATE TRIGGER organizations_name_deleted AFTER DELETE ON organizations BEGIN
    INSERT INTO name_changes (table_name, row) VALUES ('organizations', old.id);
END;

CREATE TRIGGER projects_name_changed AFTER UPDATE OF name_key ON projects WHEN new.name_key <> old.name_key BEGIN
    INSERT INTO name_changes (table_name, row, name) VALUES ('projects', new.id, new.name_key);
END;

CREATE TRIGGER projects_name_deleted AFTER DELETE ON projects BEGIN
    INSERT INTO name_changes (table_name, row) VALUES ('projects', old.id);
END;

CREATE TRIGGER users_name_changed AFTER UPDATE OF email_key ON users WHEN new.email_key <> old.email_key BEGIN
    INSERT INTO name_changes (table_name, row, name) VALUES ('users', new.id, new.email_key);
END;

CREATE TRIGGER users_name_deleted AFTER DELETE ON users BEGIN
    INSERT INTO name_changes (table_name, row) VALUES ('users', old.id);
END;

-- Renames the table of pending sign-ins.
CREATE TABLE pending_sign_ins (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    step TEXT NOT NULL CHECK (step IN ('second_factor', 'enrol_second_factor', 'password')),
    second_factor INTEGER NOT NULL CHECK (second_factor IN (0, 1)),
    failures INTEGER NOT NULL CHECK (failures >= 0),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO pending_sign_ins (fingerprint, user_id, step, second_factor, failures, expires_at)
SELECT fingerprint, user_id, step, second_factor, failures, expires_at FROM half_sign_ins;

DROP TABLE half_sign_ins;

CREATE INDEX pending_sign_ins_by_user ON pending_sign_ins (user_id);
CREATE INDEX pending_sign_ins_by_end ON pending_sign_ins (expires_at);
