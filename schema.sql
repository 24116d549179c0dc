-- The whole schema of an atelier data file in its newest version.
-- Times are microseconds since 1970 in UTC. Ids are never reused (AUTOINCREMENT).

-- One row about the file as a whole. `generation` grows with every commit that changes anything. The tags of ids and
-- cursors are derived from `secret`, so that nobody can forge them. `stamp` says which number a server has written into the
-- header of the file at its start, so that the log of another file is recognized.
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL,
    secret BLOB NOT NULL CHECK (length(secret) = 32),
    stamp BLOB
) STRICT;

INSERT INTO meta (id, generation, secret) VALUES (1, 1, randomblob(32));

-- The row that the check of readiness writes and reads.
CREATE TABLE readiness (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checked_at INTEGER NOT NULL
) STRICT;

INSERT INTO readiness (id, checked_at) VALUES (1, 0);

-- Marks the file as atelier's: "atel" in ASCII.
PRAGMA application_id = 0x6174656c;

-- People with an account, and the bots that service keys act as. `email` is the address as written, `email_key` as
-- compared. `email_verified_by` and `email_verified_at` say who verified the address and when: the operator, or the
-- UUID of an administrator; empty if nobody did. A user without a hash cannot sign in with a password. An invited user
-- has not accepted the invitation yet. A blocked user is closed permanently; `enabled` can be switched off and on.
-- `developer` says whether the person may create keys. `lapsed` marks an invited user whose invitation was seen to have
-- expired. `status` is that of a person in lists; none if the account is closed.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    email TEXT NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    email_key TEXT NOT NULL,
    email_verified_by TEXT CHECK (email_verified_by = 'operator' OR length(email_verified_by) = 36),
    email_verified_at INTEGER,
    first_name TEXT NOT NULL CHECK (length(first_name) <= 255),
    last_name TEXT NOT NULL CHECK (length(last_name) <= 255),
    kind TEXT NOT NULL CHECK (kind IN ('person', 'bot')),
    state TEXT NOT NULL CHECK (state IN ('invited', 'active', 'blocked')),
    invited_until INTEGER,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    developer INTEGER NOT NULL CHECK (developer IN (0, 1)),
    role TEXT NOT NULL CHECK (role IN ('administrator', 'member', 'ui_only', 'annotator')),
    password_hash TEXT,
    must_change_password INTEGER NOT NULL CHECK (must_change_password IN (0, 1)),
    created_at INTEGER NOT NULL,
    last_sign_in_at INTEGER,
    lapsed INTEGER NOT NULL DEFAULT 0 CHECK (lapsed IN (0, 1)),
    status TEXT GENERATED ALWAYS AS (
    CASE WHEN kind <> 'person' OR state = 'blocked' THEN NULL WHEN enabled = 0 THEN 'disabled'
         WHEN state = 'invited' AND lapsed = 1 THEN 'expired' ELSE state END) VIRTUAL,
    CHECK ((email_verified_by IS NULL) = (email_verified_at IS NULL))
) STRICT;

-- An address belongs to one person. The address of a permanently closed account is free for another person.
CREATE UNIQUE INDEX users_by_email ON users (email_key) WHERE state <> 'blocked';

-- Finds the administrators without reading all users.
CREATE INDEX users_by_role ON users (role, enabled);

-- Lists of people.
CREATE INDEX users_by_status ON users (status, email_verified_at IS NULL);
CREATE INDEX users_people ON users (id) WHERE status IS NOT NULL;
CREATE INDEX users_to_lapse ON users (invited_until) WHERE state = 'invited' AND lapsed = 0;

-- One-time links to set a password, by the SHA-256 of their secret.
CREATE TABLE links (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL CHECK (purpose IN ('invitation', 'password_reset')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (user_id, purpose)
) STRICT, WITHOUT ROWID;

CREATE INDEX links_by_end ON links (expires_at);

-- `name_key`, here and below, is the name as searches compare it: in lower case.
-- Organizations. The people and workspaces of Wallaroo clients belong to the one with `home` set. `file_bytes` is the size
-- of all files of its models; a file counts once, however many versions have it.
CREATE TABLE organizations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    name_key TEXT NOT NULL,
    description TEXT NOT NULL CHECK (length(description) <= 1000),
    home INTEGER NOT NULL CHECK (home IN (0, 1)),
    created_at INTEGER NOT NULL,
    file_bytes INTEGER NOT NULL DEFAULT 0 CHECK (file_bytes >= 0)
) STRICT;

