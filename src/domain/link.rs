//! A link that can be used once, to set a password.

use std::time::Duration;

use strum::{EnumString, IntoStaticStr};

use super::ids::UserId;
use super::timestamp::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Purpose {
    Invitation,
    PasswordReset,
}

impl Purpose {
    /// The lifetime of a link of this purpose.
    pub const fn life(self) -> Duration {
        match self {
            Self::Invitation => Duration::from_hours(72),
            Self::PasswordReset => Duration::from_mins(30),
        }
    }

    /// The value in the database and the audit log.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A link that can be used once.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub user: UserId,
    pub purpose: Purpose,
    pub expires_at: Timestamp,
}

impl Link {
    /// Whether the link can be used at this time. It has also ended if the clock was set back since it was made.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at && !self.expires_at.is_ahead_of(now.after(self.purpose.life()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_values_are_stable() {
        let purposes = [Purpose::Invitation, Purpose::PasswordReset];
        let words = ["invitation", "password_reset"];
        assert_eq!(purposes.map(Purpose::as_str), words);
        assert_eq!(words.map(str::parse), purposes.map(Ok));
        assert!("other".parse::<Purpose>().is_err());
    }
}
