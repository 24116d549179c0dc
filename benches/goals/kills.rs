//! L4: nothing that was acknowledged is lost by kills. L5: the write-ahead log is short again once a reader has gone.

use std::cell::Cell;
use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use crate::bench::Bench;
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::goals::creates::Creates;
use crate::kill_harness;
use crate::report::Target;
use crate::seed::TEN_THOUSAND;

const CYCLES: usize = 500;
const QUICK_CYCLES: usize = 20;

/// L4: four people write with every kind of verb while the server is killed again and again.
pub(super) fn nothing_is_lost(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::L4;
    let cycles = if bench.arguments.quick { QUICK_CYCLES } else { CYCLES };
    let seed = u64::from(SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos());
    let home = bench.scratch().join("killed");
    let after = |cycle: usize| {
        if (cycle + 1).is_multiple_of(50) {
            eprintln!("{} kills", cycle + 1);
        }
    };
    let outcome = kill_harness::run(&bench.arguments.binary, &home, cycles, seed, after);
    let outcome = outcome.map_err(|error| BenchError::new(format!("seed {seed}: {error}")))?;
    for lost in outcome.lost.iter().take(20) {
        eprintln!("seed {seed}: {lost}");
    }
    let acknowledged: u64 = outcome.acknowledged.values().sum();
    let report = &mut bench.report;
    #[expect(clippy::cast_precision_loss, reason = "these counts are small")]
    let (lost, acknowledged, cycles) = (outcome.lost.len() as f64, acknowledged as f64, cycles as f64);
    report.measure(
        GOAL,
        "acknowledged writes that are lost, and faults of the file",
        "",
        Target::AtMost(0.0),
        &[lost],
    )?;
    report.measure(GOAL, "acknowledged writes", "", Target::Reported, &[acknowledged])?;
    report.measure(GOAL, "kills", "", Target::Reported, &[cycles])?;
    report.note(
        GOAL,
        &format!(
            "seed {seed}; after each kill: the rows, the audit row of each write, API keys and refresh tokens, \
             integrity_check and foreign_key_check; after every tenth `atelier check` and `atelier audit verify`; by verb: \
             {:?}",
            outcome.acknowledged
        ),
    )
}

/// The time that a reader of another process holds the log.
const HELD: Duration = Duration::from_secs(20);

/// The time in which the log must be short again.
const TIMEOUT: Duration = Duration::from_secs(10);

/// L5: 64 clients create while another process has a read transaction open.
pub(super) fn log_is_short_again(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::L5;
    let server = bench.serve(TEN_THOUSAND)?;
    let mut people = TEN_THOUSAND.emails();
    people.truncate(64);
    let tokens = server.sign_in_all(&people)?;
    let held = if bench.arguments.quick { HELD / 5 } else { HELD };
    let reader = Connection::open(server.database())?;
    reader.execute_batch("BEGIN; SELECT count(*) FROM meta")?;
    let next = Cell::new(0);
    let log = server.database().with_extension("db-wal");
    #[expect(clippy::cast_precision_loss, reason = "a length of some megabytes")]
    let megabytes = || fs::metadata(&log).map_or(0.0, |file| file.len() as f64 / 1e6);
    // A slow machine writes for longer.
    for _ in 0..10 {
        server.load(64, (Duration::ZERO, held)).go(&mut Creates::new(&tokens, &next))?;
        if megabytes() > 50.0 {
            break;
        }
    }
    let largest = megabytes();
    reader.execute_batch("COMMIT")?;
    let begun = Instant::now();
    while megabytes() > 21.0 && begun.elapsed() < TIMEOUT {
        std::thread::sleep(Duration::from_millis(20));
    }
    let (took, after) = (begun.elapsed().as_secs_f64(), megabytes());
    let report = &mut bench.report;
    report.measure(GOAL, "write-ahead log while a reader holds it", " MB", Target::Reported, &[largest])?;
    report.measure(GOAL, "once the reader has gone", " MB", Target::AtMost(21.0), &[after])?;
    report.measure(GOAL, "time until then", " s", Target::AtMost(3.0), &[took])
}
