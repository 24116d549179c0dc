-- What has changed of the workspaces, so that their rows may be remembered; the index of names in longer segments.

-- What of the workspaces has changed lately, in order, so that rows that were read before are known to be fresh
-- (src/store/workspace_memory.rs); without a number, any of them may have. The last thousand changes are kept.
CREATE TABLE workspace_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER
) STRICT;

CREATE TRIGGER workspace_changes_lately AFTER INSERT ON workspace_changes BEGIN
    DELETE FROM workspace_changes WHERE id <= new.id - 1000;
END;

CREATE TRIGGER workspaces_changed AFTER UPDATE ON workspaces BEGIN
    INSERT INTO workspace_changes (workspace_id) VALUES (new.id);
END;

CREATE TRIGGER workspaces_deleted AFTER DELETE ON workspaces BEGIN
    INSERT INTO workspace_changes (workspace_id) VALUES (old.id);
END;

-- Who made it is told with it, and whether that person works in it unless told otherwise.
CREATE TRIGGER creators_changed AFTER UPDATE OF uuid, email ON users WHEN new.uuid <> old.uuid OR new.email <> old.email
BEGIN
    INSERT INTO workspace_changes (workspace_id) VALUES (NULL);
END;

CREATE TRIGGER creators_deleted AFTER DELETE ON users BEGIN
    INSERT INTO workspace_changes (workspace_id) VALUES (NULL);
END;

CREATE TRIGGER default_workspaces_chosen AFTER INSERT ON default_workspaces BEGIN
    INSERT INTO workspace_changes (workspace_id) VALUES (new.workspace_id);
END;

CREATE TRIGGER default_workspaces_changed AFTER UPDATE ON default_workspaces BEGIN
    INSERT INTO workspace_changes (workspace_id) VALUES (old.workspace_id), (new.workspace_id);
END;

CREATE TRIGGER default_workspaces_deleted AFTER DELETE ON default_workspaces BEGIN
    INSERT INTO workspace_changes (workspace_id) VALUES (old.workspace_id);
END;

-- Segments have become four times as long, so the index is made anew, of every name there is.
DELETE FROM search_grams;
DELETE FROM search_names;
DELETE FROM search_log;
INSERT INTO search_log (shelf, row, after) SELECT 1, id, name_key FROM workspaces ORDER BY id;
INSERT INTO search_log (shelf, row, after) SELECT 2, id, name_key FROM organizations ORDER BY id;
INSERT INTO search_log (shelf, row, after) SELECT 3, id, name_key FROM projects ORDER BY id;
INSERT INTO search_log (shelf, row, after) SELECT 4, id, email_key FROM users ORDER BY id;