-- There is at most one home.
CREATE UNIQUE INDEX organizations_home ON organizations (home) WHERE home = 1;

-- The members of organizations, and their roles.
CREATE TABLE organization_members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'reader', 'annotator')),
    created_at INTEGER NOT NULL,
    UNIQUE (organization_id, user_id)
) STRICT;

CREATE INDEX organization_members_by_user ON organization_members (user_id, organization_id);
CREATE INDEX organization_admins ON organization_members (organization_id) WHERE role = 'admin';

-- Workspaces (spaces). `created_by` is empty after that account is deleted. A private workspace is visible to its
-- members and to administrators of the account or its organization. Other workspaces are readable by their whole
-- organization. The last five columns are stored for the clients that set them: whether machine-learning models are
-- shown, two colors, and two references as JSON.
CREATE TABLE workspaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    name_key TEXT NOT NULL,
    description TEXT NOT NULL CHECK (length(description) <= 1000),
    private INTEGER NOT NULL CHECK (private IN (0, 1)),
    archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    ml_models_enabled INTEGER NOT NULL CHECK (ml_models_enabled IN (0, 1)),
    gradient_start_color TEXT,
    gradient_end_color TEXT,
    default_llm_integration TEXT,
    default_agent_runtime TEXT,
    UNIQUE (organization_id, name)
) STRICT;

CREATE INDEX workspaces_by_creator ON workspaces (created_by);
CREATE INDEX workspaces_by_organization ON workspaces (organization_id);
CREATE INDEX workspaces_not_private ON workspaces (organization_id) WHERE private = 0;

-- Roles: named sets of permissions, as 24 bytes of bits. Roles with `predefined` exist from the start and never change;
-- `policy` contains their permissions. `shows_workspaces` says whether SPACE_READ is among the permissions, and the last
-- three columns whether PROJECT_READ, PROJECT_RESTRICT and ROLE_BINDING_READ are.
CREATE TABLE roles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description TEXT NOT NULL CHECK (length(description) <= 1000),
    predefined TEXT UNIQUE CHECK (predefined IN ('owner', 'member', 'reader', 'annotator')),
    permissions BLOB NOT NULL CHECK (length(permissions) = 24),
    shows_workspaces INTEGER NOT NULL CHECK (shows_workspaces IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    reads_projects INTEGER GENERATED ALWAYS AS
    ((instr('0123456789ABCDEF', substr(hex(permissions), 23, 1)) - 1) >> 1 & 1) VIRTUAL,
    restricts_projects INTEGER GENERATED ALWAYS AS
    ((instr('0123456789ABCDEF', substr(hex(permissions), 23, 1)) - 1) >> 2 & 1) VIRTUAL,
    reads_bindings INTEGER GENERATED ALWAYS AS
    ((instr('0123456789ABCDEF', substr(hex(permissions), 31, 1)) - 1) >> 2 & 1) VIRTUAL
) STRICT;

CREATE UNIQUE INDEX roles_by_name ON roles (name) WHERE predefined IS NULL;

-- The members of workspaces, and their roles. `role_id` is the named role of a custom one.
CREATE TABLE members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'member', 'reader', 'annotator', 'custom')),
    role_id INTEGER REFERENCES roles (id) ON DELETE RESTRICT,
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, user_id),
    CHECK ((role = 'custom') = (role_id IS NOT NULL))
) STRICT;

CREATE INDEX members_by_user ON members (user_id, workspace_id, role);
CREATE INDEX members_by_role ON members (role_id) WHERE role_id IS NOT NULL;

-- Finds the owners of a workspace without reading all of its members.
CREATE INDEX workspace_owners ON members (workspace_id, user_id) WHERE role = 'owner';

-- The default workspace of each person.
CREATE TABLE default_workspaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX default_workspaces_by_workspace ON default_workspaces (workspace_id, user_id);

