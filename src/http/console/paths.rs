//! The addresses of the pages that other pages lead to.

pub(super) const ACCOUNT: &str = "/auth/account";

pub(super) const CONFIRM: &str = "/auth/account/confirm";

pub(super) const SIGN_IN: &str = "/auth/sign-in";

/// Parameters as they stand in an address.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}
