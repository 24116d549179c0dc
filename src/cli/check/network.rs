//! Checks of the host names at which the server is reached.

use crate::cli::finding::Finding;
use crate::config::Config;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let open = config.listen.iter().find(|address| !address.ip().is_loopback());
    let mut findings = vec![match (open, &config.public_url) {
        (Some(address), None) if config.trusted_hosts.is_empty() => Finding::warning(
            "public url",
            format!("other machines can reach {address}, but tokens are issued for this machine's own names only"),
            "set public_url to the address that people use",
        ),
        (Some(_), None) => Finding::ok("public url", "not set; tokens are also issued for the trusted hosts"),
        (None, None) => Finding::ok("public url", "not set; only this machine can reach the server"),
        (_, Some(url)) if url.starts_with("http://") && !is_local(url) => Finding::warning(
            "public url",
            format!("passwords and tokens are sent to {url} unencrypted"),
            "put a TLS proxy in front of the server and set public_url to its https:// address",
        ),
        (_, Some(url)) => Finding::ok("public url", url),
    }];
    if config.public_url.is_some() && !config.trusted_hosts.is_empty() {
        findings.push(Finding::warning(
            "trusted hosts",
            "they have no effect while public_url is set",
            "remove trusted_hosts or public_url",
        ));
    }
    findings
}

/// Whether the host of a URL is this machine.
fn is_local(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    ["localhost", "127.", "[::1]"].iter().any(|local| host.starts_with(local))
}
