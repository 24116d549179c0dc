//! Counts sign-ins by kind. `refusals` counts those that are refused.

use strum::{EnumCount, EnumIter, IntoEnumIterator, IntoStaticStr};

use crate::store::measures::Counter;

/// How somebody signed in, or went on with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SignInKind {
    /// At the pages, with all steps done.
    Pages,
    /// By a client that sent a password.
    Password,
    AuthorizationCode,
    DeviceCode,
    ClientCredentials,
    RefreshToken,
}

/// The counts since the start.
#[derive(Debug, Default)]
pub struct SignInCounts([Counter; SignInKind::COUNT]);

impl SignInCounts {
    pub(in crate::app) fn count(&self, kind: SignInKind) {
        self.0[kind as usize].count();
    }

    pub(in crate::app) fn all(&self) -> Vec<(&'static str, u64)> {
        SignInKind::iter().map(|kind| (kind.into(), self.0[kind as usize].get())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted() {
        let counts = SignInCounts::default();
        counts.count(SignInKind::DeviceCode);
        assert!(counts.all().contains(&("device_code", 1)));
        assert_eq!(counts.all().iter().map(|(_, count)| count).sum::<u64>(), 1);
    }
}
