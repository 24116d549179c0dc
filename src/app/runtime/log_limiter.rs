//! Logs the same message at most once in an interval.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The maximum number of remembered messages. While all of them are recent, others are not logged.
const CAPACITY: usize = 256;

#[derive(Debug)]
pub struct LogLimiter {
    interval: Duration,
    logged: Mutex<HashMap<String, Instant>>,
}

impl LogLimiter {
    /// Allows each message once in an interval.
    pub fn new(interval: Duration) -> Self {
        Self { interval, logged: Mutex::default() }
    }

    pub fn allows(&self, what: &str) -> bool {
        self.allows_at(what, Instant::now())
    }

    fn allows_at(&self, what: &str, now: Instant) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < self.interval;
        if logged.get(what).is_some_and(is_recent) {
            return false;
        }
        if logged.len() >= CAPACITY {
            logged.retain(|_, at| is_recent(at));
        }
        let allowed = logged.len() < CAPACITY;
        if allowed {
            logged.insert(what.to_owned(), now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_logged_once_in_an_interval_and_few_in_all() {
        let (limiter, start) = (LogLimiter::new(Duration::from_mins(1)), Instant::now());
        assert!(limiter.allows_at("a", start) && limiter.allows_at("b", start));
        assert!(!limiter.allows_at("a", start + Duration::from_secs(59)));
        assert!(limiter.allows_at("a", start + Duration::from_mins(1)));
        let later = start + Duration::from_hours(1);
        let allowed = (0..1000).filter(|number| limiter.allows_at(&number.to_string(), later)).count();
        assert!((CAPACITY - 2..=CAPACITY).contains(&allowed), "{allowed}");
        assert!(limiter.logged.lock().unwrap().len() <= CAPACITY);
        assert!(limiter.allows_at("new", later + Duration::from_mins(1)), "and room comes again");
    }
}