-- Models: named series of versions, in a workspace.
CREATE TABLE models (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workspace_id, name)
) STRICT;

CREATE INDEX models_by_creator ON models (created_by);
CREATE INDEX models_by_workspace ON models (workspace_id);

-- The versions of models. A version has a file, or is an image of a registry. `conversion` is JSON as the client sent it.
-- `organization_id` is that of the workspace.
CREATE TABLE model_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    model_id INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    organization_id INTEGER NOT NULL,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    visibility TEXT NOT NULL CHECK (visibility IN ('private', 'public')),
    sha256 BLOB CHECK (length(sha256) = 32),
    size INTEGER NOT NULL CHECK (size >= 0),
    file_name TEXT NOT NULL CHECK (length(file_name) <= 255),
    image_path TEXT,
    conversion TEXT,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX model_versions_by_model ON model_versions (model_id, id);
CREATE INDEX model_versions_by_creator ON model_versions (created_by);
CREATE INDEX model_versions_by_file ON model_versions (sha256, organization_id) WHERE sha256 IS NOT NULL;

-- Files that no version has, or not yet: they are removed after that time. An upload that is interrupted leaves such a row.
-- While `removing` is set, the file is being removed, and an upload of the same file waits.
-- `generation` is that of the data when the row was made: an upload that began before may have lost its file. It is 0
-- when a version had the file until then, so that the file is there.
CREATE TABLE unreferenced_files (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    remove_after INTEGER NOT NULL,
    removing INTEGER NOT NULL CHECK (removing IN (0, 1)),
    generation INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX unreferenced_files_by_time ON unreferenced_files (remove_after);

CREATE TRIGGER model_files_added AFTER INSERT ON model_versions
WHEN new.sha256 IS NOT NULL AND NOT EXISTS
    (SELECT 1 FROM model_versions v
     WHERE v.sha256 = new.sha256 AND v.organization_id = new.organization_id AND v.id <> new.id) BEGIN
    UPDATE organizations SET file_bytes = file_bytes + new.size WHERE id = new.organization_id;
END;

CREATE TRIGGER model_files_removed AFTER DELETE ON model_versions
WHEN old.sha256 IS NOT NULL AND NOT EXISTS
    (SELECT 1 FROM model_versions v
     WHERE v.sha256 = old.sha256 AND v.organization_id = old.organization_id) BEGIN
    UPDATE organizations SET file_bytes = file_bytes - old.size WHERE id = old.organization_id;
    INSERT INTO unreferenced_files (sha256, remove_after, removing)
    SELECT old.sha256, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM model_versions v WHERE v.sha256 = old.sha256)
    ON CONFLICT (sha256) DO UPDATE SET remove_after = 0;
END;

-- How a version is to be run. The newest one of a version is in force.
CREATE TABLE model_configs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    runtime TEXT NOT NULL CHECK (runtime IN ('onnx', 'tensorflow', 'flight', 'mlflow')),
    tensor_fields TEXT,
    filter_threshold REAL,
    input_schema TEXT,
    output_schema TEXT,
    batch_config TEXT,
    dynamic_batching_config TEXT,
    continuous_batching_config TEXT,
    openai TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX model_configs_by_version ON model_configs (version_id, id);

-- Pipelines of a workspace.
CREATE TABLE pipelines (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    visibility TEXT NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
    UNIQUE (workspace_id, name)
) STRICT;

CREATE INDEX pipelines_by_creator ON pipelines (created_by);
CREATE INDEX pipelines_by_workspace ON pipelines (workspace_id);

-- The versions of pipelines. `definition` is JSON as the client sent it.
CREATE TABLE pipeline_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pipeline_id INTEGER NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    definition TEXT,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX pipeline_versions_by_pipeline ON pipeline_versions (pipeline_id, id);
CREATE INDEX pipeline_versions_by_creator ON pipeline_versions (created_by);

-- The model versions that the steps of a pipeline name. They may have been deleted since.
CREATE TABLE pipeline_version_models (
    pipeline_version_id INTEGER NOT NULL REFERENCES pipeline_versions (id) ON DELETE CASCADE,
    model_name TEXT NOT NULL,
    model_uuid TEXT NOT NULL,
    PRIMARY KEY (pipeline_version_id, model_name, model_uuid)
) STRICT, WITHOUT ROWID;

