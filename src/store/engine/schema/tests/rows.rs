//! Rows of each version of the schema.

/// Rows for the tables that this version added. A new version adds a match arm.
pub(super) fn rows_of_version(version: u32) -> &'static str {
    match version {
        1 => {
            "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                                must_change_password, created_at)
                 VALUES ('6f2c6c0e-3f0b-4a52-9d0e-6a4f5c8f3b11', 'Ada@example.com', 'ada@example.com', 'Ada', '',
                         'person', 'active', 1, 1, 'administrator', 0, 5);
             INSERT INTO links (fingerprint, user_id, purpose, created_at, expires_at)
                 VALUES (zeroblob(32), 1, 'password_reset', 5, 6);
             INSERT INTO organizations (name, name_key, description, home, created_at)
                 VALUES ('Home', 'home', '', 1, 5);
             INSERT INTO organization_members (organization_id, user_id, role, created_at) VALUES (1, 1, 'admin', 5);
             INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by, created_at,
                                     ml_models_enabled)
                 VALUES (1, 'engines', 'engines', '', 1, 0, 1, 6, 0);
             INSERT INTO roles (name, description, permissions, shows_workspaces, created_at, updated_at)
                 VALUES ('r', '', zeroblob(24), 0, 6, 6);
             INSERT INTO projects (workspace_id, name, name_key, kind, created_by, created_at, updated_at)
                 VALUES (1, 'p', 'p', 'application', 1, 6, 6);
             INSERT INTO restrictions (project_id, created_by, created_at) VALUES (1, 1, 6);
             INSERT INTO bindings (role_id, user_id, project_id, created_at, updated_at) VALUES (1, 1, 1, 6, 6);
             INSERT INTO members (workspace_id, user_id, role, created_at) VALUES (1, 1, 'owner', 6);
             INSERT INTO default_workspaces (user_id, workspace_id) VALUES (1, 1);
             INSERT INTO models (workspace_id, name, created_by, created_at, updated_at) VALUES (1, 'm', 1, 7, 7);
             INSERT INTO model_versions (model_id, uuid, created_at)
                 VALUES (1, '0b7c9d8e-2b1f-4d57-8f6a-1c9d3e2f4a5b', 7);
             INSERT INTO pipelines (workspace_id, name, created_by, created_at, updated_at) VALUES (1, 'p', 1, 7, 7);
             INSERT INTO sessions (uuid, user_id, client, scope, created_at, idle_until, ends_at)
                 VALUES ('a3f1c2d4-5b6e-4f70-8a91-b2c3d4e5f607', 1, 'sdk-client', 'openid', 8, 9, 10);
             INSERT INTO refresh_tokens (fingerprint, session_id, created_at) VALUES (zeroblob(32), 1, 8);
             INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_at)
                 VALUES (1, 'k', zeroblob(32), 'atl_', '', 8);
             INSERT INTO signing_keys (kid, algorithm, sealed, created_at) VALUES ('one', 'RS256', x'00', 8);
             INSERT INTO audit (at, actor, credential, dialect, request_id, verb, kind, object)
                 VALUES (8, 'operator', 'console', 'cli', '-', 'users.create', 'user', '1');"
        }
        2 => {
            "INSERT INTO sessions (uuid, user_id, cookie, scope, authenticated_at, second_factor, created_at, last_used_at,
                                   idle_until, ends_at)
                 VALUES ('b4f1c2d4-5b6e-4f70-8a91-b2c3d4e5f607', 1, zeroblob(32), '', 8, 0, 8, 8, 9, 10);
             INSERT INTO authorization_codes (fingerprint, client, user_id, redirect_uri, scope, code_challenge,
                                              authenticated_at, second_factor, expires_at)
                 VALUES (zeroblob(32), 'arize-cli', 1, 'http://127.0.0.1/callback', 'openid', 'c', 8, 0, 9);
             INSERT INTO device_codes (fingerprint, user_code, client, scope, state, second_factor, pause, created_at,
                                       expires_at)
                 VALUES (zeroblob(32), zeroblob(32), 'sdk-client', 'openid', 'pending', 0, 5, 8, 9);
             INSERT INTO consents (user_id, client, scope, created_at) VALUES (1, 'arize-cli', 'openid', 8);
             INSERT INTO half_sign_ins (fingerprint, user_id, step, second_factor, failures, expires_at)
                 VALUES (zeroblob(32), 1, 'second_factor', 0, 0, 9);
             INSERT INTO second_factors (user_id, sealed, created_at) VALUES (1, x'00', 8);
             INSERT INTO recovery_codes (fingerprint, user_id) VALUES (zeroblob(32), 1);
             INSERT INTO signing_keys (kid, algorithm, sealed, state, created_at, token_life)
                 VALUES ('two', 'RS256', x'00', 'next', 8, 0);"
        }
        3 => {
            "INSERT INTO search_grams (shelf, segment, gram, rows) VALUES (1, 0, 1, x'0000');
             INSERT INTO organizations (name, name_key, description, home, created_at)
                 VALUES ('Ὀδυσσεύς', 'ὀδυσσεύσ', '', 0, 9);"
        }
        4 => "INSERT INTO search_names (place, edition, names) VALUES (7777, 1, x'0000');",
        5 => "UPDATE workspaces SET description = 'changed';",
        6 => {
            "INSERT INTO wrong_codes (user_id, count, last_at) VALUES (1, 3, 9);
             INSERT INTO approvals (session_id, client, scope, created_at)
                 SELECT id, 'arize-cli', 'openid', 9 FROM sessions WHERE client IS NULL;"
        }
        7 => {
            "INSERT INTO known_places (user_id, place, seen_at) VALUES (1, '192.0.2.7', 11);
             UPDATE workspaces SET name = 'motors', name_key = 'motors';"
        }
        8 => {
            "UPDATE readiness SET checked_at = 12;
             UPDATE sessions SET places = '192.0.2.8' WHERE client IS NOT NULL;
             UPDATE projects SET organization_id = 1, private = 1, restricted = 1;
             UPDATE bindings SET place_id = 1, organization_id = 1;
             INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, invited_until, enabled,
                                developer, role, must_change_password, created_at, lapsed)
                 VALUES ('7f2c6c0e-3f0b-4a52-9d0e-6a4f5c8f3b11', 'bob@example.com', 'bob@example.com', '', '', 'person',
                         'invited', 11, 1, 1, 'member', 0, 5, 1);"
        }
        9 => CONTENTS,
        10 => "UPDATE audit_chain SET start_seal = x'00';",
        11 => "UPDATE clients SET group_names = '{\"acme\":\"staff\"}' WHERE id = 'arize-cli';",
        12 => "UPDATE unreferenced_files SET generation = 3;",
        other => panic!("no rows are written down for version {other}"),
    }
}

