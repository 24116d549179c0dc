-- Trust: what is known of addresses, of what clients may reach, and of the audit's order.

-- Wrong codes of second factors are counted for each person.
CREATE TABLE wrong_codes (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    count INTEGER NOT NULL CHECK (count > 0),
    last_at INTEGER NOT NULL
) STRICT;

-- Only tokens with the scope `api` reach the API. The built-in clients have it, and what was granted to them keeps it; a
-- registered client has it once somebody says so.
UPDATE clients SET scopes = scopes || ' api' WHERE built_in = 1;
UPDATE sessions SET scope = trim(scope || ' api') WHERE client IN (SELECT id FROM clients WHERE built_in = 1);
UPDATE authorization_codes SET scope = trim(scope || ' api')
    WHERE client IN (SELECT id FROM clients WHERE built_in = 1);
UPDATE device_codes SET scope = trim(scope || ' api') WHERE client IN (SELECT id FROM clients WHERE built_in = 1);
UPDATE consents SET scope = trim(scope || ' api') WHERE client IN (SELECT id FROM clients WHERE built_in = 1);

-- What a person has approved in a browser session, for clients that cannot prove which program they are.
CREATE TABLE approvals (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX approvals_by_client ON approvals (client);

-- The browser that a client's session was begun through, by the SHA-256 of a cookie.
ALTER TABLE sessions ADD COLUMN browser BLOB CHECK (length(browser) = 32);
ALTER TABLE authorization_codes ADD COLUMN browser BLOB CHECK (length(browser) = 32);
-- A service key has no role in the account. An administrator's is left only to the bots of clients, to which the operator
-- gave it.
UPDATE users SET role = 'member'
WHERE kind = 'bot' AND id NOT IN (SELECT service_user_id FROM clients WHERE service_user_id IS NOT NULL);
-- Audit rows are chained by hash. The program gives the rows that there are their hashes after this step.
ALTER TABLE audit ADD COLUMN hash BLOB CHECK (length(hash) = 32);

CREATE TABLE audit_chain (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    start_id INTEGER NOT NULL,
    start_hash BLOB NOT NULL CHECK (length(start_hash) = 32),
    last_id INTEGER NOT NULL,
    last_hash BLOB NOT NULL CHECK (length(last_hash) = 32)
) STRICT;

INSERT INTO audit_chain (id, start_id, start_hash, last_id, last_hash) VALUES (1, 0, zeroblob(32), 0, zeroblob(32));

-- Signing keys know their size; until now, all of RSA had 2048 bits.
ALTER TABLE signing_keys ADD COLUMN rsa_bits INTEGER CHECK (rsa_bits >= 2048);

UPDATE signing_keys SET rsa_bits = 2048 WHERE algorithm = 'RS256';
-- People, made anew with their rows: whether somebody vouched for an address, and addresses that are free again once
-- their account is closed for good. Foreign keys are off meanwhile, so that nothing that refers to people goes.
CREATE TABLE old_users AS SELECT * FROM users;
CREATE TABLE old_users_sequence AS SELECT seq FROM sqlite_sequence WHERE name = 'users';
DROP TABLE users;

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

INSERT INTO users (id, uuid, email, email_key, first_name, last_name, kind, state, invited_until, enabled, developer,
                   role, password_hash, must_change_password, created_at, last_sign_in_at)
SELECT id, uuid, email, email_key, first_name, last_name, kind, state, invited_until, enabled, developer,
       role, password_hash, must_change_password, created_at, last_sign_in_at
FROM old_users ORDER BY id;

DELETE FROM sqlite_sequence WHERE name = 'users';
INSERT INTO sqlite_sequence (name, seq) SELECT 'users', seq FROM old_users_sequence;
DROP TABLE old_users_sequence;
DROP TABLE old_users;

-- Finds the administrators without reading everybody.
CREATE INDEX users_by_role ON users (role, enabled);

CREATE TRIGGER users_found AFTER INSERT ON users BEGIN
    INSERT INTO search_log (shelf, row, after) VALUES (4, new.id, new.email_key);
END;

CREATE TRIGGER users_renamed AFTER UPDATE OF email_key ON users WHEN new.email_key <> old.email_key BEGIN
    INSERT INTO search_log (shelf, row, before, after) VALUES (4, new.id, old.email_key, new.email_key);
END;

CREATE TRIGGER users_gone AFTER DELETE ON users BEGIN
    INSERT INTO search_log (shelf, row, before) VALUES (4, old.id, old.email_key);
END;

-- Who made it is told with it, and whether that person works in it unless told otherwise.
CREATE TRIGGER creators_changed AFTER UPDATE OF uuid, email ON users WHEN new.uuid <> old.uuid OR new.email <> old.email
BEGIN
    INSERT INTO workspace_changes (workspace_id) VALUES (NULL);
END;

CREATE TRIGGER creators_deleted AFTER DELETE ON users BEGIN
    INSERT INTO workspace_changes (workspace_id) VALUES (NULL);
END;

-- What the audit proves of addresses. The last row that gave somebody the address they have counts where it is the
-- operator's or an administrator's: making and changing an account takes one of them; an invitation counts where its
-- author is an administrator whose role has not changed since. Of every other address nobody has vouched for it.
CREATE TABLE old_vouchers AS
SELECT object, max(id) AS row, at, actor, actor_id, verb, after FROM audit
WHERE kind = 'user' AND verb IN ('users.create', 'users.change', 'users.invite')
    AND (verb <> 'users.change' OR json_extract(before, '$.email') IS NOT json_extract(after, '$.email'))
GROUP BY object;
CREATE TABLE old_roles AS
SELECT object, max(id) AS row FROM audit
WHERE kind = 'user' AND before IS NOT NULL AND json_extract(before, '$.role') IS NOT json_extract(after, '$.role')
GROUP BY object;
UPDATE users SET email_verified_by = proof.voucher, email_verified_at = proof.at
FROM (SELECT v.object, v.after, v.at, iif(v.actor = 'operator', 'operator', a.uuid) AS voucher
      FROM old_vouchers v
      LEFT JOIN users a ON a.id = v.actor_id
      LEFT JOIN old_roles r ON r.object = a.uuid
      WHERE v.actor = 'operator' OR v.verb <> 'users.invite'
          OR (a.kind = 'person' AND a.role = 'administrator' AND coalesce(r.row, 0) < v.row)) proof
WHERE users.uuid = proof.object AND users.kind = 'person' AND proof.voucher IS NOT NULL
    AND users.email = json_extract(proof.after, '$.email');
DROP TABLE old_roles;
DROP TABLE old_vouchers;
