//! The wrong second factor codes of a user, counted for the throttle.

use std::time::Duration;

use super::timestamp::Timestamp;

/// The wrong codes since the last right one, of all sign-ins and sessions of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongCodes {
    pub count: u32,
    pub last_at: Timestamp,
}

impl WrongCodes {
    /// The number of wrong codes without a wait.
    pub const FREE: u32 = 5;
    /// The first wait. Each further wrong code doubles it.
    pub const FIRST_WAIT: Duration = Duration::from_mins(1);
    pub const MAX_WAIT: Duration = Duration::from_mins(15);

    /// The time until the next code is checked, even a right one. `None` if it is checked now.
    ///
    /// A last code in the future means that the clock was set back. There is no wait then, because it would never end.
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        let more = self.count.checked_sub(Self::FREE)?;
        let factor = 1_u32.checked_shl(more).unwrap_or(u32::MAX);
        let wait = Self::FIRST_WAIT.saturating_mul(factor).min(Self::MAX_WAIT);
        let gone = u64::try_from(now.micros().checked_sub(self.last_at.micros())?).ok()?;
        wait.checked_sub(Duration::from_micros(gone)).filter(|wait| !wait.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wait(count: u32, gone: Duration) -> Option<u64> {
        let last_at = Timestamp::from_seconds(1_000_000);
        WrongCodes { count, last_at }.wait(last_at.after(gone)).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_wait_starts_after_five_codes_and_doubles_up_to_15_minutes() {
        let waits: Vec<_> = (0..12).map(|count| wait(count, Duration::ZERO)).collect();
        let (none, longest) = (None, Some(900));
        assert_eq!(
            waits,
            [none, none, none, none, none, Some(60), Some(120), Some(240), Some(480), longest, longest, longest]
        );
        assert_eq!(wait(5, Duration::from_secs(59)), Some(1));
        assert_eq!(wait(5, Duration::from_mins(1)), None);
        assert_eq!(wait(u32::MAX, Duration::from_secs(1)), Some(899));
    }

    proptest! {
        #[test]
        fn no_wait_exceeds_the_maximum_whatever_the_clock(count: u32, last: i64, now: i64) {
            let (last_at, now) = (Timestamp::from_micros(last), Timestamp::from_micros(now));
            let wait = WrongCodes { count, last_at }.wait(now);
            prop_assert!(wait.is_none_or(|wait| wait <= WrongCodes::MAX_WAIT));
            prop_assert!(now >= last_at || wait.is_none());
        }
    }
}
