-- Search by a part of a name, and an index for every list.

-- What searches by a part of a name start from: `rows` are those whose name has these three characters in a row, as a set
-- of numbers within a segment of 4096 (src/store/search.rs has the encoding). `shelf` is the table: 1 workspaces,
-- 2 organizations, 3 projects, 4 users.
CREATE TABLE search_grams (
    shelf INTEGER NOT NULL CHECK (shelf BETWEEN 1 AND 4),
    segment INTEGER NOT NULL,
    gram INTEGER NOT NULL,
    rows BLOB NOT NULL,
    PRIMARY KEY (shelf, segment, gram)
) STRICT, WITHOUT ROWID;

-- Names that came, changed or went since: what `search_grams` does not know yet. It is kept short.
CREATE TABLE search_log (
    seq INTEGER PRIMARY KEY,
    shelf INTEGER NOT NULL CHECK (shelf BETWEEN 1 AND 4),
    row INTEGER NOT NULL,
    before TEXT,
    after TEXT
) STRICT;

-- The small sigma at the end of a word is compared as the one within.
UPDATE workspaces SET name_key = replace(name_key, 'ς', 'σ') WHERE instr(name_key, 'ς') > 0;
UPDATE organizations SET name_key = replace(name_key, 'ς', 'σ') WHERE instr(name_key, 'ς') > 0;
UPDATE projects SET name_key = replace(name_key, 'ς', 'σ') WHERE instr(name_key, 'ς') > 0;

INSERT INTO search_log (shelf, row, after) SELECT 1, id, name_key FROM workspaces ORDER BY id;
INSERT INTO search_log (shelf, row, after) SELECT 2, id, name_key FROM organizations ORDER BY id;
INSERT INTO search_log (shelf, row, after) SELECT 3, id, name_key FROM projects ORDER BY id;
INSERT INTO search_log (shelf, row, after) SELECT 4, id, email_key FROM users ORDER BY id;

-- Every write path leaves its names in the log, whichever it is.
CREATE TRIGGER workspaces_found AFTER INSERT ON workspaces BEGIN
    INSERT INTO search_log (shelf, row, after) VALUES (1, new.id, new.name_key);
END;

CREATE TRIGGER workspaces_renamed AFTER UPDATE OF name_key ON workspaces WHEN new.name_key <> old.name_key BEGIN
    INSERT INTO search_log (shelf, row, before, after) VALUES (1, new.id, old.name_key, new.name_key);
END;

CREATE TRIGGER workspaces_gone AFTER DELETE ON workspaces BEGIN
    INSERT INTO search_log (shelf, row, before) VALUES (1, old.id, old.name_key);
END;

CREATE TRIGGER organizations_found AFTER INSERT ON organizations BEGIN
    INSERT INTO search_log (shelf, row, after) VALUES (2, new.id, new.name_key);
END;

CREATE TRIGGER organizations_renamed AFTER UPDATE OF name_key ON organizations WHEN new.name_key <> old.name_key BEGIN
    INSERT INTO search_log (shelf, row, before, after) VALUES (2, new.id, old.name_key, new.name_key);
END;

CREATE TRIGGER organizations_gone AFTER DELETE ON organizations BEGIN
    INSERT INTO search_log (shelf, row, before) VALUES (2, old.id, old.name_key);
END;

CREATE TRIGGER projects_found AFTER INSERT ON projects BEGIN
    INSERT INTO search_log (shelf, row, after) VALUES (3, new.id, new.name_key);
END;

CREATE TRIGGER projects_renamed AFTER UPDATE OF name_key ON projects WHEN new.name_key <> old.name_key BEGIN
    INSERT INTO search_log (shelf, row, before, after) VALUES (3, new.id, old.name_key, new.name_key);
END;

CREATE TRIGGER projects_gone AFTER DELETE ON projects BEGIN
    INSERT INTO search_log (shelf, row, before) VALUES (3, old.id, old.name_key);
END;

CREATE TRIGGER users_found AFTER INSERT ON users BEGIN
    INSERT INTO search_log (shelf, row, after) VALUES (4, new.id, new.email_key);
END;

CREATE TRIGGER users_renamed AFTER UPDATE OF email_key ON users WHEN new.email_key <> old.email_key BEGIN
    INSERT INTO search_log (shelf, row, before, after) VALUES (4, new.id, old.email_key, new.email_key);
END;

CREATE TRIGGER users_gone AFTER DELETE ON users BEGIN
    INSERT INTO search_log (shelf, row, before) VALUES (4, old.id, old.email_key);
END;

-- Lists that begin with a place: its workspaces, those of it that are not private, its projects, and so on.
CREATE INDEX workspaces_by_organization ON workspaces (organization_id);
CREATE INDEX workspaces_not_private ON workspaces (organization_id) WHERE private = 0;
CREATE INDEX projects_by_workspace ON projects (workspace_id);
CREATE INDEX models_by_workspace ON models (workspace_id);
CREATE INDEX pipelines_by_workspace ON pipelines (workspace_id);
CREATE INDEX bindings_on_workspaces ON bindings (id) WHERE project_id IS NULL;
CREATE INDEX bindings_on_projects ON bindings (id) WHERE workspace_id IS NULL;
CREATE INDEX organization_admins ON organization_members (organization_id) WHERE role = 'admin';

-- What SQLite has counted changes its plans, and those without it are the ones that were judged.
DROP TABLE IF EXISTS sqlite_stat1;

-- The audit is read by time: all of it, that of a verb, that of an actor.
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_verb ON audit (verb, at);
DROP INDEX audit_by_actor;
CREATE INDEX audit_by_actor ON audit (actor_id, at);
