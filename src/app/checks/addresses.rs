//! Checks of the address at which people reach the server.

use std::net::SocketAddr;

use super::Finding;

/// Judges `public_url`. `open` is an address at which other machines reach the server.
pub fn public_url(open: Option<SocketAddr>, public_url: Option<&str>, has_trusted_hosts: bool) -> Finding {
    const WHAT: &str = "public url";
    match (open, public_url) {
        (Some(address), None) if !has_trusted_hosts => Finding::warning(
            WHAT,
            format!("other machines can reach {address}, but tokens are issued for this machine's own names only"),
            "set public_url to the address that people use",
        ),
        (Some(_), None) => Finding::ok(WHAT, "not set; tokens are also issued for the trusted hosts"),
        (None, None) => Finding::ok(WHAT, "not set; only this machine can reach the server"),
        (_, Some(url)) => Finding::ok(WHAT, url),
    }
}

/// Whether passwords and tokens cross the network unencrypted. None if they do not, or if it is unknown.
pub fn encryption(public_url: Option<&str>) -> Option<Finding> {
    let url = public_url.filter(|url| url.starts_with("http://") && !is_local(url))?;
    Some(Finding::warning(
        "public url",
        format!("passwords and tokens are sent to {url} unencrypted"),
        "put a TLS proxy in front of the server and set public_url to its https:// address",
    ))
}

/// Whether people reach the server by https. A server that only its own machine reaches needs none.
pub fn https(open: Option<SocketAddr>, public_url: Option<&str>) -> Finding {
    const WHAT: &str = "https";
    match public_url {
        Some(url) if url.starts_with("https://") => Finding::ok(WHAT, "people reach the server by https"),
        Some(url) if is_local(url) => Finding::ok(WHAT, "not needed: only this machine reaches the server"),
        None if open.is_none() => Finding::ok(WHAT, "not needed: only this machine reaches the server"),
        Some(_) | None => Finding::warning(
            WHAT,
            "passwords and tokens cross the network unencrypted",
            "put a TLS proxy in front of the server and set public_url to its https:// address",
        ),
    }
}

/// Whether the host of a URL is this machine.
fn is_local(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    ["localhost", "127.", "[::1]"].iter().any(|local| host.starts_with(local))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::checks::Level;

    #[test]
    fn https_is_missing_where_others_reach_the_server() {
        let open = Some(SocketAddr::from(([0; 4], 8787)));
        let level = |open, url| https(open, url).level;
        assert_eq!(level(None, None), Level::Ok);
        assert_eq!(level(open, Some("https://ml.example.com")), Level::Ok);
        assert_eq!(level(open, Some("http://127.0.0.1:8787")), Level::Ok);
        assert_eq!(level(open, None), Level::Warning);
        assert_eq!(level(None, Some("http://ml.lan")), Level::Warning);
    }
}
