//! A second factor: one-time passwords of an app (RFC 6238), and recovery codes for when it is lost.

use super::timestamp::Timestamp;

/// A second factor that a person has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// Since when it counts.
    pub confirmed_at: Timestamp,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
}
