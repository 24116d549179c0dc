//! G4 and G5: durable creates by 64 clients, each as a user of its own. A create writes the workspace, its owner and
//! the audit row.

use std::cell::{Cell, RefCell};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::bench::{Bench, Neighbour, ratios};
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::load::{Load, Run, Script, count, encode};
use crate::process::Process;
use crate::references::{naive, pgbench, postgres};
use crate::report::Target;
use crate::seed::TEN_THOUSAND;
use crate::server::Server;

const CREATE: &str = "/v1/api/workspaces/create";

/// The number of concurrent clients.
pub(super) const CLIENTS: usize = 64;

/// Creates workspaces with unique names, each connection as another user.
pub(super) struct Creates<'a> {
    tokens: &'a [String],
    next: &'a Cell<u64>,
    wrong: Option<(u16, String)>,
}

impl<'a> Creates<'a> {
    /// `tokens` are the users' access tokens. `next` is the number of the next name and continues from run to run.
    pub(super) fn new(tokens: &'a [String], next: &'a Cell<u64>) -> Self {
        Self { tokens, next, wrong: None }
    }
}

impl Script for Creates<'_> {
    fn write(&mut self, connection: usize, request: &mut Vec<u8>) {
        let number = self.next.replace(self.next.get() + 1);
        let body = format!("{{\"workspace_name\":\"bench-{number:09}\"}}");
        let token = &self.tokens[connection % self.tokens.len()];
        request.extend_from_slice(&encode("POST", CREATE, Some(token), "application/json", &body));
    }

    fn take(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
        let right = status == 200 && body.starts_with(b"{\"workspace_id\":");
        if !right {
            self.wrong = Some((status, String::from_utf8_lossy(body).into_owned()));
        }
        right
    }

    fn last_error(&self) -> String {
        self.wrong.as_ref().map_or_else(String::new, |(status, body)| format!("status {status}: {body}"))
    }
}

/// Starts a server and signs in 64 users.
fn begin(bench: &mut Bench) -> Result<(Server, Vec<String>)> {
    let server = bench.serve(TEN_THOUSAND)?;
    let tokens = sign_in(&server)?;
    Ok((server, tokens))
}

/// Signs in 64 users.
pub(super) fn sign_in(server: &Server) -> Result<Vec<String>> {
    let mut people = TEN_THOUSAND.emails();
    people.truncate(CLIENTS);
    server.sign_in_all(&people)
}

/// G4: compared with a server that commits one transaction after the other, each with its own fsync.
pub(super) fn beside_one_by_one(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::G4;
    let (server, tokens) = begin(bench)?;
    let naive = naive::start(bench.scratch(), &server)?;
    let neighbour = Neighbour::of(&server)?;
    let (next, times) = (Cell::new(0), bench.times());
    let per_commit = RefCell::new(Vec::new());
    let [ours, one_by_one] = bench.alternate(
        GOAL,
        &mut [
            (
                "atelier",
                Box::new(|| {
                    let before = neighbour.commits()?;
                    let run = server.load(CLIENTS, times).go(&mut Creates::new(&tokens, &next))?;
                    per_commit.borrow_mut().push(count(run.all) / count(neighbour.commits()? - before));
                    Ok(run)
                }),
            ),
            ("one commit per request", Box::new(|| naive.load(CLIENTS, times).go(&mut Creates::new(&tokens, &next)))),
        ],
    )?;
    let report = &mut bench.report;
    let throughput = ratios(&ours, &one_by_one, Run::per_second);
    report.measure(GOAL, "creates, throughput of one commit per request's", "x", Target::AtLeast(3.5), &throughput)?;
    let p99 = ratios(&ours, &one_by_one, Run::p99);
    report.measure(GOAL, "creates, p99 of one commit per request's", "x", Target::AtMost(0.4), &p99)?;
    report.measure(GOAL, "creates for each commit", "", Target::AtLeast(20.0), &per_commit.into_inner())?;
    report.note(
        GOAL,
        "commits are counted by the data file's generation, which every commit raises by one; each waits for the disk \
         once (WAL, synchronous=FULL), and a checkpoint every four thousand pages does twice more",
    )?;
    match waits(&server, &server.load(CLIENTS, times), &mut Creates::new(&tokens, &next)) {
        Ok(creates) => report.measure(GOAL, "creates for each fsync, traced", "", Target::AtLeast(20.0), &[creates]),
        Err(error) => report.absent(GOAL, "creates for each fsync, traced", &error.to_string()),
    }
}

/// The creates per fsync. `strace` counts the fsyncs in a separate run that counts for nothing else.
fn waits(server: &Server, load: &Load, script: &mut Creates) -> Result<f64> {
    let place = tempfile::NamedTempFile::new()?;
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-e", "trace=fsync,fdatasync", "-p", &server.pid().to_string(), "-o"]);
    command.arg(place.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut strace = Process::start("strace", &mut command)?.stopped_by(Signal::INT);
    std::thread::sleep(Duration::from_millis(300));
    if strace.has_ended() {
        return Err(BenchError::new("strace may not look at the server"));
    }
    let run = load.go(script);
    strace.stop()?;
    let output = std::fs::read_to_string(place.path())?;
    let calls = output.lines().filter(|line| line.ends_with("sync"));
    let calls: u64 = calls.filter_map(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok()).sum();
    if calls == 0 { Err(BenchError::new("strace counted nothing")) } else { Ok(count(run?.all) / count(calls)) }
}

/// G5: compared with PostgreSQL with as many clients.
pub(super) fn beside_postgres(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::G5;
    let postgres = postgres::start(&bench.arguments, bench.scratch())?;
    postgres.run("postgres", pgbench::TABLES)?;
    let (server, tokens) = begin(bench)?;
    let (next, times) = (Cell::new(0), bench.times());
    let theirs = |script: &str| pgbench::creates(&postgres, ("postgres", script), times.1);
    let [ours, theirs, at_once] = bench.alternate(
        GOAL,
        &mut [
            ("atelier, over HTTP", Box::new(|| server.load(CLIENTS, times).go(&mut Creates::new(&tokens, &next)))),
            ("PostgreSQL, a transaction", Box::new(|| theirs(pgbench::CREATE))),
            ("PostgreSQL, one statement", Box::new(|| theirs(pgbench::CREATE_AT_ONCE))),
        ],
    )?;
    let report = &mut bench.report;
    let transaction = ratios(&ours, &theirs, Run::per_second);
    report.measure(GOAL, "creates, of PostgreSQL's (a transaction)", "x", Target::AtLeast(1.3), &transaction)?;
    let statement = ratios(&ours, &at_once, Run::per_second);
    report.measure(GOAL, "creates, of PostgreSQL's (one statement)", "x", Target::Reported, &statement)?;
    report.note(
        GOAL,
        &format!("{}; pgbench -M prepared -c 64 over a Unix socket, default settings", postgres.version.trim()),
    )
}
