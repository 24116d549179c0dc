//! A server that is killed loses nothing that it acknowledged.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::kill_harness;

/// The benchmarks do it 500 times (`benches/goals/kills.rs`).
const CYCLES: usize = 20;

#[test]
fn nothing_acknowledged_is_lost_by_kills() {
    let place = tempfile::tempdir().expect("a directory");
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.subsec_nanos());
    let binary = Path::new(env!("CARGO_BIN_EXE_atelier"));
    let outcome = kill_harness::run(binary, &place.path().join("data"), CYCLES, u64::from(seed), |_| ());
    let outcome = outcome.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    assert!(outcome.lost.is_empty(), "seed {seed}: {:#?}", outcome.lost);
    let all: u64 = outcome.acknowledged.values().sum();
    println!("{all} acknowledged: {:?}", outcome.acknowledged);
    let verbs = ["create workspace", "add member", "delete space", "create key", "sign in", "delete person"];
    for verb in verbs {
        assert!(outcome.acknowledged.contains_key(verb), "nobody did it: {verb}; seed {seed}: {outcome:?}");
    }
}
