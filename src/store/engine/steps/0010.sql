-- From version 9 to 10: what has ended is deleted after a while.

-- The id and the hash of the row before the first, sealed under the master key.
ALTER TABLE audit_chain ADD COLUMN start_seal BLOB;

CREATE INDEX links_by_end ON links (expires_at);
CREATE INDEX keys_by_end ON keys (coalesce(revoked_at, expires_at));
