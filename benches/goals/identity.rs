//! G14: tokens of a client on its own behalf and their introspection, compared with oidc-provider.
//!
//! The goals compare processor time for each answer, because oidc-provider is one process that writes nothing to the
//! disk. A new token of atelier is a row in the data file too.

use std::cell::Cell;

use crate::bench::{Bench, ratios};
use crate::error::Result;
use crate::goals::Goal;
use crate::load::Run;
use crate::machine_client::{self, ENDPOINTS};
use crate::references::oidc_provider;
use crate::report::Target;
use crate::seed::TEN_THOUSAND;
use crate::server::Server;

const GOAL: Goal = Goal::G14;
const CLIENTS: usize = 32;

/// The number of requests of each kind that oidc-provider answers before the first round.
const WARM_UP: u64 = 3000;

/// The part of a response with a signed token.
const SIGNED: &str = "\"access_token\":\"eyJ";

pub(super) fn beside_oidc_provider(bench: &mut Bench) -> Result<()> {
    let provider = oidc_provider::start()?;
    let server = bench.serve(TEN_THOUSAND)?;
    let secret = machine_client::register(&bench.arguments, &server)?;
    let copy = bench.copy(TEN_THOUSAND)?;
    let mut arguments = bench.arguments.clone();
    arguments.set.retain(|(key, _)| key != "signing_algorithm");
    arguments.set.push(("signing_algorithm".to_owned(), "ES256".to_owned()));
    let es256_server = Server::start(&arguments, &copy)?;
    let es256_secret = machine_client::register(&arguments, &es256_server)?;
    let ours = ENDPOINTS.tokens(&secret, &[], SIGNED);
    let ours_es256 = ENDPOINTS.tokens(&es256_secret, &[], SIGNED);
    let [signed, signed_es256, opaque] = [Some("RS256"), Some("ES256"), None].map(oidc_provider::tokens);
    let (next, times) = (Cell::new(0), bench.times());
    let load = |server: &Server| server.load(CLIENTS, times);
    let their_load = provider.reference.load(CLIENTS, times);
    // Node.js compiles what has run some thousand times.
    for ask in [&signed, &signed_es256, &opaque] {
        their_load.clone().limited(WARM_UP).go(&mut ask.script(&next))?;
    }
    let [rsa, their_rsa, ecdsa, their_ecdsa, their_opaque] = bench.alternate(
        GOAL,
        &mut [
            ("atelier, RS256", Box::new(|| load(&server).go(&mut ours.script(&next)))),
            ("oidc-provider, RS256", Box::new(|| their_load.go(&mut signed.script(&next)))),
            ("atelier, ES256", Box::new(|| load(&es256_server).go(&mut ours_es256.script(&next)))),
            ("oidc-provider, ES256", Box::new(|| their_load.go(&mut signed_es256.script(&next)))),
            ("oidc-provider, opaque", Box::new(|| their_load.go(&mut opaque.script(&next)))),
        ],
    )?;
    es256_server.stop()?;
    // It keeps a thousand opaque tokens, so this one must be newer than all others.
    let (check, their_check) = (ENDPOINTS.introspections(&server.client, &secret)?, provider.introspections()?);
    their_load.clone().limited(WARM_UP).go(&mut their_check.script(&next))?;
    let [checks, their_checks] = bench.alternate(
        GOAL,
        &mut [
            ("atelier, introspection", Box::new(|| load(&server).go(&mut check.script(&next)))),
            ("oidc-provider, introspection", Box::new(|| their_load.go(&mut their_check.script(&next)))),
        ],
    )?;
    let report = &mut bench.report;
    for (what, ours, theirs, target) in [
        ("signed token (RS256)", &rsa, &their_rsa, Target::AtLeast(1.2)),
        ("check of a token", &checks, &their_checks, Target::AtLeast(3.5)),
        ("signed token (ES256)", &ecdsa, &their_ecdsa, Target::Reported),
        ("its opaque token, our signed one (RS256)", &rsa, &their_opaque, Target::Reported),
        ("its opaque token, our signed one (ES256)", &ecdsa, &their_opaque, Target::Reported),
    ] {
        let cpu = ratios(theirs, ours, Run::cpu_each);
        report.measure(GOAL, &format!("{what}, CPU of its, of ours"), "x", target, &cpu)?;
        let throughput = ratios(ours, theirs, Run::per_second);
        report.measure(GOAL, &format!("{what}, throughput of its"), "x", Target::Reported, &throughput)?;
    }
    let signatures = ratios(&rsa, &ecdsa, Run::cpu_each);
    report.measure(GOAL, "our token with RS256, CPU of one with ES256", "x", Target::Reported, &signatures)?;
    report.note(GOAL, &format!("{}; {CLIENTS} connections", provider.mode))
}
