//! L2: the list of all of 100,000 people, which takes 49 MB. Four askers that read it, and forty that do not, while
//! somebody else reads a short list.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::bench::{Bench, ratios};
use crate::error::{BenchError, Result};
use crate::goals::{Goal, lists};
use crate::load::{Run, Same, count, encode};
use crate::process::memory_of;
use crate::report::Target;
use crate::seed::{Seed, person};
use crate::server::Server;

/// A hundred thousand people, each in one of a thousand spaces.
const CROWD: Seed = Seed { spaces: 1_000, people: 100_000, each: 1 };

const USERS: &str = "/v1/api/users/query";

/// The askers that read what they asked for.
const ASKERS: usize = 4;

/// The askers that do not read.
const SILENT: usize = 40;

/// The short lists per second that run at the same time, over a few connections.
const LISTS: f64 = 250.0;
const LISTERS: usize = 8;

/// How long an asker waits after a refusal, as `Retry-After` says.
const PAUSE: Duration = Duration::from_secs(1);

/// The responses to the askers.
#[derive(Debug, Default)]
struct Tally {
    whole: AtomicU64,
    refused: AtomicU64,
}

fn connect(server: &Server) -> Result<TcpStream> {
    let stream = TcpStream::connect::<SocketAddr>(server.address())?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    Ok(stream)
}

/// Asks again and again, and reads everything.
fn ask_until(server: &Server, request: &[u8], is_over: &AtomicBool, tally: &Tally) -> Result<()> {
    let mut stream = connect(server)?;
    let mut buffer = vec![0; 1 << 20];
    while !is_over.load(Ordering::Relaxed) {
        stream.write_all(request)?;
        let (mut head, mut got) = (Vec::new(), 0);
        let (end, length, is_whole) = loop {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                return Err(BenchError::new("an answer of the list of people ends early"));
            }
            got += read;
            head.extend_from_slice(&buffer[..read.min(16 << 10)]);
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
                let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
                let length: usize = length.ok_or_else(|| BenchError::new("an answer has no length"))?;
                break (end + 4, length, text.starts_with("http/1.1 200"));
            }
        };
        while got < end + length {
            match stream.read(&mut buffer)? {
                0 => return Err(BenchError::new("an answer of the list of people ends early")),
                read => got += read,
            }
        }
        if is_whole {
            tally.whole.fetch_add(1, Ordering::Relaxed);
        } else {
            tally.refused.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}

/// Short lists while some ask for the list of people.
fn beside_askers(
    server: &Server,
    requests: &[Vec<u8>],
    lists: impl FnOnce() -> Result<Run>,
    tally: &Tally,
) -> Result<Run> {
    let is_over = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut askers = Vec::new();
        for request in requests {
            askers.push(scope.spawn(move || ask_until(server, request, is_over, tally)));
        }
        let run = lists();
        is_over.store(true, Ordering::Relaxed);
        for asker in askers {
            asker.join().map_err(|_| BenchError::new("an asker panicked"))??;
        }
        run
    })
}

pub(super) fn bounded(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::L2;
    let server = bench.serve(CROWD)?;
    let token = server.sign_in(&person(0))?.access;
    let body = server.client.send("POST", lists::LIST, Some(&token), "application/json", "{}")?;
    let same = Same::new(lists::request(&token), body.len());
    let emails: Vec<String> = (1..).map(person).take(ASKERS).collect();
    let ask = |token: &String| encode("POST", USERS, Some(token), "application/json", "{}");
    let requests: Vec<Vec<u8>> = server.sign_in_all(&emails)?.iter().map(ask).collect();
    let (warm_up, run) = bench.times();
    let times = (warm_up.max(Duration::from_secs(1)), run * 2);
    let list = || server.load(LISTERS, times).paced(LISTS).go(&mut same.clone());
    let tally = Tally::default();
    let (mut quiet, mut busy, mut grown) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..bench.arguments.rounds {
        // The first round is for a new server, so that its memory has not grown before.
        let before = memory_of(server.pid())?;
        let mut silent = Vec::new();
        for request in requests.iter().cycle().take(SILENT) {
            let mut stream = connect(&server)?;
            stream.write_all(request)?;
            silent.push(stream);
        }
        let beside_silent = list()?;
        let after = memory_of(server.pid())?;
        drop(silent);
        if round == 0 {
            grown.push(count(after.most.saturating_sub(before.resident)) / 1e3);
        }
        let alone = list()?;
        let beside = beside_askers(&server, &requests, list, &tally)?;
        for (name, run) in [
            ("lists alone", &alone),
            ("lists beside four askers", &beside),
            ("lists beside silent askers", &beside_silent),
        ] {
            bench.report.run(GOAL, round, name, run)?;
        }
        quiet.push(alone);
        busy.push(beside);
    }
    let report = &mut bench.report;
    let p99 = ratios(&busy, &quiet, Run::p99);
    report.measure(
        GOAL,
        "short lists beside four askers of 100,000 people, p99 of without",
        "x",
        Target::AtMost(3.0),
        &p99,
    )?;
    report.measure(GOAL, "memory that forty askers that do not read take", " MB", Target::AtMost(80.0), &grown)?;
    let (whole, refused) = (tally.whole.into_inner(), tally.refused.into_inner());
    if whole == 0 {
        return Err(BenchError::new("no asker got the list of people"));
    }
    report.note(
        GOAL,
        &format!(
            "{LISTS} lists a second over {LISTERS} connections; the askers got {whole} whole lists and {refused} times 503, \
             after which they waited a second"
        ),
    )
}
