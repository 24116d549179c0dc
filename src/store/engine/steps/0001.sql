-- The whole schema of an atelier data file, as it is at the newest version.
-- Times are microseconds since 1970 in UTC. Row numbers are never used twice (AUTOINCREMENT).

-- What the file as a whole knows; one row. `generation` grows with every commit that changes anything.
-- `secret` is what the tags of ids and cursors are derived from, so that nobody can make one up.
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL,
    secret BLOB NOT NULL CHECK (length(secret) = 32)
) STRICT;

INSERT INTO meta (id, generation, secret) VALUES (1, 1, randomblob(32));

-- Marks the file as atelier's: "atel" in ASCII.
PRAGMA application_id = 0x6174656c;

-- People with an account, and the bots that service keys act as. `email` is as written, `email_key` as compared.
-- No hash: cannot sign in by password. Who is invited has no account yet in the full sense; who is blocked never will
-- again; `enabled` can be switched to and fro. `developer` says whether the person may make keys.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    email TEXT NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    email_key TEXT NOT NULL UNIQUE,
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
    last_sign_in_at INTEGER
) STRICT;

-- Finds the administrators without reading everybody.
CREATE INDEX users_by_role ON users (role, enabled);

-- Links that let somebody in once, to set a password; by the SHA-256 of their secret.
CREATE TABLE links (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL CHECK (purpose IN ('invitation', 'password_reset')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (user_id, purpose)
) STRICT, WITHOUT ROWID;

-- `name_key`, here and below, is the name as searches compare it: in lower case.
-- Organizations; the one with `home` set is where people and workspaces of Wallaroo clients live.
CREATE TABLE organizations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    name_key TEXT NOT NULL,
    description TEXT NOT NULL CHECK (length(description) <= 1000),
    home INTEGER NOT NULL CHECK (home IN (0, 1)),
    created_at INTEGER NOT NULL
) STRICT;

-- There is one home.
CREATE UNIQUE INDEX organizations_home ON organizations (home) WHERE home = 1;

-- Who belongs to which organization, in what role.
CREATE TABLE organization_members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'reader', 'annotator')),
    created_at INTEGER NOT NULL,
    UNIQUE (organization_id, user_id)
) STRICT;

CREATE INDEX organization_members_by_user ON organization_members (user_id, organization_id);

-- Workspaces (spaces). `created_by` is empty once that account is gone. A private one is seen by its members and those
-- who govern; another one is read by its whole organization. The last five columns are kept for the clients that set
-- them: whether machine-learning models are shown, two colours, and two references as JSON.
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

-- Roles: named sets of permissions, as 24 bytes of bits. Those with `predefined` are there from the start and never
-- change; what they allow is in `policy`. `shows_workspaces` says whether SPACE_READ is among the permissions.
CREATE TABLE roles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description TEXT NOT NULL CHECK (length(description) <= 1000),
    predefined TEXT UNIQUE CHECK (predefined IN ('owner', 'member', 'reader', 'annotator')),
    permissions BLOB NOT NULL CHECK (length(permissions) = 24),
    shows_workspaces INTEGER NOT NULL CHECK (shows_workspaces IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX roles_by_name ON roles (name) WHERE predefined IS NULL;

-- Who joined which workspace, in what role; `role_id` is the named role of a custom one.
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

-- Which workspace a person works in unless told otherwise.
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

-- Versions of a model.
CREATE TABLE model_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    model_id INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX model_versions_by_model ON model_versions (model_id, id);

-- Pipelines, in a workspace.
CREATE TABLE pipelines (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workspace_id, name)
) STRICT;

CREATE INDEX pipelines_by_creator ON pipelines (created_by);

-- Projects, in a workspace.
CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    name_key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('application', 'harness', 'experiment')),
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workspace_id, name)
) STRICT;

CREATE INDEX projects_by_creator ON projects (created_by);

-- Projects that only those see who have a binding on them, or who govern.
CREATE TABLE restrictions (
    project_id INTEGER PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX restrictions_by_creator ON restrictions (created_by);

-- Roles given to people on one thing: a workspace with all that is in it, or a project.
CREATE TABLE bindings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    role_id INTEGER NOT NULL REFERENCES roles (id) ON DELETE RESTRICT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    workspace_id INTEGER REFERENCES workspaces (id) ON DELETE CASCADE,
    project_id INTEGER REFERENCES projects (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (user_id, workspace_id),
    UNIQUE (user_id, project_id),
    CHECK ((workspace_id IS NULL) <> (project_id IS NULL))
) STRICT;

CREATE INDEX bindings_by_role ON bindings (role_id);
CREATE INDEX bindings_by_workspace ON bindings (workspace_id, id) WHERE workspace_id IS NOT NULL;
CREATE INDEX bindings_by_project ON bindings (project_id, id) WHERE project_id IS NOT NULL;

-- Sign-ins. A session that is ended is deleted; the audit remembers it.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client TEXT NOT NULL,
    scope TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    idle_until INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_idle ON sessions (idle_until);

-- Refresh tokens, by the SHA-256 of their text.
CREATE TABLE refresh_tokens (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

-- API keys, by the SHA-256 of their text. `redacted` is what may be shown of the text. A key of a bot is a service key.
-- After a refresh, the text before it is good until `previous_expires_at`.
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
    last_used_at INTEGER
) STRICT;

CREATE INDEX keys_by_user ON keys (user_id);
CREATE INDEX keys_by_creator ON keys (created_by);

-- Keys that tokens are signed with, sealed under the master key.
CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA')),
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who did what, by which credential, in which dialect, from where; one row for each change, in its transaction.
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
    after TEXT
) STRICT;

CREATE INDEX audit_by_actor ON audit (actor_id, id);
