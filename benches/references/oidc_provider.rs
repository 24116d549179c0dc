//! oidc-provider on Node.js, a certified OpenID Connect provider, in a folder of its own under the target directory.
//!
//! It is one process with its tokens in memory, because it has no other adapter of its own. It writes nothing to a
//! disk, which is in its favor.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::peer::Ask;
use super::{Reference, complete, free_address};
use crate::bench::reusable_folder;
use crate::error::{BenchError, Result};
use crate::machine_client::{CLIENT, Endpoints};

/// The server, and the pinned packages.
const SERVER: &str = include_str!("oidc_provider/server.mjs");
const PACKAGE: &str = include_str!("oidc_provider/package.json");
const LOCK: &str = include_str!("oidc_provider/package-lock.json");

const ENDPOINTS: Endpoints = Endpoints { token: "/token", introspection: "/token/introspection" };
const CONFIGURATION: &str = "/.well-known/openid-configuration";

/// The secret of its client.
const SECRET: &str = "a secret of which nothing but a measurement depends";

/// A running oidc-provider.
pub struct OidcProvider {
    pub reference: Reference,
    /// Its version, how it is run, and how long its start took.
    pub mode: String,
}

impl OidcProvider {
    /// Introspections of a new opaque token. It keeps no other tokens, so it can introspect no others.
    pub fn introspections(&self) -> Result<Ask> {
        ENDPOINTS.introspections(&self.reference.client(), SECRET)
    }
}

/// Requests for tokens that are signed with this algorithm, or for opaque ones.
pub fn tokens(algorithm: Option<&str>) -> Ask {
    match algorithm {
        Some(algorithm) => {
            let resource = format!("urn:{algorithm}");
            ENDPOINTS.tokens(SECRET, &[("resource", &resource), ("scope", "api")], "\"access_token\":\"eyJ")
        }
        None => ENDPOINTS.tokens(SECRET, &[], "\"access_token\":\""),
    }
}

/// Installs it at the first use, and starts it.
pub fn start() -> Result<OidcProvider> {
    let node = version_of_node()?;
    let home = installed()?;
    let address = free_address()?;
    let mut command = Command::new("node");
    command.arg("server.mjs").args([&address.port().to_string(), CLIENT, SECRET]);
    command.env("NODE_ENV", "production").env_remove("DEBUG").current_dir(&home);
    let (reference, start) = Reference::serving("oidc-provider", &mut command, address, CONFIGURATION)?;
    let mode = format!(
        "oidc-provider {} on Node.js {node}, one process with its tokens in memory; it took {:.1} s to start",
        version(),
        start.as_secs_f64()
    );
    Ok(OidcProvider { reference, mode })
}

fn version_of_node() -> Result<String> {
    let output = Command::new("node").arg("--version").output();
    let output =
        output.map_err(|error| BenchError::from(error).when("oidc-provider needs Node.js, but no node runs"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The pinned version.
fn version() -> &'static str {
    let version = PACKAGE.lines().find_map(|line| line.trim().strip_prefix("\"oidc-provider\": "));
    version.map_or("of an unknown version", |version| version.trim_matches(['"', ',']))
}

/// The folder with the pinned packages. The stamp is written last, so an incomplete or outdated folder is created again.
fn installed() -> Result<PathBuf> {
    let home = reusable_folder()?.join("oidc-provider");
    let stamp = home.join("stamp.json");
    if !fs::read_to_string(&stamp).is_ok_and(|found| found == LOCK) {
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        fs::create_dir(&home)?;
        eprintln!("installing oidc-provider {} (once)", version());
        fs::write(home.join("package.json"), PACKAGE)?;
        fs::write(home.join("package-lock.json"), LOCK)?;
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(&home);
        complete(&mut npm).map_err(|error| error.when("oidc-provider cannot be installed"))?;
        fs::write(stamp, LOCK)?;
    }
    fs::write(home.join("server.mjs"), SERVER)?;
    Ok(home)
}
