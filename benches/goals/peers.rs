//! G8: lists and creates, compared with MLflow with workspaces and without sign-in, with 64 clients each.

use std::cell::Cell;

use crate::bench::{Bench, ratios};
use crate::error::Result;
use crate::goals::{Goal, creates, lists};
use crate::load::{Run, Same, Script, encode};
use crate::references::mlflow::{self, WORKSPACES};
use crate::report::Target;
use crate::seed::{TEN_THOUSAND, person};

/// The number of concurrent clients.
const CLIENTS: usize = 64;

/// The number of workspaces in a list.
const LISTED: u64 = 20;

/// Creates workspaces in MLflow.
struct Creates<'a>(&'a Cell<u64>);

impl Script for Creates<'_> {
    fn write(&mut self, _: usize, request: &mut Vec<u8>) {
        let number = self.0.replace(self.0.get() + 1);
        let body = format!("{{\"name\":\"bench-{number:09}\"}}");
        request.extend_from_slice(&encode("POST", WORKSPACES, None, "application/json", &body));
    }

    fn take(&mut self, _: usize, status: u16, _: &[u8]) -> bool {
        status == 201 || status == 200
    }
}

pub(super) fn beside_mlflow(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::G8;
    bench.report.absent(GOAL, "list, throughput of lldap's", "lldap is in no package registry; it is left out")?;
    let mlflow = mlflow::start(&bench.arguments, bench.scratch())?;
    // One workspace exists from the start, so both lists have 20.
    for number in 1..LISTED {
        let body = format!("{{\"name\":\"{}\"}}", crate::names::name(number).replace(' ', "-"));
        mlflow.client.send("POST", WORKSPACES, None, "application/json", &body)?;
    }
    let theirs = mlflow.client.send("GET", WORKSPACES, None, "", "")?;
    let theirs = Same::new(encode("GET", WORKSPACES, None, "", ""), theirs.len());
    let server = bench.serve(TEN_THOUSAND)?;
    let mut people = TEN_THOUSAND.emails();
    people.truncate(CLIENTS);
    let tokens = server.sign_in_all(&people)?;
    let token = server.sign_in(&person(0))?.access;
    let ours = server.client.send("POST", lists::LIST, Some(&token), "application/json", "{}")?;
    let ours = Same::new(lists::request(&token), ours.len());
    let (next, times) = (Cell::new(0), bench.times());
    let [our_lists, their_lists] = bench.alternate(
        GOAL,
        &mut [
            ("atelier, list", Box::new(|| server.load(CLIENTS, times).go(&mut ours.clone()))),
            ("MLflow, list", Box::new(|| mlflow.reference.load(CLIENTS, times).go(&mut theirs.clone()))),
        ],
    )?;
    let lists = ratios(&our_lists, &their_lists, Run::per_second);
    bench.report.measure(GOAL, "list of 20, throughput of MLflow's", "x", Target::AtLeast(500.0), &lists)?;
    let [our_creates, their_creates] = bench.alternate(
        GOAL,
        &mut [
            (
                "atelier, create",
                Box::new(|| server.load(CLIENTS, times).go(&mut creates::Creates::new(&tokens, &next))),
            ),
            ("MLflow, create", Box::new(|| mlflow.reference.load(CLIENTS, times).go(&mut Creates(&next)))),
        ],
    )?;
    let report = &mut bench.report;
    let creates = ratios(&our_creates, &their_creates, Run::per_second);
    report.measure(GOAL, "creates, throughput of MLflow's", "x", Target::AtLeast(150.0), &creates)?;
    let (version, start) = (mlflow::version(), mlflow.start.as_secs_f64());
    report.note(GOAL, &format!("MLflow {version} with two workers on SQLite; it took {start:.1} s to start"))
}
