//! The sockets of the server: those that are configured, or those that systemd passes on. Also the names that they give the
//! server.

mod rules;

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;

use super::CliError;
use crate::app::runtime::issuers::Transport;
use crate::config::Config;
use crate::config::listen::{Listen, Mode};
use crate::http::{Listener, Listeners, listening};
pub(super) use rules::require_usable;

/// The open sockets. The files of its Unix sockets are removed when it is dropped.
pub(super) struct Sockets {
    listeners: Vec<Listener>,
    /// The addresses of those of TCP.
    addresses: Vec<SocketAddr>,
    /// What the server prints about each.
    names: Vec<Name>,
    metrics: Vec<TcpListener>,
    pub(super) files: Vec<SocketFile>,
}

enum Name {
    Tcp(SocketAddr),
    Unix(String),
}

/// The file of a Unix socket that this process has created.
pub(super) struct SocketFile {
    path: PathBuf,
    created: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have replaced it.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.created) {
            // The next start replaces a file that is left.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

impl Sockets {
    /// Opens the sockets. Those of systemd (`LISTEN_FDS`) replace the configured ones.
    pub(super) fn open(config: &Config) -> Result<Self, CliError> {
        let mut passed = ListenFd::from_env();
        if passed.len() == 0 {
            rules::require_distinct(config)?;
        }
        let mut sockets = Self {
            listeners: Vec::new(),
            addresses: Vec::new(),
            names: Vec::new(),
            metrics: config
                .metrics_listen
                .iter()
                .map(|at| bind_tcp(*at, "metrics-listen"))
                .collect::<Result<_, _>>()?,
            files: Vec::new(),
        };
        for at in 0..passed.len() {
            let listener = passed_on(&mut passed, at).map_err(|error| {
                CliError::Failed(format!(
                    "cannot use the socket {at} of systemd: {error}; the socket unit must have ListenStream= with an \
                     address or a path"
                ))
            })?;
            let Some(listener) = listener else { continue };
            sockets.add(listener)?;
        }
        if !sockets.listeners.is_empty() {
            log::info!("systemd has passed {} sockets, so listen has no effect", sockets.listeners.len());
            return Ok(sockets);
        }
        for listen in &config.listen {
            match listen {
                Listen::Tcp(address) => {
                    sockets.add(Listener::Tcp(bind_tcp(*address, "listen")?))?;
                }
                Listen::Unix(path) => {
                    let (listener, file) = bind(path, config.unix_socket_mode)?;
                    sockets.files.push(file);
                    sockets.add(listener)?;
                }
            }
        }
        Ok(sockets)
    }

    fn add(&mut self, listener: Listener) -> Result<(), CliError> {
        self.names.push(match &listener {
            Listener::Tcp(listener) => {
                let address = listener.local_addr().map_err(|error| no_address(&error))?;
                self.addresses.push(address);
                Name::Tcp(address)
            }
            Listener::Unix(listener) => {
                let address = listener.local_addr().map_err(|error| no_address(&error))?;
                Name::Unix(address.as_pathname().map_or_else(String::new, |path| path.display().to_string()))
            }
        });
        self.listeners.push(listener);
        Ok(())
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    /// The files of those of Unix, for processes in other directories.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let path = |name: &Name| match name {
            Name::Unix(path) => std::path::absolute(path).ok(),
            Name::Tcp(_) => None,
        };
        self.names.iter().filter_map(path).collect()
    }

    /// The line about each socket that the server prints once it serves.
    pub(super) fn announced(&self, transport: Transport) -> String {
        let line = |name: &Name| match name {
            Name::Tcp(address) => format!("listening on {}://{address}\n", transport.scheme()),
            Name::Unix(path) => format!("listening on unix:{path}\n"),
        };
        self.names.iter().map(line).collect()
    }

    /// The addresses of the metrics.
    pub(super) fn metrics(&self) -> Result<Vec<SocketAddr>, CliError> {
        self.metrics.iter().map(|listener| listener.local_addr().map_err(|error| no_address(&error))).collect()
    }

    /// The sockets to serve on, and the files to keep meanwhile.
    pub(super) fn into_parts(self) -> (Listeners, Vec<SocketFile>) {
        (Listeners { main: self.listeners, metrics: self.metrics }, self.files)
    }
}

