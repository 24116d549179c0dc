//! The benchmarks: the real binary on a seeded file, measured over HTTP, in alternation with its references in the same
//! run.
//!
//! An absolute figure says little on a shared machine, so every goal is a ratio over alternating rounds: the median of
//! the rounds counts, and the report contains the spread. `cargo bench -p atelier-bench -- --help` prints the options.

mod arguments;
mod bench;
mod client;
mod crowd;
mod error;
mod goals;
#[path = "../tests/support/kills/mod.rs"]
mod kill_harness;
mod load;
mod machine_client;
mod names;
mod nodes;
mod process;
mod references;
mod report;
mod seed;
mod server;
mod table;

use std::process::ExitCode;

use arguments::{Arguments, Task};
use bench::Bench;
use error::Result;
use goals::Goal;
use report::Report;

fn main() -> ExitCode {
    match arguments::read(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Help => print!("{}", arguments::HELP),
        Task::List => Goal::ALL.iter().for_each(|goal| println!("{:4} {}", goal.name(), goal.description())),
        Task::RunReference(name, arguments) => references::run(&name, &arguments)?,
        Task::Measure(arguments) => measure(arguments)?,
    }
    Ok(())
}

fn measure(arguments: Arguments) -> Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("this is not the release build; its figures mean nothing");
    }
    let goals = arguments.goals.clone();
    let report = Report::begin(&arguments)?;
    let mut bench = Bench::new(arguments, report)?;
    for goal in goals {
        eprintln!("\n{}: {}", goal.name(), goal.description());
        if let Err(error) = goal.measure(&mut bench) {
            bench.report.absent(goal, goal.description(), &error.to_string())?;
        }
    }
    println!("\n{}", bench.report.tables());
    println!("Every run is a line in {}.", bench.report.place().display());
    Ok(())
}
