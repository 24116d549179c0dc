//! G7: `GET /v2/spaces?name=...` over a million names, compared with the same request without a name. No response comes
//! from the cache.

use std::cell::Cell;

use serde_json::Value;

use crate::bench::{Bench, differences};
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::load::{InTurn, Run, encode};
use crate::names::Pattern;
use crate::report::Target;
use crate::seed::{MILLION, person};
use crate::server::Server;

/// The maximum difference between a search and a page without one, in milliseconds.
const MAX_DIFFERENCE_MS: f64 = 5.0;

fn request(token: &str, pattern: Option<&str>) -> Vec<u8> {
    let mut path = "/v2/spaces?limit=50".to_owned();
    if let Some(pattern) = pattern {
        path.push('&');
        path.push_str(&serde_urlencoded::to_string([("name", pattern)]).unwrap_or_default());
    }
    encode("GET", &path, Some(token), "", "")
}

/// Changes one space through the server, so that the cached responses that contain it are stale.
struct Touch<'a> {
    server: &'a Server,
    token: &'a str,
    path: String,
    times: Cell<u64>,
    failed: Cell<u64>,
}

impl<'a> Touch<'a> {
    fn begin(server: &'a Server, token: &'a str) -> Result<Self> {
        let first = server.client.get("/v2/spaces?limit=1", token)?;
        let id = first.pointer("/spaces/0/id").and_then(Value::as_str);
        let id = id.ok_or_else(|| BenchError::new("there is no space to change"))?;
        Ok(Self { server, token, path: format!("/v2/spaces/{id}"), times: Cell::new(0), failed: Cell::new(0) })
    }

    fn change(&self) {
        self.times.set(self.times.get() + 1);
        let body = format!("{{\"description\":\"changed {} times\"}}", self.times.get());
        let done = self.server.client.send("PATCH", &self.path, Some(self.token), "application/json", &body);
        self.failed.set(self.failed.get() + u64::from(done.is_err()));
    }
}

pub(super) fn quick(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::G7;
    let server = bench.serve(MILLION)?;
    let admin = server.admin()?;
    let member = server.sign_in(&person(0))?.access;
    let touch = Touch::begin(&server, &admin)?;
    for pattern in Pattern::ALL {
        let requests: Vec<Vec<u8>> = pattern.examples().iter().map(|text| request(&admin, Some(text))).collect();
        one(
            bench,
            GOAL,
            &touch,
            (&format!("administrator, {}", pattern.label()), &requests),
            &[request(&admin, None)],
        )?;
    }
    let requests: Vec<Vec<u8>> = Pattern::ALL
        .iter()
        .flat_map(|pattern| pattern.examples().into_iter().take(4))
        .map(|text| request(&member, Some(&text)))
        .collect();
    one(bench, GOAL, &touch, ("member of 50, of all kinds", &requests), &[request(&member, None)])?;
    if touch.failed.get() > 0 {
        return Err(BenchError::new("the space between the searches could not be changed"));
    }
    bench.report.note(
        GOAL,
        "one connection; before each pass over the patterns, and before each page without one, a space is changed \
         through the server, so that no answer is a remembered one",
    )
}

fn one(
    bench: &mut Bench,
    goal: Goal,
    touch: &Touch,
    (name, requests): (&str, &[Vec<u8>]),
    empty: &[Vec<u8>],
) -> Result<()> {
    // A contender's name is `'static`. The program ends soon, so the leak does no harm.
    let label: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let times = (bench.arguments.warm_up / 2, bench.arguments.run / 2);
    let [searches, pages] = bench.alternate(
        goal,
        &mut [
            (label, Box::new(|| touch.server.load(1, times).go(&mut InTurn::new(requests, || touch.change())))),
            (
                "a page without a search",
                Box::new(|| touch.server.load(1, times).go(&mut InTurn::new(empty, || touch.change()))),
            ),
        ],
    )?;
    let over = differences(&searches, &pages, |run: &Run| run.p99() / 1e3);
    bench.report.measure(
        goal,
        &format!("search, {name}: p99 over none"),
        " ms",
        Target::AtMost(MAX_DIFFERENCE_MS),
        &over,
    )
}
