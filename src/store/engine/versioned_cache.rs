//! A bounded cache. An entry is valid only for the version that it was computed at; nothing expires by time.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::measures::CacheState;

/// The number of parts, each with its own lock, so that threads seldom wait for each other.
const PARTS: usize = 8;

/// A cache of values by key, each with the version that it was computed at.
pub struct VersionedCache<K, Version, V> {
    parts: [Mutex<Part<K, Version, V>>; PARTS],
    hasher: RandomState,
    /// The maximum weight of each half of a part.
    max_weight: usize,
}

/// A part with two halves: recently used entries and older ones. When the recent half is full it becomes the older
/// half, and the previous older half is dropped. Finding an entry moves it to the recent half.
struct Part<K, Version, V> {
    recent: HashMap<K, Entry<Version, V>>,
    older: HashMap<K, Entry<Version, V>>,
    /// The weight of the recent half.
    weight: usize,
    /// How often a value was looked for, and found.
    finds: u64,
    hits: u64,
}

struct Entry<Version, V> {
    version: Version,
    value: V,
    weight: usize,
}

impl<K: Hash + Eq + Clone, Version: PartialEq, V: Clone> VersionedCache<K, Version, V> {
    /// A cache whose entries have at most this weight in all. The weight is a number of entries or of bytes.
    pub fn new(max_weight: usize) -> Self {
        let part = |_| Mutex::new(Part { recent: HashMap::new(), older: HashMap::new(), weight: 0, finds: 0, hits: 0 });
        Self { parts: std::array::from_fn(part), hasher: RandomState::new(), max_weight: max_weight / PARTS / 2 }
    }

    /// The value of this key, if it was computed at this version.
    pub fn find(&self, key: &K, version: &Version) -> Option<V> {
        let mut part = self.part(key);
        part.finds += 1;
        if let Some(entry) = part.recent.get(key) {
            let value = (entry.version == *version).then(|| entry.value.clone())?;
            part.hits += 1;
            return Some(value);
        }
        let entry = part.older.remove(key).filter(|entry| entry.version == *version)?;
        part.hits += 1;
        let value = entry.value.clone();
        let dropped = part.insert(key.clone(), entry, self.max_weight);
        drop(part);
        drop(dropped);
        Some(value)
    }

    /// Inserts a value, replacing an earlier one. A value that is heavier than half of a part is not cached.
    pub fn insert(&self, key: K, version: Version, value: V, weight: usize) {
        if !self.accepts(weight) {
            return;
        }
        let mut part = self.part(&key);
        let dropped = part.insert(key, Entry { version, value, weight }, self.max_weight);
        drop(part);
        // Dropping many entries takes time, so the lock is released first.
        drop(dropped);
    }

    pub fn state(&self) -> CacheState {
        let mut state = CacheState::default();
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            state.hits += part.hits;
            state.misses += part.finds - part.hits;
            state.entries += part.recent.len() + part.older.len();
        }
        state
    }

    /// Whether a value of this weight is cached.
    pub fn accepts(&self, weight: usize) -> bool {
        weight <= self.max_weight
    }

    fn part(&self, key: &K) -> MutexGuard<'_, Part<K, Version, V>> {
        let place = usize::try_from(self.hasher.hash_one(key) % PARTS as u64).unwrap_or_default();
        self.parts[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq, Version, V> Part<K, Version, V> {
    /// Inserts an entry. Returns the dropped entries.
    fn insert(&mut self, key: K, entry: Entry<Version, V>, max_weight: usize) -> HashMap<K, Entry<Version, V>> {
        let mut dropped = HashMap::new();
        if self.weight + entry.weight > max_weight {
            dropped = std::mem::replace(&mut self.older, std::mem::take(&mut self.recent));
            self.weight = 0;
        }
        self.weight += entry.weight;
        if let Some(replaced) = self.recent.insert(key, entry) {
            self.weight -= replaced.weight;
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_is_found_by_its_key_and_version() {
        let cache = VersionedCache::new(1024);
        cache.insert("a", 1, "one", 1);
        assert_eq!(cache.find(&"a", &1), Some("one"));
        assert_eq!(cache.find(&"b", &1), None);
        assert_eq!(cache.find(&"a", &2), None);
        cache.insert("a", 2, "two", 1);
        assert_eq!(cache.find(&"a", &1), None);
        assert_eq!(cache.find(&"a", &2), Some("two"));
        assert_eq!(cache.state(), CacheState { hits: 2, misses: 3, entries: 1 });
    }

    #[test]
    fn used_entries_outlive_unused_ones() {
        let cache = VersionedCache::new(PARTS * 2 * 8);
        cache.insert(0, (), 0, 1);
        for n in 1..10_000 {
            cache.insert(n, (), n, 1);
            assert_eq!(cache.find(&0, &()), Some(0), "after {n}");
        }
        assert!((1..10_000).filter(|n| cache.find(n, &()).is_some()).count() <= PARTS * 2 * 8);
    }

    #[test]
    fn a_too_heavy_entry_is_not_cached() {
        let cache = VersionedCache::new(PARTS * 2 * 8);
        cache.insert("a", (), "heavy", 9);
        assert_eq!(cache.find(&"a", &()), None);
    }

    proptest! {
        #[test]
        fn the_cache_never_exceeds_its_maximum_weight(
            entries in proptest::collection::vec((0_u8..50, 0_u8..3, 0_usize..20), 0..400),
        ) {
            let cache = VersionedCache::new(PARTS * 2 * 30);
            for (key, version, weight) in entries {
                cache.insert(key, version, weight, weight);
                if weight <= 30 {
                    prop_assert_eq!(cache.find(&key, &version), Some(weight));
                }
                for part in &cache.parts {
                    let part = part.lock().unwrap();
                    let total: usize = part.recent.values().map(|entry| entry.weight).sum();
                    prop_assert_eq!(total, part.weight);
                    prop_assert!(total <= 30);
                    prop_assert!(part.older.values().map(|entry| entry.weight).sum::<usize>() <= 30);
                }
            }
        }
    }
}
