//! What every measurement works with: the arguments, the report, and places for files.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::arguments::Arguments;
use super::goals::Goal;
use super::load::Run;
use super::process::end_together;
use super::report::Report;
use super::seed::Seed;
use super::server::Server;
use super::trouble::{Result, Trouble};

/// What every measurement works with.
pub struct Bench {
    /// What was asked for.
    pub arguments: Arguments,
    /// Where results go.
    pub report: Report,
    scratch: TempDir,
    copies: u32,
}

/// Something that is measured in turn with others.
pub type Contender<'a> = (&'static str, Box<dyn FnMut() -> Result<Run> + 'a>);

/// Where files are kept from one time to the next.
pub fn kept() -> Result<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map(|target| target.join("bench"));
    let place = place.ok_or_else(|| Trouble::new("there is no target directory"))?;
    fs::create_dir_all(&place)?;
    Ok(place)
}

impl Bench {
    /// A place to measure in.
    pub fn new(arguments: Arguments, report: Report) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("atelier-bench-").tempdir_in(&arguments.scratch)?;
        end_together(scratch.path().to_owned())?;
        Ok(Self { arguments, report, scratch, copies: 0 })
    }

    /// A folder for files that go when all is measured.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// How long a run goes on before it counts, and how long it counts.
    pub fn times(&self) -> (Duration, Duration) {
        (self.arguments.warm_up, self.arguments.run)
    }

    /// A data directory with these rows that may be changed.
    pub fn copy(&mut self, seed: Seed) -> Result<PathBuf> {
        let made = seed.made(&self.arguments)?;
        self.copies += 1;
        let copy = self.scratch.path().join(format!("data-{}", self.copies));
        fs::create_dir(&copy)?;
        for entry in fs::read_dir(made)? {
            let entry = entry?;
            if entry.file_name() != "seeded" {
                fs::copy(entry.path(), copy.join(entry.file_name()))?;
            }
        }
        Ok(copy)
    }

    /// Starts atelier on a data directory with these rows.
    pub fn serve(&mut self, seed: Seed) -> Result<Server> {
        let copy = self.copy(seed)?;
        Server::start(&self.arguments, &copy)
    }

    /// Lets contenders run in turn, each round beginning with another one; their runs, round by round.
    pub fn alternate<const N: usize>(&mut self, goal: Goal, contenders: &mut [Contender; N]) -> Result<[Vec<Run>; N]> {
        let mut runs = [const { Vec::new() }; N];
        for round in 0..self.arguments.rounds {
            for place in 0..N {
                let turn = (round + place) % N;
                let (name, go) = &mut contenders[turn];
                let run = go().map_err(|trouble| trouble.when(*name))?;
                self.report.run(goal, round, name, &run)?;
                runs[turn].push(run);
            }
        }
        Ok(runs)
    }
}

/// For each round, what one came to by what the other came to.
pub fn ratios(one: &[Run], other: &[Run], of: impl Fn(&Run) -> f64) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| of(one) / of(other)).collect()
}

/// For each round, by how much one is more than the other.
pub fn differences(one: &[Run], other: &[Run], of: impl Fn(&Run) -> f64) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| of(one) - of(other)).collect()
}

/// The data file as another process has it open: what changes it makes all that the server remembers old.
pub struct Neighbour {
    conn: Connection,
    failed: Cell<u64>,
}

impl Neighbour {
    /// Opens the data file of a running server.
    pub fn of(server: &Server) -> Result<Self> {
        let conn = Connection::open(server.database())?;
        conn.busy_timeout(Duration::from_secs(5))?;
        // What is lost here in a crash is nothing, and the disk is not what is measured. It moves its log into the file now
        // and then, as every writer does: in a log that only grows, one page again and again, looking up any page gets
        // slower.
        conn.pragma_update(None, "synchronous", "OFF")?;
        Ok(Self { conn, failed: Cell::new(0) })
    }

    /// Commits a change, so that no answer counts as fresh.
    pub fn touch(&self) {
        if self.conn.execute("UPDATE meta SET generation = generation + 1 WHERE id = 1", []).is_err() {
            self.failed.set(self.failed.get() + 1);
        }
    }

    /// Refused when a change was not committed, so that answers may have been remembered after all.
    pub fn prove(&self) -> Result<()> {
        match self.failed.get() {
            0 => Ok(()),
            failed => Err(Trouble::new(format!("{failed} changes from another process failed"))),
        }
    }

    /// How many commits there were, of any process.
    pub fn commits(&self) -> Result<u64> {
        let count: i64 = self.conn.query_row("SELECT generation FROM meta WHERE id = 1", [], |row| row.get(0))?;
        Ok(u64::try_from(count)?)
    }
}
