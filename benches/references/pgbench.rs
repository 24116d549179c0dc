//! `pgbench` with the inserts of a create.

use std::fs;
use std::time::Duration;

use super::postgres::{Postgres, output_of};
use crate::error::{BenchError, Result};
use crate::load::Run;
use crate::process::{cpu_of, memory_of};

/// The tables that a create writes to, with as many rows and indexes as atelier's in a data file.
pub const TABLES: &str = "
    CREATE TABLE users (id bigserial PRIMARY KEY, uuid text NOT NULL UNIQUE, email text NOT NULL);
    CREATE TABLE workspaces (
        id bigserial PRIMARY KEY, organization_id bigint NOT NULL, name text NOT NULL, name_key text NOT NULL,
        description text NOT NULL, private boolean NOT NULL, archived boolean NOT NULL,
        created_by bigint REFERENCES users (id), created_at bigint NOT NULL, UNIQUE (organization_id, name));
    CREATE INDEX ON workspaces (created_by);
    CREATE TABLE members (
        id bigserial PRIMARY KEY, workspace_id bigint NOT NULL REFERENCES workspaces (id),
        user_id bigint NOT NULL REFERENCES users (id), role text NOT NULL, created_at bigint NOT NULL,
        UNIQUE (workspace_id, user_id));
    CREATE INDEX ON members (user_id, workspace_id, role);
    CREATE TABLE audit (
        id bigserial PRIMARY KEY, at bigint NOT NULL, actor text NOT NULL, actor_id bigint, credential text NOT NULL,
        dialect text NOT NULL, address text, request_id text NOT NULL, verb text NOT NULL, kind text NOT NULL,
        object text NOT NULL, before text, after text);
    CREATE INDEX ON audit (actor_id, id);
    INSERT INTO users (uuid, email) SELECT 'uuid-' || n, 'person-' || n FROM generate_series(1, 256) n;
    INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by, created_at)
        SELECT 1, 'name-' || n, 'name-' || n, '', true, false, 1, n FROM generate_series(1, 10000) n;
    INSERT INTO members (workspace_id, user_id, role, created_at)
        SELECT n, 1, 'owner', n FROM generate_series(1, 10000) n;
    ANALYZE;";

/// A create as an application sends it: a transaction of three inserts.
pub const CREATE: &str = "\\set n random(1, 1000000000000000)
\\set u random(1, 64)
BEGIN;
INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by, created_at) \
VALUES (1, 'bench-' || :n, 'bench-' || :n, '', true, false, :u, 1790000000000000) RETURNING id \\gset
INSERT INTO members (workspace_id, user_id, role, created_at) VALUES (:id, :u, 'owner', 1790000000000000);
INSERT INTO audit (at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, after) \
VALUES (1790000000000000, 'person@example.com', :u, 'session 1', 'wallaroo', '127.0.0.1', \
'00000000-0000-4000-8000-000000000000', 'workspaces.create', 'workspace', '1', '{\"name\": \"bench\", \"private\": true}');
COMMIT;
";

/// The same create as one statement, which saves four round trips.
pub const CREATE_AT_ONCE: &str = "\\set n random(1, 1000000000000000)
\\set u random(1, 64)
WITH w AS (INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by, created_at) \
VALUES (1, 'bench-' || :n, 'bench-' || :n, '', true, false, :u, 1790000000000000) RETURNING id), \
m AS (INSERT INTO members (workspace_id, user_id, role, created_at) SELECT id, :u, 'owner', 1790000000000000 FROM w) \
INSERT INTO audit (at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, after) \
SELECT 1790000000000000, 'person@example.com', :u, 'session 1', 'wallaroo', '127.0.0.1', \
'00000000-0000-4000-8000-000000000000', 'workspaces.create', 'workspace', id::text, \
'{\"name\": \"bench\", \"private\": true}' FROM w;
";

/// The three inserts of a create into atelier's own tables in PostgreSQL, as one statement. The person is one of the seeded ones.
pub const CREATE_IN_ATELIER: &str = "\\set n random(1, 1000000000000000)
\\set u random(1, 64)
WITH p AS (SELECT id FROM atelier.users WHERE email = 'person-' || to_char(:u::int, 'FM0000') || '@example.com'), \
w AS (INSERT INTO atelier.workspaces \
(organization_id, name, name_key, description, private, archived, created_by, created_at, ml_models_enabled) \
SELECT 1, 'bench-' || :n, 'bench-' || :n, '', 1, 0, id, 1790000000000000, 0 FROM p RETURNING id, created_by), \
m AS (INSERT INTO atelier.members (workspace_id, user_id, role, role_id, created_at) \
SELECT id, created_by, 'owner', NULL, 1790000000000000 FROM w \
ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role, role_id = excluded.role_id) \
INSERT INTO atelier.audit (at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, before, \
after, hash) \
SELECT 1790000000000000, 'person@example.com', created_by, 'session 1', 'wallaroo', '127.0.0.1', \
'00000000-0000-4000-8000-000000000000', 'workspaces.create', 'workspace', id::text, NULL, \
'{\"name\": \"bench\", \"private\": true}', decode(repeat('00', 32), 'hex') FROM w;
";

/// Runs creates by 64 clients for this time.
pub fn creates(postgres: &Postgres, (database, script): (&str, &str), run: Duration) -> Result<Run> {
    let file = postgres.folder().join("create.sql");
    fs::write(&file, script)?;
    let mut pgbench = postgres.client("pgbench");
    pgbench.args(["-n", "-M", "prepared", "-c", "64", "-j", "1", "-T", &run.as_secs().max(2).to_string()]);
    pgbench.arg("-f").arg(&file).arg(database);
    let before = cpu_of(postgres.pid())?;
    let output = output_of(&mut pgbench)?;
    let cpu = cpu_of(postgres.pid())?.saturating_sub(before);
    let number = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim_start_matches([' ', ':', '=']).split([' ', '/']).next()?.parse::<f64>().ok())
    };
    let (Some(responses), Some(per_second)) = (number("number of transactions actually processed"), number("tps"))
    else {
        return Err(BenchError::new(output).when("pgbench says something else"));
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of transactions")]
    let count = responses as u64;
    Ok(Run {
        responses: count,
        seconds: responses / per_second,
        all: count,
        cpu: vec![cpu.as_secs_f64()],
        memory: memory_of(postgres.pid())?,
        ..Run::default()
    })
}
