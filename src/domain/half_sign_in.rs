//! A sign-in at the pages that is half done: the password was right, and a step is left.

use std::time::Duration;

use super::ids::UserId;
use super::timestamp::Timestamp;

/// What is left to do before somebody is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To prove the second factor.
    SecondFactor,
    /// To set up a second factor, which the account asks of administrators.
    EnrolSecondFactor,
    /// To choose another password.
    Password,
}

impl Step {
    /// Each step.
    pub const ALL: [Self; 3] = [Self::SecondFactor, Self::EnrolSecondFactor, Self::Password];

    /// The word for the step in the database and the audit.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SecondFactor => "second_factor",
            Self::EnrolSecondFactor => "enrol_second_factor",
            Self::Password => "password",
        }
    }

    /// The step of a word; none if no step has that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }
}

/// A sign-in that is half done.
#[derive(Clone, Debug)]
pub struct Half {
    /// Whose.
    pub user: UserId,
    /// What is left to do next.
    pub step: Step,
    /// Whether a second factor was proved already.
    pub second_factor: bool,
    /// How many codes were wrong.
    pub failures: u32,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Half {
    /// How long somebody may take over it.
    pub const LIFE: Duration = Duration::from_mins(10);

    /// How many wrong codes end it.
    pub const MOST_FAILURES: u32 = 5;

    /// Whether it may still be gone on with at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at && self.failures < Self::MOST_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_step_has_its_own_word() {
        for step in Step::ALL {
            assert_eq!(Step::from_word(step.word()), Some(step));
        }
        assert_eq!(Step::from_word("other"), None);
    }

    proptest! {
        #[test]
        fn it_ends_with_its_time_and_with_its_last_failure(failures in 0..9_u32, end in -9_i64..9, now in -9_i64..9) {
            let expires_at = Timestamp::from_micros(end);
            let half = Half { user: UserId(1), step: Step::Password, second_factor: false, failures, expires_at };
            prop_assert_eq!(half.is_live(Timestamp::from_micros(now)), now < end && failures < 5);
        }
    }
}
