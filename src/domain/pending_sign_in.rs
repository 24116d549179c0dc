//! A pending sign-in at the pages: the password was right, and a step is left.

use std::time::Duration;

use strum::{EnumString, IntoStaticStr};

use super::ids::UserId;
use super::timestamp::Timestamp;

/// What is left to do before somebody is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Step {
    /// To prove the second factor.
    SecondFactor,
    /// To set up a second factor, which the account asks of administrators.
    EnrolSecondFactor,
    /// To choose another password.
    Password,
}

impl Step {
    /// The word for the step in the database and the audit.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A pending sign-in.
#[derive(Clone, Debug)]
pub struct PendingSignIn {
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

impl PendingSignIn {
    /// How long somebody may take over it.
    pub const LIFE: Duration = Duration::from_mins(10);

    /// How many wrong codes end it.
    pub const MAX_FAILURES: u32 = 5;

    /// Whether it may still be gone on with at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at && self.failures < Self::MAX_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stored_words_stay() {
        let steps = [Step::SecondFactor, Step::EnrolSecondFactor, Step::Password];
        let words = ["second_factor", "enrol_second_factor", "password"];
        assert_eq!(steps.map(Step::as_str), words);
        assert_eq!(words.map(str::parse), steps.map(Ok));
        assert!("other".parse::<Step>().is_err());
    }

    proptest! {
        #[test]
        fn it_ends_with_its_time_and_with_its_last_failure(failures in 0..9_u32, end in -9_i64..9, now in -9_i64..9) {
            let expires_at = Timestamp::from_micros(end);
            let pending = PendingSignIn { user: UserId(1), step: Step::Password, second_factor: false, failures, expires_at };
            prop_assert_eq!(pending.is_live(Timestamp::from_micros(now)), now < end && failures < 5);
        }
    }
}
