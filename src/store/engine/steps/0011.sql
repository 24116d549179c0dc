-- From version 10 to 11: clients may leave out PKCE, and read groups under other names.

ALTER TABLE clients ADD COLUMN pkce TEXT NOT NULL DEFAULT 'required' CHECK (pkce IN ('required', 'optional'));
ALTER TABLE clients ADD COLUMN group_names TEXT NOT NULL DEFAULT '{}';
