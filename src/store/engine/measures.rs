//! Counters and histograms of the running process. They know no format in which anybody reads them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn count(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Counts values by size. A duration is counted in microseconds.
#[derive(Debug)]
pub struct Histogram {
    /// The inclusive upper bounds of the buckets, ascending. One more bucket has all larger values.
    bounds: &'static [u64],
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// The state of a [`Histogram`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    pub bounds: &'static [u64],
    /// How many values are in each bucket.
    pub buckets: Vec<u64>,
    pub sum: u64,
}

impl Histogram {
    pub fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    pub fn count(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
    }

    pub fn count_duration(&self, duration: Duration) {
        self.count(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn get(&self) -> Distribution {
        let buckets = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        Distribution { bounds: self.bounds, buckets, sum: self.sum.load(Relaxed) }
    }
}

impl Distribution {
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// A bounded queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueState {
    /// The jobs that wait. Of writes, also those that are being done.
    pub waiting: usize,
    pub capacity: usize,
    /// How many jobs were refused because the queue was full.
    pub refused: u64,
}

/// A cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheState {
    pub hits: u64,
    pub misses: u64,
    pub entries: usize,
}

/// The work of the writer.
#[derive(Debug)]
pub struct WriteMeasures {
    /// The writes of each batch.
    pub batches: Histogram,
    /// The commits that changed something. SQLite appends to its log and syncs it within a commit.
    pub commits: Histogram,
    /// The checkpoints, which move the log into the data file and sync both. None with PostgreSQL.
    pub checkpoints: Histogram,
}

/// From 100 microseconds to 10 seconds.
const DISK_TIMES: &[u64] = &[
    100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

impl Default for WriteMeasures {
    fn default() -> Self {
        Self {
            batches: Histogram::new(&[1, 2, 4, 8, 16, 32, 64, 128, 256]),
            commits: Histogram::new(DISK_TIMES),
            checkpoints: Histogram::new(DISK_TIMES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_bucket_of_its_bound() {
        let histogram = Histogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11, 1000] {
            histogram.count(value);
        }
        let found = histogram.get();
        assert_eq!((found.buckets.as_slice(), found.sum, found.count()), (&[2, 2, 2][..], 1024, 6));
        histogram.count_duration(Duration::from_micros(9));
        assert_eq!(histogram.get().buckets, [2, 3, 2]);
    }
}
