//! A bounded cache. An entry is valid only for the version that it was computed at; nothing expires by time.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of parts, each with its own lock, so that threads seldom wait for each other.
const PARTS: usize = 8;

/// A cache of values by key, each with the version that it was computed at.
pub struct VersionedCache<K, S, V> {
    parts: [Mutex<Part<K, S, V>>; PARTS],
    hasher: RandomState,
    /// How much each half of a part holds.
    max_weight: usize,
}

/// A part: what was asked for lately, and what was asked for before that. When the first half is full it becomes the
/// second, and what nobody has asked for since is forgotten.
struct Part<K, S, V> {
    lately: HashMap<K, Kept<S, V>>,
    before: HashMap<K, Kept<S, V>>,
    /// What the first half holds.
    weight: usize,
}

struct Kept<S, V> {
    stamp: S,
    value: V,
    weight: usize,
}

impl<K: Hash + Eq + Clone, S: PartialEq, V: Clone> VersionedCache<K, S, V> {
    /// One that holds things of this weight in all: a number of things, or of bytes.
    pub fn new(max_weight: usize) -> Self {
        let part = |_| Mutex::new(Part { lately: HashMap::new(), before: HashMap::new(), weight: 0 });
        Self { parts: std::array::from_fn(part), hasher: RandomState::new(), max_weight: max_weight / PARTS / 2 }
    }

    /// What was kept under this question with this very stamp.
    pub fn find(&self, question: &K, stamp: &S) -> Option<V> {
        let mut part = self.part(question);
        if let Some(kept) = part.lately.get(question) {
            return (kept.stamp == *stamp).then(|| kept.value.clone());
        }
        let kept = part.before.remove(question).filter(|kept| kept.stamp == *stamp)?;
        let value = kept.value.clone();
        let dropped = part.keep(question.clone(), kept, self.max_weight);
        drop(part);
        drop(dropped);
        Some(value)
    }

    /// Keeps what was found out, in place of what was kept before, unless it alone weighs more than there is room for.
    pub fn keep(&self, question: K, stamp: S, value: V, weight: usize) {
        if weight > self.max_weight {
            return;
        }
        let mut part = self.part(&question);
        let dropped = part.keep(question, Kept { stamp, value, weight }, self.max_weight);
        drop(part);
        // Much may be forgotten at once: nobody else waits for it.
        drop(dropped);
    }

    fn part(&self, question: &K) -> MutexGuard<'_, Part<K, S, V>> {
        let place = usize::try_from(self.hasher.hash_one(question) % PARTS as u64).unwrap_or_default();
        self.parts[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq, S, V> Part<K, S, V> {
    /// Keeps a thing; what there is no room for any more is given back.
    fn keep(&mut self, question: K, kept: Kept<S, V>, max_weight: usize) -> HashMap<K, Kept<S, V>> {
        let mut dropped = HashMap::new();
        if self.weight + kept.weight > max_weight {
            dropped = std::mem::replace(&mut self.before, std::mem::take(&mut self.lately));
            self.weight = 0;
        }
        self.weight += kept.weight;
        if let Some(replaced) = self.lately.insert(question, kept) {
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
    fn it_is_found_by_its_question_and_its_stamp() {
        let cache = VersionedCache::new(1024);
        cache.keep("a", 1, "one", 1);
        assert_eq!(cache.find(&"a", &1), Some("one"));
        assert_eq!(cache.find(&"b", &1), None);
        assert_eq!(cache.find(&"a", &2), None);
        cache.keep("a", 2, "two", 1);
        assert_eq!(cache.find(&"a", &1), None);
        assert_eq!(cache.find(&"a", &2), Some("two"));
    }

    #[test]
    fn what_is_asked_for_again_outlives_what_is_not() {
        let cache = VersionedCache::new(PARTS * 2 * 8);
        cache.keep(0, (), 0, 1);
        for n in 1..10_000 {
            cache.keep(n, (), n, 1);
            assert_eq!(cache.find(&0, &()), Some(0), "after {n}");
        }
        assert!((1..10_000).filter(|n| cache.find(n, &()).is_some()).count() <= PARTS * 2 * 8);
    }

    #[test]
    fn what_is_too_heavy_is_not_kept() {
        let cache = VersionedCache::new(PARTS * 2 * 8);
        cache.keep("a", (), "heavy", 9);
        assert_eq!(cache.find(&"a", &()), None);
    }

    proptest! {
        #[test]
        fn it_never_holds_more_than_it_may(things in proptest::collection::vec((0_u8..50, 0_u8..3, 0_usize..20), 0..400)) {
            let cache = VersionedCache::new(PARTS * 2 * 30);
            for (question, stamp, weight) in things {
                cache.keep(question, stamp, weight, weight);
                if weight <= 30 {
                    prop_assert_eq!(cache.find(&question, &stamp), Some(weight));
                }
                for part in &cache.parts {
                    let part = part.lock().unwrap();
                    let held: usize = part.lately.values().map(|kept| kept.weight).sum();
                    prop_assert_eq!(held, part.weight);
                    prop_assert!(held <= 30);
                    prop_assert!(part.before.values().map(|kept| kept.weight).sum::<usize>() <= 30);
                }
            }
        }
    }
}
