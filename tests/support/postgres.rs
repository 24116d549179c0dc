//! A PostgreSQL server for tests: one for each test process, without durability, in a temporary folder.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::packages;

/// The oldest version that atelier runs on.
const OLDEST: u32 = 15;

/// The server, from its start to the end of its standard input. So it ends with the tests, however they end.
const SERVER: &str = r#"
set -eu
folder=$(mktemp -d /tmp/atelier-pg.XXXXXX)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$1/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >log 2>&1 ||
    { cat log >&2; exit 1; }
"$1/postgres" -D data -k "$folder" -c listen_addresses= -c fsync=off \
    -c atelier.may_lose_data=on -c max_connections=800 >log 2>&1 </dev/null &
server=$!
until "$1/pg_isready" --quiet --host="$folder"; do
    kill -0 $server || { cat log >&2; exit 1; }
    sleep 0.1
done
echo "$folder"
cat >/dev/null
kill -QUIT $server
wait $server || true
"#;

/// A running server.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    /// The folder of its socket.
    folder: String,
}

/// The server of this process.
///
/// # Panics
///
/// When PostgreSQL is missing and cannot be installed; it says which package is wanted.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| start(installed()))
}

/// The folder of the programs of PostgreSQL, which are installed if they are missing.
///
/// # Panics
///
/// When they cannot be installed; it says which package is wanted.
pub fn installed() -> PathBuf {
    let programs = programs().or_else(|| {
        packages::install(&["postgresql"]);
        programs()
    });
    programs.unwrap_or_else(|| {
        panic!(
            "PostgreSQL {OLDEST} or newer is not there, so what runs on it cannot be tested.\nInstall it (Debian: \
             apt-get install postgresql) so that its initdb is in /usr/lib/postgresql/*/bin or on PATH. `cargo \
             test` installs Debian's package itself where it runs as root."
        )
    })
}

impl Cluster {
    /// Creates an empty database. Returns its name.
    pub fn create_database(&self) -> String {
        self.copy_database("template1")
    }

    /// Creates a database with what is in another one, which nobody uses. Returns its name.
    pub fn copy_database(&self, template: &str) -> String {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", LAST.fetch_add(1, Ordering::Relaxed));
        self.run("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template};"));
        name
    }

    /// The address of a database.
    pub fn address(&self, database: &str) -> String {
        format!("postgres://postgres@/{database}?host={}", self.folder)
    }

    /// Runs a script for `psql` in one session. Returns what it printed: columns are separated by tabs.
    ///
    /// # Panics
    ///
    /// At the first error.
    pub fn run(&self, database: &str, script: &str) -> String {
        self.psql(database, &["--set=ON_ERROR_STOP=1"], script)
    }

    /// Runs a script that goes on after errors.
    pub fn try_all(&self, database: &str, script: &str) -> String {
        self.psql(database, &[], script)
    }

    /// Runs a script and keeps its session and its transaction open.
    ///
    /// # Panics
    ///
    /// When the script fails.
    pub fn hold(&self, database: &str, script: &str) -> Session {
        let mut psql = Command::new(self.programs.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"])
            .arg(self.address(database))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql runs");
        let stdin = psql.stdin.as_mut().expect("psql has a standard input");
        stdin.write_all(format!("{script}\n\\echo held\n").as_bytes()).expect("psql reads");
        let lines = BufReader::new(psql.stdout.take().expect("psql has an output")).lines();
        let held = lines.map_while(Result::ok).any(|line| line == "held");
        assert!(held, "psql failed");
        Session(psql)
    }

    fn psql(&self, database: &str, flags: &[&str], script: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--field-separator=\t"])
            .args(flags)
            .arg(self.address(database))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql runs");
        let mut stdin = psql.stdin.take().expect("psql has a standard input");
        let output = std::thread::scope(|scope| {
            scope.spawn(move || {
                // It may end at an error, before it has read all.
                let _ = stdin.write_all(script.as_bytes());
            });
            psql.wait_with_output().expect("psql ends")
        });
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "psql failed: {errors}");
        String::from_utf8(output.stdout).expect("psql prints UTF-8")
    }
}

/// Bytes in SQLite's notation, such as `x'00ff'`, in PostgreSQL's.
pub fn with_bytes(sql: &str) -> String {
    let mut done = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find("x'").into_iter().chain(rest.find("X'")).min() {
        let (before, digits) = (&rest[..at], &rest[at + 2..]);
        let is_quoted = (done.matches('\'').count() + before.matches('\'').count()) % 2 == 1;
        let end = digits.find('\'').filter(|end| digits[..*end].bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(end) = end.filter(|_| !is_quoted && !before.ends_with(char::is_alphanumeric)) {
            done.extend([before, "CAST('\\x", &digits[..end], "' AS BYTEA)"]);
            rest = &digits[end + 1..];
        } else {
            // The quote is seen again.
            done += &rest[..=at];
            rest = &rest[at + 1..];
        }
    }
    done + rest
}

/// An open session, which ends when it is dropped.
#[derive(Debug)]
pub struct Session(Child);

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[expect(clippy::zombie_processes, reason = "the server ends with this process")]
fn start(programs: PathBuf) -> Cluster {
    let mut command = if packages::is_root() {
        // The server refuses to run as root.
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    let mut server = command
        .args(["-c", SERVER, "server"])
        .arg(&programs)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell runs");
    let mut folder = String::new();
    BufReader::new(server.stdout.take().expect("it has an output")).read_line(&mut folder).expect("it can be read");
    assert!(!folder.is_empty(), "PostgreSQL does not start; its log is above");
    // The input stays open until this process ends.
    std::mem::forget(server.stdin.take());
    Cluster { programs, folder: folder.trim_end().to_owned() }
}

/// The folder of the newest programs.
fn programs() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = debian.map(|version| version.path().join("bin")).collect();
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let found = folders.into_iter().filter_map(|folder| Some((version(&folder)?, folder)));
    found.filter(|(version, _)| *version >= OLDEST).max_by_key(|(version, _)| *version).map(|(_, folder)| folder)
}

/// The version of the server in a folder.
fn version(folder: &Path) -> Option<u32> {
    if ["initdb", "postgres", "pg_isready", "psql"].iter().any(|program| !folder.join(program).is_file()) {
        return None;
    }
    // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(2)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
