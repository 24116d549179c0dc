//! G1 and G2: `POST /v1/api/workspaces/list` for a member of 20 of 10,000 workspaces.

use crate::bench::{Bench, Contender, Neighbour, ratios};
use crate::error::Result;
use crate::goals::Goal;
use crate::load::{InTurn, Run, Same, encode};
use crate::references::{Reference, constant, naive};
use crate::report::Target;
use crate::seed::{TEN_THOUSAND, person};
use crate::server::Server;

pub(super) const LIST: &str = "/v1/api/workspaces/list";

/// The number of concurrent clients.
pub(super) const CLIENTS: usize = 32;

pub(super) fn request(token: &str) -> Vec<u8> {
    encode("POST", LIST, Some(token), "application/json", "{}")
}

/// The list of one user, again and again.
pub(super) fn of_one(server: &Server) -> Result<Same> {
    let token = server.sign_in(&person(0))?.access;
    let body = server.client.send("POST", LIST, Some(&token), "application/json", "{}")?;
    Ok(Same::new(request(&token), body.len()))
}

/// The lists of all users.
pub(super) fn of_everybody(server: &Server) -> Result<Vec<Vec<u8>>> {
    Ok(server.sign_in_all(&TEN_THOUSAND.emails())?.iter().map(|token| request(token)).collect())
}

/// G1: the same user sends the same request again and again, and the data does not change.
pub(super) fn cached(bench: &mut Bench) -> Result<()> {
    let server = bench.serve(TEN_THOUSAND)?;
    let naive = naive::start(bench.scratch(), &server)?;
    beside_constant(bench, Goal::G1, &server, Some(&naive), [Target::AtLeast(0.8), Target::AtMost(1.4)])
}

/// The same list from this server, beside a handler that sends the same bytes, and the naive design, which knows no contents
/// of workspaces. What is wanted is the throughput and the processor time, of the constant handler's.
pub(super) fn beside_constant(
    bench: &mut Bench,
    goal: Goal,
    server: &Server,
    naive: Option<&Reference>,
    wanted: [Target; 2],
) -> Result<()> {
    let token = server.sign_in(&person(0))?.access;
    let body = server.client.send("POST", LIST, Some(&token), "application/json", "{}")?;
    let constant = constant::start(bench.scratch(), LIST, &body)?;
    let times = bench.times();
    // The naive design returns the same rows in a body of its own, so one request finds the length of that body.
    let same = Same::new(request(&token), body.len());
    let mut contenders: Vec<Contender> = vec![
        ("atelier", Box::new(|| server.load(CLIENTS, times).go(&mut same.clone()))),
        ("constant handler", Box::new(|| constant.load(CLIENTS, times).go(&mut same.clone()))),
    ];
    if let Some(naive) = naive {
        contenders.push(("naive design", Box::new(|| naive.load(CLIENTS, times).go(&mut same.clone()))));
    }
    let runs = bench.alternate_all(goal, &mut contenders)?;
    let [ours, bare, naive @ ..] = runs.as_slice() else { return Ok(()) };
    let report = &mut bench.report;
    let throughput = ratios(ours, bare, Run::per_second);
    let cpu = ratios(ours, bare, Run::cpu_each);
    report.measure(goal, "list, throughput of a constant handler's", "x", wanted[0], &throughput)?;
    report.measure(goal, "list, CPU of a constant handler's", "x", wanted[1], &cpu)?;
    for naive in naive {
        let naive = ratios(ours, naive, Run::per_second);
        report.measure(goal, "list, throughput of the naive design's", "x", Target::Reported, &naive)?;
    }
    report.note(goal, &format!("{CLIENTS} connections, {} bytes an answer", body.len()))
}

/// G2: 256 users send requests in turn. Before each pass another process has changed the file.
pub(super) fn uncached(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::G2;
    let server = bench.serve(TEN_THOUSAND)?;
    let tokens = server.sign_in_all(&TEN_THOUSAND.emails())?;
    let requests: Vec<Vec<u8>> = tokens.iter().map(|token| request(token)).collect();
    let body = server.client.send("POST", LIST, tokens.first().map(String::as_str), "application/json", "{}")?;
    let constant = constant::start(bench.scratch(), LIST, &body)?;
    let neighbour = Neighbour::of(&server)?;
    let times = bench.times();
    let [ours, bare] = bench.alternate(
        GOAL,
        &mut [
            (
                "atelier, not remembered",
                Box::new(|| server.load(CLIENTS, times).go(&mut InTurn::new(&requests, || neighbour.touch()))),
            ),
            // The reference gets the same requests and waits for the same commits.
            (
                "constant handler",
                Box::new(|| constant.load(CLIENTS, times).go(&mut InTurn::new(&requests, || neighbour.touch()))),
            ),
        ],
    )?;
    neighbour.verify()?;
    let report = &mut bench.report;
    let throughput = ratios(&ours, &bare, Run::per_second);
    report.measure(GOAL, "list not remembered, throughput", "x", Target::AtLeast(0.22), &throughput)?;
    report.measure(GOAL, "list not remembered, CPU", "x", Target::Reported, &ratios(&ours, &bare, Run::cpu_each))?;
    report.note(
        GOAL,
        "each of 256 people asks once between two commits of another process, so every answer is put together anew; \
         that their tokens were proved may be remembered",
    )
}
