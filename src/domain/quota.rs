//! The limits on the number of objects that one user, or one address, may have or create.

use strum::Display;

/// A size in the largest unit that divides it: `10 GiB`.
pub fn size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = units.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{bytes} bytes"), |(name, unit)| format!("{} {name}", bytes / unit))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_in_the_largest_unit_that_divides_it() {
        for (bytes, text) in
            [(0, "0 bytes"), (1000, "1000 bytes"), (1024, "1 KiB"), (5 << 20, "5 MiB"), (1 << 40, "1024 GiB")]
        {
            assert_eq!(size(bytes), text);
        }
    }
}
