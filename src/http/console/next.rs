//! The page that the user goes to after sign-in: always a page of this server.

use super::Failure;
use super::paths::{HOME, query};
use crate::http::base_path;

/// The path and query of a page on this server, without the base path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next(String);

impl Next {
    /// In bytes.
    const MAX_LENGTH: usize = 16_000;

    /// Parses a path; an empty one means the home page.
    ///
    /// Refuses everything that a browser could read as an address of another site: text that does not begin with
    /// exactly one slash, or that contains a backslash, a space or a control character, which browsers drop or turn
    /// into slashes.
    pub(super) fn parse(raw: &str) -> Result<Self, Failure> {
        if raw.is_empty() {
            return Ok(Self(HOME.to_owned()));
        }
        let here = raw.starts_with('/') && !raw.starts_with("//") && raw.len() <= Self::MAX_LENGTH;
        if here && raw.bytes().all(|b| b.is_ascii_graphic() && !b"\\\"<>".contains(&b)) {
            let own = base_path::without(raw).into_owned();
            // Nothing but the base path makes this one of another site.
            if own.starts_with("//") { Err(Failure::ForeignDestination) } else { Ok(Self(own)) }
        } else {
            Err(Failure::ForeignDestination)
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the default page.
    pub(super) fn is_home(&self) -> bool {
        self.0 == HOME
    }

    /// The address of a page that leads to this one: `PAGE?next=...`.
    pub(super) fn after(&self, page: &str) -> String {
        if self.is_home() { page.to_owned() } else { format!("{page}?{}", query(&[("next", &self.0)])) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_path_on_this_server_is_accepted() {
        for good in ["/", "/auth/account", "/oauth2/authorize?client_id=x&redirect_uri=http%3A%2F%2F127.0.0.1", "/a//b"]
        {
            assert_eq!(Next::parse(good).unwrap().as_str(), good);
        }
        assert!(Next::parse("").unwrap().is_home());
        let long = format!("/{}", "x".repeat(16_000));
        for bad in [
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            "HTTPS:evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "evil.example",
            "@evil.example",
            " /auth",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            "/a b",
            "/\u{a0}",
            "/x\r\nset-cookie: a=b",
            "?next=/",
            "#x",
            ".",
            "../x",
            &long,
        ] {
            assert!(Next::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            if let Ok(next) = Next::parse(&text) {
                let page = next.after("/auth/sign-in");
                prop_assert!(page.starts_with("/auth/sign-in"));
                prop_assert!(page.is_ascii());
            }
        }
    }
}
