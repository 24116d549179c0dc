-- At least one row for each table, with values that a copy may spoil.
INSERT INTO users (id, uuid, email, email_key, email_verified_by, email_verified_at, first_name, last_name, kind, state, invited_until,
                   enabled, developer, role, password_hash, must_change_password, created_at, last_sign_in_at, lapsed)
VALUES (1001, '10000000-0000-4000-8000-000000000001', 'Zoë@example.com', 'zoë@example.com', 'operator', 5,
        '<script>alert(1)</script>', 'a' || char(9) || 'b' || char(10) || '\N \. \\ ' || char(1, 127, 0x202e, 0x10ffff),
        'person', 'active', NULL, 1, 1, 'member', '$argon2id$v=19$m=1', 0, 9223372036854775807, -9223372036854775808, 0),
       (1002, '10000000-0000-4000-8000-000000000002', 'inv@example.com', 'inv@example.com', NULL, NULL, '', '', 'person',
        'invited', 7, 1, 0, 'annotator', NULL, 1, 5, NULL, 1),
       (1003, '10000000-0000-4000-8000-000000000003', 'bot@example.com', 'bot@example.com', NULL, NULL, '', '', 'bot',
        'active', NULL, 1, 0, 'member', NULL, 0, 5, NULL, 0);
INSERT INTO links VALUES (randomblob(32), 1001, 'password_reset', 5, 6);
INSERT INTO organizations (id, name, name_key, description, home, created_at)
VALUES (1001, replace(hex(zeroblob(127)), '00', '😀ß') || '😀', 'x', '''; DROP TABLE users; --', 0, 5);
INSERT INTO organization_members (organization_id, user_id, role, created_at) VALUES (1001, 1001, 'admin', 5);
INSERT INTO workspaces (id, organization_id, name, name_key, description, private, archived, created_by, created_at,
                        ml_models_enabled, gradient_start_color, default_llm_integration)
VALUES (1001, 1001, 'engines', 'engines', '', 1, 0, 1001, 6, 0, '#fff', '{"a":"\u0000"}'),
       (1002, 1001, 'old', 'old', '', 0, 1, NULL, 6, 1, NULL, NULL),
       (1003, 1001, 'gone', 'gone', '', 0, 1, NULL, 6, 1, NULL, NULL);
INSERT INTO roles (id, name, description, permissions, shows_workspaces, created_at, updated_at)
VALUES (1001, 'r', '', x'00112233445566778899aabbccddeeff0102030405060708', 0, 6, 6);
INSERT INTO members (workspace_id, user_id, role, role_id, created_at)
VALUES (1001, 1001, 'owner', NULL, 6), (1001, 1002, 'custom', 1001, 6);
INSERT INTO default_workspaces (user_id, workspace_id) VALUES (1001, 1001);
INSERT INTO models (id, workspace_id, name, created_by, created_at, updated_at) VALUES (1001, 1001, 'm', 1001, 7, 7);
-- One file of two versions, which counts once.
INSERT INTO model_versions (id, model_id, organization_id, uuid, visibility, sha256, size, file_name, conversion, created_at,
                            updated_at)
VALUES (1001, 1001, 1001, '20000000-0000-4000-8000-000000000001', 'private', zeroblob(32), 5000000000, 'm.onnx', '{}', 9, 9),
       (1002, 1001, 1001, '20000000-0000-4000-8000-000000000002', 'public', zeroblob(32), 5000000000, 'm.onnx', NULL, 9, 9);
INSERT INTO unreferenced_files (sha256, remove_after, removing) VALUES (randomblob(32), 9, 0);
INSERT INTO model_configs (version_id, runtime, filter_threshold, created_at)
VALUES (1001, 'onnx', 0.1, 9), (1001, 'mlflow', 1.7976931348623157e308, 9), (1001, 'mlflow', -5e-324, 9), (1001, 'flight', 3, 9);
INSERT INTO pipelines (id, workspace_id, name, created_by, created_at, updated_at, visibility)
VALUES (1001, 1001, 'p', 1001, 7, 7, 'public');
INSERT INTO pipeline_versions (id, pipeline_id, uuid, definition, created_at)
VALUES (1001, 1001, '30000000-0000-4000-8000-000000000001', '{"steps":' || char(10) || '[]}', 9);
INSERT INTO pipeline_version_models VALUES (1001, 'b', '2'), (1001, 'B', '2'), (1001, 'é', ''), (1001, '', '9');
INSERT INTO connections (id, uuid, name, kind, sealed, created_at)
VALUES (1001, '40000000-0000-4000-8000-000000000001', 'c', 'HTTP', x'00ff5c4e0a', 9);
INSERT INTO connection_workspaces (id, uuid, connection_id, workspace_id, created_at)
VALUES (9223372036854775807, '50000000-0000-4000-8000-000000000001', 1001, 1001, 9);
INSERT INTO tags (id, organization_id, workspace_id, name, name_key, created_at, updated_at)
VALUES (1001, 1001, NULL, 'T', 't', 9, 9), (1002, 1001, 1001, 'T', 't', 9, 9);
INSERT INTO model_version_tags VALUES (1002, 1001), (1001, 1002), (1001, 1001);
INSERT INTO pipeline_tags (pipeline_id, tag_id) VALUES (1001, 1001);
INSERT INTO projects (id, workspace_id, name, name_key, kind, created_by, created_at, updated_at)
VALUES (1001, 1001, 'p', 'p', 'application', 1001, 6, 6), (1002, 1002, 'q', 'q', 'harness', NULL, 6, 6);
INSERT INTO project_tags VALUES (1001, 1001);
INSERT INTO restrictions VALUES (1001, 1001, 6);
INSERT INTO bindings (role_id, user_id, workspace_id, project_id, created_at, updated_at)
VALUES (1001, 1001, NULL, 1001, 6, 6), (1001, 1002, 1002, NULL, 6, 6);
INSERT INTO sessions (id, uuid, user_id, client, cookie, scope, authenticated_at, second_factor, created_at, last_used_at,
                      idle_until, ends_at, user_agent)
VALUES (1001, '60000000-0000-4000-8000-000000000001', 1001, NULL, randomblob(32), '', 8, 0, 8, 8, 9, 10, 'agent'),
       (1002, '60000000-0000-4000-8000-000000000002', 1001, 'sdk-client', NULL, 'openid', 8, 1, 8, 8, 9, 10, NULL);
INSERT INTO known_places VALUES (1001, '192.0.2.7', 11), (1001, '2001:db8::/64', 11);
INSERT INTO refresh_tokens VALUES (zeroblob(32), 1002, 8, NULL, NULL), (randomblob(32), 1002, 8, 9, randomblob(32));
INSERT INTO authorization_codes (fingerprint, client, user_id, redirect_uri, scope, code_challenge, authenticated_at,
                                 second_factor, expires_at, session_id)
VALUES (zeroblob(32), 'arize-cli', 1001, 'http://127.0.0.1/callback', 'openid', 'c', 8, 0, 9, 1002);
INSERT INTO device_codes (fingerprint, user_code, client, scope, state, second_factor, pause, created_at, expires_at)
VALUES (zeroblob(32), zeroblob(32), 'sdk-client', 'openid', 'pending', 0, 5, 8, 9);
INSERT INTO consents VALUES (1001, 'arize-cli', 'openid', 8);
INSERT INTO approvals VALUES (1001, 'arize-cli', 'openid', 9);
INSERT INTO pending_sign_ins VALUES (zeroblob(32), 1001, 'second_factor', 0, 0, 9);
INSERT INTO second_factors VALUES (1001, x'00', 8, NULL, NULL);
INSERT INTO recovery_codes VALUES (zeroblob(32), 1001, NULL);
INSERT INTO wrong_codes VALUES (1001, 3, 9);
INSERT INTO keys (id, user_id, name, fingerprint, redacted, description, created_at, revoked_at)
VALUES (1001, 1001, 'k', zeroblob(32), 'atl_', '', 8, NULL), (1002, 1003, 's', randomblob(32), 'atl_', '', 8, 9);
INSERT INTO signing_keys (kid, algorithm, sealed, state, created_at, activated_at, retired_at, token_life)
VALUES ('moved', 'RS256', x'00', 'retired', 8, 8, 9, 0);
-- The highest ids are gone, and must not come back.
DELETE FROM workspaces WHERE id = 1003;
UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'workspaces';
