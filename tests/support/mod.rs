//! Starts the real binary for a test and looks after it.
//!
//! Several test binaries share this file (`#[path = "../support/mod.rs"] mod support;`). It knows the
//! command line of `atelier`, its environment and the line it prints once it serves; it speaks no dialect.
//!
//! `ATELIER_TEST_KEEP=1` keeps the data directories and says where they are. `ATELIER_TEST_ENGINE=postgres` gives each
//! server a database of PostgreSQL of its own, but for the tests in `about_sqlite.rs`.
#![allow(dead_code, reason = "each test binary uses its own part of this file")]

mod about_sqlite;
pub mod database;
mod first_start;
pub mod instance;
pub mod packages;
pub mod postgres;
pub mod stop;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The first administrator's e-mail.
pub const ADMIN: &str = "ada@example.com";

/// The first administrator's password.
pub const ADMIN_PASSWORD: &str = "ada's analytical engine";

const BINARY: &str = env!("CARGO_BIN_EXE_atelier");
const READY: &str = "listening on ";
const PATIENCE: Duration = Duration::from_secs(30);

/// How a server is to be started.
#[derive(Debug, Default)]
pub struct Setup {
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    data_dir: Option<PathBuf>,
    more_listeners: usize,
    no_admin: bool,
    has_started: bool,
    database: Option<String>,
}

impl Setup {
    /// One listener on a free port, a new data directory, [`ADMIN`] as its administrator.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds words to the command line after `serve --data-dir .. --listen ..`.
    pub fn args<S: AsRef<OsStr>>(mut self, args: &[S]) -> Self {
        self.args.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the server's environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Serves a directory that the caller owns, for a second start on the same data.
    pub fn data_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.data_dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Listens on one more address; each is waited for and listed by [`Server::bases`].
    pub fn listen(mut self, address: &str) -> Self {
        self.more_listeners += 1;
        self.args(&["--listen", address])
    }

    /// Serves a database of PostgreSQL.
    pub fn database(mut self, address: &str) -> Self {
        self.database = Some(address.to_owned());
        self
    }

    /// Leaves it to the server to make an administrator.
    pub fn without_admin(mut self) -> Self {
        self.no_admin = true;
        self
    }

    /// Unless it is set up otherwise, serves a copy of what another server left, whose first start it was. The copies have
    /// the same keys.
    pub fn after_first_start(mut self) -> Self {
        self.has_started =
            self.data_dir.is_none() && self.database.is_none() && self.args.is_empty() && self.env.is_empty();
        self
    }

    /// Starts the server and returns once it serves.
    ///
    /// # Panics
    ///
    /// With the server's log, when it ends or is silent for 30 seconds.
    pub fn start(self) -> Server {
        let data = self.data_dir.map_or_else(Data::new, Data::Lent);
        let database = if self.has_started {
            first_start::copy_into(data.path())
        } else {
            self.database.or_else(|| wanted_database(data.path()))
        };
        match &database {
            Some(address) => databases().insert(data.path().to_owned(), address.clone()),
            None => databases().remove(data.path()),
        };
        let mut command = atelier_on(data.path());
        command.arg("serve").arg("--data-dir").arg(data.path()).args(["--listen", "127.0.0.1:0"]).args(&self.args);
        if !self.no_admin {
            command.env("ATELIER_ADMIN_EMAIL", ADMIN).env("ATELIER_ADMIN_PASSWORD", ADMIN_PASSWORD);
        }
        command.envs(self.env).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the atelier binary starts");

        let log = Log::default();
        let (ready, bases) = mpsc::channel();
        let readers = vec![
            log.drain(child.stdout.take().expect("stdout is piped"), Some(ready)),
            log.drain(child.stderr.take().expect("stderr is piped"), None),
        ];
        let watcher = watcher(child.id());
        let mut server = Server { child, watcher, readers, log, data, database, bases: Vec::new() };
        server.wait_for(&bases, 1 + self.more_listeners);
        server
    }
}

/// A running server: killed when dropped, its log printed when the test fails.
#[derive(Debug)]
pub struct Server {
    child: Child,
    watcher: Child,
    readers: Vec<JoinHandle<()>>,
    log: Log,
    data: Data,
    /// The address of the database of PostgreSQL, if it is on one.
    database: Option<String>,
    bases: Vec<String>,
}

impl Server {
    /// Starts a server as [`Setup::new`] has it.
    pub fn start() -> Self {
        Setup::new().start()
    }

