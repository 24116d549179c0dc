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
-- `email_verified_by` is who vouched for the address, and when: the operator, or an administrator by UUID; empty where
-- nobody did. No hash: cannot sign in by password. Who is invited has no account yet in the full sense; who is blocked
-- never will again; `enabled` can be switched to and fro. `developer` says whether the person may make keys.
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
    CHECK ((email_verified_by IS NULL) = (email_verified_at IS NULL))
) STRICT;

-- An address is one person's. That of somebody whose account was closed for good is free for somebody else.
CREATE UNIQUE INDEX users_by_email ON users (email_key) WHERE state <> 'blocked';

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
CREATE INDEX organization_admins ON organization_members (organization_id) WHERE role = 'admin';

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
CREATE INDEX workspaces_by_organization ON workspaces (organization_id);
CREATE INDEX workspaces_not_private ON workspaces (organization_id) WHERE private = 0;

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
CREATE INDEX models_by_workspace ON models (workspace_id);

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
CREATE INDEX pipelines_by_workspace ON pipelines (workspace_id);

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
CREATE INDEX projects_by_workspace ON projects (workspace_id);

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
CREATE INDEX bindings_on_workspaces ON bindings (id) WHERE project_id IS NULL;
CREATE INDEX bindings_on_projects ON bindings (id) WHERE workspace_id IS NULL;

-- OAuth clients: programs that ask for tokens on behalf of people, or of themselves. `grants`, `scopes` and the two lists
-- of redirect addresses are words with a blank between them. One with a secret is confidential, one without is public;
-- only the SHA-256 of the secret is kept. `refresh` says whether a refresh token may be used again and again or is
-- exchanged for its successor. Lives are seconds; where there is none, the server's own counts. `service_user_id` is the
-- bot that it acts as on its own behalf. A built-in one is there from the start and stays.
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

-- Sign-ins: of a browser at the pages, which has no client and a cookie, or of a client, which has tokens. A session that
-- is ended is deleted; the audit remembers it. `authenticated_at` is when the person proved who they are, and
-- `second_factor` whether by more than a password. `family` is the part that all refresh tokens of a session have in
-- common where they are exchanged for one another. `browser` is the browser that a client's session was begun through,
-- by the SHA-256 of a cookie.
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
    CHECK ((client IS NULL) = (cookie IS NOT NULL))
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_client ON sessions (client, id) WHERE client IS NOT NULL;
CREATE INDEX sessions_by_idle ON sessions (idle_until);

-- The addresses that people have signed in from, an IPv6 one as its /64: there, strangers' failures do not delay them.
CREATE TABLE known_places (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place TEXT NOT NULL CHECK (length(place) <= 64),
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;

-- Refresh tokens, by the SHA-256 of their text. One that was exchanged keeps the salt that its successor was made with
-- for as long as it may be presented again, so that it leads to the same one.
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

-- Authorization codes, by the SHA-256 of their text. One that was used keeps what it led to, which ends when the code
-- comes a second time.
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

-- Device codes and the user codes that people type, by the SHA-256 of their text. `user_id` is who decided.
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

-- What people have let clients do on their behalf.
CREATE TABLE consents (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX consents_by_client ON consents (client);

-- What a person has approved in a browser session, for clients that cannot prove which program they are.
CREATE TABLE approvals (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX approvals_by_client ON approvals (client);

-- Pending sign-ins at the pages: the password was right, and a step is left. By the SHA-256 of their cookie.
-- `second_factor` says whether one was proved already, `failures` how many codes were wrong.
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

-- Second factors: secrets of one-time passwords (RFC 6238), sealed under the master key. One that is not confirmed by a
-- first code counts for nothing. `last_step` is the last time step whose code was used; none is good twice.
CREATE TABLE second_factors (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    last_step INTEGER
) STRICT;

-- Recovery codes, each good once in place of a second factor, by the SHA-256 of the user's UUID and the code.
CREATE TABLE recovery_codes (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

-- Wrong codes of second factors, and wrong recovery codes: how many came since the last right one, wherever they were
-- typed, and when the last one came.
CREATE TABLE wrong_codes (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    count INTEGER NOT NULL CHECK (count > 0),
    last_at INTEGER NOT NULL
) STRICT;

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

-- Keys that tokens are signed with, sealed under the master key. One is active and signs, the next is published ahead,
-- and those retired verify until the last token of theirs has ended. `token_life` is how long the longest-lived of its
-- tokens lives, in seconds. `rsa_bits` is there for RSA only.
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

-- Of each kind one at most.
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (state) WHERE state <> 'retired';

-- Who did what, by which credential, in which dialect, from where; one row for each change, in its transaction. `hash`
-- covers the hash of the row before and every other column (src/store/audit/chain.rs).
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
CREATE INDEX audit_by_actor ON audit (actor_id, at);

-- Both ends of the chain of audit rows: the first row follows `start_hash`, and the newest one has `last_hash`, so that
-- rows that are missing at an end are found too. `start_id` is 0 for as long as no row is removed on purpose.
CREATE TABLE audit_chain (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    start_id INTEGER NOT NULL,
    start_hash BLOB NOT NULL CHECK (length(start_hash) = 32),
    last_id INTEGER NOT NULL,
    last_hash BLOB NOT NULL CHECK (length(last_hash) = 32)
) STRICT;

INSERT INTO audit_chain (id, start_id, start_hash, last_id, last_hash) VALUES (1, 0, zeroblob(32), 0, zeroblob(32));

-- What names became, so that the names in memory are brought up to date (src/store/search.rs); none where the row was
-- deleted. New rows are found by their id. The last 10000 changes are kept; `seq` never begins anew, for the last one stays.
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
