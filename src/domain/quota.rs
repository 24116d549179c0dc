//! What one person, or one address, can have only so much of at a time.

use strum::Display;

/// A limited thing. Its text follows "too many".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display)]
#[expect(missing_docs, reason = "most names say it all")]
pub enum Quota {
    /// New accounts and invitations.
    #[strum(serialize = "people were invited within a minute")]
    People,
    /// New API keys, of people and of services.
    #[strum(serialize = "API keys were made within a minute")]
    Keys,
    #[strum(serialize = "passwords were reset within a minute")]
    PasswordResets,
    #[strum(serialize = "device codes were asked for within a minute")]
    DeviceCodes,
    #[strum(serialize = "authorization codes were asked for within a minute")]
    AuthorizationCodes,
    /// Device codes that nobody has approved or denied yet.
    #[strum(serialize = "device codes wait for a decision")]
    PendingDeviceCodes,
}
