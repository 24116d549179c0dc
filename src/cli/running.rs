//! The effective configuration of the running server, for commands that are started with other settings.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::sockets;
use crate::app::runtime::issuers::Transport;
use crate::config::Config;
use crate::domain::secret::Secret;
use crate::store::data_dir::DataDir;
use crate::store::lock::InForce;

/// The effective configuration with masked secrets, by key.
pub(super) fn masked_config(config: &Config) -> BTreeMap<String, String> {
    config.entries().into_iter().map(|(key, value, _)| (key.to_owned(), value)).collect()
}

/// The state that a server on these addresses publishes.
pub(super) fn in_force(
    config: &Config,
    (addresses, unix): (&[SocketAddr], Vec<PathBuf>),
    master_key_file: Option<PathBuf>,
    local_key: Secret,
) -> InForce {
    InForce {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        listen: addresses.to_vec(),
        unix,
        https: sockets::transport(config) != Transport::Http,
        public_url: config.public_url.clone(),
        master_key_file,
        local_key: Some(local_key),
        configuration: masked_config(config),
    }
}

/// The state of the running server. `None` if no server runs, or if it publishes none.
pub(super) fn of(home: &DataDir) -> Option<InForce> {
    // Links must be printed even if it is unknown whether a server runs.
    home.holder().ok().flatten().and_then(|holder| holder.in_force)
}

/// The address at which users reach a server.
pub(super) struct Origin {
    /// Scheme, host and port.
    pub(super) url: String,
    /// A message for the operator if other machines cannot reach it.
    pub(super) local: Option<&'static str>,
}

/// The origin of the running server, or else of this configuration: its public URL, or an address that it listens on.
pub(super) fn origin(config: &Config, home: &DataDir) -> Origin {
    let running = of(home);
    let (public_url, listen, https) = match &running {
        Some(running) => (&running.public_url, running.listen.clone(), running.https),
        None => (&config.public_url, config.addresses(), sockets::transport(config) != Transport::Http),
    };
    let scheme = if https { "https" } else { "http" };
    if let Some(url) = public_url {
        return Origin { url: url.clone(), local: None };
    }
    if listen.is_empty() {
        let local = "the server listens on a Unix socket only; set public_url to the address that people use";
        return Origin { url: "http://localhost".to_owned(), local: Some(local) };
    }
    let reachable = |address: &&SocketAddr| !address.ip().is_loopback() && !address.ip().is_unspecified();
    if let Some(address) = listen.iter().find(reachable) {
        return Origin { url: format!("{scheme}://{address}"), local: None };
    }
    let address = listen.first().copied().unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 8787).into());
    if address.ip().is_loopback() && running.is_none() {
        let local = "no server runs and public_url is not set, so the link works on this machine only; set public_url to the \
                     address that people use";
        return Origin { url: format!("{scheme}://{address}"), local: Some(local) };
    }
    if !address.ip().is_unspecified() {
        return Origin { url: format!("{scheme}://{address}"), local: None };
    }
    let here: SocketAddr = match address {
        SocketAddr::V4(v4) => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) => (Ipv6Addr::LOCALHOST, v6.port()).into(),
    };
    let local = match running {
        Some(_) => {
            "the link works on this machine only; start the server with public_url set to the address that people use"
        }
        None => "the link works on this machine only; set public_url to the address that people use",
    };
    Origin { url: format!("{scheme}://{here}"), local: Some(local) }
}
