//! Compares this configuration with that of the running server.

use crate::cli::finding::Finding;
use crate::cli::running;
use crate::config::Config;
use crate::store::lock::InForce;

/// The keys whose values differ. `data_dir` is not compared: both use the same directory, even if written otherwise.
pub(super) fn check(config: &Config, in_force: &InForce) -> Finding {
    const WHAT: &str = "configuration";
    let here = running::masked_config(config);
    let there = &in_force.configuration;
    let value = |value: Option<&String>| value.map_or("unknown", String::as_str).to_owned();
    let keys = here.keys().chain(there.keys().filter(|key| !here.contains_key(*key)));
    let other: Vec<String> = keys
        .filter(|key| *key != "data_dir" && here.get(*key) != there.get(*key))
        .map(|key| format!("{key} is {} there and {} here", value(there.get(key)), value(here.get(key))))
        .collect();
    if other.is_empty() {
        return Finding::ok(WHAT, "the same as in the running server");
    }
    Finding::warning(
        WHAT,
        format!("the running server uses other values: {}", other.join(", ")),
        "run `atelier check` with the same flags, variables and file as the server",
    )
}
