//! L6: an export and an import of a million spaces: time and peak memory.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::load::count;
use crate::process::memory_of;
use crate::report::Target;
use crate::seed::{MILLION, Seed, TEN_THOUSAND, begin};

const GOAL: Goal = Goal::L6;

/// How often the peak of a running command is read. The kernel keeps it, so only growth in the last moment is missed.
const LOOK: Duration = Duration::from_millis(20);

/// The time and the peak memory of a command.
struct Cost {
    seconds: f64,
    /// In MB.
    most: f64,
}

pub(super) fn bounded(bench: &mut Bench) -> Result<()> {
    let small = moved(bench, TEN_THOUSAND)?;
    let large = if bench.arguments.quick { moved(bench, TEN_THOUSAND)? } else { moved(bench, MILLION)? };
    let report = &mut bench.report;
    for (what, target, small, large) in [
        ("export", 64.0, &small[0], &large[0]),
        ("preview", 512.0, &small[1], &large[1]),
        ("import", 512.0, &small[2], &large[2]),
    ] {
        report.measure(GOAL, &format!("{what} of a million spaces"), " s", Target::Reported, &[large.seconds])?;
        report.measure(
            GOAL,
            &format!("most resident during the {what}"),
            " MB",
            Target::AtMost(target),
            &[large.most],
        )?;
        report.measure(
            GOAL,
            &format!("the same with 10,000 spaces, {what}"),
            " MB",
            Target::Reported,
            &[small.most],
        )?;
    }
    Ok(())
}

/// An export, a preview and an import of these rows into an empty data directory.
fn moved(bench: &Bench, seed: Seed) -> Result<[Cost; 3]> {
    let from = seed.prepare(&bench.arguments)?;
    let to = bench.scratch().join(format!("moved-{}", seed.spaces));
    begin(&bench.arguments, &to)?;
    let file = bench.scratch().join(format!("moved-{}.jsonl", seed.spaces));
    let run = |words: &[&str], home: &Path| {
        let mut command = Command::new(&bench.arguments.binary);
        command.arg(words[0]).arg(&file).args(&words[1..]).arg("--data-dir").arg(home);
        cost(&mut command, words[0])
    };
    let costs = [run(&["export"], &from)?, run(&["import", "--dry-run"], &to)?, run(&["import"], &to)?];
    fs::remove_file(&file)?;
    fs::remove_dir_all(&to)?;
    Ok(costs)
}

fn cost(command: &mut Command, name: &str) -> Result<Cost> {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut most = 0;
    let status = loop {
        if let Ok(memory) = memory_of(child.id()) {
            most = most.max(memory.most);
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        sleep(LOOK);
    };
    if !status.success() {
        return Err(BenchError::new(format!("atelier {name} ended with {status}")));
    }
    Ok(Cost { seconds: began.elapsed().as_secs_f64(), most: count(most) * 1024.0 / 1e6 })
}
