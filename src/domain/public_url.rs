//! The address at which people reach the server: an origin, and a path below which it stands.

use std::net::Ipv6Addr;

/// The maximum length of a base path, in bytes.
const MAX_PATH_LENGTH: usize = 200;

/// The first segments of the server's own paths. No base path may begin with one, or a path could be read in two ways.
pub const OWN_SEGMENTS: [&str; 28] = [
    ".well-known",
    "access",
    "access.csv",
    "admin",
    "apps",
    "assets",
    "audit",
    "audit.csv",
    "audit.jsonl",
    "auth",
    "bindings",
    "favicon.ico",
    "healthz",
    "keys",
    "metrics",
    "oauth2",
    "organizations",
    "people",
    "readyz",
    "realms",
    "roles",
    "search",
    "service-keys",
    "status",
    "system",
    "v1",
    "v2",
    "workspaces",
];

/// The origin and the base path of an address: `https://ml.example.com` and `/atelier`. The path of an origin is empty.
pub fn split(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    match url[authority..].find('/') {
        Some(at) => url.split_at(authority + at),
        None => (url, ""),
    }
}

/// `https://atelier.example.com`, `http://10.0.0.5:8787/atelier`; without user, query or final slash.
pub fn is_public_url(text: &str) -> bool {
    let (origin, path) = split(text);
    is_origin(origin) && (path.is_empty() || is_base_path(path))
}

/// `https://atelier.example.com`, `http://10.0.0.5:8787`; without user, path, query or final slash.
pub fn is_origin(text: &str) -> bool {
    text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).is_some_and(is_host)
}

/// `atelier.lan`, `10.0.0.5:8787`, `[::1]:8787`.
pub fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let named = |name: &str| {
        name.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
    };
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bracketed.map_or_else(|| named(host), |address| address.parse::<Ipv6Addr>().is_ok())
        && port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|p| p > 0))
}

/// `/atelier`, `/team/atelier`. Its characters need no encoding anywhere: in a cookie, in markup, in a header.
fn is_base_path(path: &str) -> bool {
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    let Some(rest) = path.strip_prefix('/') else { return false };
    let first = rest.split('/').next().unwrap_or_default();
    path.len() <= MAX_PATH_LENGTH && rest.split('/').all(is_segment) && !OWN_SEGMENTS.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        for good in ["https://a.example", "http://localhost:8787", "http://[::1]:8787", "http://10.0.0.5"] {
            assert!(is_origin(good) && is_public_url(good), "{good}");
            assert_eq!(split(good), (good, ""));
        }
        for bad in [
            "",
            "a.example",
            "ftp://a.example",
            "https://",
            "https://a.example/",
            "https://a.example?x",
            "https://u:p@a.example",
            "https://a.example:",
            "https://a.example:0",
            "https://a.example:99999",
            "https://a..b",
            "https://[::1",
            "https://::1",
            "https://a b",
            "HTTPS://a",
        ] {
            assert!(!is_origin(bad) && !is_public_url(bad), "{bad}");
        }
        assert!(!is_origin("https://a.example/x"));
    }

    #[test]
    fn a_base_path_has_plain_segments() {
        for (url, origin, path) in [
            ("https://a.example/atelier", "https://a.example", "/atelier"),
            ("http://[::1]:8787/team/ml-1.0_x~", "http://[::1]:8787", "/team/ml-1.0_x~"),
            ("https://a.example/team/v1", "https://a.example", "/team/v1"),
        ] {
            assert!(is_public_url(url), "{url}");
            assert_eq!(split(url), (origin, path));
        }
        for bad in [
            "/x/",
            "/x//y",
            "//x",
            "/x/..",
            "/./x",
            "/x?y",
            "/x#y",
            "/a b",
            "/a%62",
            "/caf\u{e9}",
            "/x;y",
            "/x\"",
            "/v1",
        ] {
            assert!(!is_public_url(&format!("https://a.example{bad}")), "{bad}");
        }
        assert!(!is_public_url(&format!("https://a.example/{}", "x".repeat(MAX_PATH_LENGTH))));
        assert!(!is_public_url("/atelier"));
    }
}
