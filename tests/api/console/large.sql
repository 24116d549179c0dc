CREATE TEMP TABLE n AS
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000)
    SELECT n, substr(CAST(100000 + n AS TEXT), 2) AS d, created_at AS now,
        (SELECT id FROM users WHERE email = 'bob@example.com') AS bob,
        id AS hub FROM n, workspaces WHERE name = 'hub';

INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                   must_change_password, created_at)
    SELECT '00000000-0000-4000-8000-0000000' || d, 'person-' || d || '@example.com', 'person-' || d || '@example.com',
        'Person', d, 'person', 'active', 1, 1, 'member', 0, now FROM n;
INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                   must_change_password, created_at)
    SELECT '00000000-0000-4000-9000-0000000' || d, 'service-' || d || '@bots.invalid', 'service-' || d || '@bots.invalid',
        'service-' || d, '', 'bot', 'active', 1, 0, 'member', 0, now FROM n;

INSERT INTO organizations (name, name_key, description, home, created_at)
    SELECT 'group-' || d, 'group-' || d, 'One of many.', 0, now FROM n;
INSERT INTO organization_members (organization_id, user_id, role, created_at)
    SELECT 1, id, 'member', created_at FROM users WHERE email LIKE 'person-%';
INSERT INTO organization_members (organization_id, user_id, role, created_at)
    SELECT id, (SELECT bob FROM n LIMIT 1), 'member', created_at FROM organizations WHERE name LIKE 'group-%';

INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by, created_at,
                        ml_models_enabled)
    SELECT 1, 'place-' || d, 'place-' || d, 'One of many.', 1, 0, bob, now, 1 FROM n;
INSERT INTO members (workspace_id, user_id, role, created_at)
    SELECT id, (SELECT bob FROM n LIMIT 1), 'owner', created_at FROM workspaces WHERE name LIKE 'place-%';
INSERT INTO members (workspace_id, user_id, role, created_at)
    SELECT (SELECT hub FROM n LIMIT 1), id, 'member', created_at FROM users WHERE email LIKE 'person-%';
INSERT INTO members (workspace_id, user_id, role, created_at)
    SELECT (SELECT hub FROM n LIMIT 1), id, 'reader', created_at FROM users WHERE email LIKE 'service-%';
INSERT INTO organization_members (organization_id, user_id, role, created_at)
    SELECT 1, id, 'reader', created_at FROM users WHERE email LIKE 'service-%';

INSERT INTO models (workspace_id, name, created_by, created_at, updated_at) SELECT hub, 'model-' || d, bob, now, now FROM n;
INSERT INTO model_versions (model_id, organization_id, uuid, visibility, size, file_name, image_path, created_by, created_at,
                            updated_at)
    SELECT (SELECT min(id) FROM models), 1, '00000000-0000-4000-a000-0000000' || d, 'private', 0, '', 'an/image', bob, now,
        now FROM n;
INSERT INTO pipelines (workspace_id, name, created_by, created_at, updated_at)
    SELECT hub, 'pipeline-' || d, bob, now, now FROM n;
INSERT INTO pipeline_versions (pipeline_id, uuid, definition, created_by, created_at)
    SELECT (SELECT min(id) FROM pipelines), '00000000-0000-4000-b000-0000000' || d, '{}', bob, now FROM n;
INSERT INTO connections (uuid, name, kind, sealed, created_by, created_at)
    SELECT '00000000-0000-4000-8100-0000000' || d, 'connection-' || d, 'sql', randomblob(1), bob, now FROM n;
INSERT INTO connection_workspaces (uuid, connection_id, workspace_id, created_at)
    SELECT uuid, id, (SELECT hub FROM n LIMIT 1), created_at FROM connections;
INSERT INTO tags (organization_id, workspace_id, name, name_key, description, color, created_at, updated_at)
    SELECT 1, hub, 'tag-' || d, 'tag-' || d, 'One of many.', 'red', now, now FROM n;
INSERT INTO projects (workspace_id, name, name_key, kind, created_at, updated_at)
    SELECT hub, 'project-' || d, 'project-' || d, 'application', now, now FROM n;

INSERT INTO roles (name, description, permissions, shows_workspaces, created_at, updated_at)
    SELECT 'role-' || d, 'One of many.', (SELECT permissions FROM roles WHERE predefined = 'reader'), 1, now, now FROM n;
INSERT INTO bindings (role_id, user_id, workspace_id, created_at, updated_at)
    SELECT 10, id, (SELECT hub FROM n LIMIT 1), created_at, created_at FROM users WHERE email LIKE 'person-%';
INSERT INTO bindings (role_id, user_id, workspace_id, created_at, updated_at)
    SELECT 11, (SELECT bob FROM n LIMIT 1), id, created_at, created_at FROM workspaces WHERE name LIKE 'place-%';
INSERT INTO bindings (role_id, user_id, project_id, created_at, updated_at)
    SELECT 12, (SELECT bob FROM n LIMIT 1), id, created_at, created_at FROM projects;

INSERT INTO clients (id, name, built_in, confidential, grants, scopes, redirect_uris, post_logout_redirect_uris, refresh,
                     created_at, updated_at)
    SELECT 'app-' || d, 'App ' || d, 0, 0, 'authorization_code', 'openid', 'https://app.example/back', '', 'rotating', now,
        now FROM n;
INSERT INTO consents (user_id, client, scope, created_at) SELECT bob, 'app-' || d, 'openid', now FROM n;
INSERT INTO consents (user_id, client, scope, created_at)
    SELECT id, 'app-00001', 'openid', created_at FROM users WHERE email LIKE 'person-%';

INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_by, created_at)
    SELECT bob, 'key-' || d, randomblob(32), 'atl_...' || d, '', bob, now FROM n;
INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_by, created_at)
    SELECT id, first_name, randomblob(32), 'atl_...' || first_name, '', (SELECT bob FROM n LIMIT 1), created_at
    FROM users WHERE email LIKE 'service-%';
INSERT INTO sessions (uuid, user_id, cookie, scope, address, authenticated_at, second_factor, created_at, last_used_at,
                      idle_until, ends_at)
    SELECT '00000000-0000-4000-8200-0000000' || d, bob, randomblob(32), 'openid', '192.0.2.1', now, 0, now, now,
        now + 3600000000, now + 3600000000 FROM n;

INSERT INTO audit (id, at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, after)
    SELECT (SELECT max(id) FROM audit) + n, now, '', NULL, 'none', 'keycloak', '192.0.2.1', d, 'sign_ins.delay', 'address', 'object-' || d,
        '{"scope":"network"}' FROM n;
INSERT INTO audit (id, at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, before, after)
    SELECT (SELECT max(id) FROM audit) + n, now, 'bob@example.com', bob, 'session', 'console', '192.0.2.1', d, 'workspaces.change', 'workspace', CAST(hub AS TEXT),
        '{"name":"hub","description":""}', '{"name":"hub","description":"' || d || '"}' FROM n;
DROP TABLE n