//! G12: one sign-in after the other while other programs use the processor, compared with the raw hash under the same
//! load.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::{Bench, ratios};
use crate::error::Result;
use crate::goals::Goal;
use crate::goals::sign_ins::Hasher;
use crate::load::Run;
use crate::process::Process;
use crate::report::Target;
use crate::seed::TEN_THOUSAND;
use crate::server::SignIns;

/// The numbers of busy loops.
const LOOPS: [usize; 4] = [0, 2, 4, 8];

/// The minimum number of hashes of a run.
const MIN_HASHES: usize = 20;

/// A process that does nothing but use the processor. The loop ends with the process.
fn busy_loop() -> Result<Process> {
    Process::start("a busy loop", Command::new("sh").args(["-c", "while :; do :; done"]).stdout(Stdio::null()))
}

/// Computes one hash after the other for this time.
fn hashes(run: Duration) -> Result<Run> {
    let mut hasher = Hasher::new()?;
    hasher.hash();
    let (begun, mut nanos) = (Instant::now(), Vec::new());
    while begun.elapsed() < run || nanos.len() < MIN_HASHES {
        let one = Instant::now();
        hasher.hash();
        nanos.push(u64::try_from(one.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    Ok(Run::timed(nanos))
}

pub(super) fn unharmed(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::G12;
    let server = bench.serve(TEN_THOUSAND)?;
    let emails = TEN_THOUSAND.emails();
    let (warm_up, run) = bench.times();
    let times = (warm_up.max(Duration::from_millis(500)), run);
    for loops in LOOPS {
        let (mut raw, mut sign_ins) = (Vec::new(), Vec::new());
        for round in 0..bench.arguments.rounds {
            let _busy = (0..loops).map(|_| busy_loop()).collect::<Result<Vec<_>>>()?;
            let hashes = hashes(run)?;
            let signed_in = server.load(1, times).go(&mut SignIns::each(&emails))?;
            bench.report.run(GOAL, round, &format!("argon2, {loops} loops"), &hashes)?;
            bench.report.run(GOAL, round, &format!("sign-in, {loops} loops"), &signed_in)?;
            raw.push(hashes);
            sign_ins.push(signed_in);
        }
        let p50 = ratios(&sign_ins, &raw, Run::p50);
        let what = format!("sign-in beside {loops} busy loops, p50 of argon2's");
        bench.report.measure(GOAL, &what, "x", Target::AtMost(2.0), &p50)?;
    }
    bench.report.note(GOAL, "one client, one hash at a time; the loops are processes of their own")
}
