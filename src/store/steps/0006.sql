-- Trust: what is known of addresses, of what clients may reach, and of the audit's order.

-- Wrong codes of second factors are counted for each person.
CREATE TABLE wrong_codes (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    count INTEGER NOT NULL CHECK (count > 0),
    last_at INTEGER NOT NULL
) STRICT;

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