    /// The first listener's URL, without a final slash.
    pub fn base(&self) -> &str {
        &self.bases[0]
    }

    /// Every listener's URL, in the order they were announced.
    pub fn bases(&self) -> &[String] {
        &self.bases
    }

    /// Where the server keeps its files.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The address of the database of PostgreSQL, if it is on one.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything printed so far, stdout and stderr together.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Reads nothing of the log as long as this is held, so that the pipe becomes full.
    pub fn hold_log(&self) -> MutexGuard<'_, impl Sized> {
        self.log.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `atelier ARGS --data-dir DIR` on this server's data and waits for it.
    pub fn cli<S: AsRef<OsStr>>(&self, args: &[S]) -> Output {
        let mut command = atelier_on(self.data_dir());
        command.args(args).arg("--data-dir").arg(self.data_dir()).stdin(Stdio::null());
        command.output().expect("the atelier binary starts")
    }

    /// How the server ended, if it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let ended = self.child.try_wait().expect("the server can be waited for")?;
        self.readers.drain(..).for_each(|reader| reader.join().expect("the log is read to its end"));
        Some(ended)
    }

    /// Asks the server to stop (SIGTERM), waits for it and returns how it ended.
    ///
    /// # Panics
    ///
    /// When it is still there after 30 seconds.
    pub fn stop(&mut self) -> ExitStatus {
        self.stop_by("TERM")
    }

