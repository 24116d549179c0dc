//! Bounds how many wrong user codes may be typed in all: they are short, so that people can type them, and everybody
//! who guesses from however many addresses draws on one account (RFC 8628, section 5.1).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How many wrong codes may come at once.
const MOST: u32 = 100;
/// How long it takes until one more is allowed. With 2^34 codes and a thousand that wait, a guess is right once in
/// about five years.
const EACH: Duration = Duration::from_secs(6);

/// How many wrong guesses there may still be.
#[derive(Debug)]
pub(super) struct Guesses {
    /// When nothing would be owed any more.
    free_at: Mutex<Instant>,
}

impl Guesses {
    pub(super) fn new() -> Self {
        Self { free_at: Mutex::new(Instant::now()) }
    }

    /// Lets a guess through, or tells when to come back.
    pub(super) fn admit(&self) -> Result<()> {
        self.admit_at(Instant::now())
    }

    /// Notes that a guess was wrong.
    pub(super) fn failed(&self) {
        self.failed_at(Instant::now());
    }

    fn admit_at(&self, now: Instant) -> Result<()> {
        let owed = self.free_at.lock().unwrap_or_else(PoisonError::into_inner).saturating_duration_since(now);
        match owed.checked_sub(EACH * (MOST - 1)) {
            Some(retry_after) if !retry_after.is_zero() => Err(Error::Throttled { retry_after }),
            _ => Ok(()),
        }
    }

    fn failed_at(&self, now: Instant) {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        *free_at = (*free_at).max(now) + EACH;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_are_free_and_then_one_each_six_seconds() {
        let guesses = Guesses::new();
        let start = Instant::now();
        for _ in 0..MOST {
            guesses.admit_at(start).unwrap();
            guesses.failed_at(start);
        }
        assert!(matches!(guesses.admit_at(start), Err(Error::Throttled { retry_after }) if retry_after <= EACH));
        let mut let_through = 0;
        for second in 1..=600 {
            let now = start + Duration::from_secs(second);
            if guesses.admit_at(now).is_ok() {
                guesses.failed_at(now);
                let_through += 1;
            }
        }
        assert_eq!(let_through, 100);
        guesses.admit_at(start + Duration::from_hours(1)).unwrap();
    }
}
