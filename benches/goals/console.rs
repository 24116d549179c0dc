//! H1: pages of the console at 1,000 workspaces and 200 people: the time that the server takes for each, beside a constant
//! handler that sends the same bytes, and what a browser loads.

use crate::bench::{Bench, ratios};
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::load::{Run, Same, encode, with_header};
use crate::references::constant;
use crate::report::Target;
use crate::seed::{ADMIN, PASSWORD, TEAM, person};

/// Pages that people open often, and the overview of who can reach what.
const PAGES: [&str; 8] =
    ["/", "/workspaces/1", "/keys", "/people", "/access", "/organizations/1", "/audit", "/auth/account"];

/// The whole overview of 200 people and 1,000 workspaces.
const MATRIX: &str = "/access?size=large";

/// One reader opens a page after the other.
const READERS: usize = 1;

/// What a page may weigh at most, in bytes: the first that a browser loads, with its style and scripts, and each later one.
const FIRST: f64 = 50_000.0;
const LATER: f64 = 15_000.0;

pub(super) fn quick(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::H1;
    let server = bench.serve(TEAM)?;
    let times = bench.times();
    let readers = [("administrator", ADMIN.to_owned()), ("member", person(0))];
    for (who, email) in readers {
        let cookies = server.client.browse(&email, PASSWORD)?;
        for page in PAGES.into_iter().chain([MATRIX]) {
            // A member may not open every page.
            let Ok(body) = server.client.page(page, &cookies) else { continue };
            let request = with_header(encode("GET", page, None, "", ""), "cookie", &cookies);
            let same = Same::new(request, body.len());
            let path = page.split('?').next().unwrap_or(page);
            let constant = constant::start(bench.scratch(), path, &body)?;
            let [ours, bare] = bench.alternate(
                GOAL,
                &mut [
                    ("atelier", Box::new(|| server.load(READERS, times).go(&mut same.clone()))),
                    ("constant handler", Box::new(|| constant.load(READERS, times).go(&mut same.clone()))),
                ],
            )?;
            let limit = if page == MATRIX { 50.0 } else { 5.0 };
            // The runs count in microseconds.
            let p99: Vec<f64> = ours.iter().map(|run| run.p99() / 1000.0).collect();
            let report = &mut bench.report;
            report.measure(GOAL, &format!("{page}, {who}, p99"), "ms", Target::AtMost(limit), &p99)?;
            let cpu = ratios(&ours, &bare, Run::cpu_each);
            report.measure(
                GOAL,
                &format!("{page}, {who}, CPU of a constant handler's"),
                "x",
                Target::Reported,
                &cpu,
            )?;
            if page != MATRIX {
                let size = [kilobytes(body.len())];
                report.measure(GOAL, &format!("{page}, {who}, size"), "KB", Target::AtMost(LATER / 1000.0), &size)?;
            }
        }
    }
    first_sight(bench, &server.client)
}

/// What a browser loads at first sight: the home page, its style and its scripts.
fn first_sight(bench: &mut Bench, client: &crate::client::Client) -> Result<()> {
    let page = client.page("/", &client.browse(ADMIN, PASSWORD)?)?;
    let mut bytes = page.len();
    for asset in page.split("\"/assets/").skip(1).filter_map(|rest| rest.split('"').next()) {
        bytes += client.compressed(&format!("/assets/{asset}"))?;
    }
    if bytes == page.len() {
        return Err(BenchError::new("the home page names no style and no script"));
    }
    bench.report.measure(
        Goal::H1,
        "the first page with its files",
        "KB",
        Target::AtMost(FIRST / 1000.0),
        &[kilobytes(bytes)],
    )
}

/// Bytes in thousands.
fn kilobytes(bytes: usize) -> f64 {
    u32::try_from(bytes).map_or(f64::INFINITY, f64::from) / 1000.0
}
