//! A budget that refills evenly: a burst at once, then one more after each gap.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub burst: u32,
    /// The time until one more.
    pub gap: Duration,
}

/// What was taken of a rate (the generic cell rate algorithm, ITU-T I.371).
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// When the budget will be full again.
    full_at: Instant,
    /// Whether an empty budget was reported since it was last half full.
    told: bool,
}

impl Budget {
    pub fn new(now: Instant) -> Self {
        Self { full_at: now, told: false }
    }

    /// A budget as it was stored.
    pub const fn stored(full_at: Instant, told: bool) -> Self {
        Self { full_at, told }
    }

    /// The values to store: when it will be full again, and whether an empty budget was reported.
    pub const fn to_store(self) -> (Instant, bool) {
        (self.full_at, self.told)
    }

    /// How long until one more may be taken.
    pub fn wait(&self, rate: Rate, now: Instant) -> Duration {
        self.full_at.saturating_duration_since(now).saturating_sub(rate.gap * (rate.burst - 1))
    }

    /// Whether less than half of the burst is left.
    pub fn is_low(&self, rate: Rate, now: Instant) -> bool {
        self.full_at.saturating_duration_since(now) > rate.gap * (rate.burst / 2)
    }

    /// Takes one, even if none is left.
    pub fn take(&mut self, rate: Rate, now: Instant) {
        if !self.is_low(rate, now) {
            self.told = false;
        }
        self.full_at = self.full_at.max(now) + rate.gap;
    }

    /// Whether nothing is left; true once, until the budget is half full again.
    pub fn tells(&mut self, rate: Rate, now: Instant) -> bool {
        let tells = !self.told && !self.wait(rate, now).is_zero();
        self.told |= tells;
        tells
    }

    pub fn give_back(&mut self, rate: Rate) {
        self.full_at = self.full_at.checked_sub(rate.gap).unwrap_or(self.full_at);
    }

    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}
