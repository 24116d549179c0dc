//! Z1: the lists of G1 and G2 in each content coding, beside the same lists as they are.

use crate::bench::{Bench, Contender, Neighbour, ratios};
use crate::error::Result;
use crate::goals::Goal;
use crate::goals::lists::{self, CLIENTS};
use crate::load::{InTurn, Run, with_header};
use crate::report::Target;
use crate::seed::TEN_THOUSAND;
use crate::server::Server;

const GOAL: Goal = Goal::Z1;

const CODINGS: [&str; 3] = ["identity", "gzip", "zstd"];

/// The throughput of remembered lists, of those without a coding.
const NO_LESS: Target = Target::AtLeast(0.98);

pub(super) fn pays(bench: &mut Bench) -> Result<()> {
    let server = bench.serve(TEN_THOUSAND)?;
    let everybody = lists::of_everybody(&server)?;
    let neighbour = Neighbour::of(&server)?;
    let remembered = run(bench, &server, "list remembered", &everybody[..1], || ())?;
    compare(bench, "list remembered", NO_LESS, &remembered)?;
    let anew = run(bench, &server, "list not remembered", &everybody, || neighbour.touch())?;
    neighbour.verify()?;
    compare(bench, "list not remembered", Target::Reported, &anew)?;
    bench.report.note(GOAL, "throughput and CPU of a list in a coding, of the list as it is")
}

/// Runs the requests in each coding.
fn run(
    bench: &mut Bench,
    server: &Server,
    what: &str,
    requests: &[Vec<u8>],
    before_pass: impl Fn(),
) -> Result<Vec<Vec<Run>>> {
    let coded = CODINGS.map(|coding| -> Vec<_> {
        requests.iter().map(|request| with_header(request.clone(), "accept-encoding", coding)).collect()
    });
    let names = CODINGS.map(|coding| format!("{what}, {coding}"));
    let (times, before_pass) = (bench.times(), &before_pass);
    let mut contenders: Vec<Contender<'_, String>> = Vec::new();
    for (name, requests) in names.into_iter().zip(&coded) {
        let go = move || server.load(CLIENTS, times).go(&mut InTurn::new(requests, before_pass));
        contenders.push((name, Box::new(go)));
    }
    bench.alternate_all(GOAL, &mut contenders)
}

fn compare(bench: &mut Bench, what: &str, wanted: Target, runs: &[Vec<Run>]) -> Result<()> {
    let [plain, coded @ ..] = runs else { return Ok(()) };
    for (coding, runs) in CODINGS[1..].iter().zip(coded) {
        let report = &mut bench.report;
        let throughput = ratios(runs, plain, Run::per_second);
        report.measure(GOAL, &format!("{what}, {coding}, throughput"), "x", wanted, &throughput)?;
        let cpu = ratios(runs, plain, Run::cpu_each);
        report.measure(GOAL, &format!("{what}, {coding}, CPU"), "x", Target::Reported, &cpu)?;
    }
    Ok(())
}
