-- The schema of atelier's data on PostgreSQL 15 or newer. It says the same as schema.sql, which explains the tables; a
-- test compares the two. It runs in one transaction. Differences:
--   - An index does not end with the id of the row by itself, so indexes that lists read in the order of ids name it.
--   - IS NULL does not fix the place in an index as a value does, so lists of rows without a value have indexes of
--     these rows.
--   - Numbers that are true or false are BIGINT, too, so that one statement serves both engines.
--   - Names are searched by an index, not in memory, so there is no log of changed names.

CREATE SCHEMA atelier;
SET LOCAL search_path = atelier, public;

-- It finds a part of a name by its trigrams. It comes with PostgreSQL, and the owner of a database may create it.
-- Where it is there already, it may be in another schema.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
SELECT set_config('search_path', concat_ws(', ', 'atelier', 'public', quote_ident(n.nspname)), true)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';

-- The functions and operators of SQLite that the statements use. The planner puts their bodies in place of the calls,
-- which it does not for a STRICT one.

CREATE FUNCTION instr(text, text) RETURNS BIGINT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CAST(strpos($1, $2) AS BIGINT);

CREATE FUNCTION iif(boolean, anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT CASE WHEN $1 THEN $2 ELSE $3 END';

CREATE FUNCTION max(bigint, bigint) RETURNS BIGINT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN $1 >= $2 THEN $1 WHEN $1 < $2 THEN $2 END;

CREATE FUNCTION min(bigint, bigint) RETURNS BIGINT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN $1 <= $2 THEN $1 WHEN $1 > $2 THEN $2 END;

CREATE FUNCTION unhex(text) RETURNS BYTEA LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN decode($1, 'hex');

-- PostgreSQL's own functions refuse a JSON text with a NUL in a string. A control character takes its place, which is in
-- no name either. Behind another backslash the same letters are no NUL.
CREATE FUNCTION json_without_nul(text) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN strpos($1, '\u0000') = 0 THEN $1
            ELSE regexp_replace($1, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\u0001', 'g') END;

-- The elements of a JSON list: numbers, or with the path '$' texts and lists as text.
CREATE FUNCTION json_each(text) RETURNS TABLE (key BIGINT, value BIGINT) LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT at - 1, CAST(e AS BIGINT) FROM json_array_elements_text(CAST($1 AS json)) WITH ORDINALITY j (e, at)';

CREATE FUNCTION json_each(text, text) RETURNS TABLE (key BIGINT, value TEXT) LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT at - 1, e FROM json_array_elements_text(CAST(json_without_nul($1) AS json)) WITH ORDINALITY j (e, at)
    WHERE $2 = ''$''';

-- Members of objects and elements of lists that are stored as text.
CREATE FUNCTION json_member(text, text) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CAST(json_without_nul($1) AS json) ->> $2;

CREATE FUNCTION json_part(text, text) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CAST(CAST(json_without_nul($1) AS json) -> $2 AS text);

CREATE FUNCTION json_element(text, integer) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CAST(json_without_nul($1) AS json) ->> $2;

CREATE OPERATOR ->> (LEFTARG = text, RIGHTARG = text, FUNCTION = json_member);
CREATE OPERATOR -> (LEFTARG = text, RIGHTARG = text, FUNCTION = json_part);
CREATE OPERATOR ->> (LEFTARG = text, RIGHTARG = integer, FUNCTION = json_element);

-- One row about the data as a whole. `generation` grows with every commit that changes anything. `edition` is random
-- with each of them: after a failover that loses commits, the same generation may mean other data. `version` is that of
-- the schema.
CREATE TABLE meta (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    generation BIGINT NOT NULL,
    edition BIGINT NOT NULL,
    version BIGINT NOT NULL,
    secret BYTEA NOT NULL CHECK (length(secret) = 32)
);

INSERT INTO meta (id, generation, edition, version, secret)
VALUES (1, 1, 0, 12, sha256(convert_to(concat(gen_random_uuid(), gen_random_uuid(), gen_random_uuid()), 'UTF8')));

-- The servers that run on this database. `version` is that of the schema that a server knows, `files` is empty where it
-- keeps files in its own directory, and `backend` is the process of PostgreSQL that it is connected to. A server is
-- forgotten a minute after it was last seen.
CREATE TABLE nodes (
    id TEXT PRIMARY KEY CHECK (length(id) = 36),
    version BIGINT NOT NULL,
    files TEXT NOT NULL,
    public_url TEXT NOT NULL,
    backend BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

-- Failed attempts to authenticate. All names and addresses are hashes under a key. They are lost if the database
-- crashes. `until` is when the next attempt is judged, or when a budget is full again.
CREATE UNLOGGED TABLE failures (
    subject BYTEA PRIMARY KEY CHECK (length(subject) = 32),
    account BIGINT,
    place BIGINT,
    failures BIGINT NOT NULL CHECK (failures >= 0),
    until BIGINT NOT NULL,
    flag BIGINT NOT NULL CHECK (flag IN (0, 1)),
    expires_at BIGINT NOT NULL
);

CREATE INDEX failures_by_account ON failures (account);
CREATE INDEX failures_by_place ON failures (place);
CREATE INDEX failures_by_end ON failures (expires_at);

CREATE TABLE readiness (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    checked_at BIGINT NOT NULL
);

INSERT INTO readiness (id, checked_at) VALUES (1, 0);

CREATE TABLE users (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    email TEXT NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    email_key TEXT NOT NULL,
    email_verified_by TEXT CHECK (email_verified_by = 'operator' OR length(email_verified_by) = 36),
    email_verified_at BIGINT,
    first_name TEXT NOT NULL CHECK (length(first_name) <= 255),
    last_name TEXT NOT NULL CHECK (length(last_name) <= 255),
    kind TEXT NOT NULL CHECK (kind IN ('person', 'bot')),
    state TEXT NOT NULL CHECK (state IN ('invited', 'active', 'blocked')),
    invited_until BIGINT,
    enabled BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    developer BIGINT NOT NULL CHECK (developer IN (0, 1)),
    role TEXT NOT NULL CHECK (role IN ('administrator', 'member', 'ui_only', 'annotator')),
    password_hash TEXT,
    must_change_password BIGINT NOT NULL CHECK (must_change_password IN (0, 1)),
    created_at BIGINT NOT NULL,
    last_sign_in_at BIGINT,
    lapsed BIGINT NOT NULL DEFAULT 0 CHECK (lapsed IN (0, 1)),
    status TEXT GENERATED ALWAYS AS (
        CASE WHEN kind <> 'person' OR state = 'blocked' THEN NULL WHEN enabled = 0 THEN 'disabled'
             WHEN state = 'invited' AND lapsed = 1 THEN 'expired' ELSE state END) STORED,
    CHECK ((email_verified_by IS NULL) = (email_verified_at IS NULL))
);

CREATE UNIQUE INDEX users_by_email ON users (email_key) WHERE state <> 'blocked';

CREATE INDEX users_by_role ON users (role, enabled, id);

CREATE INDEX users_by_status ON users (status, (email_verified_at IS NULL), id);
CREATE INDEX users_people ON users (id) WHERE status IS NOT NULL;
CREATE INDEX users_to_lapse ON users (invited_until, id) WHERE state = 'invited' AND lapsed = 0;

CREATE TABLE links (
    fingerprint BYTEA PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL CHECK (purpose IN ('invitation', 'password_reset')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    UNIQUE (user_id, purpose)
);

CREATE INDEX links_by_end ON links (expires_at);

CREATE TABLE organizations (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    name_key TEXT NOT NULL,
    description TEXT NOT NULL CHECK (length(description) <= 1000),
    home BIGINT NOT NULL CHECK (home IN (0, 1)),
    created_at BIGINT NOT NULL,
    file_bytes BIGINT NOT NULL DEFAULT 0 CHECK (file_bytes >= 0)
);

CREATE UNIQUE INDEX organizations_home ON organizations (home) WHERE home = 1;

CREATE TABLE organization_members (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    organization_id BIGINT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'reader', 'annotator')),
    created_at BIGINT NOT NULL,
    UNIQUE (organization_id, user_id)
);

CREATE INDEX organization_members_by_user ON organization_members (user_id, organization_id, id);
CREATE INDEX organization_admins ON organization_members (organization_id, id) WHERE role = 'admin';

CREATE TABLE workspaces (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    organization_id BIGINT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    name_key TEXT NOT NULL,
    description TEXT NOT NULL CHECK (length(description) <= 1000),
    private BIGINT NOT NULL CHECK (private IN (0, 1)),
    archived BIGINT NOT NULL CHECK (archived IN (0, 1)),
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    ml_models_enabled BIGINT NOT NULL CHECK (ml_models_enabled IN (0, 1)),
    gradient_start_color TEXT,
    gradient_end_color TEXT,
    default_llm_integration TEXT,
    default_agent_runtime TEXT,
    UNIQUE (organization_id, name)
);

CREATE INDEX workspaces_by_creator ON workspaces (created_by, id);
CREATE INDEX workspaces_by_organization ON workspaces (organization_id, id);
CREATE INDEX workspaces_not_private ON workspaces (organization_id, id) WHERE private = 0;

CREATE TABLE roles (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description TEXT NOT NULL CHECK (length(description) <= 1000),
    predefined TEXT UNIQUE CHECK (predefined IN ('owner', 'member', 'reader', 'annotator')),
    permissions BYTEA NOT NULL CHECK (length(permissions) = 24),
    shows_workspaces BIGINT NOT NULL CHECK (shows_workspaces IN (0, 1)),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    reads_projects BIGINT GENERATED ALWAYS AS (get_byte(permissions, 11) >> 5 & 1) STORED,
    restricts_projects BIGINT GENERATED ALWAYS AS (get_byte(permissions, 11) >> 6 & 1) STORED,
    reads_bindings BIGINT GENERATED ALWAYS AS (get_byte(permissions, 15) >> 6 & 1) STORED
);

CREATE UNIQUE INDEX roles_by_name ON roles (name) WHERE predefined IS NULL;
CREATE INDEX roles_custom ON roles (id) WHERE predefined IS NULL;

CREATE TABLE members (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'member', 'reader', 'annotator', 'custom')),
    role_id BIGINT REFERENCES roles (id) ON DELETE RESTRICT,
    created_at BIGINT NOT NULL,
    UNIQUE (workspace_id, user_id),
    CHECK ((role = 'custom') = (role_id IS NOT NULL))
);

CREATE INDEX members_by_user ON members (user_id, workspace_id, role, id);
CREATE INDEX members_by_role ON members (role_id, id) WHERE role_id IS NOT NULL;

CREATE INDEX workspace_owners ON members (workspace_id, user_id, id) WHERE role = 'owner';

CREATE TABLE default_workspaces (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE
);

CREATE INDEX default_workspaces_by_workspace ON default_workspaces (workspace_id, user_id, id);

CREATE TABLE models (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (workspace_id, name)
);

CREATE INDEX models_by_creator ON models (created_by, id);
CREATE INDEX models_by_workspace ON models (workspace_id, id);

CREATE TABLE model_versions (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    model_id BIGINT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    organization_id BIGINT NOT NULL,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    visibility TEXT NOT NULL CHECK (visibility IN ('private', 'public')),
    sha256 BYTEA CHECK (length(sha256) = 32),
    size BIGINT NOT NULL CHECK (size >= 0),
    file_name TEXT NOT NULL CHECK (length(file_name) <= 255),
    image_path TEXT,
    conversion TEXT,
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX model_versions_by_model ON model_versions (model_id, id);
CREATE INDEX model_versions_by_creator ON model_versions (created_by, id);
CREATE INDEX model_versions_by_file ON model_versions (sha256, organization_id, id) WHERE sha256 IS NOT NULL;

CREATE TABLE unreferenced_files (
    sha256 BYTEA PRIMARY KEY CHECK (length(sha256) = 32),
    remove_after BIGINT NOT NULL,
    removing BIGINT NOT NULL CHECK (removing IN (0, 1)),
    generation BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX unreferenced_files_by_time ON unreferenced_files (remove_after);

-- Unlike SQLite's, these run once all rows of a statement are there or gone. They look at all of them at once, so that
-- a file counts once even if several rows have it.
CREATE FUNCTION model_files_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE organizations o SET file_bytes = o.file_bytes + f.bytes
    FROM (SELECT d.organization_id, CAST(sum(d.size) AS BIGINT) AS bytes
          FROM (SELECT a.organization_id, a.sha256, max(a.size) AS size FROM added a
                WHERE a.sha256 IS NOT NULL GROUP BY a.organization_id, a.sha256) d
          WHERE NOT EXISTS (SELECT 1 FROM model_versions v
                            WHERE v.sha256 = d.sha256 AND v.organization_id = d.organization_id
                              AND v.id NOT IN (SELECT a.id FROM added a))
          GROUP BY d.organization_id) f
    WHERE o.id = f.organization_id;
    RETURN NULL;
END $$;

CREATE TRIGGER model_files_added AFTER INSERT ON model_versions
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION model_files_added();

CREATE FUNCTION model_files_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE organizations o SET file_bytes = o.file_bytes - f.bytes
    FROM (SELECT d.organization_id, CAST(sum(d.size) AS BIGINT) AS bytes
          FROM (SELECT r.organization_id, r.sha256, max(r.size) AS size FROM removed r
                WHERE r.sha256 IS NOT NULL GROUP BY r.organization_id, r.sha256) d
          WHERE NOT EXISTS (SELECT 1 FROM model_versions v
                            WHERE v.sha256 = d.sha256 AND v.organization_id = d.organization_id)
          GROUP BY d.organization_id) f
    WHERE o.id = f.organization_id;
    INSERT INTO unreferenced_files (sha256, remove_after, removing)
    SELECT DISTINCT r.sha256, 0, 0 FROM removed r
    WHERE r.sha256 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM model_versions v WHERE v.sha256 = r.sha256)
    ON CONFLICT (sha256) DO UPDATE SET remove_after = 0;
    RETURN NULL;
END $$;

CREATE TRIGGER model_files_removed AFTER DELETE ON model_versions
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION model_files_removed();

CREATE TABLE model_configs (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    version_id BIGINT NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    runtime TEXT NOT NULL CHECK (runtime IN ('onnx', 'tensorflow', 'flight', 'mlflow')),
    tensor_fields TEXT,
    filter_threshold DOUBLE PRECISION,
    input_schema TEXT,
    output_schema TEXT,
    batch_config TEXT,
    dynamic_batching_config TEXT,
    continuous_batching_config TEXT,
    openai TEXT,
    created_at BIGINT NOT NULL
);

CREATE INDEX model_configs_by_version ON model_configs (version_id, id);

CREATE TABLE pipelines (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    visibility TEXT NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
    UNIQUE (workspace_id, name)
);

CREATE INDEX pipelines_by_creator ON pipelines (created_by, id);
CREATE INDEX pipelines_by_workspace ON pipelines (workspace_id, id);

CREATE TABLE pipeline_versions (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    pipeline_id BIGINT NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    definition TEXT,
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX pipeline_versions_by_pipeline ON pipeline_versions (pipeline_id, id);
CREATE INDEX pipeline_versions_by_creator ON pipeline_versions (created_by, id);

CREATE TABLE pipeline_version_models (
    pipeline_version_id BIGINT NOT NULL REFERENCES pipeline_versions (id) ON DELETE CASCADE,
    model_name TEXT NOT NULL,
    model_uuid TEXT NOT NULL,
    PRIMARY KEY (pipeline_version_id, model_name, model_uuid)
);

CREATE INDEX pipeline_version_models_by_model ON pipeline_version_models (model_uuid, pipeline_version_id);

CREATE TABLE connections (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    kind TEXT NOT NULL CHECK (length(kind) <= 255),
    sealed BYTEA NOT NULL,
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX connections_by_creator ON connections (created_by, id);

CREATE TABLE connection_workspaces (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    connection_id BIGINT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    UNIQUE (connection_id, workspace_id)
);

CREATE INDEX connection_workspaces_by_workspace ON connection_workspaces (workspace_id, connection_id, id);

CREATE TABLE tags (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    organization_id BIGINT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    workspace_id BIGINT REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    name_key TEXT NOT NULL,
    description TEXT CHECK (length(description) <= 1000),
    color TEXT,
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX tags_by_name ON tags (workspace_id, name_key) WHERE workspace_id IS NOT NULL;
CREATE INDEX tags_by_workspace ON tags (workspace_id, id);
CREATE INDEX tags_by_organization ON tags (organization_id, workspace_id, id);
CREATE INDEX tags_by_creator ON tags (created_by, id);

CREATE TABLE model_version_tags (
    version_id BIGINT NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    tag_id BIGINT NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (version_id, tag_id)
);

CREATE INDEX model_version_tags_by_tag ON model_version_tags (tag_id, version_id);

CREATE TABLE pipeline_tags (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    pipeline_id BIGINT NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
    tag_id BIGINT NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    UNIQUE (pipeline_id, tag_id)
);

CREATE INDEX pipeline_tags_by_tag ON pipeline_tags (tag_id, id);

CREATE TABLE projects (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    name_key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('application', 'harness', 'experiment')),
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    organization_id BIGINT NOT NULL DEFAULT 0,
    private BIGINT NOT NULL DEFAULT 1 CHECK (private IN (0, 1)),
    restricted BIGINT NOT NULL DEFAULT 0 CHECK (restricted IN (0, 1)),
    UNIQUE (workspace_id, name)
);

CREATE INDEX projects_by_creator ON projects (created_by, id);
CREATE INDEX projects_by_workspace ON projects (workspace_id, restricted, id);
CREATE INDEX projects_by_organization ON projects (organization_id, restricted, private, id);
CREATE INDEX projects_by_kind ON projects (kind, id);

CREATE FUNCTION projects_placed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT w.organization_id, w.private INTO new.organization_id, new.private
    FROM workspaces w WHERE w.id = new.workspace_id;
    RETURN new;
END $$;

CREATE TRIGGER projects_placed BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION projects_placed();

CREATE FUNCTION workspaces_privacy_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE projects SET private = new.private WHERE workspace_id = new.id;
    RETURN NULL;
END $$;

CREATE TRIGGER workspaces_privacy_changed AFTER UPDATE OF private ON workspaces
FOR EACH ROW WHEN (new.private <> old.private) EXECUTE FUNCTION workspaces_privacy_changed();

CREATE TABLE project_tags (
    project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    tag_id BIGINT NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (project_id, tag_id)
);

CREATE INDEX project_tags_by_tag ON project_tags (tag_id, project_id);

CREATE TABLE restrictions (
    project_id BIGINT PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX restrictions_by_creator ON restrictions (created_by);

CREATE FUNCTION projects_restricted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE projects SET restricted = 1 WHERE id = new.project_id;
    RETURN NULL;
END $$;

CREATE TRIGGER projects_restricted AFTER INSERT ON restrictions FOR EACH ROW EXECUTE FUNCTION projects_restricted();

CREATE FUNCTION projects_released() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE projects SET restricted = 0 WHERE id = old.project_id;
    RETURN NULL;
END $$;

CREATE TRIGGER projects_released AFTER DELETE ON restrictions FOR EACH ROW EXECUTE FUNCTION projects_released();

CREATE TABLE bindings (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    role_id BIGINT NOT NULL REFERENCES roles (id) ON DELETE RESTRICT,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    workspace_id BIGINT REFERENCES workspaces (id) ON DELETE CASCADE,
    project_id BIGINT REFERENCES projects (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    place_id BIGINT NOT NULL DEFAULT 0,
    organization_id BIGINT NOT NULL DEFAULT 0,
    UNIQUE (user_id, workspace_id),
    UNIQUE (user_id, project_id),
    CHECK ((workspace_id IS NULL) <> (project_id IS NULL))
);

CREATE INDEX bindings_by_role ON bindings (role_id, id);
CREATE INDEX bindings_by_workspace ON bindings (workspace_id, id) WHERE workspace_id IS NOT NULL;
CREATE INDEX bindings_by_project ON bindings (project_id, id) WHERE project_id IS NOT NULL;
CREATE INDEX bindings_on_workspaces ON bindings (id) WHERE project_id IS NULL;
CREATE INDEX bindings_on_projects ON bindings (id) WHERE workspace_id IS NULL;
CREATE INDEX bindings_by_place ON bindings (place_id, (project_id IS NULL), id);
CREATE INDEX bindings_by_organization ON bindings (organization_id, (project_id IS NULL), id);
CREATE INDEX bindings_by_user ON bindings (user_id, role_id, workspace_id, project_id, id);
CREATE INDEX bindings_of_user_on_workspaces ON bindings (user_id, id) WHERE project_id IS NULL;
CREATE INDEX bindings_of_user_on_projects ON bindings (user_id, id) WHERE workspace_id IS NULL;
CREATE INDEX bindings_by_user_on_projects ON bindings (user_id, role_id, project_id) WHERE workspace_id IS NULL;

CREATE FUNCTION bindings_placed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT w.id, w.organization_id INTO new.place_id, new.organization_id FROM workspaces w
    WHERE w.id = coalesce(new.workspace_id, (SELECT p.workspace_id FROM projects p WHERE p.id = new.project_id));
    RETURN new;
END $$;

CREATE TRIGGER bindings_placed BEFORE INSERT ON bindings FOR EACH ROW EXECUTE FUNCTION bindings_placed();

CREATE TABLE clients (
    id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 128),
    name TEXT NOT NULL CHECK (length(name) <= 255),
    built_in BIGINT NOT NULL CHECK (built_in IN (0, 1)),
    confidential BIGINT NOT NULL CHECK (confidential IN (0, 1)),
    secret BYTEA CHECK (length(secret) = 32),
    grants TEXT NOT NULL,
    scopes TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    post_logout_redirect_uris TEXT NOT NULL,
    refresh TEXT NOT NULL CHECK (refresh IN ('reusable', 'rotating')),
    access_token_life BIGINT CHECK (access_token_life > 0),
    session_idle BIGINT CHECK (session_idle > 0),
    session_life BIGINT CHECK (session_life > 0),
    service_user_id BIGINT UNIQUE REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    pkce TEXT NOT NULL DEFAULT 'required' CHECK (pkce IN ('required', 'optional')),
    group_names TEXT NOT NULL DEFAULT '{}',
    CHECK (confidential = 1 OR secret IS NULL)
);

INSERT INTO clients (id, name, built_in, confidential, grants, scopes, redirect_uris, post_logout_redirect_uris,
                     refresh, created_at, updated_at)
VALUES ('sdk-client', 'Wallaroo SDK', 1, 0,
        'password refresh_token urn:ietf:params:oauth:grant-type:device_code',
        'openid email profile offline_access api', '', '', 'reusable', 0, 0),
       ('api-client', 'API client', 1, 1, 'password refresh_token client_credentials',
        'openid email profile offline_access api', '', '', 'rotating', 0, 0),
       ('arize-cli', 'Arize command line', 1, 0, 'authorization_code refresh_token',
        'openid email profile offline_access api', 'http://127.0.0.1/callback', '', 'rotating', 0, 0),
       ('admin-cli', 'Keycloak administration', 1, 0, 'password refresh_token',
        'openid email profile offline_access api', '', '', 'rotating', 0, 0);

CREATE TABLE sessions (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client TEXT REFERENCES clients (id) ON DELETE CASCADE,
    cookie BYTEA UNIQUE CHECK (length(cookie) = 32),
    family BYTEA UNIQUE CHECK (length(family) = 32),
    scope TEXT NOT NULL,
    nonce TEXT,
    address TEXT,
    user_agent TEXT CHECK (length(user_agent) <= 255),
    authenticated_at BIGINT NOT NULL,
    second_factor BIGINT NOT NULL CHECK (second_factor IN (0, 1)),
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    idle_until BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    browser BYTEA CHECK (length(browser) = 32),
    places TEXT NOT NULL DEFAULT '' CHECK (length(places) <= 2048),
    CHECK ((client IS NULL) = (cookie IS NOT NULL))
);

CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_client ON sessions (client, id, idle_until, ends_at) WHERE client IS NOT NULL;
CREATE INDEX sessions_by_idle ON sessions (idle_until, id);

CREATE TABLE known_places (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place TEXT NOT NULL CHECK (length(place) <= 64),
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, place)
);

CREATE TABLE refresh_tokens (
    fingerprint BYTEA PRIMARY KEY CHECK (length(fingerprint) = 32),
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    exchanged_at BIGINT,
    successor_salt BYTEA CHECK (length(successor_salt) = 32),
    CHECK ((exchanged_at IS NULL) = (successor_salt IS NULL))
);

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_exchange ON refresh_tokens (exchanged_at) WHERE exchanged_at IS NOT NULL;

CREATE TABLE authorization_codes (
    fingerprint BYTEA PRIMARY KEY CHECK (length(fingerprint) = 32),
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    scope TEXT NOT NULL,
    nonce TEXT,
    code_challenge TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    second_factor BIGINT NOT NULL CHECK (second_factor IN (0, 1)),
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    session_id BIGINT REFERENCES sessions (id) ON DELETE SET NULL,
    browser BYTEA CHECK (length(browser) = 32)
);

CREATE INDEX authorization_codes_by_client ON authorization_codes (client);
CREATE INDEX authorization_codes_by_user ON authorization_codes (user_id);
CREATE INDEX authorization_codes_by_session ON authorization_codes (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX authorization_codes_by_end ON authorization_codes (expires_at);

CREATE TABLE device_codes (
    fingerprint BYTEA PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_code BYTEA NOT NULL UNIQUE CHECK (length(user_code) = 32),
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    address TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied')),
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    authenticated_at BIGINT,
    second_factor BIGINT NOT NULL CHECK (second_factor IN (0, 1)),
    pause BIGINT NOT NULL CHECK (pause > 0),
    polled_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CHECK ((state = 'pending') = (user_id IS NULL)),
    CHECK ((state = 'pending') = (authenticated_at IS NULL))
);

CREATE INDEX device_codes_by_client ON device_codes (client);
CREATE INDEX device_codes_by_user ON device_codes (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX device_codes_by_end ON device_codes (expires_at);

CREATE TABLE consents (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client)
);

CREATE INDEX consents_by_client ON consents (client, user_id);

CREATE TABLE approvals (
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (session_id, client)
);

CREATE INDEX approvals_by_client ON approvals (client);

CREATE TABLE pending_sign_ins (
    fingerprint BYTEA PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    step TEXT NOT NULL CHECK (step IN ('second_factor', 'enrol_second_factor', 'password')),
    second_factor BIGINT NOT NULL CHECK (second_factor IN (0, 1)),
    failures BIGINT NOT NULL CHECK (failures >= 0),
    expires_at BIGINT NOT NULL
);

CREATE INDEX pending_sign_ins_by_user ON pending_sign_ins (user_id);
CREATE INDEX pending_sign_ins_by_end ON pending_sign_ins (expires_at);

CREATE TABLE second_factors (
    user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step BIGINT
);

CREATE TABLE recovery_codes (
    fingerprint BYTEA PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    used_at BIGINT
);

CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id, fingerprint);

CREATE TABLE wrong_codes (
    user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    count BIGINT NOT NULL CHECK (count > 0),
    last_at BIGINT NOT NULL
);

CREATE TABLE keys (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
    fingerprint BYTEA NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
    redacted TEXT NOT NULL,
    description TEXT NOT NULL CHECK (length(description) <= 1000),
    previous_fingerprint BYTEA UNIQUE CHECK (length(previous_fingerprint) = 32),
    previous_expires_at BIGINT,
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    service BIGINT NOT NULL DEFAULT 0 CHECK (service IN (0, 1)),
    expired BIGINT NOT NULL DEFAULT 0 CHECK (expired IN (0, 1)),
    dead BIGINT GENERATED ALWAYS AS (CAST(expired = 1 OR revoked_at IS NOT NULL AS INTEGER)) STORED
);

CREATE INDEX keys_by_user ON keys (user_id, dead, id);
CREATE INDEX keys_by_creator ON keys (created_by, service, dead, id);
CREATE INDEX keys_of_services ON keys (dead, id) WHERE service = 1;
CREATE INDEX keys_to_expire ON keys (expires_at, id)
WHERE expires_at IS NOT NULL AND expired = 0 AND revoked_at IS NULL;

CREATE INDEX keys_by_end ON keys ((coalesce(revoked_at, expires_at)), id);

CREATE FUNCTION keys_of_bots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.service = 0 AND (SELECT u.kind FROM users u WHERE u.id = new.user_id) = 'bot' THEN
        new.service := 1;
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER keys_of_bots BEFORE INSERT ON keys FOR EACH ROW EXECUTE FUNCTION keys_of_bots();

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA')),
    sealed BYTEA NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at BIGINT,
    token_life BIGINT NOT NULL CHECK (token_life >= 0),
    rsa_bits BIGINT CHECK (rsa_bits >= 2048),
    CHECK ((state = 'next') = (activated_at IS NULL)),
    CHECK ((state = 'retired') = (retired_at IS NOT NULL))
);

CREATE UNIQUE INDEX signing_keys_active ON signing_keys (state) WHERE state <> 'retired';

CREATE TABLE audit (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    actor_id BIGINT,
    credential TEXT NOT NULL,
    dialect TEXT NOT NULL,
    address TEXT,
    request_id TEXT NOT NULL,
    verb TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    before TEXT,
    after TEXT,
    hash BYTEA CHECK (length(hash) = 32)
);

CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_verb ON audit (verb, at, id);
CREATE INDEX audit_by_actor ON audit (actor_id, verb, at, id);
CREATE INDEX audit_without_actor ON audit (verb, at, id) WHERE actor_id IS NULL;

CREATE TABLE audit_chain (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    start_id BIGINT NOT NULL,
    start_hash BYTEA NOT NULL CHECK (length(start_hash) = 32),
    last_id BIGINT NOT NULL,
    last_hash BYTEA NOT NULL CHECK (length(last_hash) = 32),
    start_seal BYTEA
);

INSERT INTO audit_chain (id, start_id, start_hash, last_id, last_hash)
VALUES (1, 0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'));

-- Search by a part of a name: by its trigrams, or if it has one or two characters, by all parts that are so short. New
-- names wait in a short list until they are in the index. The names of people are folded here as far as ASCII goes; the
-- two other characters whose lower case is ASCII are replaced.
-- A function in SQL would be planned again for each row that is written, which takes longer than the rest of the insert.
CREATE FUNCTION short_parts(text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    parts text[] := string_to_array($1, NULL);
BEGIN
    FOR at IN 1 .. length($1) - 1 LOOP
        parts := parts || (parts[at] || parts[at + 1]);
    END LOOP;
    RETURN parts;
END $$;

CREATE FUNCTION person_key(text, text, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT lower(translate($1 || chr(10) || $2 || chr(10) || $3, chr(304) || chr(8490), 'ik'))$$;

CREATE INDEX workspaces_by_part ON workspaces USING gin (name_key gin_trgm_ops) WITH (gin_pending_list_limit = 256);
CREATE INDEX workspaces_by_short_part ON workspaces USING gin (short_parts(name_key))
    WITH (gin_pending_list_limit = 256);
CREATE INDEX organizations_by_part ON organizations USING gin (name_key gin_trgm_ops)
    WITH (gin_pending_list_limit = 256);
CREATE INDEX organizations_by_short_part ON organizations USING gin (short_parts(name_key))
    WITH (gin_pending_list_limit = 256);
CREATE INDEX projects_by_part ON projects USING gin (name_key gin_trgm_ops) WITH (gin_pending_list_limit = 256);
CREATE INDEX projects_by_short_part ON projects USING gin (short_parts(name_key)) WITH (gin_pending_list_limit = 256);
CREATE INDEX users_by_part ON users USING gin (person_key(email_key, first_name, last_name) gin_trgm_ops)
    WITH (gin_pending_list_limit = 256);
CREATE INDEX users_by_short_part ON users USING gin (short_parts(person_key(email_key, first_name, last_name)))
    WITH (gin_pending_list_limit = 256);
