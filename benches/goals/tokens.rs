//! G3: the cost of verifying a bearer token, as the difference between two endpoints that do nothing else: `GET
//! /v1/api/config` ignores the token, `POST /v1/api/workspaces/validate` verifies it. Both requests carry one, because
//! the web server parses a header even if no handler reads it. The report also contains the total cost.

use std::cell::RefCell;

use crate::bench::{Bench, differences};
use crate::error::Result;
use crate::goals::Goal;
use crate::load::{InTurn, Run, Same, encode};
use crate::report::Target;
use crate::seed::{TEN_THOUSAND, person};
use crate::server::Refreshes;

const UNCHECKED: &str = "/v1/api/config";
const CHECKED: &str = "/v1/api/workspaces/validate";
const CLIENTS: usize = 32;

fn request(token: &str) -> Vec<u8> {
    encode("POST", CHECKED, Some(token), "application/json", "")
}

pub(super) fn checks(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::G3;
    let server = bench.serve(TEN_THOUSAND)?;
    let tokens = server.sign_in(&person(0))?;
    let each = if bench.arguments.quick { 2_000 } else { 8_000 };
    // One refresh token gives as many JWTs as needed. A server that has just been started has cached none of them.
    let mut refreshes = Refreshes::of(&tokens.refresh);
    let wanted = each * bench.arguments.rounds;
    server.load(32, bench.times()).limited(wanted as u64).go(&mut refreshes)?;
    let fresh: Vec<Vec<u8>> = refreshes.tokens.iter().map(|token| request(token)).collect();
    let fresh = RefCell::new(fresh.chunks(each));

    let open = server.client.send("GET", UNCHECKED, None, "", "")?.len();
    let bare = Same::new(encode("GET", UNCHECKED, None, "", ""), open);
    let open = Same::new(encode("GET", UNCHECKED, Some(&tokens.access), "", ""), open);
    let shut = server.client.send("POST", CHECKED, Some(&tokens.access), "application/json", "")?;
    let shut = Same::new(request(&tokens.access), shut.len());
    let times = bench.times();
    let [none, unchecked, seen, unseen] = bench.alternate(
        GOAL,
        &mut [
            ("no token", Box::new(|| server.load(CLIENTS, times).go(&mut bare.clone()))),
            ("a token that is not looked at", Box::new(|| server.load(CLIENTS, times).go(&mut open.clone()))),
            ("a token already seen", Box::new(|| server.load(CLIENTS, times).go(&mut shut.clone()))),
            (
                "JWTs never seen",
                Box::new(|| {
                    let chunk = fresh.borrow_mut().next().unwrap_or_default();
                    server.load(CLIENTS, times).limited(chunk.len() as u64).go(&mut InTurn::new(chunk, || ()))
                }),
            ),
        ],
    )?;
    let report = &mut bench.report;
    let check = differences(&seen, &unchecked, Run::cpu_each);
    report.measure(GOAL, "check of a token already seen, CPU", " us", Target::AtMost(3.0), &check)?;
    let check = differences(&unseen, &unchecked, Run::cpu_each);
    report.measure(GOAL, "check of a JWT never seen, CPU", " us", Target::AtMost(60.0), &check)?;
    let whole = differences(&seen, &none, Run::cpu_each);
    report.measure(GOAL, "sending and checking a token already seen, CPU", " us", Target::Reported, &whole)?;
    report.note(GOAL, &format!("the difference between {CHECKED} and {UNCHECKED}, {CLIENTS} connections"))
}
