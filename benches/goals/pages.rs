//! G6: a page of 50 of a million spaces, at every depth, compared with a page of a thousand spaces. No response comes
//! from the cache.

use std::time::Duration;

use crate::bench::{Bench, Neighbour, ratios};
use crate::client::Client;
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::load::{InTurn, Run, encode};
use crate::report::Target;
use crate::seed::{MILLION, Seed, THOUSAND, WIDE};

/// The number of positions in the list that are read.
const PLACES: usize = 20;

/// Requests for pages spread over the whole list. All are different, because a repeated one would be cached.
pub(super) fn pages(client: &Client, token: &str) -> Result<Vec<Vec<u8>>> {
    // Only the server can create a cursor, so the cursors come from walking through the list.
    let mut cursors = vec![String::new()];
    let mut place = String::new();
    loop {
        let response = client.get(&format!("/v2/spaces?limit=50{place}"), token)?;
        let pagination = response.get("pagination");
        let Some(cursor) = pagination.and_then(|it| it.get("next_cursor")?.as_str()) else { break };
        place = format!("&cursor={cursor}");
        cursors.push(place.clone());
    }
    if cursors.len() < PLACES {
        return Err(BenchError::new("the list is too short for pages of different places"));
    }
    let chosen = (0..PLACES).map(|place| &cursors[place * (cursors.len() - 1) / (PLACES - 1)]);
    Ok(chosen.map(|place| encode("GET", &format!("/v2/spaces?limit=50{place}"), Some(token), "", "")).collect())
}

struct Size {
    server: crate::server::Server,
    neighbour: Neighbour,
    admin: Vec<Vec<u8>>,
    wide: Vec<Vec<u8>>,
}

impl Size {
    fn begin(bench: &mut Bench, seed: Seed) -> Result<Self> {
        let server = bench.serve(seed)?;
        let (admin, wide) = (server.admin()?, server.sign_in(WIDE)?.access);
        let (admin, wide) = (pages(&server.client, &admin)?, pages(&server.client, &wide)?);
        Ok(Self { neighbour: Neighbour::of(&server)?, server, admin, wide })
    }

    fn go(&self, requests: &[Vec<u8>], times: (Duration, Duration)) -> Result<Run> {
        self.server.load(1, times).go(&mut InTurn::new(requests, || self.neighbour.touch()))
    }
}

pub(super) fn flat(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::G6;
    let small = Size::begin(bench, THOUSAND)?;
    let large = Size::begin(bench, MILLION)?;
    let times = bench.times();
    let [admin_small, admin_large, wide_small, wide_large] = bench.alternate(
        GOAL,
        &mut [
            ("administrator of a thousand", Box::new(|| small.go(&small.admin, times))),
            ("administrator of a million", Box::new(|| large.go(&large.admin, times))),
            ("member of 1,000 of a thousand", Box::new(|| small.go(&small.wide, times))),
            ("member of 1,000 of a million", Box::new(|| large.go(&large.wide, times))),
        ],
    )?;
    small.neighbour.verify()?;
    large.neighbour.verify()?;
    let report = &mut bench.report;
    let p99 = |run: &Run| run.p99();
    let (admin, wide) = (ratios(&admin_large, &admin_small, p99), ratios(&wide_large, &wide_small, p99));
    report.measure(GOAL, "page at a million, administrator, p99 of a thousand's", "x", Target::AtMost(1.3), &admin)?;
    report.measure(GOAL, "page at a million, member, p99 of a thousand's", "x", Target::Reported, &wide)?;
    report.note(
        GOAL,
        "one connection; 20 pages from the first to the last, each once between two commits of another process; every \
         list there is goes by number, none by name",
    )
}
