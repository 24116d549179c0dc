-- From version 8 to 9: what a workspace contains.

ALTER TABLE organizations ADD COLUMN file_bytes INTEGER NOT NULL DEFAULT 0 CHECK (file_bytes >= 0);

-- No verb has created a model before, so there are rows only if somebody inserted them.
ALTER TABLE model_versions RENAME TO old_model_versions;
DROP INDEX model_versions_by_model;

-- The versions of models. A version has a file, or is an image of a registry. `conversion` is JSON as the client sent it.
-- `organization_id` is that of the workspace.
CREATE TABLE model_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    model_id INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    organization_id INTEGER NOT NULL,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    visibility TEXT NOT NULL CHECK (visibility IN ('private', 'public')),
    sha256 BLOB CHECK (length(sha256) = 32),
    size INTEGER NOT NULL CHECK (size >= 0),
    file_name TEXT NOT NULL CHECK (length(file_name) <= 255),
    image_path TEXT,
    conversion TEXT,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX model_versions_by_model ON model_versions (model_id, id);
CREATE INDEX model_versions_by_creator ON model_versions (created_by);
CREATE INDEX model_versions_by_file ON model_versions (sha256, organization_id) WHERE sha256 IS NOT NULL;

-- Files that no version has, or not yet: they are removed after that time. An upload that is interrupted leaves such a row.
-- While `removing` is set, the file is being removed, and an upload of the same file waits.
CREATE TABLE unreferenced_files (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    remove_after INTEGER NOT NULL,
    removing INTEGER NOT NULL CHECK (removing IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX unreferenced_files_by_time ON unreferenced_files (remove_after);

CREATE TRIGGER model_files_added AFTER INSERT ON model_versions
WHEN new.sha256 IS NOT NULL AND NOT EXISTS
    (SELECT 1 FROM model_versions v
     WHERE v.sha256 = new.sha256 AND v.organization_id = new.organization_id AND v.id <> new.id) BEGIN
    UPDATE organizations SET file_bytes = file_bytes + new.size WHERE id = new.organization_id;
END;

CREATE TRIGGER model_files_removed AFTER DELETE ON model_versions
WHEN old.sha256 IS NOT NULL AND NOT EXISTS
    (SELECT 1 FROM model_versions v
     WHERE v.sha256 = old.sha256 AND v.organization_id = old.organization_id) BEGIN
    UPDATE organizations SET file_bytes = file_bytes - old.size WHERE id = old.organization_id;
    INSERT INTO unreferenced_files (sha256, remove_after, removing)
    SELECT old.sha256, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM model_versions v WHERE v.sha256 = old.sha256)
    ON CONFLICT (sha256) DO UPDATE SET remove_after = 0;
END;

-- How a version is to be run. The newest one of a version is in force.
CREATE TABLE model_configs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    runtime TEXT NOT NULL CHECK (runtime IN ('onnx', 'tensorflow', 'flight', 'mlflow')),
    tensor_fields TEXT,
    filter_threshold REAL,
    input_schema TEXT,
    output_schema TEXT,
    batch_config TEXT,
    dynamic_batching_config TEXT,
    continuous_batching_config TEXT,
    openai TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX model_configs_by_version ON model_configs (version_id, id);

INSERT INTO model_versions (id, model_id, organization_id, uuid, visibility, size, file_name, created_at, updated_at)
SELECT v.id, v.model_id, w.organization_id, v.uuid, 'private', 0, '', v.created_at, v.created_at
FROM old_model_versions v JOIN models m ON m.id = v.model_id JOIN workspaces w ON w.id = m.workspace_id;
DELETE FROM sqlite_sequence WHERE name = 'model_versions';
INSERT INTO sqlite_sequence (name, seq)
SELECT 'model_versions', seq FROM sqlite_sequence WHERE name = 'old_model_versions';
DROP TABLE old_model_versions;

ALTER TABLE pipelines ADD COLUMN visibility TEXT NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public'));

-- The versions of pipelines. `definition` is JSON as the client sent it.
CREATE TABLE pipeline_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pipeline_id INTEGER NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    definition TEXT,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX pipeline_versions_by_pipeline ON pipeline_versions (pipeline_id, id);
CREATE INDEX pipeline_versions_by_creator ON pipeline_versions (created_by);

-- The model versions that the steps of a pipeline name. They may have been deleted since.
CREATE TABLE pipeline_version_models (
    pipeline_version_id INTEGER NOT NULL REFERENCES pipeline_versions (id) ON DELETE CASCADE,
    model_name TEXT NOT NULL,
    model_uuid TEXT NOT NULL,
    PRIMARY KEY (pipeline_version_id, model_name, model_uuid)
) STRICT, WITHOUT ROWID;

CREATE INDEX pipeline_version_models_by_model ON pipeline_version_models (model_uuid);

-- Connections to data sources. `kind` is free text, `sealed` the details as JSON, sealed under the master key.
CREATE TABLE connections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    kind TEXT NOT NULL CHECK (length(kind) <= 255),
    sealed BLOB NOT NULL,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX connections_by_creator ON connections (created_by);

-- The workspaces that have a connection.
CREATE TABLE connection_workspaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    UNIQUE (connection_id, workspace_id)
) STRICT;

CREATE INDEX connection_workspaces_by_workspace ON connection_workspaces (workspace_id, connection_id);

-- Tags of an organization, or of one of its workspaces. `color` is the name of a color.
CREATE TABLE tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    workspace_id INTEGER REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    name_key TEXT NOT NULL,
    description TEXT CHECK (length(description) <= 1000),
    color TEXT,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX tags_by_name ON tags (workspace_id, name_key) WHERE workspace_id IS NOT NULL;
CREATE INDEX tags_by_workspace ON tags (workspace_id);
CREATE INDEX tags_by_organization ON tags (organization_id, workspace_id);
CREATE INDEX tags_by_creator ON tags (created_by);

-- The tags of model versions, pipelines and projects.
CREATE TABLE model_version_tags (
    version_id INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (version_id, tag_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX model_version_tags_by_tag ON model_version_tags (tag_id);

CREATE TABLE pipeline_tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pipeline_id INTEGER NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    UNIQUE (pipeline_id, tag_id)
) STRICT;

CREATE INDEX pipeline_tags_by_tag ON pipeline_tags (tag_id);

CREATE TABLE project_tags (
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (project_id, tag_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX project_tags_by_tag ON project_tags (tag_id);
