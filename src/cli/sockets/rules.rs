//! Which addresses a server can listen on, for its start and for `atelier check`.

use std::fs;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::fs::{Access, access};
use rustix::net::SocketAddrUnix;

use crate::cli::CliError;
use crate::config::Config;
use crate::config::listen::Listen;

const DIRECTORY: &str = "check that the directory exists and that this user may write there";

/// Refuses addresses on which no server could listen. Does not tell whether another process listens on one of TCP:
/// systemd may keep it for the server.
pub(in crate::cli) fn require_usable(config: &Config) -> Result<(), CliError> {
    require_distinct(config)?;
    for (address, flag) in tcp(config) {
        // Another port, because the server may have a permission for a low one that this process has not.
        UdpSocket::bind(SocketAddr::new(address.ip(), 0)).map_err(|error| unusable(address, flag, &error))?;
    }
    for path in config.listen.iter().filter_map(Listen::unix) {
        require_path(&path)?;
    }
    Ok(())
}

/// Refuses two addresses of TCP that are the same, or of which one contains the other.
pub(super) fn require_distinct(config: &Config) -> Result<(), CliError> {
    let all = tcp(config);
    for (at, (first, _)) in all.iter().enumerate() {
        if let Some((second, flag)) = all.iter().skip(at + 1).find(|(second, _)| overlap(*first, *second)) {
            return Err(CliError::Usage(format!(
                "cannot listen on {second}: {first} is listened on already; choose another address with --{flag}"
            )));
        }
    }
    Ok(())
}

/// The addresses of TCP, each with its flag.
fn tcp(config: &Config) -> Vec<(SocketAddr, &'static str)> {
    let main = config.addresses().into_iter().map(|address| (address, "listen"));
    main.chain(config.metrics_listen.iter().map(|address| (*address, "metrics-listen"))).collect()
}

fn overlap(first: SocketAddr, second: SocketAddr) -> bool {
    let contains = |wide: SocketAddr, other: SocketAddr| {
        let is_same_family = wide.is_ipv4() == other.is_ipv4();
        wide.ip().is_unspecified() && (is_same_family || wide.is_ipv6() && has_both_families())
    };
    first.port() == second.port()
        && first.port() != 0
        && (first.ip() == second.ip() || contains(first, second) || contains(second, first))
}

/// Whether a socket on `[::]` accepts connections of IPv4, too.
fn has_both_families() -> bool {
    fs::read_to_string("/proc/sys/net/ipv6/bindv6only").is_ok_and(|text| text.trim() == "0")
}

pub(super) fn unusable(address: SocketAddr, flag: &str, error: &io::Error) -> CliError {
    CliError::Failed(format!("cannot listen on {address}: {error}; choose another address with --{flag}"))
}

/// Refuses the path of a Unix socket that is in use, or of another file. Returns whether a socket is there that nobody
/// listens on.
pub(super) fn require_path(path: &Path) -> Result<bool, CliError> {
    let no_place = |error: io::Error| no_directory(path, &error);
    SocketAddrUnix::new(path).map_err(|error| {
        let next = "choose a shorter path with --listen";
        failed(path, &io::Error::from(error).to_string(), next)
    })?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    access(directory, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| no_place(error.into()))?;
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            Err(failed(path, "the file is no socket", "choose another path with --listen"))
        }
        Ok(_) => match UnixStream::connect(path) {
            Ok(_) => {
                let next = "stop it, or choose another path with --listen";
                Err(failed(path, "another process listens there", next))
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(true),
            Err(error) => Err(failed(path, &error.to_string(), "remove the file, or choose another path")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(no_place(error)),
    }
}

/// The refusal of a socket whose file cannot be created or removed.
pub(super) fn no_directory(path: &Path, error: &io::Error) -> CliError {
    failed(path, &error.to_string(), DIRECTORY)
}

fn failed(path: &Path, reason: &str, next: &str) -> CliError {
    CliError::Failed(format!("cannot listen on unix:{}: {reason}; {next}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_overlap_if_one_contains_the_other() {
        let told = |first: &str, second: &str| {
            let (first, second) = (first.parse().unwrap(), second.parse().unwrap());
            assert_eq!(overlap(first, second), overlap(second, first));
            overlap(first, second)
        };
        for (first, second) in
            [("127.0.0.1:80", "127.0.0.1:80"), ("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80")]
        {
            assert!(told(first, second), "{first} {second}");
        }
        for (first, second) in [
            ("127.0.0.1:80", "127.0.0.1:81"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("127.0.0.1:80", "127.0.0.2:80"),
            ("0.0.0.0:80", "[::1]:80"),
            ("127.0.0.1:80", "[::1]:80"),
        ] {
            assert!(!told(first, second), "{first} {second}");
        }
        assert_eq!(told("[::]:80", "0.0.0.0:80"), has_both_families());
    }
}
