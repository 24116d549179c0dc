//! The command line of the benchmarks.

use std::path::PathBuf;
use std::time::Duration;

use super::bench::reusable_folder;
use super::error::{BenchError, Result};
use super::goals::Goal;

/// The output of `cargo bench -p atelier-bench -- --help`.
pub const HELP: &str = "\
Measures atelier beside its references and prints one table.

    cargo bench -p atelier-bench -- [GOAL]... [OPTION]...

Names of goals (`--list`) choose some; without one, all are measured.

    --quick           two short rounds: a look, not a result
    --rounds N        rounds of each comparison (5)
    --seconds S       length of one run (3)
    --set KEY=VALUE   a configuration key of the server; may be repeated
    --binary PATH     another atelier than the one that was just built
    --scratch DIR     where the data that is written to lies while it is measured (the temporary directory, or the
                      target directory where that one is in memory)
    --postgres DIR    where initdb, postgres and pgbench are
    --before PATH     an earlier atelier, for P6
    --before-data DIR a data directory with the rows of a seed that the earlier one can open, if it cannot open ours
    --python PATH     the Python to make the environments of MLflow, Keystone and ZenML with
    --list            the goals, each with its sentence
";

#[derive(Clone, Debug)]
pub struct Arguments {
    pub goals: Vec<Goal>,
    /// The number of rounds of each comparison.
    pub rounds: usize,
    /// The measured time of one run.
    pub run: Duration,
    /// The time before the measurement begins.
    pub warm_up: Duration,
    /// Whether this is only a short trial.
    pub quick: bool,
    /// Configuration keys of the server and their values.
    pub set: Vec<(String, String)>,
    /// The atelier binary to measure.
    pub binary: PathBuf,
    /// The folder for the data that is written during a run.
    pub scratch: PathBuf,
    /// The folder of PostgreSQL's programs, if one was given.
    pub postgres: Option<PathBuf>,
    /// An earlier binary, if one was given.
    pub before: Option<PathBuf>,
    /// A data directory that both binaries can open, if one was given.
    pub before_data: Option<PathBuf>,
    /// The Python interpreter, if one was given.
    pub python: Option<PathBuf>,
}

#[derive(Debug)]
pub enum Task {
    Measure(Arguments),
    /// Run a reference server: its name and its arguments.
    RunReference(String, Vec<String>),
    Help,
    /// List the goals.
    List,
}

/// Parses the arguments after the program's name.
pub fn read(arguments: impl Iterator<Item = String>) -> Result<Task> {
    let mut arguments = arguments;
    let mut goals = Vec::new();
    let (mut rounds, mut seconds, mut quick) = (None, None, false);
    let mut set = Vec::new();
    let mut binary = PathBuf::from(env!("CARGO_BIN_EXE_atelier-measured"));
    let mut scratch = None;
    let (mut postgres, mut python) = (None, None);
    let (mut before, mut before_data) = (None, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| BenchError::new(format!("{argument} needs a value")));
        match argument.as_str() {
            // Cargo adds this one.
            "--bench" => {}
            "--help" | "-h" => return Ok(Task::Help),
            "--list" => return Ok(Task::List),
            "--reference" => return Ok(Task::RunReference(value()?, arguments.collect())),
            "--quick" => quick = true,
            "--rounds" => rounds = Some(value()?.parse::<usize>()?.max(1)),
            "--seconds" => seconds = Some(value()?.parse::<f64>()?.clamp(0.2, 600.0)),
            "--set" => {
                let pair = value()?;
                let (key, text) = pair.split_once('=').ok_or_else(|| BenchError::new("--set needs KEY=VALUE"))?;
                set.push((key.to_owned(), text.to_owned()));
            }
            "--binary" => binary = value()?.into(),
            "--scratch" => scratch = Some(value()?.into()),
            "--postgres" => postgres = Some(value()?.into()),
            "--before" => before = Some(value()?.into()),
            "--before-data" => before_data = Some(value()?.into()),
            "--python" => python = Some(value()?.into()),
            name => goals.push(Goal::parse(name).ok_or_else(|| BenchError::new(format!("{name} is no goal")))?),
        }
    }
    if goals.is_empty() {
        goals = Goal::ALL.to_vec();
    }
    let seconds = seconds.unwrap_or(if quick { 0.8 } else { 3.0 });
    Ok(Task::Measure(Arguments {
        goals,
        rounds: rounds.unwrap_or(if quick { 2 } else { 5 }),
        run: Duration::from_secs_f64(seconds),
        warm_up: Duration::from_secs_f64((seconds / 3.0).clamp(0.2, 1.0)),
        quick,
        set,
        binary,
        scratch: scratch.map_or_else(default_scratch, Ok)?,
        postgres,
        before,
        before_data,
        python,
    }))
}

/// The default folder for data. It must be on a disk: in memory, a commit would not wait and the figures would mean
/// nothing.
fn default_scratch() -> Result<PathBuf> {
    /// `TMPFS_MAGIC` of `linux/magic.h`.
    const MEMORY: u64 = 0x0102_1994;
    let place = std::env::temp_dir();
    let kind = rustix::fs::statfs(&place)?.f_type;
    if u64::try_from(kind).is_ok_and(|kind| kind == MEMORY) { reusable_folder() } else { Ok(place) }
}
