//! PostgreSQL, on a new cluster with default settings.
//!
//! All clients use a Unix socket. The server refuses to run as root and then
//! runs as `postgres` or `nobody`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::arguments::Arguments;
use crate::error::{BenchError, Result};
use crate::process::Process;

/// The maximum time for starting.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The part of the socket's name that is usually a port.
const PORT: &str = "54329";

const USER: &str = "bench";

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
    make.arg("-D").arg(&data).args(["-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"]);
    output_of(make.current_dir(&folder))?;
    let mut serve = acting(Command::new(bin.join("postgres")), user);
    serve.arg("-D").arg(&data).args(["-c", "listen_addresses=", "-p", PORT, "-c"]);
    serve.arg(format!("unix_socket_directories={}", folder.display()));
    serve.current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null());
    // SIGINT is PostgreSQL's fast shutdown.
    let process = Process::start("postgres", &mut serve)?.stopped_by(Signal::INT);
    let postgres = Postgres { process, bin, folder, version };
    postgres.wait()?;
    Ok(postgres)
}

impl Postgres {
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The folder of its socket.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The address of a database for atelier.
    pub fn address(&self, database: &str) -> String {
        format!("postgres://{USER}@/{database}?host={}&port={PORT}", self.folder.display())
    }

    /// Runs statements. Returns what `psql` prints.
    pub fn run(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = self.client("psql");
        output_of(psql.args(["-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]))
    }

    /// Opens a session for statements during a run.
    pub fn session(&self, database: &str) -> Result<Session> {
        let mut psql = self.client("psql");
        psql.args(["-q", "-v", "ON_ERROR_STOP=1", "-d", database]);
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let missing = || BenchError::new("psql has no pipe");
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        Ok(Session { child, input: Some(input), output })
    }

    /// A program of PostgreSQL that connects to it.
    pub fn client(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.arg("-h").arg(&self.folder).args(["-p", PORT, "-U", USER]);
        command
    }

    fn wait(&self) -> Result<()> {
        let begun = Instant::now();
        while self.run("postgres", "SELECT 1").is_err() {
            if begun.elapsed() > TIMEOUT {
                return Err(BenchError::new("PostgreSQL does not serve"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// A session that stays open.
pub struct Session {
    child: Child,
    /// None once it ends.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Session {
    /// Runs statements that return no rows, and waits for their end.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        const DONE: &str = "done";
        let input = self.input.as_mut().ok_or_else(|| BenchError::new("the session has ended"))?;
        writeln!(input, "{sql};\n\\echo {DONE}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.trim_end() == DONE { Ok(()) } else { Err(BenchError::new("a statement of psql failed")) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
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
pub(super) fn output_of(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(BenchError::new(text).when(format!("{}", command.get_program().to_string_lossy())))
}
