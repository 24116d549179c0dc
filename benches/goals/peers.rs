//! G8: lists, creates, tokens and their checks, compared with products of others that keep workspaces or projects: MLflow,
//! OpenStack Keystone and ZenML.
//!
//! All of them run at the same time, and are asked in turn, for half the usual time because they differ a hundredfold. A
//! product that cannot be installed or started is left out.

use std::cell::{Cell, RefCell};
use std::path::Path;

use crate::arguments::Arguments;
use crate::bench::{Bench, Contender, ratios};
use crate::error::Result;
use crate::goals::{Goal, creates, lists};
use crate::load::{Run, Same};
use crate::machine_client::{self, ENDPOINTS};
use crate::references::peer::{Peer, Work};
use crate::references::{keystone, mlflow, zenml};
use crate::report::Target;
use crate::seed::{TEN_THOUSAND, person};

const GOAL: Goal = Goal::G8;

/// The number of concurrent clients.
const CLIENTS: usize = 64;

/// The works, and how the report calls them.
const WORKS: [(Work, &str); 4] = [
    (Work::List, "list of 20"),
    (Work::Create, "create"),
    (Work::Token, "new token"),
    (Work::Check, "check of a token"),
];

/// Starts a product of others in this folder.
type Start = fn(&Arguments, &Path) -> Result<Peer>;

/// What is wanted: the least throughput, of theirs, and the least processor time of theirs for each answer, of ours.
fn targets(peer: &str, work: Work) -> [Target; 2] {
    match (peer, work) {
        ("MLflow", Work::List) => [Target::AtLeast(230.0), Target::AtLeast(300.0)],
        ("MLflow", Work::Create) => [Target::AtLeast(70.0), Target::AtLeast(60.0)],
        _ => [Target::Reported, Target::Reported],
    }
}

pub(super) fn beside_others(bench: &mut Bench) -> Result<()> {
    let starts: [(&str, Start); 3] =
        [("MLflow", mlflow::start), ("Keystone", keystone::start), ("ZenML", zenml::start)];
    let mut peers = Vec::new();
    for (name, start) in starts {
        match start(&bench.arguments, bench.scratch()) {
            Ok(peer) => {
                bench.report.note(GOAL, &peer.mode)?;
                peers.push(peer);
            }
            Err(error) => bench.report.absent(GOAL, &format!("{name}, everything"), &error.to_string())?,
        }
    }
    let server = bench.serve(TEN_THOUSAND)?;
    let mut people = TEN_THOUSAND.emails();
    people.truncate(CLIENTS);
    let tokens = server.sign_in_all(&people)?;
    let token = server.sign_in(&person(0))?.access;
    let body = server.client.send("POST", lists::LIST, Some(&token), "application/json", "{}")?;
    let list = Same::new(lists::request(&token), body.len());
    let secret = machine_client::register(&bench.arguments, &server)?;
    let token = ENDPOINTS.tokens(&secret, &[], "\"access_token\":\"eyJ");
    let check = ENDPOINTS.introspections(&server.client, &secret)?;
    let (warm_up, run) = bench.times();
    let (next, times) = (Cell::new(0), (warm_up, run / 2));
    let failures = RefCell::new(Vec::new());
    for (work, called) in WORKS {
        let load = server.load(CLIENTS, times);
        let mut contenders: Vec<Contender<String>> = vec![(
            format!("atelier, {called}"),
            match work {
                Work::List => Box::new(|| load.go(&mut list.clone())),
                Work::Create => Box::new(|| load.go(&mut creates::Creates::new(&tokens, &next))),
                Work::Token => Box::new(|| load.go(&mut token.script(&next))),
                Work::Check => Box::new(|| load.go(&mut check.script(&next))),
            },
        )];
        let mut names = Vec::new();
        for peer in &peers {
            let Some(ask) = peer.ask(work) else { continue };
            names.push(peer.name);
            let (name, load) = (peer.name, peer.reference.load(CLIENTS, times));
            let (next, failures) = (&next, &failures);
            contenders.push((
                format!("{name}, {called}"),
                // A failure of one product says nothing about the others.
                Box::new(move || {
                    Ok(load.go(&mut ask.script(next)).unwrap_or_else(|error| {
                        let failure = format!("{name}, {called}: {error}");
                        failures.borrow_mut().push(failure.chars().take(300).collect::<String>());
                        Run::default()
                    }))
                }),
            ));
        }
        if names.is_empty() {
            continue;
        }
        let runs = bench.alternate_all(GOAL, &mut contenders)?;
        let Some((ours, theirs)) = runs.split_first() else { continue };
        for (name, theirs) in names.into_iter().zip(theirs) {
            let [throughput, cpu] = targets(name, work);
            let what = format!("{called}, throughput of {name}'s");
            bench.report.measure(GOAL, &what, "x", throughput, &ratios(ours, theirs, Run::per_second))?;
            let what = format!("{called}, CPU of {name}'s, of ours");
            bench.report.measure(GOAL, &what, "x", cpu, &ratios(theirs, ours, Run::cpu_each))?;
        }
    }
    for failure in failures.take() {
        bench.report.note(GOAL, &failure)?;
    }
    bench.report.note(
        GOAL,
        "ours is a new token of a client on its own behalf, and its introspection; Keystone's is a token from another \
         one, and its validation; ZenML's is a token from another one, and the person of a token",
    )
}
