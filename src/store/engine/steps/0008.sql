-- From version 7 to 8.

-- Finds the owners of a workspace without reading all of its members.
CREATE INDEX workspace_owners ON members (workspace_id, user_id) WHERE role = 'owner';
