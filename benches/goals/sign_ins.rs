//! G10: sign-ins of 64 clients, compared with the raw rate of argon2 on as many threads as the server hashes on, and the
//! latency of a list meanwhile. The server leaves one core to the requests, if there is more than one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::arguments::Arguments;
use crate::bench::{Bench, ratios};
use crate::error::{BenchError, Result};
use crate::goals::{Goal, lists};
use crate::load::{Run, Same};
use crate::report::Target;
use crate::seed::{PASSWORD, TEN_THOUSAND, person};
use crate::server::SignIns;

/// The number of clients that sign in concurrently.
const CLIENTS: usize = 64;

/// The lists per second that run at the same time, over a few connections.
const LISTS: f64 = 250.0;
const LISTERS: usize = 8;

/// The argon2 parameters of the server's password hashes.
const MEMORY_COST: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Computes hashes as the server does, with nothing around them.
pub(super) struct Hasher {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
    output: [u8; 32],
}

impl Hasher {
    pub(super) fn new() -> Result<Self> {
        let params = Params::new(MEMORY_COST, PASSES, LANES, None);
        let params = params.map_err(|error| BenchError::new(error.to_string()))?;
        let memory = vec![Block::default(); params.block_count()];
        Ok(Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), memory, output: [0; 32] })
    }

    /// Computes one hash. Returns whether it succeeded.
    pub(super) fn hash(&mut self) -> bool {
        let (password, salt) = (PASSWORD.as_bytes(), b"sixteen bytes of");
        self.argon2.hash_password_into_with_memory(password, salt, &mut self.output, &mut self.memory).is_ok()
    }
}

/// The number of threads on which the server hashes passwords.
fn hashing_threads(arguments: &Arguments) -> usize {
    let set = arguments.set.iter().rev().find(|(key, _)| key == "password_threads");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    set.and_then(|(_, value)| value.parse().ok()).filter(|threads| *threads > 0).unwrap_or((cores - 1).max(1))
}

/// Computes hashes on so many threads for this time.
fn raw(threads: usize, run: Duration) -> Result<Run> {
    let (hashes, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let workers = (0..threads).map(|_| Hasher::new()).collect::<Result<Vec<_>>>()?;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for mut hasher in workers {
            let (hashes, over) = (&hashes, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    hashes.fetch_add(u64::from(hasher.hash()), Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(run);
        over.store(true, Ordering::Relaxed);
    });
    let hashes = hashes.into_inner();
    Ok(Run { responses: hashes, all: hashes, seconds: begun.elapsed().as_secs_f64(), ..Run::default() })
}

pub(super) fn fair(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::G10;
    let server = bench.serve(TEN_THOUSAND)?;
    let emails = TEN_THOUSAND.emails();
    let token = server.sign_in(&person(0))?.access;
    let body = server.client.send("POST", lists::LIST, Some(&token), "application/json", "{}")?;
    let same = Same::new(lists::request(&token), body.len());
    let (warm_up, run) = bench.times();
    // A hash takes tens of milliseconds, so enough results take a while.
    let times = (warm_up.max(Duration::from_secs(1)), run * 2);
    let list = || server.load(LISTERS, times).paced(LISTS);
    let threads = hashing_threads(&bench.arguments);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut runs: [Vec<Run>; 5] = [const { Vec::new() }; 5];
    for round in 0..bench.arguments.rounds {
        let everywhere = raw(cores, times.1)?;
        let raw = raw(threads, times.1)?;
        let quiet = list().go(&mut same.clone())?;
        let (sign_ins, busy) = std::thread::scope(|scope| {
            let sign_ins = scope.spawn(|| server.load(CLIENTS, times).go(&mut SignIns::each(&emails)));
            let busy = list().go(&mut same.clone());
            (sign_ins.join(), busy)
        });
        let sign_ins = sign_ins.map_err(|_| BenchError::new("the sign-ins panicked"))??;
        let names =
            ["argon2 alone", "sign-ins", "lists without sign-ins", "lists beside sign-ins", "argon2 on every core"];
        for ((series, run), name) in runs.iter_mut().zip([raw, sign_ins, quiet, busy?, everywhere]).zip(names) {
            bench.report.run(GOAL, round, name, &run)?;
            series.push(run);
        }
    }
    let [raw, sign_ins, quiet, busy, everywhere] = &runs;
    let report = &mut bench.report;
    let rate = ratios(sign_ins, raw, Run::per_second);
    let what = format!("sign-ins, of argon2's raw rate on {threads} of {cores} cores");
    report.measure(GOAL, &what, "x", Target::AtLeast(0.85), &rate)?;
    let share = ratios(sign_ins, everywhere, Run::per_second);
    report.measure(GOAL, "sign-ins, of argon2's raw rate on every core", "x", Target::Reported, &share)?;
    let p99 = ratios(busy, quiet, Run::p99);
    report.measure(GOAL, "lists beside sign-ins, p99 of without", "x", Target::AtMost(3.0), &p99)?;
    report
        .note(GOAL, &format!("{LISTS} lists a second over {LISTERS} connections; argon2id with 19 MiB and two passes"))
}
