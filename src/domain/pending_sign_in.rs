//! A pending sign-in at the pages: the password was right, and another step is required.

use std::time::Duration;

use strum::{EnumString, IntoStaticStr};

use super::ids::UserId;
use super::timestamp::Timestamp;

/// The next step of a pending sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Step {
    SecondFactor,
    /// Set up a second factor, which the server requires of administrators.
    EnrolSecondFactor,
    /// Choose a new password.
    Password,
}

impl Step {
    /// The value in the database and the audit log.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Clone, Debug)]
pub struct PendingSignIn {
    pub user: UserId,
    pub step: Step,
    /// Whether a second factor was verified already.
    pub second_factor: bool,
    /// The number of wrong codes.
    pub failures: u32,
    pub expires_at: Timestamp,
}

impl PendingSignIn {
    /// The lifetime of a pending sign-in.
    pub const LIFE: Duration = Duration::from_mins(10);

    /// The number of wrong codes that ends it.
    pub const MAX_FAILURES: u32 = 5;

    /// Whether it can be continued at this time. It has also ended if the clock was set back since it began.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let of_the_future = self.expires_at.is_ahead_of(now.after(Self::LIFE));
        now < self.expires_at && !of_the_future && self.failures < Self::MAX_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stored_values_are_stable() {
        let steps = [Step::SecondFactor, Step::EnrolSecondFactor, Step::Password];
        let words = ["second_factor", "enrol_second_factor", "password"];
        assert_eq!(steps.map(Step::as_str), words);
        assert_eq!(words.map(str::parse), steps.map(Ok));
        assert!("other".parse::<Step>().is_err());
    }

    proptest! {
        #[test]
        fn it_ends_with_its_expiry_or_the_last_failure(failures in 0..9_u32, end in -9_i64..9, now in -9_i64..9) {
            let expires_at = Timestamp::from_micros(end);
            let pending = PendingSignIn { user: UserId(1), step: Step::Password, second_factor: false, failures, expires_at };
            prop_assert_eq!(pending.is_live(Timestamp::from_micros(now)), now < end && failures < 5);
        }
    }
}