CREATE INDEX pipeline_version_models_by_model ON pipeline_version_models (model_uuid);

-- Connections to data sources. `kind` is free text, `sealed` the details as JSON, sealed under the master key.
CREATE TABLE connections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    kind TEXT NOT NULL CHECK (length(kind) <= 255),
    sealed BLOB NOT NULL,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX connections_by_creator ON connections (created_by);

-- The workspaces that have a connection.
CREATE TABLE connection_workspaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    UNIQUE (connection_id, workspace_id)
) STRICT;

CREATE INDEX connection_workspaces_by_workspace ON connection_workspaces (workspace_id, connection_id);

-- Tags of an organization, or of one of its workspaces. `color` is the name of a color.
CREATE TABLE tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    workspace_id INTEGER REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    name_key TEXT NOT NULL,
    description TEXT CHECK (length(description) <= 1000),
    color TEXT,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX tags_by_name ON tags (workspace_id, name_key) WHERE workspace_id IS NOT NULL;
CREATE INDEX tags_by_workspace ON tags (workspace_id);
CREATE INDEX tags_by_organization ON tags (organization_id, workspace_id);
CREATE INDEX tags_by_creator ON tags (created_by);

-- The tags of model versions, pipelines and projects.
CREATE TABLE model_version_tags (
    version_id INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (version_id, tag_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX model_version_tags_by_tag ON model_version_tags (tag_id);

CREATE TABLE pipeline_tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pipeline_id INTEGER NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    UNIQUE (pipeline_id, tag_id)
) STRICT;

CREATE INDEX pipeline_tags_by_tag ON pipeline_tags (tag_id);

-- Projects of a workspace. The last three columns are copies, from which lists find what a user sees: the workspace's
-- organization, whether the workspace is private, and whether the project is restricted.
CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    name_key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('application', 'harness', 'experiment')),
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    organization_id INTEGER NOT NULL DEFAULT 0,
    private INTEGER NOT NULL DEFAULT 1 CHECK (private IN (0, 1)),
    restricted INTEGER NOT NULL DEFAULT 0 CHECK (restricted IN (0, 1)),
    UNIQUE (workspace_id, name)
) STRICT;

CREATE INDEX projects_by_creator ON projects (created_by);
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

