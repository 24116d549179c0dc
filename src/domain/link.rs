//! A link that lets somebody in once, to choose a password.

use std::time::Duration;

use super::ids::UserId;
use super::timestamp::Timestamp;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To accept an invitation.
    Invitation,
    /// To choose another password.
    PasswordReset,
}

impl Purpose {
    /// Each purpose.
    pub const ALL: [Self; 2] = [Self::Invitation, Self::PasswordReset];

    /// How long a link of this purpose is good for.
    pub const fn life(self) -> Duration {
        match self {
            Self::Invitation => Duration::from_hours(72),
            Self::PasswordReset => Duration::from_mins(30),
        }
    }

    /// The word for the purpose in the database and the audit.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
        }
    }

    /// The purpose of a word; none if no purpose has that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.word() == word)
    }
}

/// A link that lets somebody in once.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Whom.
    pub user: UserId,
    /// What for.
    pub purpose: Purpose,
    /// When it ends.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_its_own_word() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::from_word(purpose.word()), Some(purpose));
        }
        assert_eq!(Purpose::from_word("other"), None);
    }
}
