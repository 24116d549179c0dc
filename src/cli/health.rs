//! `atelier health`: whether the server is ready, as an exit code.

use std::time::Duration;

use serde_json::Value;

use super::ask::Endpoint;
use super::{CliError, database, print};
use crate::config::Config;

/// Longer than the server waits for its disk.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Prints the state of the server. Fails if it is not ready, or with `live` if it does not answer.
pub(super) fn run(config: &Config, live: bool) -> Result<(), CliError> {
    let endpoint = Endpoint::of(config, &database::at(config)?);
    let (url, path) = (endpoint.url(), if live { "/healthz" } else { "/readyz" });
    let answer = endpoint.get(path, None, TIMEOUT).map_err(|error| {
        CliError::Failed(format!("no server answers at {url}: {error}; start it with `atelier serve`, or see its log"))
    })?;
    let told: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    match (answer.status, told["status"].as_str()) {
        (200, Some(status)) => print(&format!("{status}\n")),
        (_, Some(_)) => {
            let detail = told["detail"].as_str().unwrap_or("it does not say why");
            Err(CliError::Failed(format!("the server at {url} is not ready: {detail}; see its log")))
        }
        (status, None) => Err(CliError::Failed(format!(
            "the program at {url} answers {path} with {status} and is not atelier; check `listen`"
        ))),
    }
}
