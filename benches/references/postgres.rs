//! PostgreSQL and `pgbench` with the inserts of a create, on a new cluster with default settings.
//!
//! The clients use a Unix socket, which is slightly in PostgreSQL's favor. The server refuses to run as root and then
//! runs as `postgres` or `nobody`.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::arguments::Arguments;
use crate::error::{BenchError, Result};
use crate::load::Run;
use crate::process::{Process, cpu_of, memory_of};

/// The maximum time for starting.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The part of the socket's name that is usually a port.
const PORT: &str = "54329";

/// The tables that a create writes to, with as many rows and indexes as atelier's.
const TABLES: &str = "
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
const CREATE: &str = "\\set n random(1, 1000000000000000)
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
const CREATE_AT_ONCE: &str = "\\set n random(1, 1000000000000000)
\\set u random(1, 64)
WITH w AS (INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by, created_at) \
VALUES (1, 'bench-' || :n, 'bench-' || :n, '', true, false, :u, 1790000000000000) RETURNING id), \
m AS (INSERT INTO members (workspace_id, user_id, role, created_at) SELECT id, :u, 'owner', 1790000000000000 FROM w) \
INSERT INTO audit (at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, after) \
SELECT 1790000000000000, 'person@example.com', :u, 'session 1', 'wallaroo', '127.0.0.1', \
'00000000-0000-4000-8000-000000000000', 'workspaces.create', 'workspace', id::text, \
'{\"name\": \"bench\", \"private\": true}' FROM w;
";

#[derive(Clone, Copy, Debug)]
pub enum Sent {
    /// As a transaction of three inserts.
    AsTransaction,
    /// As one statement.
    AtOnce,
}

/// A running PostgreSQL.
pub struct Postgres {
    process: Process,
    bin: PathBuf,
    folder: PathBuf,
    pub version: String,
}

/// Creates a cluster and starts it. Fails if PostgreSQL is not installed.
pub fn start(arguments: &Arguments, scratch: &Path) -> Result<Postgres> {
    let bin = arguments.postgres.clone().or_else(installed).ok_or_else(|| {
        BenchError::new(
            "PostgreSQL is not installed here, or not under /usr/lib/postgresql; name its programs with --postgres",
        )
    })?;
    let version = output_of(Command::new(bin.join("postgres")).arg("--version"))?;
    let folder = tempfile::Builder::new().prefix("postgres-").tempdir_in(scratch)?.keep();
    let user = stand_in(&folder)?;
    if let Some((uid, gid)) = user {
        chown(&folder, Some(uid), Some(gid))?;
        // Other users may traverse the folder, but not list it.
        open_way(scratch)?;
    }
    let data = folder.join("data");
    let mut make = acting(Command::new(bin.join("initdb")), user);
    make.arg("-D").arg(&data).args(["-U", "bench", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
    output_of(make.current_dir(&folder))?;
    let mut serve = acting(Command::new(bin.join("postgres")), user);
    serve.arg("-D").arg(&data).args(["-c", "listen_addresses=", "-p", PORT, "-c"]);
    serve.arg(format!("unix_socket_directories={}", folder.display()));
    serve.current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null());
    // SIGINT is PostgreSQL's fast shutdown.
    let process = Process::start("postgres", &mut serve)?.stopped_by(Signal::INT);
    let postgres = Postgres { process, bin, folder, version };
    postgres.wait()?;
    postgres.psql(TABLES)?;
    for (name, script) in [("transaction.sql", CREATE), ("at-once.sql", CREATE_AT_ONCE)] {
        fs::write(postgres.folder.join(name), script)?;
    }
    Ok(postgres)
}

impl Postgres {
    /// Runs creates by 64 clients for this time.
    pub fn creates(&self, sent: Sent, run: Duration) -> Result<Run> {
        let script = match sent {
            Sent::AsTransaction => "transaction.sql",
            Sent::AtOnce => "at-once.sql",
        };
        let mut pgbench = self.client("pgbench");
        pgbench.args(["-n", "-M", "prepared", "-c", "64", "-j", "1", "-T", &run.as_secs().max(2).to_string()]);
        pgbench.arg("-f").arg(self.folder.join(script)).arg("postgres");
        let before = cpu_of(self.process.pid())?;
        let output = output_of(&mut pgbench)?;
        let cpu = cpu_of(self.process.pid())?.saturating_sub(before);
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
            cpu: Some(cpu.as_secs_f64()),
            memory: memory_of(self.process.pid())?,
            ..Run::default()
        })
    }

    fn client(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.arg("-h").arg(&self.folder).args(["-p", PORT, "-U", "bench"]);
        command
    }

    fn psql(&self, sql: &str) -> Result<String> {
        output_of(self.client("psql").args(["-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", sql]))
    }

    fn wait(&self) -> Result<()> {
        let begun = Instant::now();
        while self.psql("SELECT 1").is_err() {
            if begun.elapsed() > TIMEOUT {
                return Err(BenchError::new("PostgreSQL does not serve"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// The folder of PostgreSQL's programs: version 15 if installed, otherwise the newest.
fn installed() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|e| e.path()).collect();
    versions.sort();
    versions.sort_by_key(|path| path.ends_with("15"));
    versions.into_iter().rev().map(|path| path.join("bin")).find(|bin| bin.join("pgbench").exists())
}

/// The user and group that PostgreSQL runs as if this process is root.
fn stand_in(folder: &Path) -> Result<Option<(u32, u32)>> {
    if fs::metadata(folder)?.uid() != 0 {
        return Ok(None);
    }
    let people = fs::read_to_string("/etc/passwd")?;
    let of = |name: &str| {
        let line = people.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = of("postgres").or_else(|| of("nobody"));
    found.map(Some).ok_or_else(|| BenchError::new("PostgreSQL does not run as root, and there is nobody else"))
}

fn open_way(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o711))?)
}

fn acting(mut command: Command, user: Option<(u32, u32)>) -> Command {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Runs a program to its end and returns its output.
fn output_of(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(BenchError::new(text).when(format!("{}", command.get_program().to_string_lossy())))
}