const CONTENTS: &str =
    "UPDATE pipelines SET visibility = 'public';
     INSERT INTO models (workspace_id, name, created_at, updated_at) SELECT id, 'm9', 9, 9 FROM workspaces LIMIT 1;
     INSERT INTO model_versions (model_id, organization_id, uuid, visibility, sha256, size, file_name, conversion,
                                 created_at, updated_at)
         SELECT m.id, w.organization_id, 'c9a1c2d4-5b6e-4f70-8a91-b2c3d4e5f609', 'private', zeroblob(32), 5,
                'm.onnx', '{}', 9, 9 FROM models m JOIN workspaces w ON w.id = m.workspace_id LIMIT 1;
     INSERT INTO unreferenced_files (sha256, remove_after, removing) VALUES (randomblob(32), 9, 0);
     INSERT INTO model_configs (version_id, runtime, created_at) SELECT max(id), 'onnx', 9 FROM model_versions;
     INSERT INTO pipeline_versions (pipeline_id, uuid, definition, created_at)
         SELECT max(id), 'd9a1c2d4-5b6e-4f70-8a91-b2c3d4e5f609', '{}', 9 FROM pipelines;
     INSERT INTO pipeline_version_models (pipeline_version_id, model_name, model_uuid)
         SELECT max(id), 'm', 'c9a1c2d4-5b6e-4f70-8a91-b2c3d4e5f609' FROM pipeline_versions;
     INSERT INTO connections (uuid, name, kind, sealed, created_at)
         VALUES ('e9a1c2d4-5b6e-4f70-8a91-b2c3d4e5f609', 'c', 'HTTP', x'00', 9);
     INSERT INTO connection_workspaces (uuid, connection_id, workspace_id, created_at) SELECT 'f9a1c2d4-5b6e-4f70-8a91-b2c3d4e5f609', 1, id, 9 FROM workspaces LIMIT 1;
     INSERT INTO tags (organization_id, name, name_key, created_at, updated_at) VALUES (1, 'T', 't', 9, 9);
     INSERT INTO model_version_tags (version_id, tag_id) SELECT max(id), 1 FROM model_versions;
     INSERT INTO pipeline_tags (pipeline_id, tag_id) SELECT max(id), 1 FROM pipelines;
     INSERT INTO project_tags (project_id, tag_id) SELECT id, 1 FROM projects;";
