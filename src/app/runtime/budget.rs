//! A bucket that refills evenly: so many at once, and then one after each gap.

use std::time::{Duration, Instant};

/// So many at once, and then one after each gap.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How long until one more.
    pub gap: Duration,
}

/// What was taken of a rate (the generic cell rate algorithm, as of ITU-T I.371).
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// When all that was taken has grown again.
    full_at: Instant,
    /// Whether it was told that there is nothing left, since it was half full.
    told: bool,
}

impl Budget {
    /// One of which nothing was taken.
    pub fn new(now: Instant) -> Self {
        Self { full_at: now, told: false }
    }

    /// How long until one more may be taken.
    pub fn wait(&self, rate: Rate, now: Instant) -> Duration {
        self.full_at.saturating_duration_since(now).saturating_sub(rate.gap * (rate.burst - 1))
    }

    /// Whether less than half of the burst is left.
    pub fn is_low(&self, rate: Rate, now: Instant) -> bool {
        self.full_at.saturating_duration_since(now) > rate.gap * (rate.burst / 2)
    }

    /// Takes one, at once or ahead of its time.
    pub fn take(&mut self, rate: Rate, now: Instant) {
        if !self.is_low(rate, now) {
            self.told = false;
        }
        self.full_at = self.full_at.max(now) + rate.gap;
    }

    /// Whether nothing is left, which is told once until more than half is.
    pub fn tells(&mut self, rate: Rate, now: Instant) -> bool {
        let tells = !self.told && !self.wait(rate, now).is_zero();
        self.told |= tells;
        tells
    }

    /// Gives one back that was taken.
    pub fn give_back(&mut self, rate: Rate) {
        self.full_at = self.full_at.checked_sub(rate.gap).unwrap_or(self.full_at);
    }

    /// Whether it says no more than a new one would.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}
