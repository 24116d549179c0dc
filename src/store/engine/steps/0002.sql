-- Sign-in for people, programs and devices: clients as rows, sessions of browsers, codes, consents, second factors, and
-- keys that succeed one another. Tables that change are made anew with their rows.

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
        'openid email profile offline_access', '', '', 'reusable', 0, 0),
       ('api-client', 'API client', 1, 1, 'password refresh_token client_credentials',
        'openid email profile offline_access', '', '', 'rotating', 0, 0),
       ('arize-cli', 'Arize command line', 1, 0, 'authorization_code refresh_token',
        'openid email profile offline_access', 'http://127.0.0.1/callback', '', 'rotating', 0, 0),
       ('admin-cli', 'Keycloak administration', 1, 0, 'password refresh_token',
        'openid email profile offline_access', '', '', 'rotating', 0, 0);

-- Clients had no rows before; a session of another than a built-in one has nobody to go on with it.
ALTER TABLE sessions RENAME TO old_sessions;
ALTER TABLE refresh_tokens RENAME TO old_refresh_tokens;
DROP INDEX sessions_by_user;
DROP INDEX sessions_by_idle;
DROP INDEX refresh_tokens_by_session;

-- Sign-ins: of a browser at the pages, which has no client and a cookie, or of a client, which has tokens. A session that
-- is ended is deleted; the audit remembers it. `authenticated_at` is when the person proved who they are, and
-- `second_factor` whether by more than a password. `family` is the part that all refresh tokens of a session have in
-- common where they are exchanged for one another.
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
    CHECK ((client IS NULL) = (cookie IS NOT NULL))
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_client ON sessions (client, id) WHERE client IS NOT NULL;
CREATE INDEX sessions_by_idle ON sessions (idle_until);

INSERT INTO sessions (id, uuid, user_id, client, scope, authenticated_at, second_factor, created_at, last_used_at,
                      idle_until, ends_at)
SELECT id, uuid, user_id, client, scope, created_at, 0, created_at, created_at, idle_until, ends_at
FROM old_sessions WHERE client IN (SELECT id FROM clients);

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

INSERT INTO refresh_tokens (fingerprint, session_id, created_at)
SELECT fingerprint, session_id, created_at FROM old_refresh_tokens WHERE session_id IN (SELECT id FROM sessions);

-- No number of a session is used twice.
UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'old_sessions')
WHERE name = 'sessions' AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'old_sessions');
INSERT INTO sqlite_sequence (name, seq)
SELECT 'sessions', seq FROM sqlite_sequence
WHERE name = 'old_sessions' AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'sessions');

DROP TABLE old_refresh_tokens;
DROP TABLE old_sessions;

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
    session_id INTEGER REFERENCES sessions (id) ON DELETE SET NULL
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

-- Sign-ins at the pages that are half done: the password was right, and a step is left. By the SHA-256 of their cookie.
-- `second_factor` says whether one was proved already, `failures` how many codes were wrong.
CREATE TABLE half_sign_ins (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    step TEXT NOT NULL CHECK (step IN ('second_factor', 'enrol_second_factor', 'password')),
    second_factor INTEGER NOT NULL CHECK (second_factor IN (0, 1)),
    failures INTEGER NOT NULL CHECK (failures >= 0),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX half_sign_ins_by_user ON half_sign_ins (user_id);
CREATE INDEX half_sign_ins_by_end ON half_sign_ins (expires_at);

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

ALTER TABLE signing_keys RENAME TO old_signing_keys;

-- Keys that tokens are signed with, sealed under the master key. One is active and signs, the next is published ahead,
-- and those retired verify until the last token of theirs has ended. `token_life` is how long the longest-lived of its
-- tokens lives, in seconds.
CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA')),
    sealed BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    created_at INTEGER NOT NULL,
    activated_at INTEGER,
    retired_at INTEGER,
    token_life INTEGER NOT NULL CHECK (token_life >= 0),
    CHECK ((state = 'next') = (activated_at IS NULL)),
    CHECK ((state = 'retired') = (retired_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Of each kind one at most.
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (state) WHERE state <> 'retired';

-- How long their tokens live was configured and is not known here: no longer than a day.
INSERT INTO signing_keys (kid, algorithm, sealed, state, created_at, activated_at, retired_at, token_life)
SELECT kid, algorithm, sealed,
       CASE WHEN newest THEN 'active' ELSE 'retired' END, created_at, created_at, CASE WHEN newest THEN NULL ELSE unixepoch() * 1000000 END,
       86400
FROM (SELECT *, row_number() OVER (ORDER BY created_at DESC, kid) = 1 AS newest FROM old_signing_keys);

DROP TABLE old_signing_keys;
