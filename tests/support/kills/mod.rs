//! Kills a server again and again while four people write with every kind of verb, and looks whether anything that was
//! acknowledged is lost. The tests and the benchmarks share this file.

mod stories;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde_json::Value;

use stories::{Memory, Writer};

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const ADMIN: &str = "ada@example.com";
const PASSWORD: &str = "ada's analytical engine";
const WRITERS: usize = 4;

/// The maximum time that the people write before a kill.
const MAX_CYCLE: Duration = Duration::from_secs(2);

/// How often the file is examined as a whole by atelier's own commands.
const EXAMINED_EVERY: usize = 10;

/// The outcome of all cycles.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many writes were acknowledged, by verb.
    pub acknowledged: BTreeMap<&'static str, u64>,
    /// What was acknowledged and is not there, and what is wrong with the file.
    pub lost: Vec<String>,
}

/// Kills the server of a new data directory so many times. `after` is called after each time.
pub fn run(binary: &Path, home: &Path, cycles: usize, seed: u64, mut after: impl FnMut(usize)) -> Result<Outcome> {
    let mut random = Random(seed | 1);
    let mut outcome = Outcome::default();
    let mut server = Running::start(binary, home)?;
    let scene = stories::Scene::prepare(&server.base)?;
    let mut memories: Vec<Memory> = std::iter::repeat_with(Memory::default).take(WRITERS).collect();
    let mut last_audit = 0;
    for cycle in 0..cycles {
        // Killed in the middle of things: after some acknowledged writes, and some microseconds.
        let enough = 20 + random.next() % 100;
        let pause = Duration::from_micros(random.next() % 5000);
        let acknowledged = AtomicU64::new(0);
        let turns: Vec<u64> = (0..WRITERS).map(|_| random.next()).collect();
        let base = server.base.clone();
        std::thread::scope(|scope| -> Result<()> {
            let mut running = Vec::new();
            for ((number, memory), turn) in memories.iter_mut().enumerate().zip(turns) {
                let prefix = format!("c{cycle}w{number}");
                let mut writer = Writer::new(&base, &scene, memory, &acknowledged, prefix);
                running.push(scope.spawn(move || writer.write_until_killed(turn)));
            }
            let begun = Instant::now();
            while acknowledged.load(Ordering::Acquire) < enough && begun.elapsed() < MAX_CYCLE {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(pause);
            if let Some(ended) = server.child.try_wait()? {
                return Err(format!("the server ended by itself: {ended}").into());
            }
            server.kill()?;
            for writer in running {
                writer.join().map_err(|_| "a writer panicked")??;
            }
            Ok(())
        })?;
        server = Running::start(binary, home)?;
        examine(&server, home, &mut memories, &mut last_audit, &mut outcome)?;
        if cycle % EXAMINED_EVERY == 0 || cycle + 1 == cycles {
            for command in [&["check"][..], &["audit", "verify"]] {
                let done = atelier(binary).args(command).arg("--data-dir").arg(home).output()?;
                if !done.status.success() {
                    let told =
                        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
                    outcome.lost.push(format!("cycle {cycle}: {command:?}: {told}"));
                }
            }
        }
        after(cycle);
    }
    Ok(outcome)
}

/// Compares the file with what was acknowledged in the last cycle.
fn examine(
    server: &Running,
    home: &Path,
    memories: &mut [Memory],
    last_audit: &mut i64,
    outcome: &mut Outcome,
) -> Result<()> {
    let conn = Connection::open_with_flags(home.join("atelier.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if sound != "ok" {
        outcome.lost.push(format!("integrity_check: {sound}"));
    }
    if conn.prepare("PRAGMA foreign_key_check")?.exists([])? {
        outcome.lost.push("foreign_key_check: rows refer to missing rows".to_owned());
    }
    let mut audited = BTreeSet::new();
    let mut rows = conn.prepare("SELECT id, request_id FROM audit WHERE id > ?1 ORDER BY id")?;
    let mut rows = rows.query([*last_audit])?;
    while let Some(row) = rows.next()? {
        *last_audit = row.get(0)?;
        audited.insert(row.get::<_, String>(1)?);
    }
    for memory in memories {
        for (verb, request) in memory.requests.drain(..) {
            *outcome.acknowledged.entry(verb).or_default() += 1;
            if request.is_some_and(|request| !audited.contains(&request)) {
                outcome.lost.push(format!("{verb}: it has no audit row"));
            }
        }
        for ((fact, key), wanted) in std::mem::take(&mut memory.facts) {
            let found: Option<String> = conn.query_row(fact.sql(), [&key], |row| row.get(0)).optional()?;
            if found != wanted {
                outcome.lost.push(format!("{fact:?} {key}: {wanted:?} was acknowledged, and there is {found:?}"));
            }
        }
        for (secret, wanted) in std::mem::take(&mut memory.keys) {
            let found = stories::status_with(&server.base, &secret)?;
            if found != wanted {
                outcome.lost.push(format!("an API key is answered with {found}, not with {wanted}"));
            }
        }
    }
    Ok(())
}

/// A server that is killed when it is dropped.
struct Running {
    child: Child,
    base: String,
}

impl Running {
    fn start(binary: &Path, home: &Path) -> Result<Self> {
        const READY: &str = "listening on ";
        let log = OpenOptions::new().create(true).append(true).open(log_of(home))?;
        let mut command = atelier(binary);
        command.arg("serve").arg("--data-dir").arg(home);
        // The port changes with each start, and tokens must stay valid.
        command.args(["--listen", "127.0.0.1:0", "--public-url", "http://localhost:8787"]);
        command.args(["--access-token-life", "6h", "--log", "warn"]);
        command.env("ATELIER_ADMIN_EMAIL", ADMIN).env("ATELIER_ADMIN_PASSWORD", PASSWORD);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let pipe = child.stdout.take().ok_or("stdout is piped")?;
        let mut running = Self { child, base: String::new() };
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = String::new();
            while pipe.read_line(&mut line).is_ok_and(|read| read > 0) {
                if let Some(base) = line.trim_end().strip_prefix(READY) {
                    // The receiver may be gone.
                    let _ = sender.send(base.to_owned());
                }
                line.clear();
            }
            let _ = pipe.read_to_end(&mut Vec::new());
        });
        running.base = receiver.recv_timeout(Duration::from_mins(1)).map_err(|_| {
            let log = std::fs::read_to_string(log_of(home)).unwrap_or_default();
            format!("the server did not start again: {log}")
        })?;
        Ok(running)
    }

    /// Ends it with SIGKILL.
    fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kill();
    }
}

fn log_of(home: &Path) -> PathBuf {
    home.with_extension("log")
}

/// The binary without inherited settings.
fn atelier(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("ATELIER_")) {
            command.env_remove(name);
        }
    }
    command
}

/// Xorshift, so that a run can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A text in a response.
fn text(value: &Value, field: &str) -> Result<String> {
    Ok(value[field].as_str().ok_or_else(|| format!("no text {field}: {value}"))?.to_owned())
}
