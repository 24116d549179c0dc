//! The part of a profile of `ax` that names a server.

use crate::domain::public_url;

/// The lines of `[routing]` for a server at `base`. `ax` accepts a base path in `api_host` only.
pub fn routing(base: &str) -> Vec<String> {
    let (origin, path) = public_url::split(base);
    let (scheme, authority) = origin.split_once("://").unwrap_or(("http", origin));
    let scheme_line = format!("api_scheme = \"{scheme}\"");
    if !path.is_empty() {
        return vec![format!("api_host = \"{authority}{path}\""), scheme_line];
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, if scheme == "https" { "443" } else { "80" }),
    };
    vec![format!("single_host = \"{host}\""), format!("single_port = \"{port}\""), scheme_line]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ax_is_told_where_the_server_is() {
        for (base, host, port, scheme) in [
            ("http://127.0.0.1:8787", "127.0.0.1", "8787", "http"),
            ("https://ml.example.com", "ml.example.com", "443", "https"),
            ("http://[::1]:8787", "[::1]", "8787", "http"),
            ("http://[::1]", "[::1]", "80", "http"),
        ] {
            let expected = [
                format!("single_host = \"{host}\""),
                format!("single_port = \"{port}\""),
                format!("api_scheme = \"{scheme}\""),
            ];
            assert_eq!(routing(base), expected);
        }
        let under = routing("https://example.com:8443/atelier");
        assert_eq!(under, ["api_host = \"example.com:8443/atelier\"", "api_scheme = \"https\""]);
    }
}