fn no_address(error: &io::Error) -> CliError {
    CliError::Failed(format!("cannot get the address of a socket: {error}; start again"))
}

fn bind_tcp(address: SocketAddr, flag: &str) -> Result<TcpListener, CliError> {
    listening::listen(address).map_err(|error| rules::unusable(address, flag, &error))
}

/// A socket of systemd. None if it is taken.
fn passed_on(passed: &mut ListenFd, at: usize) -> io::Result<Option<Listener>> {
    if let Ok(found) = passed.take_unix_listener(at) {
        return found.map(|listener| listening::prepare_unix(&listener).map(|()| Listener::Unix(listener))).transpose();
    }
    let found = passed.take_tcp_listener(at)?;
    found.map(|listener| listening::prepare(&listener).map(|()| Listener::Tcp(listener))).transpose()
}

/// Opens a Unix socket. Replaces one that nobody listens on.
fn bind(path: &Path, mode: Mode) -> Result<(Listener, SocketFile), CliError> {
    let failed = |error: io::Error| rules::no_directory(path, &error);
    if rules::require_path(path)? {
        fs::remove_file(path).map_err(failed)?;
    }
    let opened = listening::listen_unix(path, |path| fs::set_permissions(path, Permissions::from_mode(mode.0)));
    let listener = opened.map_err(failed)?;
    let found = fs::symlink_metadata(path).map_err(failed)?;
    Ok((Listener::Unix(listener), SocketFile { path: path.to_owned(), created: identity(&found) }))
}

/// How clients reach the sockets of TCP.
pub(super) fn transport(config: &Config) -> Transport {
    match (&config.tls_certificate, config.tls_self_signed) {
        (Some(_), _) => Transport::Https,
        (None, true) => Transport::SelfSigned,
        (None, false) => Transport::Http,
    }
}

/// Warns of addresses at which people should not sign in.
pub(super) fn warn(config: &Config, addresses: &[SocketAddr]) {
    if let Some(base) = exposed(config, addresses) {
        log::warn!(
            "people sign in at {base}, which sends passwords and cookies over the network unencrypted; set \
             tls_certificate and tls_key, or put a TLS proxy in front of the server and set public_url to its https \
             address"
        );
    }
    let is_unnamed = config.public_url.is_none() && config.trusted_hosts.is_empty();
    if let Some(address) = addresses.iter().find(|address| is_unnamed && address.ip().is_unspecified()) {
        log::warn!(
            "{address} is every address of this machine, but public_url is not set: tokens and links name the address \
             that a request came to; set public_url to the address that people use, or trusted_hosts to their names \
             for this machine"
        );
    }
    if is_unnamed && addresses.is_empty() {
        log::warn!(
            "the server listens on a Unix socket only, and public_url is not set: tokens and links name \
             http://localhost; set public_url to the address that people use"
        );
    }
}

/// The URL at which users on other machines sign in without TLS, if there is one.
fn exposed(config: &Config, addresses: &[SocketAddr]) -> Option<String> {
    if let Some(url) = &config.public_url {
        let host = url.strip_prefix("http://")?;
        let is_here = ["127.0.0.1", "localhost", "[::1]"]
            .iter()
            .any(|name| host.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')));
        return (!is_here).then(|| url.clone());
    }
    let is_plain = transport(config) == Transport::Http;
    let open = addresses.iter().find(|address| is_plain && !address.ip().is_loopback());
    open.map(|address| format!("http://{address}"))
}

/// The accepted `Host` values for issuers if no public URL is set.
pub(super) fn hosts(config: &Config, addresses: &[SocketAddr]) -> Vec<String> {
    let machine = machine();
    let mut hosts = Vec::new();
    for address in addresses {
        let port = address.port();
        if !address.ip().is_unspecified() {
            hosts.push(address.to_string());
        }
        let names = ["127.0.0.1", "localhost", "[::1]", &machine];
        hosts.extend(names.map(|name| format!("{name}:{port}")));
        if port == transport(config).port() {
            hosts.extend(names.map(str::to_owned));
        }
    }
    hosts.extend_from_slice(&config.trusted_hosts);
    hosts
}

/// The name of this machine.
pub(super) fn machine() -> String {
    rustix::system::uname().nodename().to_str().unwrap_or("localhost").to_lowercase()
}
