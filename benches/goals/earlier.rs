//! P6: a data file beside an earlier binary, with the requests of G1, G2 and G4.

use std::cell::Cell;

use crate::arguments::Arguments;
use crate::bench::{Bench, Neighbour, ratios};
use crate::error::Result;
use crate::goals::Goal;
use crate::goals::creates::{self, Creates};
use crate::goals::lists::{self, CLIENTS};
use crate::load::{InTurn, Run};
use crate::report::Target;
use crate::seed::TEN_THOUSAND;
use crate::server::Server;

const GOAL: Goal = Goal::P6;

/// The binary before, of the one after.
const UNCHANGED: Target = Target::Between(0.98, 1.02);

pub(super) fn unchanged(bench: &mut Bench) -> Result<()> {
    let Some(binary) = bench.arguments.before.clone() else {
        let why = "no earlier binary was given; build one and name it with --before PATH";
        return bench.report.absent(GOAL, GOAL.description(), why);
    };
    let data = match bench.arguments.before_data.clone() {
        Some(data) => data,
        None => TEN_THOUSAND.prepare(&bench.arguments)?,
    };
    let earlier = Arguments { binary, ..bench.arguments.clone() };
    let homes = [bench.copy_of(&data)?, bench.copy_of(&data)?];
    let before = Server::start(&earlier, &homes[0])?;
    let after = Server::start(&bench.arguments, &homes[1])?;
    let servers = [&before, &after];
    let runs = cached(bench, servers)?;
    compare(bench, "list remembered", &runs)?;
    let runs = uncached(bench, servers)?;
    compare(bench, "list not remembered", &runs)?;
    let runs = durable(bench, servers)?;
    compare(bench, "create", &runs)?;
    bench.report.note(GOAL, "CPU and throughput of the binary before, of the one after")
}

fn cached(bench: &mut Bench, [before, after]: [&Server; 2]) -> Result<[Vec<Run>; 2]> {
    let (one, other, times) = (lists::of_one(before)?, lists::of_one(after)?, bench.times());
    bench.alternate(
        GOAL,
        &mut [
            ("before, list remembered", Box::new(|| before.load(CLIENTS, times).go(&mut one.clone()))),
            ("after, list remembered", Box::new(|| after.load(CLIENTS, times).go(&mut other.clone()))),
        ],
    )
}

fn uncached(bench: &mut Bench, [before, after]: [&Server; 2]) -> Result<[Vec<Run>; 2]> {
    let (one, other) = (lists::of_everybody(before)?, lists::of_everybody(after)?);
    let (beside_one, beside_other) = (Neighbour::of(before)?, Neighbour::of(after)?);
    let times = bench.times();
    let run = |server: &Server, requests: &[Vec<u8>], beside: &Neighbour| {
        server.load(CLIENTS, times).go(&mut InTurn::new(requests, || beside.touch()))
    };
    let runs = bench.alternate(
        GOAL,
        &mut [
            ("before, list not remembered", Box::new(|| run(before, &one, &beside_one))),
            ("after, list not remembered", Box::new(|| run(after, &other, &beside_other))),
        ],
    )?;
    beside_one.verify()?;
    beside_other.verify()?;
    Ok(runs)
}

fn durable(bench: &mut Bench, [before, after]: [&Server; 2]) -> Result<[Vec<Run>; 2]> {
    let (one, other) = (creates::sign_in(before)?, creates::sign_in(after)?);
    let (next, times) = (Cell::new(0), bench.times());
    let run =
        |server: &Server, tokens: &[String]| server.load(creates::CLIENTS, times).go(&mut Creates::new(tokens, &next));
    bench.alternate(
        GOAL,
        &mut [("before, create", Box::new(|| run(before, &one))), ("after, create", Box::new(|| run(after, &other)))],
    )
}

fn compare(bench: &mut Bench, what: &str, [before, after]: &[Vec<Run>; 2]) -> Result<()> {
    let report = &mut bench.report;
    report.measure(GOAL, &format!("{what}, CPU"), "x", UNCHANGED, &ratios(before, after, Run::cpu_each))?;
    let per_second = ratios(before, after, Run::per_second);
    report.measure(GOAL, &format!("{what}, throughput"), "x", Target::Reported, &per_second)
}
