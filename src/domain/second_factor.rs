//! A second factor: one-time passwords of an app (RFC 6238), and recovery codes for a lost app.

use super::timestamp::Timestamp;

/// The second factor of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// The time since which it is required.
    pub confirmed_at: Timestamp,
    /// The number of unused recovery codes.
    pub recovery_codes: u32,
}
