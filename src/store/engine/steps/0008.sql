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

-- Lists find the rows that they contain in an index, whatever rows they omit.
-- Projects have copies of what decides who sees them. Before, a list looked at every project that it omitted.
ALTER TABLE projects ADD COLUMN organization_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN private INTEGER NOT NULL DEFAULT 1 CHECK (private IN (0, 1));
ALTER TABLE projects ADD COLUMN restricted INTEGER NOT NULL DEFAULT 0 CHECK (restricted IN (0, 1));

UPDATE projects SET (organization_id, private) =
    (SELECT w.organization_id, w.private FROM workspaces w WHERE w.id = projects.workspace_id);
UPDATE projects SET restricted = 1 WHERE id IN (SELECT project_id FROM restrictions);

DROP INDEX projects_by_workspace;
CREATE INDEX projects_by_workspace ON projects (workspace_id, restricted);
CREATE INDEX projects_by_organization ON projects (organization_id, restricted, private);
CREATE INDEX projects_by_kind ON projects (kind);

CREATE TRIGGER projects_placed AFTER INSERT ON projects BEGIN
    UPDATE projects SET (organization_id, private) =
        (SELECT w.organization_id, w.private FROM workspaces w WHERE w.id = new.workspace_id)
    WHERE id = new.id;
END;

CREATE TRIGGER workspaces_privacy_changed AFTER UPDATE OF private ON workspaces WHEN new.private <> old.private BEGIN
    UPDATE projects SET private = new.private WHERE workspace_id = new.id;
END;

CREATE TRIGGER projects_restricted AFTER INSERT ON restrictions BEGIN
    UPDATE projects SET restricted = 1 WHERE id = new.project_id;
END;

CREATE TRIGGER projects_released AFTER DELETE ON restrictions BEGIN
    UPDATE projects SET restricted = 0 WHERE id = old.project_id;
END;

-- The permissions of roles that lists ask for.
ALTER TABLE roles ADD COLUMN reads_projects INTEGER GENERATED ALWAYS AS
    ((instr('0123456789ABCDEF', substr(hex(permissions), 23, 1)) - 1) >> 1 & 1) VIRTUAL;
ALTER TABLE roles ADD COLUMN restricts_projects INTEGER GENERATED ALWAYS AS
    ((instr('0123456789ABCDEF', substr(hex(permissions), 23, 1)) - 1) >> 2 & 1) VIRTUAL;
ALTER TABLE roles ADD COLUMN reads_bindings INTEGER GENERATED ALWAYS AS
    ((instr('0123456789ABCDEF', substr(hex(permissions), 31, 1)) - 1) >> 2 & 1) VIRTUAL;

-- Bindings have copies of the workspace that is or contains their resource, and of its organization.
ALTER TABLE bindings ADD COLUMN place_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bindings ADD COLUMN organization_id INTEGER NOT NULL DEFAULT 0;

UPDATE bindings SET place_id =
    coalesce(workspace_id, (SELECT p.workspace_id FROM projects p WHERE p.id = bindings.project_id));
UPDATE bindings SET organization_id = (SELECT w.organization_id FROM workspaces w WHERE w.id = bindings.place_id);

CREATE INDEX bindings_by_place ON bindings (place_id, project_id IS NULL);
CREATE INDEX bindings_by_organization ON bindings (organization_id, project_id IS NULL);
CREATE INDEX bindings_by_user ON bindings (user_id, role_id, workspace_id, project_id);

CREATE TRIGGER bindings_placed AFTER INSERT ON bindings BEGIN
    UPDATE bindings SET (place_id, organization_id) =
        (SELECT w.id, w.organization_id FROM workspaces w
         WHERE w.id = coalesce(new.workspace_id, (SELECT workspace_id FROM projects WHERE id = new.project_id)))
    WHERE id = new.id;
END;

-- Users are found by their status. What ends by time is marked when new sessions begin, because an index cannot know
-- the time.
ALTER TABLE users ADD COLUMN lapsed INTEGER NOT NULL DEFAULT 0 CHECK (lapsed IN (0, 1));
ALTER TABLE users ADD COLUMN status TEXT GENERATED ALWAYS AS (
    CASE WHEN kind <> 'person' OR state = 'blocked' THEN NULL WHEN enabled = 0 THEN 'disabled'
         WHEN state = 'invited' AND lapsed = 1 THEN 'expired' ELSE state END) VIRTUAL;

UPDATE users SET lapsed = 1 WHERE state = 'invited' AND invited_until <= unixepoch() * 1000000;

CREATE INDEX users_by_status ON users (status, email_verified_at IS NULL);
CREATE INDEX users_people ON users (id) WHERE status IS NOT NULL;
CREATE INDEX users_to_lapse ON users (invited_until) WHERE state = 'invited' AND lapsed = 0;

-- A search for people looks at their names in memory too, one on each line.
DROP TRIGGER users_name_changed;
CREATE TRIGGER users_name_changed AFTER UPDATE OF email_key, first_name, last_name ON users
WHEN new.email_key <> old.email_key OR new.first_name <> old.first_name OR new.last_name <> old.last_name BEGIN
    INSERT INTO name_changes (table_name, row, name)
    VALUES ('users', new.id, new.email_key || char(10) || new.first_name || char(10) || new.last_name);
END;

-- Keys are found by their kind and by whether they are valid.
ALTER TABLE keys ADD COLUMN service INTEGER NOT NULL DEFAULT 0 CHECK (service IN (0, 1));
ALTER TABLE keys ADD COLUMN expired INTEGER NOT NULL DEFAULT 0 CHECK (expired IN (0, 1));
ALTER TABLE keys ADD COLUMN dead INTEGER GENERATED ALWAYS AS (expired = 1 OR revoked_at IS NOT NULL) VIRTUAL;

UPDATE keys SET service = 1 WHERE user_id IN (SELECT id FROM users WHERE kind = 'bot');
UPDATE keys SET expired = 1 WHERE expires_at <= unixepoch() * 1000000;

DROP INDEX keys_by_user;
DROP INDEX keys_by_creator;
CREATE INDEX keys_by_user ON keys (user_id, dead);
CREATE INDEX keys_by_creator ON keys (created_by, service, dead);
CREATE INDEX keys_of_services ON keys (dead) WHERE service = 1;
CREATE INDEX keys_to_expire ON keys (expires_at) WHERE expires_at IS NOT NULL AND expired = 0 AND revoked_at IS NULL;

CREATE TRIGGER keys_of_bots AFTER INSERT ON keys
WHEN new.service = 0 AND (SELECT kind FROM users WHERE id = new.user_id) = 'bot' BEGIN
    UPDATE keys SET service = 1 WHERE id = new.id;
END;

-- A page of a client's sessions skips the earlier ones in the index.
DROP INDEX sessions_by_client;
CREATE INDEX sessions_by_client ON sessions (client, id, idle_until, ends_at) WHERE client IS NOT NULL;

-- The audit of one user is found by verb too.
DROP INDEX audit_by_actor;
CREATE INDEX audit_by_actor ON audit (actor_id, verb, at);
