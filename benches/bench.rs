//! The environment of a measurement: the arguments, the report, and folders for files.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::arguments::Arguments;
use super::error::{BenchError, Result};
use super::goals::Goal;
use super::load::Run;
use super::process::end_together;
use super::report::Report;
use super::seed::Seed;
use super::server::Server;

pub struct Bench {
    pub arguments: Arguments,
    pub report: Report,
    scratch: TempDir,
    copies: u32,
}

/// Something that is measured in alternation with others.
pub type Contender<'a, S = &'static str> = (S, Box<dyn FnMut() -> Result<Run> + 'a>);

/// The folder for files that are reused by later runs.
pub fn reusable_folder() -> Result<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map(|target| target.join("bench"));
    let place = place.ok_or_else(|| BenchError::new("there is no target directory"))?;
    fs::create_dir_all(&place)?;
    Ok(place)
}

impl Bench {
    pub fn new(arguments: Arguments, report: Report) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("atelier-bench-").tempdir_in(&arguments.scratch)?;
        end_together(scratch.path().to_owned())?;
        Ok(Self { arguments, report, scratch, copies: 0 })
    }

    /// A folder for temporary files, which is deleted at the end.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The warm-up time and the measured time of a run.
    pub fn times(&self) -> (Duration, Duration) {
        (self.arguments.warm_up, self.arguments.run)
    }

    /// A new, writable copy of the data directory with these rows.
    pub fn copy(&mut self, seed: Seed) -> Result<PathBuf> {
        self.copy_of(&seed.prepare(&self.arguments)?)
    }

    /// A new, writable copy of a data directory.
    pub fn copy_of(&mut self, source: &Path) -> Result<PathBuf> {
        self.copies += 1;
        let copy = self.scratch.path().join(format!("data-{}", self.copies));
        fs::create_dir(&copy)?;
        for entry in fs::read_dir(source)? {
            let entry = entry?;
            if entry.file_name() != "seeded" {
                fs::copy(entry.path(), copy.join(entry.file_name()))?;
            }
        }
        Ok(copy)
    }

    /// Starts atelier on a copy of the data directory with these rows.
    pub fn serve(&mut self, seed: Seed) -> Result<Server> {
        let copy = self.copy(seed)?;
        Server::start(&self.arguments, &copy)
    }

    /// Runs the contenders alternately, and begins each round with another one. Returns the runs of each contender by
    /// round.
    pub fn alternate<const N: usize>(&mut self, goal: Goal, contenders: &mut [Contender; N]) -> Result<[Vec<Run>; N]> {
        let mut runs = self.alternate_all(goal, contenders)?.into_iter();
        Ok(std::array::from_fn(|_| runs.next().unwrap_or_default()))
    }

    /// The same for a number of contenders that is known only when it runs.
    pub fn alternate_all<S: AsRef<str>>(
        &mut self,
        goal: Goal,
        contenders: &mut [Contender<S>],
    ) -> Result<Vec<Vec<Run>>> {
        let count = contenders.len();
        let mut runs = vec![Vec::new(); count];
        for round in 0..self.arguments.rounds {
            for place in 0..count {
                let turn = (round + place) % count;
                let (name, go) = &mut contenders[turn];
                let run = go().map_err(|error| error.when(name.as_ref()))?;
                self.report.run(goal, round, name.as_ref(), &run)?;
                runs[turn].push(run);
            }
        }
        Ok(runs)
    }
}

/// For each round, the figure of `one` divided by that of `other`.
pub fn ratios(one: &[Run], other: &[Run], of: impl Fn(&Run) -> f64) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| of(one) / of(other)).collect()
}

/// For each round, the figure of `one` minus that of `other`.
pub fn differences(one: &[Run], other: &[Run], of: impl Fn(&Run) -> f64) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| of(one) - of(other)).collect()
}

/// The data file, opened by another process than the server. Each of its changes makes the server's cached responses
/// stale.
pub struct Neighbour {
    conn: Connection,
    failed: Cell<u64>,
}

impl Neighbour {
    pub fn of(server: &Server) -> Result<Self> {
        let conn = Connection::open(server.database())?;
        conn.busy_timeout(Duration::from_secs(5))?;
        // A crash would lose nothing that matters, and the disk is not what is measured. SQLite's automatic checkpoints
        // stay on, as for every writer: a write-ahead log that only grows, with the same page again and again, makes
        // every page look-up slower.
        conn.pragma_update(None, "synchronous", "OFF")?;
        Ok(Self { conn, failed: Cell::new(0) })
    }

    /// Commits a change, so that the server's cached responses are stale.
    pub fn touch(&self) {
        if self.conn.execute("UPDATE meta SET generation = generation + 1 WHERE id = 1", []).is_err() {
            self.failed.set(self.failed.get() + 1);
        }
    }

    /// Fails if a change was not committed, because responses may then have come from the cache.
    pub fn verify(&self) -> Result<()> {
        match self.failed.get() {
            0 => Ok(()),
            failed => Err(BenchError::new(format!("{failed} changes from another process failed"))),
        }
    }

    /// The number of commits so far, by all processes.
    pub fn commits(&self) -> Result<u64> {
        let count: i64 = self.conn.query_row("SELECT generation FROM meta WHERE id = 1", [], |row| row.get(0))?;
        Ok(u64::try_from(count)?)
    }
}
