//! The addresses of pages that other pages link to.

pub(super) const HOME: &str = "/";

pub(super) const ACCOUNT: &str = "/auth/account";

pub(super) const CONFIRM: &str = "/auth/account/confirm";

pub(super) const SIGN_IN: &str = "/auth/sign-in";

/// Parameters as a query string.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}
