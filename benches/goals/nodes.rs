//! P1 to P4: one node on PostgreSQL beside a data file, with the same rows, requests and clients.
//!
//! The CPU time on PostgreSQL is that of the node and of all processes of the database.

use std::cell::Cell;

use crate::bench::{Bench, Neighbour, ratios};
use crate::error::Result;
use crate::goals::Goal;
use crate::goals::creates::{self, Creates};
use crate::goals::lists::{self, CLIENTS};
use crate::load::{InTurn, Run};
use crate::nodes::Shared;
use crate::references::pgbench;
use crate::report::Target;
use crate::seed::TEN_THOUSAND;
use crate::server::Server;

const ON_FILE: &str = "data file";
const ON_POSTGRES: &str = "PostgreSQL, node and database";

/// A server on a data file, a node, and its database.
fn begin(bench: &mut Bench) -> Result<(Server, Server, Shared)> {
    let file = bench.serve(TEN_THOUSAND)?;
    let shared = Shared::start(bench, TEN_THOUSAND)?;
    let node = shared.node(bench)?;
    Ok((file, node, shared))
}

/// P1: the same user sends the same request again and again, and the data does not change.
pub(super) fn cached(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::P1;
    let (file, node, shared) = begin(bench)?;
    let (on_file, on_node, times) = (lists::of_one(&file)?, lists::of_one(&node)?, bench.times());
    let [one, other] = bench.alternate(
        GOAL,
        &mut [
            (ON_FILE, Box::new(|| file.load(CLIENTS, times).go(&mut on_file.clone()))),
            (ON_POSTGRES, Box::new(|| shared.watched(node.load(CLIENTS, times)).go(&mut on_node.clone()))),
        ],
    )?;
    report(bench, GOAL, "list remembered", (&one, &other), (Target::AtMost(1.8), Target::Reported))?;
    note(bench, GOAL, &shared, CLIENTS)
}

/// P2: 256 users send requests in turn. Before each pass somebody else has changed the data.
pub(super) fn uncached(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::P2;
    let (file, node, shared) = begin(bench)?;
    let (on_file, on_node, times) = (lists::of_everybody(&file)?, lists::of_everybody(&node)?, bench.times());
    let (beside_file, beside_node) = (Neighbour::of(&file)?, shared.neighbour()?);
    let [one, other] = bench.alternate(
        GOAL,
        &mut [
            (ON_FILE, Box::new(|| file.load(CLIENTS, times).go(&mut InTurn::new(&on_file, || beside_file.touch())))),
            (
                ON_POSTGRES,
                Box::new(|| {
                    let load = shared.watched(node.load(CLIENTS, times));
                    load.go(&mut InTurn::new(&on_node, || beside_node.touch()))
                }),
            ),
        ],
    )?;
    beside_file.verify()?;
    beside_node.verify()?;
    report(bench, GOAL, "list not remembered", (&one, &other), (Target::AtMost(6.0), Target::Reported))?;
    note(bench, GOAL, &shared, CLIENTS)
}

/// P3: durable creates by 64 clients, each as a user of its own.
pub(super) fn creates(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::P3;
    let file = bench.serve(TEN_THOUSAND)?;
    let shared = Shared::start(bench, TEN_THOUSAND)?;
    let copy = shared.copy()?;
    let node = shared.node(bench)?;
    let (on_file, on_node) = (creates::sign_in(&file)?, creates::sign_in(&node)?);
    let (next, times) = (Cell::new(0), bench.times());
    let load = |server: &Server| server.load(creates::CLIENTS, times);
    let [one, other, inserts] = bench.alternate(
        GOAL,
        &mut [
            (ON_FILE, Box::new(|| load(&file).go(&mut Creates::new(&on_file, &next)))),
            (ON_POSTGRES, Box::new(|| shared.watched(load(&node)).go(&mut Creates::new(&on_node, &next)))),
            (
                "pgbench, one statement",
                Box::new(|| pgbench::creates(&shared.postgres, (copy, pgbench::CREATE_IN_ATELIER), times.1)),
            ),
        ],
    )?;
    report(bench, GOAL, "create", (&one, &other), (Target::AtMost(9.0), Target::AtLeast(0.2)))?;
    let of_inserts = ratios(&other, &inserts, Run::per_second);
    let what = "create, throughput of pgbench's (one statement)";
    bench.report.measure(GOAL, what, "x", Target::AtLeast(0.25), &of_inserts)?;
    bench.report.note(GOAL, "pgbench -M prepared -c 64 does the same inserts into the same tables of a copy")?;
    note(bench, GOAL, &shared, creates::CLIENTS)
}

/// P4 needs a second machine.
pub(super) fn on_two_machines(bench: &mut Bench) -> Result<()> {
    const WHAT: &str = "remembered lists of two nodes on two machines, throughput of one node's";
    bench.report.absent(Goal::P4, WHAT, "it needs two machines, and the benchmarks run on one")
}

fn report(
    bench: &mut Bench,
    goal: Goal,
    what: &str,
    (file, node): (&[Run], &[Run]),
    (cpu, throughput): (Target, Target),
) -> Result<()> {
    let report = &mut bench.report;
    report.measure(goal, &format!("{what}, CPU of a data file's"), "x", cpu, &ratios(node, file, Run::cpu_each))?;
    let per_second = ratios(node, file, Run::per_second);
    report.measure(goal, &format!("{what}, throughput of a data file's"), "x", throughput, &per_second)?;
    let database: Vec<f64> = node.iter().map(Run::last_cpu_each).collect();
    report.measure(goal, &format!("{what}, CPU of the database alone"), " us", Target::Reported, &database)
}

fn note(bench: &mut Bench, goal: Goal, shared: &Shared, clients: usize) -> Result<()> {
    let version = shared.postgres.version.trim();
    bench.report.note(goal, &format!("{version}, default settings, over a Unix socket; {clients} connections"))
}
