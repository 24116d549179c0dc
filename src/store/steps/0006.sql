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