    /// The same as [`Server::stop`], by another signal.
    pub fn stop_by(&mut self, signal: &str) -> ExitStatus {
        if let Some(ended) = self.child.try_wait().expect("the server can be waited for") {
            return ended;
        }
        // The shell's own `kill`, so that no program has to be installed and no unsafe call made.
        let asked = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", self.pid())).status();
        assert!(asked.is_ok_and(|status| status.success()), "the server can be signalled");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = self.child.try_wait().expect("the server can be waited for") {
                self.readers.drain(..).for_each(|reader| reader.join().expect("the log is read to its end"));
                return ended;
            }
            assert!(Instant::now() < deadline, "the server still runs 30 s after SIG{signal}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn wait_for(&mut self, announced: &Receiver<String>, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.bases.len() < count {
            match announced.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(base) => self.bases.push(base),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("the server said nothing of {READY:?} for 30 s")
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the server ended before it served"),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // These fail only when the process is gone already.
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        if std::thread::panicking() {
            eprintln!("---- the server's log\n{}----", self.log());
        }
    }
}

/// Ends a server when the tests end without dropping it, as they do with what is static: then this pipe closes.
fn watcher(server: u32) -> Child {
    Command::new("sh")
        .args(["-c", "read -r _; kill -9 \"$0\"", &server.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell starts")
}

/// The addresses of the databases of PostgreSQL, by data directory.
fn databases() -> MutexGuard<'static, BTreeMap<PathBuf, String>> {
    static DATABASES: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());
    DATABASES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The address of the database of PostgreSQL that goes with a data directory, if one does.
pub fn database_of(data_dir: &Path) -> Option<String> {
    databases().get(data_dir).cloned()
}

/// Lets a database of PostgreSQL go with a data directory from now on.
pub fn set_database(data_dir: &Path, address: String) {
    databases().insert(data_dir.to_owned(), address);
}

/// A copy of the database of PostgreSQL that goes with a data directory, if one does. Nobody may use it now.
pub fn copy_of_database(data_dir: &Path) -> Option<String> {
    let address = database_of(data_dir)?;
    let cluster = postgres::cluster();
    Some(cluster.address(&cluster.copy_database(database_name(&address))))
}

/// Lets a copy of a database go with a data directory.
pub fn use_copy_of(address: &str, data_dir: &Path) {
    let cluster = postgres::cluster();
    let copy = cluster.address(&cluster.copy_database(database_name(address)));
    databases().insert(data_dir.to_owned(), copy);
}

/// Spawns a thread that belongs to the test of this thread, whose servers are on the same engine.
pub fn spawn_of_test<'scope, F>(scope: &'scope thread::Scope<'scope, '_>, work: F)
where
    F: FnOnce() + Send + 'scope,
{
    let name = thread::current().name().unwrap_or_default().to_owned();
    thread::Builder::new().name(name).spawn_scoped(scope, work).expect("a thread");
}

/// The database of a server on this directory: a new one for a new directory.
fn wanted_database(data_dir: &Path) -> Option<String> {
    is_on_postgres().then(|| database_of(data_dir).unwrap_or_else(fresh_database))
}

/// Whether this test runs on PostgreSQL.
fn is_on_postgres() -> bool {
    std::env::var_os("ATELIER_TEST_ENGINE").is_some_and(|engine| engine == "postgres") && !about_sqlite::is_this_test()
}

/// The name of the database in an address.
pub fn database_name(address: &str) -> &str {
    let (_, rest) = address.split_once("@/").expect("an address of the cluster");
    rest.split('?').next().expect("a name")
}

/// The address of a new, empty database of PostgreSQL.
pub fn empty_database() -> String {
    let cluster = postgres::cluster();
    cluster.address(&cluster.create_database())
}

/// Functions of SQLite that statements of tests use.
const OF_SQLITE: &str = include_str!("of_sqlite.sql");

/// The address of a new database of PostgreSQL that has the tables already.
pub fn fresh_database() -> String {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    let cluster = postgres::cluster();
    let template = TEMPLATE.get_or_init(|| {
        let name = cluster.create_database();
        cluster.run(&name, &["BEGIN;\n", include_str!("../../schema.postgres.sql"), "\nCOMMIT;\n", OF_SQLITE].concat());
        name
    });
    cluster.address(&cluster.copy_database(template))
}

/// Runs `atelier serve` on a database and a directory, and waits for its end.
pub fn run_on(database: &str, data_dir: &Path, args: &[&str]) -> Output {
    let mut command = atelier();
    command.arg("serve").arg("--data-dir").arg(data_dir).args(["--listen", "127.0.0.1:0"]).args(args);
    command.env("ATELIER_DATABASE", database).stdin(Stdio::null()).output().expect("the atelier binary starts")
}

/// Runs `atelier ARGS`, for commands that need no server, and waits for it. It finds the database that goes with the
/// directory after `--data-dir`.
pub fn run<S: AsRef<OsStr>>(args: &[S]) -> Output {
    let mut after = args.iter().skip_while(|arg| arg.as_ref() != "--data-dir").skip(1);
    let mut command = after.next().map_or_else(atelier, |data_dir| atelier_on(Path::new(data_dir.as_ref())));
    command.args(args).stdin(Stdio::null()).output().expect("the atelier binary starts")
}

/// The binary, with nothing inherited that could configure it, and with the address of the database that goes with a
/// data directory. The caller adds the arguments, `--data-dir` among them.
pub fn atelier_on(data_dir: &Path) -> Command {
    let mut command = atelier();
    if let Some(address) = database_of(data_dir) {
        command.env("ATELIER_DATABASE", address);
    }
    command
}

/// The same, for a directory that may be new: then it gets a new database, if this test runs on PostgreSQL.
pub fn atelier_on_new(data_dir: &Path) -> Command {
    if let Some(address) = wanted_database(data_dir) {
        databases().insert(data_dir.to_owned(), address);
    }
    atelier_on(data_dir)
}

/// The binary, with nothing inherited that could configure it or a client of it.
fn atelier() -> Command {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("ATELIER_") || name.starts_with("WALLAROO_")) {
            command.env_remove(name);
        }
    }
    command
}

#[derive(Debug)]
enum Data {
    Own(TempDir),
    Kept(PathBuf),
    Lent(PathBuf),
}

impl Data {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("atelier-test-").tempdir().expect("a temporary directory");
        if std::env::var_os("ATELIER_TEST_KEEP").is_some_and(|keep| keep == "1") {
            let kept = dir.keep();
            eprintln!("kept: {}", kept.display());
            return Self::Kept(kept);
        }
        Self::Own(dir)
    }

    fn path(&self) -> &Path {
        match self {
            Self::Own(dir) => dir.path(),
            Self::Kept(path) | Self::Lent(path) => path,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads `pipe` to its end on a thread of its own.
    fn drain(&self, pipe: impl Read + Send + 'static, ready: Option<Sender<String>>) -> JoinHandle<()> {
        let log = self.clone();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line);
                if let Some((base, ready)) = text.trim_end().strip_prefix(READY).zip(ready.as_ref()) {
                    // The receiver is gone once all addresses are known.
                    let _ = ready.send(base.to_owned());
                }
                log.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
                line.clear();
            }
        })
    }
}
