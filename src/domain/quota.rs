//! The limits on the number of objects that one user, or one address, may have or create.

use strum::Display;

/// A limited object. Its text follows "too many".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display)]
pub enum Quota {
    /// New accounts and invitations.
    #[strum(serialize = "people were invited within a minute")]
    People,
    /// New API keys, of users and of services.
    #[strum(serialize = "API keys were made within a minute")]
    Keys,
    #[strum(serialize = "tags were created within a minute")]
    Tags,
    #[strum(serialize = "connections were created within a minute")]
    Connections,
    #[strum(serialize = "passwords were reset within a minute")]
    PasswordResets,
    #[strum(serialize = "device codes were asked for within a minute")]
    DeviceCodes,
    #[strum(serialize = "authorization codes were asked for within a minute")]
    AuthorizationCodes,
    /// Device codes without a decision.
    #[strum(serialize = "device codes wait for a decision")]
    PendingDeviceCodes,
}
