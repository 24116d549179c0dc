//! Checks of the host names at which the server is reached.

use crate::app::checks;
use crate::cli::finding::Finding;
use crate::config::Config;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let open = config.addresses().into_iter().find(|address| !address.ip().is_loopback());
    let url = config.public_url.as_deref();
    let named = || checks::public_url(open, url, !config.trusted_hosts.is_empty());
    let mut findings = vec![checks::encryption(url).unwrap_or_else(named)];
    if config.public_url.is_some() && !config.trusted_hosts.is_empty() {
        findings.push(Finding::warning(
            "trusted hosts",
            "they have no effect while public_url is set",
            "remove trusted_hosts or public_url",
        ));
    }
    findings
}