CREATE TABLE project_tags (
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (project_id, tag_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX project_tags_by_tag ON project_tags (tag_id);

-- Projects that are visible only to users with a binding on them and to those who manage the workspace, its
-- organization or the account.
CREATE TABLE restrictions (
    project_id INTEGER PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX restrictions_by_creator ON restrictions (created_by);

CREATE TRIGGER projects_restricted AFTER INSERT ON restrictions BEGIN
    UPDATE projects SET restricted = 1 WHERE id = new.project_id;
END;

CREATE TRIGGER projects_released AFTER DELETE ON restrictions BEGIN
    UPDATE projects SET restricted = 0 WHERE id = old.project_id;
END;

-- Roles of users on one resource: a workspace with all its contents, or a project. `place_id` is the workspace that is
-- or contains the resource, `organization_id` its organization.
CREATE TABLE bindings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    role_id INTEGER NOT NULL REFERENCES roles (id) ON DELETE RESTRICT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    workspace_id INTEGER REFERENCES workspaces (id) ON DELETE CASCADE,
    project_id INTEGER REFERENCES projects (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    place_id INTEGER NOT NULL DEFAULT 0,
    organization_id INTEGER NOT NULL DEFAULT 0,
    UNIQUE (user_id, workspace_id),
    UNIQUE (user_id, project_id),
    CHECK ((workspace_id IS NULL) <> (project_id IS NULL))
) STRICT;

CREATE INDEX bindings_by_role ON bindings (role_id);
CREATE INDEX bindings_by_workspace ON bindings (workspace_id, id) WHERE workspace_id IS NOT NULL;
CREATE INDEX bindings_by_project ON bindings (project_id, id) WHERE project_id IS NOT NULL;
CREATE INDEX bindings_on_workspaces ON bindings (id) WHERE project_id IS NULL;
CREATE INDEX bindings_on_projects ON bindings (id) WHERE workspace_id IS NULL;
CREATE INDEX bindings_by_place ON bindings (place_id, project_id IS NULL);
CREATE INDEX bindings_by_organization ON bindings (organization_id, project_id IS NULL);
CREATE INDEX bindings_by_user ON bindings (user_id, role_id, workspace_id, project_id);

CREATE TRIGGER bindings_placed AFTER INSERT ON bindings BEGIN
    UPDATE bindings SET (place_id, organization_id) =
        (SELECT w.id, w.organization_id FROM workspaces w
         WHERE w.id = coalesce(new.workspace_id, (SELECT workspace_id FROM projects WHERE id = new.project_id)))
    WHERE id = new.id;
END;

-- OAuth clients: programs that request tokens on behalf of people, or of themselves. `grants`, `scopes` and the two
-- lists of redirect addresses are separated by spaces. A client with a secret is confidential, one without is public.
-- Only the SHA-256 of the secret is stored. `refresh` says whether a refresh token is reusable or is exchanged for its
-- successor. Lives are in seconds; an empty one means the server's default. `service_user_id` is the bot that the
-- client acts as on its own behalf. A built-in client exists from the start and cannot be deleted.
CREATE TABLE clients (
    id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 128),
    name TEXT NOT NULL CHECK (length(name) <= 255),
    built_in INTEGER NOT NULL CHECK (built_in IN (0, 1)),
    confidential INTEGER NOT NULL CHECK (confidential IN (0, 1)),
    secret BLOB CHECK (length(secret) = 32),
    grants TEXT NOT NULL,
    scopes TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    post_logout_redirect_uris TEXT NOT NULL,
    refresh TEXT NOT NULL CHECK (refresh IN ('reusable', 'rotating')),
    access_token_life INTEGER CHECK (access_token_life > 0),
    session_idle INTEGER CHECK (session_idle > 0),
    session_life INTEGER CHECK (session_life > 0),
    service_user_id INTEGER UNIQUE REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    pkce TEXT NOT NULL DEFAULT 'required' CHECK (pkce IN ('required', 'optional')),
    group_names TEXT NOT NULL DEFAULT '{}',
    CHECK (confidential = 1 OR secret IS NULL)
) STRICT, WITHOUT ROWID;

-- The Wallaroo SDK, programs with a secret, the `ax` command line, and Keycloak's administration.
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

-- Sign-ins: of a browser, which has a cookie and no client, or of a client, which has tokens. A revoked session is
-- deleted; the audit log records it. `authenticated_at` is when the person authenticated, and `second_factor` whether
-- with more than a password. `family` is the common part of all refresh tokens of a session, if they are exchanged for
-- one another. `browser` is the browser through which a client's session began, by the SHA-256 of a cookie. `last_used_at`
-- and `idle_until` are stored at most once an hour. `places` are the last addresses that its refresh tokens came from,
-- apart from `address`, separated by spaces, an IPv6 one as its /64.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client TEXT REFERENCES clients (id) ON DELETE CASCADE,
    cookie BLOB UNIQUE CHECK (length(cookie) = 32),
    family BLOB UNIQUE CHECK (length(family) = 32),
    scope TEXT NOT NULL,
    nonce TEXT,
    address TEXT,
    user_agent TEXT CHECK (length(user_agent) <= 255),
    authenticated_at INTEGER NOT NULL,
    second_factor INTEGER NOT NULL CHECK (second_factor IN (0, 1)),
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    idle_until INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    browser BLOB CHECK (length(browser) = 32),
    places TEXT NOT NULL DEFAULT '' CHECK (length(places) <= 2048),
    CHECK ((client IS NULL) = (cookie IS NOT NULL))
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_client ON sessions (client, id, idle_until, ends_at) WHERE client IS NOT NULL;
CREATE INDEX sessions_by_idle ON sessions (idle_until);

-- The addresses that users have signed in from, an IPv6 one as its /64. Failed sign-ins from elsewhere do not delay a
-- user at these addresses.
CREATE TABLE known_places (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place TEXT NOT NULL CHECK (length(place) <= 64),
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;

-- Refresh tokens, by the SHA-256 of their text. An exchanged token keeps the salt of its successor as long as it may be
-- presented again, so that it leads to the same successor.
CREATE TABLE refresh_tokens (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    exchanged_at INTEGER,
    successor_salt BLOB CHECK (length(successor_salt) = 32),
    CHECK ((exchanged_at IS NULL) = (successor_salt IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_exchange ON refresh_tokens (exchanged_at) WHERE exchanged_at IS NOT NULL;

-- Authorization codes, by the SHA-256 of their text. A used code keeps the session that it led to, which is revoked if
-- the code is used again.
CREATE TABLE authorization_codes (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    scope TEXT NOT NULL,
    nonce TEXT,
    code_challenge TEXT NOT NULL,
    authenticated_at INTEGER NOT NULL,
    second_factor INTEGER NOT NULL CHECK (second_factor IN (0, 1)),
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    session_id INTEGER REFERENCES sessions (id) ON DELETE SET NULL,
    browser BLOB CHECK (length(browser) = 32)
) STRICT, WITHOUT ROWID;

CREATE INDEX authorization_codes_by_client ON authorization_codes (client);
CREATE INDEX authorization_codes_by_user ON authorization_codes (user_id);
CREATE INDEX authorization_codes_by_session ON authorization_codes (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX authorization_codes_by_end ON authorization_codes (expires_at);

-- Device codes and the user codes that people type, by the SHA-256 of their text. `user_id` is the person who decided.
CREATE TABLE device_codes (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_code BLOB NOT NULL UNIQUE CHECK (length(user_code) = 32),
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    address TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied')),
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    authenticated_at INTEGER,
    second_factor INTEGER NOT NULL CHECK (second_factor IN (0, 1)),
    pause INTEGER NOT NULL CHECK (pause > 0),
    polled_at INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CHECK ((state = 'pending') = (user_id IS NULL)),
    CHECK ((state = 'pending') = (authenticated_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX device_codes_by_client ON device_codes (client);
CREATE INDEX device_codes_by_user ON device_codes (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX device_codes_by_end ON device_codes (expires_at);

-- The scopes that people granted to clients.
CREATE TABLE consents (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX consents_by_client ON consents (client);

-- The scopes that a person approved in a browser session, for clients that cannot prove their identity.
CREATE TABLE approvals (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX approvals_by_client ON approvals (client);

-- Pending sign-ins of browsers: the password was right, and a step is left. By the SHA-256 of their cookie.
-- `second_factor` says whether a second factor was already proved, `failures` how many codes were wrong.
CREATE TABLE pending_sign_ins (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    step TEXT NOT NULL CHECK (step IN ('second_factor', 'enrol_second_factor', 'password')),
    second_factor INTEGER NOT NULL CHECK (second_factor IN (0, 1)),
    failures INTEGER NOT NULL CHECK (failures >= 0),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX pending_sign_ins_by_user ON pending_sign_ins (user_id);
CREATE INDEX pending_sign_ins_by_end ON pending_sign_ins (expires_at);

-- Second factors: secrets of one-time passwords (RFC 6238), sealed under the master key. An unconfirmed one, without a
-- first right code, is ignored. `last_step` is the last time step whose code was used; a code is never valid twice.
CREATE TABLE second_factors (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    last_step INTEGER
) STRICT;

-- Recovery codes, each valid once in place of a second factor, by the SHA-256 of the user's UUID and the code.
CREATE TABLE recovery_codes (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

-- The number of wrong codes of second factors and wrong recovery codes since the last right one, wherever they were
-- typed, and the time of the last one.
CREATE TABLE wrong_codes (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    count INTEGER NOT NULL CHECK (count > 0),
    last_at INTEGER NOT NULL
) STRICT;

-- API keys, by the SHA-256 of their text. `redacted` is the part of the text that may be shown. A key of a bot is a
-- service key, which `service` repeats. After a refresh, the previous text is valid until `previous_expires_at`.
-- `expired` marks a key that was seen to have expired, `dead` one that is revoked too.
CREATE TABLE keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
    fingerprint BLOB NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
    redacted TEXT NOT NULL,
    description TEXT NOT NULL CHECK (length(description) <= 1000),
    previous_fingerprint BLOB UNIQUE CHECK (length(previous_fingerprint) = 32),
    previous_expires_at INTEGER,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER,
    service INTEGER NOT NULL DEFAULT 0 CHECK (service IN (0, 1)),
    expired INTEGER NOT NULL DEFAULT 0 CHECK (expired IN (0, 1)),
    dead INTEGER GENERATED ALWAYS AS (expired = 1 OR revoked_at IS NOT NULL) VIRTUAL
) STRICT;

CREATE INDEX keys_by_user ON keys (user_id, dead);
CREATE INDEX keys_by_creator ON keys (created_by, service, dead);
CREATE INDEX keys_of_services ON keys (dead) WHERE service = 1;
CREATE INDEX keys_to_expire ON keys (expires_at) WHERE expires_at IS NOT NULL AND expired = 0 AND revoked_at IS NULL;

CREATE INDEX keys_by_end ON keys (coalesce(revoked_at, expires_at));

CREATE TRIGGER keys_of_bots AFTER INSERT ON keys
WHEN new.service = 0 AND (SELECT kind FROM users WHERE id = new.user_id) = 'bot' BEGIN
    UPDATE keys SET service = 1 WHERE id = new.id;
END;

-- Keys that sign tokens, sealed under the master key. The active one signs, the next one is published ahead, and
-- retired ones verify until their last token has expired. `token_life` is the longest life of a token that the key
-- signed, in seconds. `rsa_bits` is set for RSA only.
CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA')),
    sealed BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    created_at INTEGER NOT NULL,
    activated_at INTEGER,
    retired_at INTEGER,
    token_life INTEGER NOT NULL CHECK (token_life >= 0),
    rsa_bits INTEGER CHECK (rsa_bits >= 2048),
    CHECK ((state = 'next') = (activated_at IS NULL)),
    CHECK ((state = 'retired') = (retired_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- At most one key is active, and at most one is next.
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (state) WHERE state <> 'retired';

-- The audit log: who did what, with which credential, in which dialect, from where. Each change has one row, in the
-- transaction of the change. `hash` covers the previous row's hash and every other column (src/store/audit/chain.rs).
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    actor_id INTEGER,
    credential TEXT NOT NULL,
    dialect TEXT NOT NULL,
    address TEXT,
    request_id TEXT NOT NULL,
    verb TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    before TEXT,
    after TEXT,
    hash BLOB CHECK (length(hash) = 32)
) STRICT;

CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_verb ON audit (verb, at);
CREATE INDEX audit_by_actor ON audit (actor_id, verb, at);

-- Both ends of the chain of audit rows: the first row follows `start_hash`, and the newest row has `last_hash`, so that
-- rows missing at an end are detected too. `start_id` is 0 until the server has deleted old rows. Then it is the last of
-- them, and `start_seal` has `start_id` and `start_hash`, sealed under the master key.
CREATE TABLE audit_chain (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    start_id INTEGER NOT NULL,
    start_hash BLOB NOT NULL CHECK (length(start_hash) = 32),
    last_id INTEGER NOT NULL,
    last_hash BLOB NOT NULL CHECK (length(last_hash) = 32),
    start_seal BLOB
) STRICT;

INSERT INTO audit_chain (id, start_id, start_hash, last_id, last_hash) VALUES (1, 0, zeroblob(32), 0, zeroblob(32));

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

CREATE TRIGGER users_name_changed AFTER UPDATE OF email_key, first_name, last_name ON users
WHEN new.email_key <> old.email_key OR new.first_name <> old.first_name OR new.last_name <> old.last_name BEGIN
    INSERT INTO name_changes (table_name, row, name)
    VALUES ('users', new.id, new.email_key || char(10) || new.first_name || char(10) || new.last_name);
END;

CREATE TRIGGER users_name_deleted AFTER DELETE ON users BEGIN
    INSERT INTO name_changes (table_name, row) VALUES ('users', old.id);
END;
