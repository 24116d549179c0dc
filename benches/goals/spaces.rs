//! G11: `GET /v2/spaces?limit=50` at a million spaces, repeated, compared with a constant handler that sends the same
//! bytes.

use crate::bench::{Bench, ratios};
use crate::error::Result;
use crate::goals::Goal;
use crate::load::{Run, Same, encode};
use crate::references::constant;
use crate::report::Target;
use crate::seed::{MILLION, person};

const PATH: &str = "/v2/spaces";
const PAGE: &str = "/v2/spaces?limit=50";
const CLIENTS: usize = 32;

pub(super) fn cached(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::G11;
    let server = bench.serve(MILLION)?;
    let (member, admin) = (server.sign_in(&person(0))?.access, server.admin()?);
    let of_member = server.client.send("GET", PAGE, Some(&member), "", "")?;
    let of_admin = server.client.send("GET", PAGE, Some(&admin), "", "")?;
    let bare_member = constant::start(bench.scratch(), PATH, &of_member)?;
    let bare_admin = constant::start(bench.scratch(), PATH, &of_admin)?;
    let times = bench.times();
    let member = Same::new(encode("GET", PAGE, Some(&member), "", ""), of_member.len());
    let admin = Same::new(encode("GET", PAGE, Some(&admin), "", ""), of_admin.len());
    let [ours_member, theirs_member, ours_admin, theirs_admin] = bench.alternate(
        GOAL,
        &mut [
            ("atelier, member of 50", Box::new(|| server.load(CLIENTS, times).go(&mut member.clone()))),
            ("constant, member of 50", Box::new(|| bare_member.load(CLIENTS, times).go(&mut member.clone()))),
            ("atelier, administrator", Box::new(|| server.load(CLIENTS, times).go(&mut admin.clone()))),
            ("constant, administrator", Box::new(|| bare_admin.load(CLIENTS, times).go(&mut admin.clone()))),
        ],
    )?;
    let report = &mut bench.report;
    for (who, ours, theirs) in
        [("member of 50", &ours_member, &theirs_member), ("administrator", &ours_admin, &theirs_admin)]
    {
        let throughput = ratios(ours, theirs, Run::per_second);
        let what = format!("page of 50, {who}, throughput of a constant handler's");
        report.measure(GOAL, &what, "x", Target::AtLeast(0.5), &throughput)?;
        let cpu = ratios(ours, theirs, Run::cpu_each);
        report.measure(GOAL, &format!("page of 50, {who}, CPU"), "x", Target::Reported, &cpu)?;
    }
    report.note(GOAL, &format!("{CLIENTS} connections, {} and {} bytes an answer", of_member.len(), of_admin.len()))
}
